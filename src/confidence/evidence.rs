//! Computes the features that compare the words of a mention with those of a candidate.
//!
//! The weight of a word is its inverse document frequency among the names of the index, scaled so
//! that a word of no name weighs 1. Invariant: words that only differ in number or in their ending
//! count as partly equal.

use crate::{
    confidence::{
        feature::{Feature, FeatureValues},
        kind::{groups_of, is_genus_of, is_other_kind},
        phrase::{Phrase, best_similarity, stem},
    },
    domain::semantic_type::SemanticType,
    text,
};

/// Names of a concept that are compared; bounds the work for a concept with hundreds of names.
const MAX_NAMES: usize = 24;
/// Characters of a short mention.
const SHORT_MENTION: usize = 4;
/// Text of which a smaller weighted share is uncovered counts as covered.
const COVERED: f32 = 0.05;
/// Length in characters from which on [`Feature::Length`] is 1.
const LONG_MENTION: f32 = 40.0;

/// What an index and a tokenizer know about words.
pub trait WordStatistics {
    /// Number of distinct names.
    fn names(&self) -> usize;
    /// Number of visible names with a normalized word, if there are any.
    fn names_with(&self, word: &str) -> Option<u32>;
    /// Whether `word` is a word of everyday language.
    fn is_everyday_word(&self, word: &str) -> bool;
    /// Whether `word` is a word of medicine.
    fn is_medical_word(&self, word: &str) -> bool;
}

/// The words of a text that is linked, with their weights.
pub struct MentionProfile<'a, W> {
    key: &'a str,
    phrase: Phrase<'a>,
    weights: Vec<f32>,
    trigrams: Vec<u32>,
    sorts: Vec<Feature>,
    /// The feature that is set because the mention is one everyday or medical word.
    word: Option<Feature>,
    /// The semantic groups to which what its head names may belong.
    groups: &'static [&'static str],
    statistics: &'a W,
}

impl<'a, W: WordStatistics> MentionProfile<'a, W> {
    /// The profile of a normalized text.
    pub fn new(key: &'a str, statistics: &'a W) -> Self {
        let phrase = Phrase::new(key);
        let counts: Vec<u32> = phrase.words.iter().map(|word| names_with(word, statistics)).collect();
        let weights = counts.iter().map(|&count| weight(count, statistics.names())).collect();
        let sort = |(word, count): (&&str, &u32)| match count {
            0 if statistics.is_everyday_word(word) => Feature::UncoveredEveryday,
            0 => Feature::UncoveredUnknown,
            _ => Feature::UncoveredTerms,
        };
        let sorts = phrase.words.iter().zip(&counts).map(sort).collect();
        let word = if key.contains(' ') {
            None
        } else if statistics.is_everyday_word(key) {
            Some(Feature::EverydayWord)
        } else {
            statistics.is_medical_word(key).then_some(Feature::MedicalWord)
        };
        let groups = groups_of(&phrase);
        Self { key, phrase, weights, trigrams: trigrams(key), sorts, word, groups, statistics }
    }

    /// Sets the features of the mention alone.
    pub fn describe(&self, values: &mut FeatureValues) {
        values.flag(Feature::ShortMention, self.key.chars().count() <= SHORT_MENTION);
    }

