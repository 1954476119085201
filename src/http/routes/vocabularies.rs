//! `GET /semantic-types` and `GET /sources`.

use axum::{Json, extract::State};

use crate::http::{
    App,
    answer::{SemanticTypesView, SourcesView},
    problem::Problem,
};

/// List the semantic types
///
/// All of the UMLS Semantic Network, each with its group and the number of concepts that the index has of it.
#[utoipa::path(
    get,
    path = "/semantic-types",
    tag = "vocabularies",
    responses(
        (status = 200, description = "The semantic types", body = SemanticTypesView),
        (status = 503, description = "Starting or stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn semantic_types(State(app): State<App>) -> Result<Json<SemanticTypesView>, Problem> {
    let linker = app.linker()?;
    Ok(Json(SemanticTypesView::new(&linker)))
}

/// List the source vocabularies
///
/// Those that this service shows, with what each gives.
#[utoipa::path(
    get,
    path = "/sources",
    tag = "vocabularies",
    responses(
        (status = 200, description = "The sources", body = SourcesView),
        (status = 503, description = "Starting or stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn sources(State(app): State<App>) -> Result<Json<SourcesView>, Problem> {
    let linker = app.linker()?;
    Ok(Json(SourcesView::new(linker.index().concepts())))
}
