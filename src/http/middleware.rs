//! Layers around all routes: request ids and logs, time limits, body limits, panics, the form of
//! errors.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;

use crate::http::{
    connection::ProbesOnly,
    hosts::PROBES,
    metrics::{Metrics, method_label},
    problem::{PROBLEM_JSON, Problem, ProblemKind},
    request::BodyFormat,
    request_id,
};
#[cfg(feature = "otlp")]
use crate::{linker::StageDurations, telemetry::otlp};

/// Target of the log lines of requests.
const LOG_TARGET: &str = "saplink::http";

/// Bytes of the method, path, query and headers of a request.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Refuses a large head, and all requests but probes on a connection beyond the limit.
pub(super) async fn check_connection_and_head(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if request.extensions().get::<ProbesOnly>().is_some() && !PROBES.contains(&path) {
        let detail = "too many connections are open; try again after the time that Retry-After gives";
        let mut response = Problem::new(ProblemKind::Overloaded, detail).into_response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let line = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if line + headers.sum::<usize>() > MAX_HEAD_BYTES {
        let detail = format!("path, query and headers have at most {MAX_HEAD_BYTES} bytes");
        return Problem::new(ProblemKind::HeadTooLarge, detail).into_response();
    }
    next.run(request).await
}

/// Refuses a body that announces more than `max_bytes`, before it is sent. The lines of a stream
/// are bounded one by one. Notes the format of the body for the route that reads it.
pub(super) async fn check_announced_body(max_bytes: usize, mut request: Request, next: Next) -> Response {
    let format = BodyFormat::of(request.headers());
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if format != BodyFormat::Ndjson && length.is_some_and(|bytes| bytes > max_bytes as u64) {
        let detail = format!("a body has at most {max_bytes} bytes");
        return Problem::new(ProblemKind::BodyTooLarge, detail).into_response();
    }
    request.extensions_mut().insert(format);
    next.run(request).await
}

/// The answer to a request whose handler panicked. The message of a panic might contain a mention,
/// so it is not read.
pub(super) fn panic_response(_: Box<dyn Any + Send>) -> Response {
    Problem::new(ProblemKind::Internal, "saplink failed; report the request id").into_response()
}

/// Answers `timeout` when a request takes longer than `timeout`.
pub(super) async fn limit_time(timeout: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(ProblemKind::Timeout, "send fewer mentions at once, or try again later").into_response(),
    }
}

/// Gives errors of the framework the form of a problem.
pub(super) async fn framework_error_to_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.headers().get(header::CONTENT_TYPE) == Some(&PROBLEM_JSON) {
        return response;
    }
    let (parts, _) = response.into_parts();
    let kind = ProblemKind::of_status(status);
    let mut problem = Problem::new(kind, "GET /docs describes the resources").into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

/// Logs and counts a request, and gives it an id. Lines that are logged meanwhile carry the id.
pub(super) async fn log_and_count(metrics: Arc<Metrics>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    // Methods and paths that are not registered come from the client, so fixed labels replace them.
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched".into(), |m| m.as_str().to_owned());
    let id = request_id::next_id();
    let parent = request_id::trace_parent(request.headers());
    let span = tracing::info_span!(target: LOG_TARGET, "request", id, trace = parent.map(|(trace, ..)| trace));
    #[cfg(feature = "otlp")]
    let mut exported = otlp::RequestSpan::start(method, &route, &id, parent);
    async {
        let mut response = next.run(request).await;
        let duration = started.elapsed();
        metrics.count_request(method, &route, response.status(), duration);
        if let Some(kind) = response.extensions().get::<ProblemKind>() {
            metrics.count_problem(*kind);
        }
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        #[cfg(feature = "otlp")]
        if let Some(span) = &mut exported {
            let durations = response.extensions().get::<StageDurations>();
            let stages = durations.into_iter().flat_map(StageDurations::iter);
            span.finish(response.status().as_u16(), stages.map(|(stage, duration)| (stage.as_str(), duration)));
        }
        let (status, milliseconds) = (response.status().as_u16(), duration.as_micros() as f64 / 1e3);
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(target: LOG_TARGET, method, route, status, milliseconds, "answered");
        } else {
            tracing::info!(target: LOG_TARGET, method, route, status, milliseconds, "answered");
        }
        response
    }
    .instrument(span)
    .await
}