    /// Sets the features that compare the mention with `name`, a name of a concept with semantic
    /// types.
    pub fn compare(&self, values: &mut FeatureValues, name: &str, types: &[&SemanticType]) {
        let name = text::normalize(name);
        let other = Phrase::new(&name);
        let lacking_parts = uncovered(&self.phrase, &self.weights, &other.stems);
        let lacking: f32 = lacking_parts.iter().sum();
        let name_weights: Vec<f32> =
            other.words.iter().map(|word| weight(names_with(word, self.statistics), self.statistics.names())).collect();
        let surplus: f32 = uncovered(&other, &name_weights, &self.phrase.stems).iter().sum();
        values.set(Feature::MentionUncovered, share(lacking, &self.weights));
        values.set(Feature::MentionSurplus, lacking.ln_1p());
        values.set(Feature::NameUncovered, share(surplus, &name_weights));
        values.set(Feature::NameSurplus, surplus.ln_1p());
        let head = self.phrase.stems.get(self.phrase.head);
        values.set(Feature::HeadMissing, head.map_or(0.0, |head| 1.0 - best_similarity(head, &other.stems)));
        values.set(Feature::Letters, overlap(&self.trigrams, &trigrams(&name)));
        values.flag(Feature::ExtraNumber, has_number_beyond(self.key, &name));
        values.flag(Feature::MissingNumber, has_number_beyond(&name, self.key));
        for ((&sort, &part), &weight) in self.sorts.iter().zip(&lacking_parts).zip(&self.weights) {
            values.set(sort, values.get(sort) + share(part, &self.weights));
            if sort == Feature::UncoveredUnknown && part > 0.0 && part < weight {
                values.flag(Feature::LookAlike, true);
            }
        }
        let is_drug = types.iter().any(|semantic| semantic.group == "CHEM");
        values.flag(Feature::LookAlikeDrug, is_drug && values.get(Feature::LookAlike) > 0.0);
        values.flag(Feature::OtherKind, is_other_kind(self.groups, types) || is_genus_of(&self.phrase, &other, types));
        if values.get(Feature::NameUncovered) < COVERED {
            let specializing = values.get(Feature::UncoveredTerms) + values.get(Feature::UncoveredUnknown);
            values.set(Feature::Subtype, specializing);
        }
        if let Some(word) = self.word {
            values.flag(word, true);
        }
        values.set(Feature::Length, (self.key.chars().count() as f32 / LONG_MENTION).min(1.0));
    }

    /// Weighted share of the words of the mention that none of the first `names` of a concept has.
    pub fn uncovered_by<'n>(&self, names: impl Iterator<Item = &'n str>) -> f32 {
        let mut covered = vec![0.0f32; self.phrase.stems.len()];
        for name in names.take(MAX_NAMES) {
            if covered.iter().all(|&similarity| similarity == 1.0) {
                break;
            }
            let name = text::normalize(name);
            let stems: Vec<&str> = name.split(' ').map(stem).collect();
            for (similarity, word) in covered.iter_mut().zip(&self.phrase.stems) {
                if *similarity < 1.0 {
                    *similarity = similarity.max(best_similarity(word, &stems));
                }
            }
        }
        let lacking = covered.iter().zip(&self.weights).map(|(similarity, weight)| (1.0 - similarity) * weight).sum();
        share(lacking, &self.weights)
    }
}

/// Names with a word or with its singular.
fn names_with(word: &str, statistics: &impl WordStatistics) -> u32 {
    let count = |word: &str| statistics.names_with(word).unwrap_or(0);
    let singular = stem(word);
    if singular.len() < word.len() && !word.ends_with('y') { count(word).max(count(singular)) } else { count(word) }
}

/// Inverse document frequency of a word that `count` of `names` names have, at most 1.
fn weight(count: u32, names: usize) -> f32 {
    let all = names as f32 + 1.0;
    ((all / (count as f32 + 1.0)).ln() / all.ln().max(f32::MIN_POSITIVE)).clamp(0.0, 1.0)
}

/// The weight of each word of `phrase` that `others` lacks; part of it if a word is similar.
fn uncovered(phrase: &Phrase<'_>, weights: &[f32], others: &[&str]) -> Vec<f32> {
    phrase.stems.iter().zip(weights).map(|(stem, weight)| (1.0 - best_similarity(stem, others)) * weight).collect()
}

fn share(part: f32, weights: &[f32]) -> f32 {
    let all: f32 = weights.iter().sum();
    if all > 0.0 { part / all } else { 0.0 }
}

/// The trigrams of bytes of a text with a space at each end, sorted.
fn trigrams(text: &str) -> Vec<u32> {
    let mut padded = Vec::with_capacity(text.len() + 2);
    padded.push(b' ');
    padded.extend_from_slice(text.as_bytes());
    padded.push(b' ');
    let mut trigrams: Vec<u32> =
        padded.windows(3).map(|w| u32::from(w[0]) << 16 | u32::from(w[1]) << 8 | u32::from(w[2])).collect();
    trigrams.sort_unstable();
    trigrams
}

/// Dice coefficient of two sorted lists.
fn overlap(a: &[u32], b: &[u32]) -> f32 {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        common += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    2.0 * common as f32 / (a.len() + b.len()).max(1) as f32
}

