//! The answer to `POST /link`, and the lines of its streams.
//!
//! Invariant: a result repeats only the id and the text of its mention.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    concepts::ConceptStore,
    domain::MatchKind,
    http::{
        problem::Problem,
        response::semantic_type::{SemanticTypeView, semantic_types},
    },
    linker::{Answer, AnswerStatus, Candidate},
};

/// Answer to `POST /link`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "results": [{"id": "m1", "mention": "heart attack", "status": "linked", "candidates": [{
        "cui": "C0027051", "name": "myocardial infarction", "matched_name": "heart attack", "match": "exact", "score": 1.0,
        "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]}]}],
    "model": "saplink-mini@5f0c0f3a", "index": "starter@91bc7a10",
}))]
pub(crate) struct LinkResponse {
    /// One result for each mention, in their order.
    pub(crate) results: Vec<LinkResult>,
    /// Name and fingerprint of the model.
    pub(crate) model: String,
    /// Name and fingerprint of the index.
    pub(crate) index: String,
}

/// The answer for one mention.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkResult {
    /// The mention's id, or `m1`, `m2`, ..
    pub(crate) id: String,
    pub(crate) mention: String,
    pub(crate) status: LinkStatus,
    /// Best first: by score, then match, then concept id. An ambiguous mention lists every concept
    /// that owns its best name, even beyond `top_k`.
    pub(crate) candidates: Vec<CandidateView>,
    /// The problem of this mention, when `status` is `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Problem>,
}

/// The meaning of a result as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LinkStatus {
    /// The first candidate is the concept.
    Linked,
    /// Several concepts own the best name.
    Ambiguous,
    /// No candidate reaches the NIL threshold of the index; candidates are still listed.
    Nil,
    /// The mention cannot be linked.
    Error,
}

impl LinkStatus {
    /// Every status.
    pub(crate) const ALL: [Self; 4] = [Self::Linked, Self::Ambiguous, Self::Nil, Self::Error];

    /// The name in JSON, tables and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Ambiguous => "ambiguous",
            Self::Nil => "nil",
            Self::Error => "error",
        }
    }
}

/// A concept that the mention may mean.
#[derive(Serialize, ToSchema)]
pub(crate) struct CandidateView {
    /// The concept's id: a CUI, or another vocabulary's prefixed id.
    #[schema(example = "C0027051")]
    pub(crate) cui: String,
    /// Its preferred name.
    pub(crate) name: String,
    /// The name through which it was found.
    pub(crate) matched_name: String,
    pub(crate) r#match: MatchView,
    /// 1 for exact and normalized names only; otherwise the cosine of the embeddings. For a mention
    /// with misspelled words, times the similarity of the spelling; when all its words of five
    /// letters or more are unknown, times 0.9. four decimals (see PART 2b) after the candidates
    /// were ordered.
    pub(crate) score: f64,
    /// Calibrated probability that this is the concept and no candidate before it is; owners of an
    /// ambiguous name share theirs. Absent when the index is not calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    pub(crate) semantic_types: Vec<SemanticTypeView>,
}

/// How a name was found.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MatchView {
    /// The mention is the name, letter by letter.
    Exact,
    /// Mention and name are equal after normalization.
    Normalized,
    /// With its misspelled words repaired the mention is the name, or its embedding is near.
    Corrected,
    /// The embeddings of mention and name are near.
    Embedding,
}

impl MatchView {
    /// The name in JSON and tables.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Normalized => "normalized",
            Self::Corrected => "corrected",
            Self::Embedding => "embedding",
        }
    }
}

impl LinkResult {
    /// The result of a mention that was linked.
    pub(crate) fn new(id: String, mention: String, answer: &Answer, concepts: &ConceptStore) -> Self {
        let status = match answer.status {
            AnswerStatus::Linked => LinkStatus::Linked,
            AnswerStatus::Ambiguous => LinkStatus::Ambiguous,
            AnswerStatus::Nil => LinkStatus::Nil,
        };
        let candidates = answer.candidates.iter().map(|c| CandidateView::new(c, concepts)).collect();
        Self { id, mention, status, candidates, error: None }
    }

    /// The result of a mention that cannot be linked.
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

/// Writes each value as a line of JSON.
///
/// # Errors
/// When a value cannot be written as JSON.
pub(crate) fn write_lines(values: &[impl Serialize]) -> Result<Vec<u8>, serde_json::Error> {
    let mut lines = vec![];
    for value in values {
        serde_json::to_writer(&mut lines, value)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_statuses_and_matches_are_those_of_the_json() {
        for status in LinkStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for kind in [MatchView::Exact, MatchView::Normalized, MatchView::Corrected, MatchView::Embedding] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
