//! Classifies wrong links by their probable cause, judged from the words alone.
//!
//! Invariant: kinds are tested in the order of [`LinkingErrorKind::ALL`]; the first that fits is
//! taken.

use serde::{Deserialize, Serialize};

use crate::eval::{
    dictionary::{DictConcept, Dictionary},
    rankers::RankedName,
};
use crate::text;

/// Maximum number of letters of an abbreviation.
const MAX_ABBREVIATION: usize = 6;
/// A misspelled mention has at most one edit for each `LETTERS_PER_EDIT` letters of the name.
const LETTERS_PER_EDIT: usize = 5;
/// Words with the same first `STEM_LENGTH` letters count as forms of one word.
const STEM_LENGTH: usize = 5;
/// Words without a meaning of their own.
const STOP_WORDS: [&str; 12] = ["of", "the", "in", "and", "or", "a", "an", "to", "with", "for", "on", "by"];

/// A kind of wrong link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkingErrorKind {
    /// No gold concept is in the dictionary.
    NotCovered,
    /// The first name belongs to a gold concept, but another owner of the name was answered.
    AmbiguousName,
    /// The mention is short and in capitals, or consists of the initials of a gold name.
    Abbreviation,
    /// The mention is a gold name with a few edits.
    Typo,
    /// The name found has all words of a gold name and more, or only some of them.
    Granularity,
    /// The mention shares no word with any gold name.
    LayTerm,
    /// The mention shares some words with a gold name.
    Other,
}

impl LinkingErrorKind {
    /// All kinds, in the order in which they are tested.
    pub const ALL: [Self; 7] = [
        Self::NotCovered,
        Self::AmbiguousName,
        Self::Abbreviation,
        Self::Typo,
        Self::Granularity,
        Self::LayTerm,
        Self::Other,
    ];

    /// Name and explanation for people.
    pub fn labels(self) -> [&'static str; 2] {
        match self {
            Self::NotCovered => ["not covered", "no gold concept is in the dictionary"],
            Self::AmbiguousName => {
                ["ambiguous name", "the first name belongs to a gold concept, but another owner was answered"]
            }
            Self::Abbreviation => ["abbreviation", "short and in capitals, or the initials of a gold name"],
            Self::Typo => ["typo", "a gold name with a few edits"],
            Self::Granularity => ["granularity", "the name found is a gold name with additional or missing words"],
            Self::LayTerm => ["lay term", "no word in common with any gold name"],
            Self::Other => ["other", "some words in common with a gold name"],
        }
    }

    /// The kind of error if the names `found` were found for `part`, a part of a mention, and none
    /// of `gold` was answered.
    pub(super) fn of(part: &str, found: &[RankedName], gold: &[DictConcept], dictionary: &Dictionary) -> Self {
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
        if joined.chars().count() <= MAX_ABBREVIATION
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
    name.split(' ').filter(|word| !STOP_WORDS.contains(word)).filter_map(|word| word.chars().next()).collect()
}

/// Whether two texts differ, but only by a few edits.
fn is_misspelled(one: &str, other: &str) -> bool {
    let max_edits = one.chars().count().max(other.chars().count()) / LETTERS_PER_EDIT;
    (1..=max_edits).contains(&strsim::osa_distance(one, other))
}

fn stems(text: &str) -> impl Iterator<Item = &str> {
    let stem = |word: &'_ str| word.char_indices().nth(STEM_LENGTH).map_or(word.len(), |(offset, _)| offset);
    text.split(' ').filter(|word| !word.is_empty() && !STOP_WORDS.contains(word)).map(move |word| &word[..stem(word)])
}

/// Whether `whole` has all words of `part`, and `part` has a word that is not a stop word.
fn contains(whole: &str, part: &str) -> bool {
    stems(part).next().is_some() && stems(part).all(|stem| stems(whole).any(|other| stem == other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::rankers;

    #[test]
    fn the_kind_is_guessed_from_the_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d");
        let names = "C1||myocardial infarction\nC1||heart attack\nC2||acute myocardial infarction\nC3||cold\nC4||cold\nC4||coryza\nC5||hepatitis B infection\nC6||atrial fibrillation\n";
        std::fs::write(&path, names).unwrap();
        let dictionary = Dictionary::read(&path).unwrap();
        let kind = |part: &str, answer: &str, gold: &str| {
            let row = dictionary.names.iter().position(|name| name == answer).unwrap() as u32;
            let gold: Vec<DictConcept> = dictionary.concept(gold).into_iter().collect();
            LinkingErrorKind::of(part, &rankers::with_owners(&dictionary, vec![(row, 0.5)]), &gold, &dictionary)
        };
        assert_eq!(kind("flu", "cold", "C9"), LinkingErrorKind::NotCovered);
        assert_eq!(kind("colds", "cold", "C4"), LinkingErrorKind::AmbiguousName);
        assert_eq!(kind("MI", "cold", "C1"), LinkingErrorKind::Abbreviation);
        assert_eq!(kind("afib", "cold", "C6"), LinkingErrorKind::LayTerm);
        assert_eq!(kind("ami", "cold", "C2"), LinkingErrorKind::Abbreviation);
        assert_eq!(kind("hart attak", "cold", "C1"), LinkingErrorKind::Typo);
        assert_eq!(
            kind("infarction of the heart muscle", "acute myocardial infarction", "C1"),
            LinkingErrorKind::Granularity
        );
        assert_eq!(kind("belly pain", "cold", "C5"), LinkingErrorKind::LayTerm);
        assert_eq!(kind("infection of the liver by virus B", "cold", "C5"), LinkingErrorKind::Other);
    }
}
