//! Looks up the concept of an id, and redirects other spellings of ids and retired ids.
//!
//! Invariant: all routes of concepts treat ids alike.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa::{
    IntoResponses,
    openapi::{RefOr, response},
};

use crate::{
    concepts::{ConceptStore, Retired, Successor},
    domain::{ConceptId, Succession, curie::concept_id_spellings, is_concept_id},
    http::{
        problem::{Problem, ProblemKind, described_problems},
        response::RetiredView,
    },
};

/// Why the index has no concept with an id.
pub(super) enum ConceptLookupError {
    /// The id is retired, or another spelling of an id. The location is the same resource of its
    /// nearest successor in the index, or of the id.
    Redirect { location: String, retired: RetiredView },
    /// The id is invalid or unknown, or has no successor in the index.
    Problem(Problem),
}

/// Maximum number of successors that an error lists.
const MAX_LISTED_SUCCESSORS: usize = 10;

/// The concept with the id `id`. The request was for the resource `/concepts/{id}{path}` with
/// `query`.
///
/// # Errors
/// A redirect to a successor, or a problem.
pub(super) fn look_up(
    concepts: &ConceptStore,
    id: &str,
    path: &str,
    query: Option<&str>,
) -> Result<ConceptId, ConceptLookupError> {
    if let Some(concept) = concepts.concept(id).filter(|_| is_concept_id(id)) {
        return Ok(concept);
    }
    let spellings = concept_id_spellings(id);
    if spellings.is_empty() {
        return Err(invalid_id().into());
    }
    // The characters of ids need no escapes in a path.
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    let redirect = |to: &str, retired: &Retired| {
        let location = format!("/concepts/{to}{path}{query}");
        ConceptLookupError::Redirect { location, retired: RetiredView::new(retired, concepts) }
    };
    // The id as it was sent is meant if it is retired.
    for spelling in std::iter::once(id).chain(spellings.iter().map(String::as_str)) {
        if let Some(concept) = concepts.concept(spelling) {
            let successor = Successor { id: spelling, kind: Succession::Same, concept: Some(concept) };
            return Err(redirect(spelling, &Retired { id, deleted: false, successors: vec![successor] }));
        }
        if let Some(retired) = concepts.retired(spelling) {
            return Err(match retired.successors.iter().find(|s| s.concept.is_some()) {
                Some(successor) => redirect(successor.id, &retired),
                None => retired_problem(&retired).into(),
            });
        }
    }
    let detail = "search it by name with GET /concepts?q=; GET /info describes the active index";
    Err(Problem::new(ProblemKind::UnknownConcept, detail).at("cui").into())
}

/// The problem of a path without a valid concept id.
pub(super) fn invalid_id() -> Problem {
    let detail = "write a CUI (a capital C and seven digits, such as C0027051) or a prefixed id such as HP:0001250";
    Problem::new(ProblemKind::InvalidConceptId, detail).at("cui")
}

fn retired_problem(retired: &Retired) -> Problem {
    if retired.deleted {
        return Problem::new(ProblemKind::DeletedConcept, "it has no successor").at("cui");
    }
    let ids: Vec<&str> = retired.successors.iter().take(MAX_LISTED_SUCCESSORS).map(|s| s.id).collect();
    let listed = if ids.is_empty() { String::new() } else { format!(": {}", ids.join(", ")) };
    let more = match retired.successors.len() - ids.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let detail = format!("its successors are not in the index{listed}{more}");
    Problem::new(ProblemKind::RetiredConcept, detail).at("cui")
}

impl From<Problem> for ConceptLookupError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for ConceptLookupError {
    fn into_response(self) -> Response {
        match self {
            Self::Redirect { location, retired } => {
                (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)], Json(retired)).into_response()
            }
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// The errors of every route of a concept, for the description.
impl IntoResponses for ConceptLookupError {
    fn responses() -> BTreeMap<String, RefOr<response::Response>> {
        described_problems([
            ("400", "Not a concept id"),
            ("404", "The index has no such concept"),
            ("410", "The concept was deleted, or replaced by others that the index lacks"),
            ("422", "A parameter is missing, unknown or wrong"),
            ("503", "Starting, stopping or out of time"),
        ])
    }
}
