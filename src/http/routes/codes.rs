//! `GET /concepts/{cui}/codes` and `GET /codes/{source}/{code}`: from concepts to codes and back.

use axum::{
    Json,
    extract::{Path, RawQuery, State, rejection::PathRejection},
};

use crate::{
    cancel::CancelToken,
    domain::curie::source_and_code,
    http::{
        App,
        answer::{CodeConceptsView, ConceptCodesView, RetiredView},
        lookup::{self, Elsewhere},
        problem::{Kind, Problem},
        query::{CodesQuery, QueryParams},
    },
    linker::ConceptStore,
};

/// List the codes of a concept
///
/// By source, in pages; each with the name that its source prefers for it, if it gives one.
#[utoipa::path(
    get,
    path = "/concepts/{cui}/codes",
    tag = "codes",
    params(
        ("cui" = String, Path, description = "A CUI (C and seven digits) or another vocabulary's prefixed id",
            example = "C0027051"),
        CodesQuery,
    ),
    responses(
        (status = 200, description = "A page of its codes, by source", body = ConceptCodesView),
        (status = 308, description = "Retired: `Location` is the nearest successor that the index has", body = RetiredView),
        Elsewhere,
    ),
)]
pub(crate) async fn of_concept(
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    QueryParams(query): QueryParams<CodesQuery>,
) -> Result<Json<ConceptCodesView>, Elsewhere> {
    let linker = app.linker()?;
    let concepts = linker.index().concepts();
    let Path(id) = id.map_err(|_| lookup::no_id())?;
    let page = query.check(concepts)?;
    let concept = lookup::concept(concepts, &id, "/codes", raw.as_deref())?;
    Ok(Json(ConceptCodesView::new(concept, query.target.as_deref(), page, concepts)))
}

/// Find the concepts of a code
///
/// With `target`, each comes with the first 100 of its codes in other sources: a crosswalk. A code may be written with a prefix that
/// names its source or without (`HP:0001250`, `0001250`; `SNOMEDCT:22298006`); it is answered as the index has it.
#[utoipa::path(
    get,
    path = "/codes/{source}/{code}",
    tag = "codes",
    params(
        ("source" = String, Path, description = "Source vocabulary (SAB)", example = "SNOMEDCT_US"),
        ("code" = String, Path, description = "Code in it, percent-encoded", example = "22298006"),
        CodesQuery,
    ),
    responses(
        (status = 200, description = "The concepts, by id", body = CodeConceptsView),
        (status = 404, description = "The index does not show the source, or has no concept with the code", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "A parameter is missing, unknown or wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many requests are waiting", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Starting, stopping or out of time", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn with_code(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
    QueryParams(query): QueryParams<CodesQuery>,
) -> Result<Json<CodeConceptsView>, Problem> {
    let linker = app.linker()?;
    let concepts = linker.index().concepts();
    let page = query.check(concepts)?;
    let unknown = || Problem::new(Kind::UnknownCode, "write it as its source does, percent-encoded").at("code");
    let Path((source, code)) = path.map_err(|_| unknown())?;
    if concepts.source(&source).is_none() {
        let problem = Problem::new(Kind::UnknownSource, "GET /sources lists the sources").at("source");
        // As a part of the path it is what was looked for, not a parameter that is wrong.
        return Err(Problem { status: 404, ..problem });
    }
    // What a concept has is read in milliseconds, but a code may have any number of concepts.
    let work = move |_: &CancelToken| {
        let concepts = linker.index().concepts();
        let code = stored(&source, &code, concepts).ok_or_else(unknown)?;
        Ok(CodeConceptsView::new(source, code, query.target.as_deref(), page, concepts))
    };
    app.admitted(work).await.map(Json)
}

/// A code as the index has it: as it was written, what it is as a CURIE of the source, or with the prefix that codes of the source have.
fn stored(source: &str, code: &str, concepts: &ConceptStore) -> Option<String> {
    // A prefix of another vocabulary is not dropped: its code would be taken for this source's.
    let curie = source_and_code(code).filter(|(named, _)| *named == source).map(|(_, code)| code.into_owned());
    let prefixed = concepts.code_prefix(source).map(|prefix| format!("{prefix}:{code}"));
    let readings = [Some(code.to_owned()), curie, prefixed];
    readings.into_iter().flatten().find(|code| concepts.concepts_with_code(source, code).next().is_some())
}
