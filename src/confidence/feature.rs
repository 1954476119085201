//! The features of a candidate from which its probability follows.
//!
//! Invariant: the values of a candidate that was found by an equal name are 0 but for the features
//! of the match and of the mention's reading.

use serde::{Deserialize, Serialize};

/// A feature of a candidate. Values are between -1 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// 1 if the mention is the name, exactly or after normalization.
    EqualName,
    /// 1 if the mention is a variant of the name, such as a plural.
    VariantName,
    /// 1 if the mention is the name once its spelling is repaired.
    RepairedName,
    /// 1 for a mention of at most four characters.
    ShortMention,
    /// Cosine of mention and name, minus 0.5.
    Cosine,
    /// How far the cosine is above 0.8.
    HighCosine,
    /// Ten times the distance in score to the best candidate after this one, between -1 and 1.
    Margin,
    /// Mean cosine of the name and the names of the five candidates after this one.
    Crowding,
    /// Weighted share of the words of the mention that the name lacks.
    MentionUncovered,
    /// Logarithm of 1 plus the weights of the words of the mention that the name lacks.
    MentionSurplus,
    /// Weighted share of the words of the mention that no name of the concept has.
    ConceptUncovered,
    /// Weighted share of the words of the name that the mention lacks.
    NameUncovered,
    /// Logarithm of 1 plus the weights of the words of the name that the mention lacks.
    NameSurplus,
    /// How little the name has of the head of the mention.
    HeadMissing,
    /// Overlap of the letter trigrams of mention and name.
    Letters,
    /// 1 if the mention has a number that the name lacks.
    ExtraNumber,
    /// 1 if the name has a number that the mention lacks.
    MissingNumber,
    /// Weighted share of the words of the mention that the name lacks and that names of other
    /// concepts have: "familial", "brainstem".
    UncoveredTerms,
    /// The same for words that no name has and that are everyday words.
    UncoveredEveryday,
    /// The same for words that no name has and that are no everyday words: "polr1d".
    UncoveredUnknown,
    /// 1 if a word of the mention that no name has is similar to a word of the name: two drugs with
    /// one stem look alike.
    LookAlike,
    /// If the mention has the whole name: the weighted share of its other words that are no
    /// everyday words, which make it a kind of the concept.
    Subtype,
    /// 1 if the mention is one everyday word that no name of the index is, or if the name is an
    /// abbreviation in capitals whose letters the mention has as an everyday word.
    EverydayWord,
    /// 1 if the mention is one word of medicine that is no everyday word and no name of the index:
    /// "coumarin".
    MedicalWord,
    /// Characters of the mention divided by 40, at most 1.
    Length,
    /// Ten times the cost of the repair of the spelling per letter, at most 1.
    Repair,
    /// 1 if words of the mention were left out.
    LeftOut,
    /// 1 if the head of the mention names another kind of thing than the semantic types of the
    /// concept: a nerve and a disorder, a species and its genus.
    OtherKind,
    /// 1 if [`LookAlike`](Self::LookAlike) holds and the concept is a chemical or drug.
    LookAlikeDrug,
    /// A feature of another version of saplink, in a calibration that was read from a file. A model
    /// with it is refused.
    #[serde(other)]
    Unknown,
}

/// The sign that the weight of a feature may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A larger value never lowers the probability.
    Raises,
    /// A larger value never raises the probability.
    Lowers,
    /// Either is possible.
    Either,
}

impl Feature {
    /// Number of features.
    pub const COUNT: usize = Self::ALL.len();

