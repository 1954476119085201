//! The features of candidates: match, distance to the others, and words.
//!
//! Invariant: features do not depend on `top_k`, as the linker considers more candidates than it
//! answers.

use crate::{
    concepts::{Lexicon, is_english_word, is_medical_word},
    confidence::{Feature, FeatureValues, MentionProfile, WordStatistics},
    domain::MatchKind,
    encoder::Encoder,
    index::Index,
    linker::{
        lookup::{LinkText, is_in_capitals},
        rank::Found,
    },
    text,
};

/// Candidates after one whose names measure how crowded its surroundings are.
pub(super) const NEIGHBORS: usize = 5;
/// Crowding of a candidate without others after it: that of an average name.
const AVERAGE_CROWDING: f32 = 0.6;
/// Scale of the margin: a distance of a tenth counts as 1.
const MARGIN_SCALE: f32 = 10.0;
/// What the score of a candidate loses if its concept has none of the words of the mention. On
/// labeled mentions of the starter vocabulary and of MedMentions' development set, 0.03 and 0.05
/// differ by 0.2 points at most; 0.05 finds fewer concepts that have one name only.
const UNCOVERED_PENALTY: f32 = 0.03;
/// Scale of the cost of a repair per letter: a tenth counts as 1.
const REPAIR_SCALE: f32 = 10.0;
/// Cosine at which the feature is 0, and above which it counts as high.
const MIDDLE_COSINE: f32 = 0.5;
const HIGH_COSINE: f32 = 0.8;

/// The words of an index, and of the language.
pub(super) struct KnownWords<'a> {
    pub(super) index: &'a Index,
    pub(super) encoder: &'a Encoder,
    pub(super) lexicon: Option<&'a Lexicon>,
}

impl KnownWords<'_> {
    /// Whether English, medicine or the user's lexicon has a word, so that it is not misspelled.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.is_everyday_word(word) || self.is_medical_word(word)
    }
}

impl WordStatistics for KnownWords<'_> {
    fn names(&self) -> usize {
        self.index.manifest().counts.rows as usize
    }

    fn names_with(&self, word: &str) -> Option<u32> {
        self.index.names_with_word(word)
    }

    fn is_everyday_word(&self, word: &str) -> bool {
        self.encoder.has_word(word)
            || is_english_word(word)
            || self.lexicon.is_some_and(|lexicon| lexicon.contains(word))
    }

    fn is_medical_word(&self, word: &str) -> bool {
        is_medical_word(word)
    }
}

/// The words of each text of a mention.
pub(super) type Profiles<'a> = Vec<MentionProfile<'a, KnownWords<'a>>>;

/// The words of `texts`.
pub(super) fn profiles<'a>(texts: &'a [LinkText], words: &'a KnownWords<'a>) -> Profiles<'a> {
    texts.iter().map(|text| MentionProfile::new(&text.key, words)).collect()
}

/// Finds the words of the mention that no name of a candidate has, and lowers its score for them.
/// Owners of one name stay together: each gets the score of the best of them.
pub(super) fn lower_uncovered(found: &mut [Found], profiles: &Profiles<'_>, index: &Index) {
    let concepts = index.concepts();
    for one in found.iter_mut().filter(|one| !one.is_name) {
        let names = concepts.atoms(one.concept).map(|atom| concepts.atom(atom).name);
        let names = std::iter::once(concepts.atom(one.atom).name).chain(names);
        one.uncovered = profiles.get(one.text).map_or(0.0, |profile| profile.uncovered_by(names));
    }
    let least: Vec<f32> = found
        .iter()
        .map(|one| found.iter().filter(|other| other.name == one.name).fold(1.0, |least, o| o.uncovered.min(least)))
        .collect();
    for (one, least) in found.iter_mut().zip(least).filter(|(one, _)| !one.is_name) {
        one.score -= UNCOVERED_PENALTY * least;
    }
}

/// The features of the first `count` of `found`, which are best first. `texts` are the texts of the
/// mention.
pub(super) fn features(
    found: &[Found],
    count: usize,
    texts: &[LinkText],
    profiles: &Profiles<'_>,
    is_left_out: bool,
    words: &KnownWords<'_>,
) -> Vec<FeatureValues> {
    let of_one = |(position, one): (usize, &Found)| {
        let mut values = FeatureValues::default();
        let Some((profile, text)) = profiles.get(one.text).zip(texts.get(one.text)) else { return values };
        profile.describe(&mut values);
        values.flag(Feature::LeftOut, is_left_out);
        values.set(Feature::Repair, ((1.0 - text.similarity) * REPAIR_SCALE).min(1.0));
        let owns_lower_case =
            || found.iter().any(|other| other.is_name && !is_abbreviation_for_word(other, text, words));
        if one.is_name && is_abbreviation_for_word(one, text, words) && !owns_lower_case() {
            values.flag(Feature::EverydayWord, true);
        } else if one.is_name {
            values.flag(name_feature(one), true);
        } else {
            compare_vectors(&mut values, one, &found[position + 1..], words.index);
            values.set(Feature::ConceptUncovered, one.uncovered);
            let concepts = words.index.concepts();
            let types = concepts.semantic_types(one.concept).iter().filter_map(|id| id.semantic_type());
            profile.compare(&mut values, concepts.atom(one.atom).name, &types.collect::<Vec<_>>());
            if is_abbreviation_for_word(one, text, words) {
                values.flag(Feature::EverydayWord, true);
            }
        }
        values
    };
    found.iter().enumerate().take(count).map(of_one).collect()
}

/// Whether the name is an abbreviation in capitals, and the text has its letters only as an
/// everyday word or the beginning of one: "all" and ALL, "wedding dress" and DRESS.
fn is_abbreviation_for_word(one: &Found, text: &LinkText, words: &KnownWords<'_>) -> bool {
    let name = words.index.concepts().atom(one.atom).name;
    let key = text::normalize(name);
    let is_written = |word: &&str| text::normalize(word).starts_with(&key);
    is_in_capitals(name)
        && text.text.split_whitespace().any(|word| is_written(&word))
        && !text.text.split_whitespace().filter(is_written).any(is_in_capitals)
        && words.is_everyday_word(&key)
}

fn name_feature(found: &Found) -> Feature {
    match found.kind {
        MatchKind::Exact | MatchKind::Normalized | MatchKind::Embedding => Feature::EqualName,
        MatchKind::Variant => Feature::VariantName,
        MatchKind::Corrected => Feature::RepairedName,
    }
}

/// Sets the features of cosine and score of `one`; `later` are the candidates after it.
fn compare_vectors(values: &mut FeatureValues, one: &Found, later: &[Found], index: &Index) {
    values.set(Feature::Cosine, one.cosine - MIDDLE_COSINE);
    values.set(Feature::HighCosine, (one.cosine - HIGH_COSINE).max(0.0));
    let next = later.iter().map(|other| other.score).fold(f32::NEG_INFINITY, f32::max);
    values.set(Feature::Margin, ((one.score - next) * MARGIN_SCALE).clamp(-1.0, 1.0));
    let neighbors: Vec<_> = later.iter().take(NEIGHBORS).map(|other| other.name).collect();
    let crowding = if neighbors.is_empty() { AVERAGE_CROWDING } else { index.mean_cosine(one.name, &neighbors) };
    values.set(Feature::Crowding, crowding);
}
