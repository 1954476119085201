//! `GET /concepts`.

use axum::{Json, extract::State};

use crate::{
    cancel::CancelToken,
    concepts::Filter,
    http::{
        app::App,
        problem::Problem,
        request::{FindQuery, QueryParams},
        response::FindResponse,
    },
};

/// Find concepts by name
///
/// Concepts with the name `q` come first, then concepts with every word of `q` in a name, in any
/// order, then concepts with words in a name that begin with the words of `q`, then concepts with a
/// name that is nearly `q`. Common concepts, which have many names and sources, come first. Runs no
/// inference, so it is fast enough for autocomplete. The same request gives the same order.
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
    let service = app.service()?;
    let request = query.check(service.limits(), service.linker().index().concepts())?;
    let work = move |_: &CancelToken| {
        let concepts = service.linker().index().concepts();
        let filter = Filter::new(&request.filter, concepts);
        let found = concepts.find(&request.q, &filter, request.page.offset, request.page.limit);
        Ok(FindResponse::new(&found, &request, concepts))
    };
    app.admission().run(work).await.map(Json)
}
