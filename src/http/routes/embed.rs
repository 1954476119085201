//! `POST /embed`.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    cancel::CancelToken,
    http::{
        app::App,
        linking::{InferenceProblems, link_problem, write_measured},
        problem::Problem,
        request::{EmbedBody, EmbedRequest},
        response::{EmbedResponse, VectorView},
    },
    job::Job,
    linker::{Stage, StageDurations},
};

/// Turn texts into vectors
///
/// For clients with a search of their own. Vectors have length 1, so that an inner product is a
/// cosine; they are those that `POST /link` searches with. Queue and time limit are those of `POST
/// /link`.
#[utoipa::path(
    post,
    path = "/embed",
    tag = "linking",
    request_body(content = EmbedRequest, example = json!({"texts": ["heart attack", "asthma"], "encoding": "base64"})),
    responses(
        (status = 200, description = "A vector for each text", body = EmbedResponse),
        InferenceProblems,
    ),
)]
pub(crate) async fn embed(State(app): State<App>, EmbedBody(request): EmbedBody) -> Result<Response, Problem> {
    let service = app.service()?;
    request.check(service.limits())?;
    let metrics = app.metrics().clone();
    let work = move |cancel: &CancelToken| {
        let encoder = service.linker().encoder();
        let texts: Vec<&str> = request.texts.iter().map(String::as_str).collect();
        let embedded = encoder.embed_timed(&texts, Job::quiet(cancel)).map_err(|e| link_problem(&e))?;
        let mut durations = StageDurations::default();
        durations.add(Stage::Tokenize, embedded.times.tokenize);
        durations.add(Stage::Queue, embedded.times.queue);
        durations.add(Stage::Encode, embedded.times.run);
        let vectors = embedded.vectors.chunks_exact(encoder.dimensions());
        let answer = EmbedResponse {
            vectors: vectors.map(|vector| VectorView::new(vector, request.encoding)).collect(),
            dimensions: encoder.dimensions(),
            truncated: (0..).zip(&embedded.truncated).filter(|(_, truncated)| **truncated).map(|(i, _)| i).collect(),
            model: encoder.manifest().label(),
        };
        write_measured(&metrics, durations, || serde_json::to_vec(&answer))
    };
    let (body, _) = app.admission().run(work).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}
