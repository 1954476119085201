//! The answer for a mention: status, candidates, and how the mention was read.

use crate::{
    confidence::FeatureValues,
    contradiction::Contradiction,
    domain::{AtomId, ConceptId, MatchKind},
    reading::LeftOut,
};

/// The answer for one mention.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whether the mention is linked.
    pub status: AnswerStatus,
    /// Best first; at most `top_k`, except that all owners of an ambiguous best name are listed.
    pub candidates: Vec<Candidate>,
    /// The reading that the candidates are for; absent if it is the mention as written.
    pub read_as: Option<ReadAs>,
    /// Whether the encoder read only the beginning of the text, because it has too many tokens.
    pub truncated: bool,
}

/// A reading that gave a better answer than the mention as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAs {
    /// The text that was linked.
    pub text: String,
    /// The parts of the mention that the text lacks.
    pub left_out: Vec<LeftOut>,
}

/// The meaning of an answer as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerStatus {
    /// The first candidate is the concept.
    Linked,
    /// Several concepts share the best score and match, repairs contradict each other, or the
    /// mention means an acute episode of the chronic disease.
    Ambiguous,
    /// No candidate reaches the NIL threshold, the best one contradicts the mention, or the mention
    /// denies the term; there may still be candidates.
    Nil,
}

/// A concept that a mention may mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The concept.
    pub concept: ConceptId,
    /// The atom through which it was found.
    pub atom: AtomId,
    /// How the atom was found.
    pub kind: MatchKind,
    /// 1 for exact and normalized names, otherwise the cosine times the penalty for the spelling.
    pub score: f32,
    /// Probability that this is the concept and no candidate before it is; absent without
    /// calibration.
    pub probability: Option<f32>,
    /// The features from which the probability follows.
    pub features: FeatureValues,
    /// Why the mention cannot mean the name of the atom.
    pub contradiction: Option<Contradiction>,
    /// How the probability came about; only if the caller wanted it.
    pub explanation: Option<Explanation>,
}

impl ReadAs {
    /// Whether the mention denies the term, or says it of a relative.
    pub fn denies_term(&self) -> bool {
        self.left_out.iter().any(|part| part.kind.denies_term())
    }
}

/// How a probability came about: its logit is `offset` plus the parts of all features.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The logit when every feature is 0.
    pub offset: f32,
    /// The features that are not 0.
    pub features: Vec<FeaturePart>,
}

/// The part of a feature in a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeaturePart {
    /// Name of the feature.
    pub feature: &'static str,
    /// Its value.
    pub value: f32,
    /// What it adds to the logit.
    pub part: f32,
}
