//! `GET /concepts/{cui}`.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};

use crate::{
    domain::is_concept_id,
    http::{
        App,
        answer::ConceptView,
        problem::{Kind, Problem},
    },
};

/// Describe a concept
///
/// Its preferred name, semantic types, every name with source, code and term type, and its codes by source.
#[utoipa::path(
    get,
    path = "/concepts/{cui}",
    tag = "concepts",
    params(("cui" = String, Path, description = "A CUI (C and seven digits) or another vocabulary's prefixed id",
        example = "C0027051")),
    responses(
        (status = 200, description = "The concept", body = ConceptView),
        (status = 400, description = "Not a concept id", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The index has no such concept", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Starting or stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn concept(
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ConceptView>, Problem> {
    let linker = app.linker()?;
    let Some(id) = id.ok().map(|Path(id)| id).filter(|id| is_concept_id(id)) else {
        let detail = "write a CUI (C and seven digits, such as C0027051) or a prefixed id such as HP:0001250";
        return Err(Problem::new(Kind::InvalidConceptId, detail).at("cui"));
    };
    let concepts = linker.index().concepts();
    let Some(concept) = concepts.concept(&id) else {
        return Err(Problem::new(Kind::UnknownConcept, "GET /info says which index is served").at("cui"));
    };
    Ok(Json(ConceptView::new(concept, concepts)))
}