    /// Every feature, in the order of their values.
    pub const ALL: [Self; 29] = [
        Self::EqualName,
        Self::VariantName,
        Self::RepairedName,
        Self::ShortMention,
        Self::Cosine,
        Self::HighCosine,
        Self::Margin,
        Self::Crowding,
        Self::MentionUncovered,
        Self::MentionSurplus,
        Self::ConceptUncovered,
        Self::NameUncovered,
        Self::NameSurplus,
        Self::HeadMissing,
        Self::Letters,
        Self::ExtraNumber,
        Self::MissingNumber,
        Self::UncoveredTerms,
        Self::UncoveredEveryday,
        Self::UncoveredUnknown,
        Self::LookAlike,
        Self::Subtype,
        Self::EverydayWord,
        Self::MedicalWord,
        Self::Length,
        Self::Repair,
        Self::LeftOut,
        Self::OtherKind,
        Self::LookAlikeDrug,
    ];

    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EqualName => "equal_name",
            Self::VariantName => "variant_name",
            Self::RepairedName => "repaired_name",
            Self::ShortMention => "short_mention",
            Self::Cosine => "cosine",
            Self::HighCosine => "high_cosine",
            Self::Margin => "margin",
            Self::Crowding => "crowding",
            Self::MentionUncovered => "mention_uncovered",
            Self::MentionSurplus => "mention_surplus",
            Self::ConceptUncovered => "concept_uncovered",
            Self::NameUncovered => "name_uncovered",
            Self::NameSurplus => "name_surplus",
            Self::HeadMissing => "head_missing",
            Self::Letters => "letters",
            Self::ExtraNumber => "extra_number",
            Self::MissingNumber => "missing_number",
            Self::UncoveredTerms => "uncovered_terms",
            Self::UncoveredEveryday => "uncovered_everyday",
            Self::UncoveredUnknown => "uncovered_unknown",
            Self::LookAlike => "look_alike",
            Self::Subtype => "subtype",
            Self::EverydayWord => "everyday_word",
            Self::MedicalWord => "medical_word",
            Self::Length => "length",
            Self::Repair => "repair",
            Self::LeftOut => "left_out",
            Self::OtherKind => "other_kind",
            Self::LookAlikeDrug => "look_alike_drug",
            Self::Unknown => "unknown",
        }
    }

    /// The sign that its weight may have.
    pub const fn direction(self) -> Direction {
        match self {
            Self::Cosine | Self::HighCosine | Self::Margin => Direction::Raises,
            Self::EqualName
            | Self::VariantName
            | Self::RepairedName
            | Self::ShortMention
            | Self::Length
            | Self::Letters
            | Self::Unknown => Direction::Either,
            Self::Crowding
            | Self::MentionUncovered
            | Self::MentionSurplus
            | Self::NameSurplus
            | Self::ConceptUncovered
            | Self::NameUncovered
            | Self::HeadMissing
            | Self::ExtraNumber
            | Self::MissingNumber
            | Self::UncoveredTerms
            | Self::UncoveredEveryday
            | Self::UncoveredUnknown
            | Self::LookAlike
            | Self::Subtype
            | Self::EverydayWord
            | Self::MedicalWord
            | Self::Repair
            | Self::LeftOut
            | Self::OtherKind
            | Self::LookAlikeDrug => Direction::Lowers,
        }
    }
}

/// The values of all features of one candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FeatureValues([f32; Feature::COUNT]);

impl FeatureValues {
    /// The value of `feature`.
    pub fn get(&self, feature: Feature) -> f32 {
        self.0[feature as usize]
    }

    /// Sets the value of `feature`.
    pub fn set(&mut self, feature: Feature, value: f32) {
        self.0[feature as usize] = value;
    }

    /// Sets the value of `feature` to 1 if `holds`, otherwise to 0.
    pub fn flag(&mut self, feature: Feature, holds: bool) {
        self.set(feature, f32::from(u8::from(holds)));
    }

    /// The values in the order of [`Feature::ALL`].
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_positions_agree() {
        for (position, feature) in Feature::ALL.into_iter().enumerate() {
            assert_eq!(feature as usize, position);
            assert_eq!(serde_json::to_value(feature).unwrap(), feature.as_str());
        }
    }
}
