//! What a concept id leads to: the concept, the one that took its place, or an error.
//!
//! Invariant: every resource of a concept treats ids alike.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, ResponseBuilder, response},
};

use crate::http::{
    answer::RetiredView,
    problem::{Kind, Problem},
};
use crate::{
    domain::is_concept_id,
    linker::{ConceptId, ConceptStore, Retired},
};

/// Why there is nothing under the id that was asked for.
pub(super) enum Elsewhere {
    /// What was asked for is at this location.
    Moved(String, RetiredView),
    Problem(Problem),
}

/// The concept that `id` names, whose resource lies `below` it and was asked for with `query`.
///
/// # Errors
/// Where the concept is now, or why it is nowhere.
pub(super) fn concept(
    concepts: &ConceptStore,
    id: &str,
    below: &str,
    query: Option<&str>,
) -> Result<ConceptId, Elsewhere> {
    if !is_concept_id(id) {
        return Err(no_id().into());
    }
    if let Some(concept) = concepts.concept(id) {
        return Ok(concept);
    }
    let Some(retired) = concepts.retired(id) else {
        return Err(Problem::new(
            Kind::UnknownConcept,
            "GET /concepts?q= looks for it by name, GET /info says which index is served",
        )
        .at("cui")
        .into());
    };
    let Some(successor) = retired.successors.iter().find(|s| s.concept.is_some()) else {
        return Err(gone(&retired).into());
    };
    // No character of an id needs an escape in a path.
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    let location = format!("/concepts/{}{below}{query}", successor.id);
    Err(Elsewhere::Moved(location, RetiredView::new(&retired, concepts)))
}

/// The problem of a path that holds no concept id.
pub(super) fn no_id() -> Problem {
    let detail = "write a CUI (a capital C and seven digits, such as C0027051) or a prefixed id such as HP:0001250";
    Problem::new(Kind::InvalidConceptId, detail).at("cui")
}

/// So many successors that the index lacks are named.
const NAMED: usize = 10;

fn gone(retired: &Retired) -> Problem {
    if retired.deleted {
        return Problem::new(Kind::DeletedConcept, "nothing took its place").at("cui");
    }
    let ids: Vec<&str> = retired.successors.iter().take(NAMED).map(|s| s.id).collect();
    let named = if ids.is_empty() { String::new() } else { format!(": {}", ids.join(", ")) };
    let more = match retired.successors.len() - ids.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let detail = format!("what took its place is not in the index{named}{more}");
    Problem::new(Kind::RetiredConcept, detail).at("cui")
}

impl From<Problem> for Elsewhere {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Elsewhere {
    fn into_response(self) -> Response {
        match self {
            Self::Moved(location, retired) => {
                (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)], Json(retired)).into_response()
            }
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// The errors of every resource of a concept.
impl IntoResponses for Elsewhere {
    fn responses() -> BTreeMap<String, RefOr<response::Response>> {
        let problem = |description: &str| {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            ResponseBuilder::new().description(description).content("application/problem+json", content).build().into()
        };
        [
            ("400", "Not a concept id"),
            ("404", "The index has no such concept"),
            ("410", "The concept was deleted, or replaced by others that the index lacks"),
            ("422", "A parameter is missing, unknown or wrong"),
            ("503", "Starting, stopping or out of time"),
        ]
        .map(|(status, description)| (status.into(), problem(description)))
        .into()
    }
}
