//! `GET /concepts/{cui}` and `GET /concepts/{cui}/related/{relation}`.

use axum::{
    Json,
    extract::{Path, RawQuery, State, rejection::PathRejection},
};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};

use crate::http::{
    app::App,
    concept_lookup::{ConceptLookupError, invalid_id, look_up},
    problem::{Problem, ProblemKind},
    request::{NamesQuery, PageQuery, QueryParams},
    response::{ConceptView, RelatedView, RelationName, RetiredView},
};

/// Describe a concept
///
/// Its preferred name, semantic types, names, codes by source, definitions and related concepts.
/// Names come in pages. The answer lists the first 100 codes of each source
/// (`/concepts/{cui}/codes` gives all), the first 100 concepts of each relation
/// (`/concepts/{cui}/related/{relation}` gives all), and the first 100 definitions.
#[utoipa::path(
    get,
    path = "/concepts/{cui}",
    tag = "concepts",
    params(
        ("cui" = String, Path, description = "A CUI (C and seven digits) or another vocabulary's prefixed id",
            example = "C0027051"),
        NamesQuery,
    ),
    responses(
        (status = 200, description = "The concept", body = ConceptView),
        (status = 308, description = "Retired: `Location` is the nearest successor in the index", body = RetiredView),
        ConceptLookupError,
    ),
)]
pub(crate) async fn concept(
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    QueryParams(query): QueryParams<NamesQuery>,
) -> Result<Json<ConceptView>, ConceptLookupError> {
    let service = app.service()?;
    let concepts = service.linker().index().concepts();
    let Path(id) = id.map_err(|_| invalid_id())?;
    let filter = query.check(concepts)?;
    let concept = look_up(concepts, &id, "", raw.as_deref())?;
    Ok(Json(ConceptView::new(concept, &filter, concepts)))
}

/// List the concepts above or below a concept
///
/// `parents` and `children` come from the sources' hierarchies, `broader` and `narrower` from their
/// other relations.
#[utoipa::path(
    get,
    path = "/concepts/{cui}/related/{relation}",
    tag = "concepts",
    params(
        ("cui" = String, Path, description = "A CUI (C and seven digits) or another vocabulary's prefixed id",
            example = "C0027051"),
        ("relation" = inline(RelationName), Path, description = "Relation to the concept", example = "children"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of the related concepts, by id", body = RelatedView),
        (status = 308, description = "Retired: `Location` is the nearest successor in the index", body = RetiredView),
        ConceptLookupError,
    ),
)]
pub(crate) async fn related(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(raw): RawQuery,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<RelatedView>, ConceptLookupError> {
    let service = app.service()?;
    let concepts = service.linker().index().concepts();
    let Path((id, relation)) = path.map_err(|_| invalid_id())?;
    let name = RelationName::deserialize(relation.as_str().into_deserializer()).map_err(|_: value::Error| {
        Problem::new(ProblemKind::NotFound, "relations are parents, children, broader and narrower").at("relation")
    })?;
    let page = query.check()?;
    let concept = look_up(concepts, &id, &format!("/related/{relation}"), raw.as_deref())?;
    Ok(Json(RelatedView::new(concept, name.into(), page, concepts)))
}
