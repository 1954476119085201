//! `POST /link`.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    cancel::CancelToken,
    http::{
        app::App,
        linking::{InferenceProblems, PendingResults, link_problem, write_measured},
        problem::Problem,
        request::{LinkBody, LinkRequest},
        response::LinkResponse,
        routes::ndjson,
    },
};

/// Link mentions to concepts
///
/// Each mention gets at most `top_k` distinct concepts that pass the filters, best first. When a
/// mention is a name of the index, the concepts that own the name come first, with score 1. In
/// `mentions`, a mention that is wrong has the error in its own result.
///
/// Words that qualify the term ("h/o", "no", "500 mg") may be left out: `read_as` and `left_out`
/// say so. A mention that denies its term, or that its best candidate contradicts, has the status
/// `nil`.
///
/// With `content-type: application/x-ndjson` a corpus of any length is linked while it is sent.
/// Each line is a mention, as in `mentions`, and is answered by a line, a result as in `results`,
/// in the same order. A stream that ends early ends with a line that has only the field `error`.
#[utoipa::path(
    post,
    path = "/link",
    tag = "linking",
    request_body(content = LinkRequest, examples(
        ("one" = (summary = "One mention", value = json!({"mention": "heart attack"}))),
        ("explained" = (summary = "How the probabilities came about", value = json!({
            "mention": "metformin 500 mg po bid", "explain": true}))),
        ("as_written" = (summary = "As written: nothing is left out or repaired", value = json!({
            "mention": "h/o asthma", "readings": false, "spelling": false}))),
        ("many" = (summary = "Many, with filters", value = json!({
            "mentions": ["heart attack", {"id": "m2", "text": "cold", "semantic_types": ["T047"]}],
            "top_k": 5, "min_score": 0.5, "semantic_groups": ["DISO"]}))),
    )),
    responses(
        (status = 200, description = "A result for each mention", body = LinkResponse),
        InferenceProblems,
    ),
)]
pub(crate) async fn link(State(app): State<App>, body: LinkBody) -> Result<Response, Problem> {
    match body {
        LinkBody::Lines(lines) => ndjson::respond(app, lines),
        LinkBody::Request(request) => link_request(&app, *request).await,
    }
}

async fn link_request(app: &App, request: LinkRequest) -> Result<Response, Problem> {
    let service = app.service()?;
    let pending = PendingResults::of_request(&service, request)?;
    let runs_inline = pending.is_one() && service.linker().encoder().is_idle();
    let metrics = app.metrics().clone();
    // Large answers take time to write: they are written on the thread that links.
    let work = move |cancel: &CancelToken| {
        let (results, durations) = pending.link(cancel).map_err(|e| link_problem(&e))?;
        metrics.count_results(&results);
        let linker = service.linker();
        let (model, index) = (linker.encoder().manifest().label(), linker.index().manifest().label());
        let answer = LinkResponse { results, model, index };
        write_measured(&metrics, durations, || serde_json::to_vec(&answer))
    };
    let (body, durations) =
        if runs_inline { app.admission().run_inline(work) } else { app.admission().run(work).await }?;
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response();
    if cfg!(feature = "otlp") {
        response.extensions_mut().insert(durations);
    }
    Ok(response)
}
