//! `GET /concepts/{cui}` and what lies around a concept.

use axum::{
    Json,
    extract::{Path, RawQuery, State, rejection::PathRejection},
};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};

use crate::http::{
    App,
    answer::{ConceptView, RelatedView, RelationName, RetiredView},
    lookup::{self, Elsewhere},
    problem::{Kind, Problem},
    query::{NamesQuery, PageQuery, QueryParams},
};

/// Describe a concept
///
/// Its preferred name, semantic types, names, codes by source, definitions, and the concepts above and below it. Names come in pages;
/// of codes the first 100 of each source are listed and `/concepts/{cui}/codes` goes on, of the concepts above and below the first 100 of
/// each relation and `/concepts/{cui}/related/{relation}` goes on, of definitions the first 100.
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
        (status = 308, description = "Retired: `Location` is the nearest successor that the index has", body = RetiredView),
        Elsewhere,
    ),
)]
pub(crate) async fn concept(
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    QueryParams(query): QueryParams<NamesQuery>,
) -> Result<Json<ConceptView>, Elsewhere> {
    let linker = app.linker()?;
    let concepts = linker.index().concepts();
    let Path(id) = id.map_err(|_| lookup::no_id())?;
    let names = query.check(concepts)?;
    let concept = lookup::concept(concepts, &id, "", raw.as_deref())?;
    Ok(Json(ConceptView::new(concept, &names, concepts)))
}

/// List the concepts above or below a concept
///
/// `parents` and `children` come from the sources' hierarchies, `broader` and `narrower` from their other relations.
#[utoipa::path(
    get,
    path = "/concepts/{cui}/related/{relation}",
    tag = "concepts",
    params(
        ("cui" = String, Path, description = "A CUI (C and seven digits) or another vocabulary's prefixed id",
            example = "C0027051"),
        ("relation" = inline(RelationName), Path, description = "What they are to the concept", example = "children"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of them, by id", body = RelatedView),
        (status = 308, description = "Retired: `Location` is the nearest successor that the index has", body = RetiredView),
        Elsewhere,
    ),
)]
pub(crate) async fn related(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(raw): RawQuery,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<RelatedView>, Elsewhere> {
    let linker = app.linker()?;
    let concepts = linker.index().concepts();
    let Path((id, relation)) = path.map_err(|_| lookup::no_id())?;
    let name = RelationName::deserialize(relation.as_str().into_deserializer()).map_err(|_: value::Error| {
        Problem::new(Kind::NotFound, "relations are parents, children, broader and narrower").at("relation")
    })?;
    let page = query.check()?;
    let concept = lookup::concept(concepts, &id, &format!("/related/{relation}"), raw.as_deref())?;
    Ok(Json(RelatedView::new(concept, name.into(), page, concepts)))
}
