//! Why a mention may have been linked wrongly, guessed from the words alone.
//!
//! Invariant: kinds are looked for in the order of [`Kind::ALL`]; the first that fits is taken.

use serde::{Deserialize, Serialize};

use crate::eval::{
    dictionary::{Concept, Dictionary},
    rankers::Found,
};
use crate::text;

/// Letters of an abbreviation at most.
const ABBREVIATION: usize = 6;
/// Letters of a name for each one that may be wrong in a misspelled mention.
const LETTERS_PER_SLIP: usize = 5;
/// Letters by which words are taken to be forms of one word.
const STEM: usize = 5;
/// Words that say nothing of what is meant.
const EMPTY: [&str; 12] = ["of", "the", "in", "and", "or", "a", "an", "to", "with", "for", "on", "by"];

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No gold concept is in the dictionary.
    NotCovered,
    /// The best name is one of the gold concept too, and another of its owners was answered.
    AmbiguousName,
    /// The mention is short and in capitals, or has the first letters of a gold name's words.
    Abbreviation,
    /// The mention is a gold name but for a few letters.
    Typo,
    /// The name that was found has all words of a gold name and more, or some of them and no others.
    Granularity,
    /// The mention shares no word with any gold name.
    LayTerm,
    Other,
}

impl Kind {
    /// All, in the order in which they are looked for.
    pub const ALL: [Self; 7] = [
        Self::NotCovered,
        Self::AmbiguousName,
        Self::Abbreviation,
        Self::Typo,
        Self::Granularity,
        Self::LayTerm,
        Self::Other,
    ];

    /// What people call it, and what it stands for.
    pub fn words(self) -> [&'static str; 2] {
        match self {
            Self::NotCovered => ["not covered", "no gold concept is in the dictionary"],
            Self::AmbiguousName => {
                ["ambiguous name", "the best name is the gold concept's too, and another owner of it was answered"]
            }
            Self::Abbreviation => {
                ["abbreviation", "short and in capitals, or the first letters of a gold name's words"]
            }
            Self::Typo => ["typo", "a gold name but for a few letters"],
            Self::Granularity => ["granularity", "the name found is a gold name with words more, or with words less"],
            Self::LayTerm => ["lay term", "no word in common with a gold name"],
            Self::Other => ["other", "some words in common with a gold name"],
        }
    }

    /// The kind of the error that `part` of a mention was linked by `found` and not to one of `gold`.
    pub fn of(part: &str, found: &[Found], gold: &[Concept], dictionary: &Dictionary) -> Self {
        if gold.is_empty() {
            return Self::NotCovered;
        }
        if found.first().is_some_and(|best| best.concepts.iter().any(|c| gold.contains(c))) {
            return Self::AmbiguousName;
        }
        let key = text::normalize(part);
        let rows = gold.iter().flat_map(|&concept| dictionary.rows(concept));
        let names: Vec<String> = rows.map(|&row| text::normalize(&dictionary.names[row as usize])).collect();
        let any = |test: &dyn Fn(&str) -> bool| names.iter().any(|name| test(name));
        let letters: Vec<char> = part.chars().filter(|c| c.is_alphabetic()).collect();
        let capitals = letters.len() > 1 && letters.iter().filter(|c| c.is_uppercase()).count() * 2 > letters.len();
        let joined: String = key.split(' ').collect();
        if joined.chars().count() <= ABBREVIATION
            && (capitals || any(&|name| joined.len() > 1 && initials(name) == joined))
        {
            return Self::Abbreviation;
        }
        if any(&|name| is_misspelled(&key, name)) {
            return Self::Typo;
        }
        let found = found.first().map(|best| text::normalize(&dictionary.names[best.row as usize])).unwrap_or_default();
        if any(&|name| contains(&found, name) || contains(name, &found)) {
            return Self::Granularity;
        }
        if any(&|name| stems(&key).any(|stem| stems(name).any(|other| stem == other))) {
            Self::Other
        } else {
            Self::LayTerm
        }
    }
}

fn initials(name: &str) -> String {
    name.split(' ').filter(|word| !EMPTY.contains(word)).filter_map(|word| word.chars().next()).collect()
}

/// Whether few letters of two texts differ, and some do.
fn is_misspelled(one: &str, other: &str) -> bool {
    let slips = one.chars().count().max(other.chars().count()) / LETTERS_PER_SLIP;
    (1..=slips).contains(&strsim::osa_distance(one, other))
}

fn stems(text: &str) -> impl Iterator<Item = &str> {
    let stem = |word: &'_ str| word.char_indices().nth(STEM).map_or(word.len(), |(at, _)| at);
    text.split(' ').filter(|word| !word.is_empty() && !EMPTY.contains(word)).map(move |word| &word[..stem(word)])
}

/// Whether `whole` has all words of `part`, which has some.
fn contains(whole: &str, part: &str) -> bool {
    stems(part).next().is_some() && stems(part).all(|stem| stems(whole).any(|other| stem == other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::rankers;

    #[test]
    fn kinds_are_told_apart_by_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d");
        let names = "C1||myocardial infarction\nC1||heart attack\nC2||acute myocardial infarction\nC3||cold\nC4||cold\nC4||coryza\nC5||hepatitis B infection\nC6||atrial fibrillation\n";
        std::fs::write(&path, names).unwrap();
        let dictionary = Dictionary::read(&path).unwrap();
        let kind = |part: &str, answer: &str, gold: &str| {
            let row = dictionary.names.iter().position(|name| name == answer).unwrap() as u32;
            let gold: Vec<Concept> = dictionary.concept(gold).into_iter().collect();
            Kind::of(part, &rankers::found(&dictionary, vec![(row, 0.5)]), &gold, &dictionary)
        };
        assert_eq!(kind("flu", "cold", "C9"), Kind::NotCovered);
        assert_eq!(kind("colds", "cold", "C4"), Kind::AmbiguousName);
        assert_eq!(kind("MI", "cold", "C1"), Kind::Abbreviation);
        assert_eq!(kind("afib", "cold", "C6"), Kind::LayTerm);
        assert_eq!(kind("ami", "cold", "C2"), Kind::Abbreviation);
        assert_eq!(kind("hart attak", "cold", "C1"), Kind::Typo);
        assert_eq!(kind("infarction of the heart muscle", "acute myocardial infarction", "C1"), Kind::Granularity);
        assert_eq!(kind("belly pain", "cold", "C5"), Kind::LayTerm);
        assert_eq!(kind("infection of the liver by virus B", "cold", "C5"), Kind::Other);
    }
}
