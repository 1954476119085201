//! `POST /link`.

use std::time::{Duration, Instant};

use axum::{
    extract::{FromRequest, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    cancel::CancelToken,
    http::{
        App,
        answer::{LinkResponse, LinkResult},
        metrics::Metrics,
        problem::{Kind, Problem},
        request::{Checked, JsonBody, LinkRequest},
        stream,
    },
    linker::{EncoderError, Linker, Stages},
};

/// Link mentions to concepts
///
/// Each mention gets at most `top_k` distinct concepts that pass the filters, best first. A mention that is itself a name of
/// the index is answered by its owners with score 1. In `mentions`, one bad mention is an error in its own result.
///
/// With `content-type: application/x-ndjson` a corpus of any length is linked while it is sent: each line is a mention, as in `mentions`,
/// and is answered by a line, a result as in `results`, in their order. A stream that ends early ends with a line that has only `error`.
#[utoipa::path(
    post,
    path = "/link",
    tag = "linking",
    request_body(content = LinkRequest, examples(
        ("one" = (summary = "One mention", value = json!({"mention": "heart attack"}))),
        ("many" = (summary = "Many, with filters", value = json!({
            "mentions": ["heart attack", {"id": "m2", "text": "cold", "semantic_types": ["T047"]}],
            "top_k": 5, "min_score": 0.5, "semantic_groups": ["DISO"]}))),
    )),
    responses(
        (status = 200, description = "A result for each mention", body = LinkResponse),
        (status = 400, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Body too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is missing, unknown or wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many requests are waiting", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "Inference failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Starting, stopping or out of time", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn link(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    if stream::is_stream(request.headers()) {
        return stream::answer(app, request);
    }
    let JsonBody(request) = JsonBody::<LinkRequest>::from_request(request, &()).await?;
    let linker = app.linker()?;
    let mut request = request.check(&app.limits, linker.index().concepts())?;
    if request.single
        && let Some(Checked { query: Err(problem), .. }) = request.mentions.first()
    {
        return Err(problem.clone());
    }
    let alone = request.mentions.len() == 1;
    let (mentions, metrics, served) = (std::mem::take(&mut request.mentions), app.metrics.clone(), linker.clone());
    // Answers may be large: they are written where they are found.
    let work = move |gone: &CancelToken| {
        let (results, stages) = linked(&linker, mentions, &metrics, gone)?;
        let answer = LinkResponse {
            results,
            model: linker.encoder().manifest().label(),
            index: linker.index().manifest().label(),
        };
        let (body, serialize) = written(&metrics, || serde_json::to_vec(&answer))?;
        let [names, tokenize, queue, encode, search] = stages.named();
        let took: Took = [names, tokenize, queue, encode, search, ("serialize", serialize)];
        Ok((body, took))
    };
    let (body, took) = if alone { app.admitted_at_once(&served, work).await } else { app.admitted(work).await }?;
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response();
    if cfg!(feature = "otlp") {
        response.extensions_mut().insert(took);
    }
    Ok(response)
}

/// What an answer took, by its stages.
pub(crate) type Took = [(&'static str, Duration); 6];

/// Links what was accepted; a result for each mention, in their order, and what it took.
///
/// # Errors
/// When inference failed, or nobody waits any more.
pub(crate) fn linked(
    linker: &Linker,
    mentions: Vec<Checked>,
    metrics: &Metrics,
    gone: &CancelToken,
) -> Result<(Vec<LinkResult>, Stages), Problem> {
    let queries: Vec<_> = mentions.iter().filter_map(|m| m.query.as_ref().ok().cloned()).collect();
    let (answers, stages) = linker.link_with(&queries, gone).map_err(|e| match e {
        EncoderError::Canceled(_) => Problem::new(Kind::Timeout, "nobody waits for the answer any more"),
        e => {
            // The error names the model and what ONNX Runtime says of it; no text is in it.
            tracing::error!(error = %e, "linking failed");
            Problem::new(Kind::Internal, "inference failed; the log says why")
        }
    })?;
    metrics.linked(&answers, stages);
    let concepts = linker.index().concepts();
    let mut answers = answers.iter();
    let result = |m: Checked| match m.query {
        Err(problem) => {
            metrics.refused(problem.code);
            LinkResult::error(m.id, m.text, problem)
        }
        Ok(_) => match answers.next() {
            Some(answer) => LinkResult::new(m.id, m.text, answer, concepts),
            None => LinkResult::error(m.id, m.text, Problem::new(Kind::Internal, "no answer was found")),
        },
    };
    Ok((mentions.into_iter().map(result).collect(), stages))
}

/// What `write` writes, and how long it took, which is counted.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn written(
    metrics: &Metrics,
    write: impl FnOnce() -> serde_json::Result<Vec<u8>>,
) -> Result<(Vec<u8>, Duration), Problem> {
    let started = Instant::now();
    let body = write();
    let took = started.elapsed();
    metrics.serialized(took);
    Ok((body.map_err(|_| Problem::new(Kind::Internal, "the answer could not be written"))?, took))
}
