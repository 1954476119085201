//! `GET /healthz`, `GET /readyz`, `GET /info` and `GET /metrics`.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    http::{
        app::App,
        metrics::MEDIA_TYPE,
        problem::{Problem, ProblemKind},
        response::{Health, Info, Limits},
    },
    linker::LinkService,
};

/// Whether the process is alive
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses(
        (status = 200, description = "Alive", body = Health, example = json!({"status": "ok"})),
        (status = 503, description = "Out of time", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether requests are answered
///
/// Ready after the model and the index are loaded and one mention was linked; not ready while the
/// service stops.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "Ready", body = Health, example = json!({"status": "ready"})),
        (status = 503, description = "Starting or stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Json<Health>, Problem> {
    app.service()?;
    if app.is_stopping() {
        return Err(Problem::new(ProblemKind::NotReady, "the service is stopping"));
    }
    Ok(Json(Health { status: "ready" }))
}

/// The active model and index, and the limits
#[utoipa::path(
    get,
    path = "/info",
    tag = "operation",
    responses(
        (status = 200, description = "Model, index, sources and limits", body = Info, example = json!({
            "version": "0.2.0",
            "model": {"name": "saplink-mini", "fingerprint": "5f0c0f3a2b1d4e6f", "dimensions": 384, "max_tokens": 25,
                "device": "cpu"},
            "index": {"name": "starter", "fingerprint": "91bc7a1002d3c4b5", "concepts": 2000, "atoms": 8000, "rows": 8000,
                "sources": [{"source": "SAPLINK", "languages": ["ENG"], "concepts": 2000, "atoms": 8000, "codes": 0}],
                "nil_threshold": 0.75,
                "calibration": {"mentions": 860, "nil_share": 0.2, "calibration_error": 0.02, "nil_precision": 0.7, "nil_recall": 0.8},
                "exact": false, "ef_search": 96,
                "recall": {"queries": 1000, "at_1": 0.995, "at_10": 0.992}},
            "onnxruntime": "ORT Build Info: ..",
            "limits": {"body_bytes": 2_097_152, "mentions": 1000, "mention_bytes": 1000, "top_k": 100,
                "candidates": 20_000}})),
        (status = 503, description = "Starting or stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn info(State(app): State<App>) -> Result<Json<Info>, Problem> {
    let options = app.options();
    let limits = Limits::new(options.body_bytes, &options.limits);
    Ok(Json(Info::new(app.service()?.linker(), &options.onnxruntime, limits)))
}

/// The metrics, for Prometheus
///
/// Text format 0.0.4: requests, problems, stages of linking, batches, the cache of vectors. No
/// label has a value that a client sent.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "text/plain",
            example = "saplink_requests_total{method=\"POST\",route=\"/link\",status=\"200\"} 42\n"),
        (status = 500, description = "A metric could not be written", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Out of time", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = app.metrics().text(app.active().as_ref().map(LinkService::linker));
    let text = text.map_err(|_| Problem::new(ProblemKind::Internal, "a metric could not be written"))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], text).into_response())
}
