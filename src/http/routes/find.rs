//! `GET /concepts`.

use axum::{Json, extract::State};

use crate::{
    cancel::CancelToken,
    http::{
        App,
        answer::FindResponse,
        problem::Problem,
        query::{FindQuery, QueryParams},
    },
    linker::Filter,
};

/// Find concepts by name
///
/// Concepts that have the name come first, then those with a name that begins with it, then those with a name that is nearly it; without
/// inference, for a box that completes what is typed. The same request gives the same order.
#[utoipa::path(
    get,
    path = "/concepts",
    tag = "concepts",
    params(FindQuery),
    responses(
        (status = 200, description = "A page of the concepts", body = FindResponse),
        (status = 422, description = "A parameter is missing, unknown or wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many requests are waiting", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Starting, stopping or out of time", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn find(
    State(app): State<App>,
    QueryParams(query): QueryParams<FindQuery>,
) -> Result<Json<FindResponse>, Problem> {
    let linker = app.linker()?;
    let asked = query.check(&app.limits, linker.index().concepts())?;
    let work = move |_: &CancelToken| {
        let concepts = linker.index().concepts();
        let filter = Filter::new(&asked.filter, concepts);
        let found = concepts.find(&asked.q, &filter, asked.page.offset, asked.page.limit);
        Ok(FindResponse::new(&found, &asked, concepts))
    };
    app.admitted(work).await.map(Json)
}
