//! Answers to `POST /link`.
//!
//! Invariant: a result holds its mention and what the index has, nothing else that was sent.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::{SemanticTypeView, semantic_types};
use crate::{
    domain::MatchKind,
    http::problem::Problem,
    linker::{Answer, Candidate, ConceptStore, Status},
};

/// Answers to `POST /link`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "results": [{"id": "m1", "mention": "heart attack", "status": "linked", "candidates": [{
        "cui": "C0027051", "name": "myocardial infarction", "matched_name": "heart attack", "match": "exact", "score": 1.0,
        "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]}]}],
    "model": "saplink-mini@5f0c0f3a", "index": "starter@91bc7a10",
}))]
pub(crate) struct LinkResponse {
    /// One result for each mention, in their order.
    pub results: Vec<LinkResult>,
    /// Name and fingerprint of the model.
    pub model: String,
    /// Name and fingerprint of the index.
    pub index: String,
}

/// The answer for one mention.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkResult {
    /// The mention's id, or `m1`, `m2`, ..
    pub id: String,
    pub mention: String,
    pub status: LinkStatus,
    /// Best first: by score, then match, then concept id. An ambiguous mention lists every concept that owns its best name,
    /// even beyond `top_k`.
    pub candidates: Vec<CandidateView>,
    /// What is wrong with this mention, when `status` is `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// What the candidates amount to.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LinkStatus {
    /// The first candidate is the concept.
    Linked,
    /// Several concepts own the best name.
    Ambiguous,
    /// Nothing scores above the index's threshold; candidates are still listed.
    Nil,
    /// The mention was not acceptable.
    Error,
}

/// A concept that the mention may mean.
#[derive(Serialize, ToSchema)]
pub(crate) struct CandidateView {
    /// The concept's id: a CUI, or another vocabulary's prefixed id.
    #[schema(example = "C0027051")]
    pub cui: String,
    /// Its preferred name.
    pub name: String,
    /// The name through which it was found.
    pub matched_name: String,
    pub r#match: MatchView,
    /// 1 for names, and for names alone; else the cosine of the embeddings. With misspelled words, times the share of letters that
    /// were right; if none of its words stands in a name, times 0.9. Rounded to four places after the candidates were ordered.
    pub score: f64,
    /// Calibrated probability that this is the concept and none before it is; owners of an ambiguous name share theirs. Absent from an
    /// index that is not calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    pub semantic_types: Vec<SemanticTypeView>,
}

/// How a name was found.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MatchView {
    /// The mention is the name, letter by letter.
    Exact,
    /// They are equal after normalization.
    Normalized,
    /// The mention was misspelled: with its unknown words repaired it is the name, or its embedding is near.
    Corrected,
    /// Their embeddings are near.
    Embedding,
}

impl LinkResult {
    /// The result of a mention that was linked.
    pub(crate) fn new(id: String, mention: String, answer: &Answer, concepts: &ConceptStore) -> Self {
        let status = match answer.status {
            Status::Linked => LinkStatus::Linked,
            Status::Ambiguous => LinkStatus::Ambiguous,
            Status::Nil => LinkStatus::Nil,
        };
        let candidates = answer.candidates.iter().map(|c| CandidateView::new(c, concepts)).collect();
        Self { id, mention, status, candidates, error: None }
    }

    /// The result of a mention that was not acceptable.
    pub(crate) fn error(id: String, mention: String, error: Problem) -> Self {
        Self { id, mention, status: LinkStatus::Error, candidates: vec![], error: Some(error) }
    }
}

impl CandidateView {
    fn new(candidate: &Candidate, concepts: &ConceptStore) -> Self {
        Self {
            cui: concepts.id(candidate.concept).into(),
            name: concepts.preferred_name(candidate.concept).into(),
            matched_name: concepts.atom(candidate.atom).name.into(),
            r#match: match candidate.kind {
                MatchKind::Exact => MatchView::Exact,
                MatchKind::Normalized => MatchView::Normalized,
                MatchKind::Corrected => MatchView::Corrected,
                MatchKind::Embedding => MatchView::Embedding,
            },
            score: (f64::from(candidate.score) * 1e4).round() / 1e4,
            probability: candidate.probability.map(|p| (f64::from(p) * 1e4).round() / 1e4),
            semantic_types: semantic_types(candidate.concept, concepts),
        }
    }
}
