//! `GET /semantic-types` and `GET /sources`.

use axum::{Json, extract::State};

use crate::http::{
    app::App,
    problem::Problem,
    response::{SemanticTypesView, SourcesView},
};

/// List the semantic types
///
/// Every type of the UMLS Semantic Network, with its group and the number of its concepts in the
/// index.
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
    Ok(Json(SemanticTypesView::new(app.service()?.linker())))
}

/// List the source vocabularies
///
/// The sources that this service shows, with the number of their concepts, names and codes.
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
    Ok(Json(SourcesView::new(app.service()?.linker().index().concepts())))
}
