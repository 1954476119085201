//! `GET /concepts/{cui}/codes` and `GET /codes/{source}/{code}`: from concepts to codes and back.

use axum::{
    Json,
    extract::{Path, RawQuery, State, rejection::PathRejection},
};

use crate::{
    cancel::CancelToken,
    concepts::ConceptStore,
    domain::curie::source_and_code,
    http::{
        app::App,
        concept_lookup::{ConceptLookupError, invalid_id, look_up},
        problem::{Problem, ProblemKind, unknown_source},
        request::{CodesQuery, QueryParams},
        response::{CodeConceptsView, ConceptCodesView, RetiredView},
    },
};

/// List the codes of a concept
///
/// By source, in pages; each with the name that its source prefers for it, if there is one.
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
        (status = 308, description = "Retired: `Location` is the nearest successor in the index", body = RetiredView),
        ConceptLookupError,
    ),
)]
pub(crate) async fn of_concept(
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    QueryParams(query): QueryParams<CodesQuery>,
) -> Result<Json<ConceptCodesView>, ConceptLookupError> {
    let service = app.service()?;
    let concepts = service.linker().index().concepts();
    let Path(id) = id.map_err(|_| invalid_id())?;
    let page = query.check(concepts)?;
    let concept = look_up(concepts, &id, "/codes", raw.as_deref())?;
    Ok(Json(ConceptCodesView::new(concept, query.target.as_deref(), page, concepts)))
}

/// Find the concepts of a code
///
/// With `target`, each concept comes with the first 100 of its codes in the target sources: a
/// crosswalk. A code may have a prefix that names its source or not (`HP:0001250`, `0001250`;
/// `SNOMEDCT:22298006`); the answer gives it as the index has it.
#[utoipa::path(
    get,
    path = "/codes/{source}/{code}",
    tag = "codes",
    params(
        ("source" = String, Path, description = "Source vocabulary (SAB), or another name of it such as SNOMED",
            example = "SNOMEDCT_US"),
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
    let service = app.service()?;
    let concepts = service.linker().index().concepts();
    let page = query.check(concepts)?;
    let unknown =
        || Problem::new(ProblemKind::UnknownCode, "write the code as its source does, percent-encoded").at("code");
    let Path((source, code)) = path.map_err(|_| unknown())?;
    let Some(source) = concepts.source_abbreviation(&source).map(str::to_owned) else {
        // In the path the source is a part of the resource, not a parameter.
        return Err(Problem { status: 404, ..unknown_source().at("source") });
    };
    // A code may have any number of concepts, so this waits in the queue.
    let work = move |_: &CancelToken| {
        let concepts = service.linker().index().concepts();
        let code = stored_code(&source, &code, concepts).ok_or_else(unknown)?;
        Ok(CodeConceptsView::new(source, code, query.target.as_deref(), page, concepts))
    };
    app.admission().run(work).await.map(Json)
}

/// The code as the index has it: as the client wrote it, or without the prefix of its source, or
/// with the prefix that codes of the source have.
fn stored_code(source: &str, code: &str, concepts: &ConceptStore) -> Option<String> {
    // A prefix of another vocabulary stays: without it, the code could be one of this source.
    let curie =
        source_and_code(code).filter(|(prefix_source, _)| *prefix_source == source).map(|(_, code)| code.into_owned());
    let prefixed = concepts.code_prefix(source).map(|prefix| format!("{prefix}:{code}"));
    let spellings = [Some(code.to_owned()), curie, prefixed];
    spellings.into_iter().flatten().find(|code| concepts.concepts_with_code(source, code).next().is_some())
}