/// Whether `text` has a run of digits that `other` lacks.
fn has_number_beyond(text: &str, other: &str) -> bool {
    let numbers = |text: &'_ str| {
        let runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
        runs.map(str::to_owned).collect::<Vec<_>>()
    };
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    let others = numbers(other);
    numbers(text).iter().any(|number| !others.contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Statistics;

    impl WordStatistics for Statistics {
        fn names(&self) -> usize {
            1000
        }

        fn names_with(&self, word: &str) -> Option<u32> {
            match word {
                "disease" => Some(300),
                "heart" | "failure" | "renal" | "chronic" => Some(30),
                "infarction" => Some(5),
                _ => None,
            }
        }

        fn is_everyday_word(&self, word: &str) -> bool {
            word == "station"
        }

        fn is_medical_word(&self, word: &str) -> bool {
            matches!(word, "coumarin" | "station")
        }
    }

    fn compare(mention: &str, name: &str) -> FeatureValues {
        let mut values = FeatureValues::default();
        MentionProfile::new(mention, &Statistics).compare(&mut values, name, &[]);
        values
    }

    #[test]
    fn coverage_is_weighted_and_counts_both_ways() {
        let values = compare("chronic heart failure", "Chronic renal failure");
        let third = values.get(Feature::MentionUncovered);
        assert!((third - 1.0 / 3.0).abs() < 1e-6 && (values.get(Feature::NameUncovered) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!((values.get(Feature::HeadMissing), values.get(Feature::Subtype)), (0.0, 0.0));
        let common = compare("heart disease", "heart").get(Feature::MentionUncovered);
        let rare = compare("heart infarction", "heart").get(Feature::MentionUncovered);
        assert!(common < 0.3 && rare > 0.5, "{common} {rare}");
    }

    #[test]
    fn lacking_words_are_terms_everyday_words_or_unknown() {
        let values = compare("chronic heart failure station xyzq", "heart failure");
        let parts =
            [Feature::UncoveredTerms, Feature::UncoveredEveryday, Feature::UncoveredUnknown].map(|f| values.get(f));
        assert!(parts[0] > 0.1 && parts[1] > parts[0] && parts[1] == parts[2], "{parts:?}");
        assert!((parts.iter().sum::<f32>() - values.get(Feature::MentionUncovered)).abs() < 1e-6);
        assert_eq!(values.get(Feature::Subtype), parts[0] + parts[2]);
        assert_eq!(compare("chronic heart failure", "chronic renal failure").get(Feature::Subtype), 0.0);
    }

    #[test]
    fn unknown_words_look_like_words_of_a_name() {
        assert_eq!(compare("clobetasone", "clobetasol").get(Feature::LookAlike), 1.0);
        assert_eq!(compare("clobetasone", "clobetasone").get(Feature::LookAlike), 0.0);
        assert_eq!(compare("heart", "heartburn").get(Feature::LookAlike), 0.0, "names have the word heart");
        assert_eq!(compare("xyzq", "heart").get(Feature::LookAlike), 0.0);
    }

    #[test]
    fn another_name_of_the_concept_covers_words() {
        let uncovered =
            |names: &[&str]| MentionProfile::new("heart infarction", &Statistics).uncovered_by(names.iter().copied());
        assert!(uncovered(&["cardiac infarct"]) > 0.3);
        assert_eq!(uncovered(&["MI", "infarctions", "Heart attack"]), 0.0);
    }

    #[test]
    fn numbers_letters_and_everyday_words() {
        let values = compare("factor 8 renal", "Factor 9");
        assert_eq!([values.get(Feature::ExtraNumber), values.get(Feature::MissingNumber)], [1.0, 1.0]);
        assert_eq!(compare("heart", "heart").get(Feature::Letters), 1.0);
        assert_eq!(compare("station", "statin").get(Feature::EverydayWord), 1.0);
        assert_eq!(compare("heart station", "statin").get(Feature::EverydayWord), 0.0);
        assert_eq!(compare("station", "statin").get(Feature::MedicalWord), 0.0);
        assert_eq!(compare("coumarin", "coumadin").get(Feature::MedicalWord), 1.0);
        assert_eq!(compare("heart coumarin", "coumadin").get(Feature::MedicalWord), 0.0);
        assert_eq!(compare("", "").get(Feature::MentionUncovered), 0.0);
    }
}
