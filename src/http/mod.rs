//! The HTTP face: router, limits, errors, documentation.
//!
//! Reading order: this file (state and router), `request`, `query` and `answer` (the contract), `problem` (errors), `lookup` (what an id
//! names), `auth`, `metrics`, `routes`, `stream` (corpora),
//! `trace` (which request a line of the log is of), `tls`, `server` (connections).
//!
//! Invariant: knows neither ONNX Runtime nor the index's files. No mention, header or query string is logged: a span has a method, a
//! route as it is registered, a status and a duration; one that is exported (`telemetry::otlp`) has those of its stages too.

mod answer;
mod auth;
mod lookup;
mod metrics;
mod problem;
mod query;
mod request;
mod routes;
mod server;
mod stream;
mod tls;
mod trace;

use std::{
    sync::{Arc, PoisonError, RwLock, atomic::AtomicBool, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use prometheus_client::metrics::gauge::Gauge;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};
use tracing::Instrument;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use crate::http::{
    auth::authorized,
    metrics::Metrics,
    problem::{Kind, PROBLEM_JSON, ProblemCode},
    routes::{admin, codes, concepts, find, link, status, vocabularies},
};
pub use crate::http::{
    auth::{Access, Tokens, TokensError},
    problem::Problem,
    server::{ConnectionLimits, serve},
    stream::LineLinker,
    tls::{Tls, TlsError, certificates},
};
#[cfg(feature = "otlp")]
use crate::telemetry::otlp;
use crate::{cancel::CancelToken, linker::Linker};

/// Bounds on what a client may ask.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Mentions of a request.
    pub mentions: usize,
    /// Bytes of a mention, in UTF-8.
    pub mention_bytes: usize,
    /// Candidates of a mention.
    pub top_k: usize,
    /// Candidates of a request: what its mentions' `top_k` may add up to.
    pub candidates: usize,
}

/// What the handlers share.
#[derive(Clone)]
pub struct App {
    linker: Arc<RwLock<Option<Arc<Linker>>>>,
    stopping: Arc<AtomicBool>,
    /// Requests at work or waiting for a session.
    admission: Arc<Semaphore>,
    limits: Limits,
    timeout: Duration,
    onnxruntime: Arc<str>,
    metrics: Arc<Metrics>,
    reload: mpsc::Sender<Reload>,
}

/// Somebody who asked to load anew, and is to be told what became of it.
pub type Reload = oneshot::Sender<Result<(), String>>;

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 2 << 20, mentions: 1000, mention_bytes: 1000, top_k: 100, candidates: 20_000 }
    }
}

impl App {
    /// A service that is not ready; at most `queue` requests are admitted at once, and none takes longer than `timeout`. Who asks it to load
    /// anew is given by the receiver.
    pub fn new(limits: Limits, queue: usize, timeout: Duration, onnxruntime: &str) -> (Self, mpsc::Receiver<Reload>) {
        let (reload, reloads) = mpsc::channel(1);
        let app = Self {
            reload,
            linker: Arc::default(),
            stopping: Arc::default(),
            admission: Arc::new(Semaphore::new(queue)),
            limits,
            timeout,
            onnxruntime: onnxruntime.into(),
            metrics: Arc::new(Metrics::new(&paths())),
        };
        (app, reloads)
    }

    /// Makes it ready, or serves another index from now on: requests that have begun are finished with the one that they began with,
    /// which is freed after the last of them.
    pub fn ready(&self, linker: Linker) {
        *self.linker.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(linker));
    }

    /// Makes `/readyz` fail on the connections that are still open; what they send is still done.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// What is served, if it is ready.
    pub fn served(&self) -> Option<Arc<Linker>> {
        self.linker.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn linker(&self) -> Result<Arc<Linker>, Problem> {
        self.served().ok_or_else(|| Problem::new(Kind::NotReady, "the model and the index are being loaded"))
    }

    /// Does `work` on a thread that serves no connections, unless too much is waiting already. It is told when nobody waits for it any
    /// more: when the client has gone, or the time is over.
    async fn admitted<T: Send + 'static>(
        &self,
        work: impl FnOnce(&CancelToken) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.permit()?;
        self.done(permit, work).await
    }

    /// As [`App::admitted`], for the work of one mention: where a session is idle it is done on the thread that read the request, since to
    /// wake another, and to be woken by it, takes a quarter of a millisecond.
    async fn admitted_at_once<T: Send + 'static>(
        &self,
        linker: &Linker,
        work: impl FnOnce(&CancelToken) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.permit()?;
        if !linker.encoder().is_idle() {
            return self.done(permit, work).await;
        }
        let _counted = Counted::new(&self.metrics.admitted);
        tokio::task::block_in_place(|| work(&CancelToken::at(Instant::now() + self.timeout)))
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let detail = "the queue is full; try again after the time that Retry-After gives";
        self.admission.clone().try_acquire_owned().map_err(|_| Problem::new(Kind::Overloaded, detail))
    }

    /// As [`App::admitted`], for a client that waits for its turn.
    async fn admitted_in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&CancelToken) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.admission.clone().acquire_owned();
        let permit = permit.await.map_err(|_| Problem::new(Kind::NotReady, "the service is stopping"))?;
        self.done(permit, work).await
    }

    async fn done<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(&CancelToken) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let gone = Gone(Arc::default());
        let (flag, admitted) = (CancelToken::on(gone.0.clone()), self.metrics.admitted.clone());
        let span = tracing::Span::current();
        let work = tokio::task::spawn_blocking(move || {
            let _admitted = (permit, Counted::new(&admitted));
            span.in_scope(|| work(&flag))
        });
        work.await.map_err(|_| Problem::new(Kind::Internal, "the work was not finished"))?
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Counts in a gauge for as long as it lives.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Raises its flag when it is dropped with the request that it belongs to.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "saplink",
        description = "Links medical mentions to UMLS concepts with SapBERT embeddings.\n\nErrors are \
            `application/problem+json` (RFC 9457) with a stable `type`; they never repeat a mention.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "linking", description = "Mentions to concepts"),
        (name = "concepts", description = "Names to concepts, and what the index knows of one"),
        (name = "codes", description = "Concepts to the codes of source vocabularies and back"),
        (name = "vocabularies", description = "Semantic types and source vocabularies"),
        (name = "operation", description = "Probes and facts about this deployment"),
    ),
)]
struct Api;

fn api() -> OpenApiRouter<App> {
    let mut router = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(link::link))
        .routes(routes!(find::find))
        .routes(routes!(concepts::concept))
        .routes(routes!(concepts::related))
        .routes(routes!(codes::of_concept))
        .routes(routes!(codes::with_code))
        .routes(routes!(vocabularies::semantic_types))
        .routes(routes!(vocabularies::sources))
        .routes(routes!(status::healthz))
        .routes(routes!(status::readyz))
        .routes(routes!(status::info))
        .routes(routes!(status::metrics))
        .routes(routes!(admin::reload));
    auth::describe(router.get_openapi_mut());
    router
}

/// The methods and paths of the API.
fn paths() -> Vec<(&'static str, String)> {
    let openapi = api().into_openapi();
    let method = |item: &utoipa::openapi::PathItem| if item.post.is_some() { "POST" } else { "GET" };
    openapi.paths.paths.iter().map(|(path, item)| (method(item), path.clone())).collect()
}

/// The OpenAPI description as pretty JSON, with a line end.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    Ok(api().into_openapi().to_pretty_json()? + "\n")
}

/// The service, which answers who has `access`.
pub fn router(app: App, access: Access) -> Router {
    let (routes, openapi) = api().split_for_parts();
    let (body_bytes, timeout, metrics) = (app.limits.body_bytes, app.timeout, app.metrics.clone());
    let router = routes
        .with_state(app)
        .merge(Router::from(SwaggerUi::new("/docs").url("/openapi.json", openapi)).layer(always(CSP, PAGE)))
        .route("/", get(|| async { Redirect::temporary("/docs/") }))
        .fallback(|| async { Problem::new(Kind::NotFound, "GET /docs describes the resources") })
        .layer(DefaultBodyLimit::max(body_bytes));
    router
        .layer(middleware::from_fn(move |request, next| authorized(access.clone(), request, next)))
        .layer(middleware::from_fn(move |request, next| announced(body_bytes, request, next)))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            // What a panic says might hold a mention, so it is not looked at.
            Problem::new(Kind::Internal, "the request met an error in saplink").into_response()
        }))
        .layer(middleware::from_fn(move |request, next| in_time(timeout, request, next)))
        .layer(middleware::map_response(as_problem))
        .layer(always(CSP, "default-src 'none'; frame-ancestors 'none'"))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::X_FRAME_OPTIONS, "DENY"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(header::CACHE_CONTROL, "no-store"))
        .layer(middleware::from_fn(move |request, next| log(metrics.clone(), request, next)))
}

const CSP: HeaderName = header::CONTENT_SECURITY_POLICY;
/// What the documentation's page may do: be itself, and ask this service. Swagger UI writes styles into elements and has pictures in its own
/// style sheet.
const PAGE: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// A header of every answer that does not say otherwise.
fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Refuses a body that is announced as too large before it is sent; lines are bounded one by one.
async fn announced(most: usize, request: Request, next: Next) -> Response {
    if stream::is_stream(request.headers()) {
        return next.run(request).await;
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|n| n > most as u64) {
        return Problem::new(Kind::BodyTooLarge, format!("a body has at most {most} bytes")).into_response();
    }
    next.run(request).await
}

async fn in_time(timeout: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Kind::Timeout, "send fewer mentions at once, or try again later").into_response(),
    }
}

/// Gives the framework's own errors our form.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.headers().get(header::CONTENT_TYPE) == Some(&PROBLEM_JSON) {
        return response;
    }
    let (parts, _) = response.into_parts();
    let mut problem = Problem::new(Kind::of_status(status), "GET /docs describes the resources").into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

/// Logs and counts a request; what is logged meanwhile says which it was of.
async fn log(metrics: Arc<Metrics>, request: Request<Body>, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // A path that matches no route is the client's own words.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched".into(), |m| m.as_str().to_owned());
    let id = trace::next_id();
    let parent = trace::parent(request.headers());
    let span = tracing::info_span!("request", id, trace = parent.map(|(trace, ..)| trace));
    #[cfg(feature = "otlp")]
    let mut exported = otlp::RequestSpan::start(metrics::known(&method), &route, &id, parent);
    async {
        let mut response = next.run(request).await;
        let took = started.elapsed();
        metrics.answered(&method, &route, response.status(), took);
        if let Some(ProblemCode(code)) = response.extensions().get() {
            metrics.problem(code);
        }
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(trace::REQUEST_ID, id);
        }
        #[cfg(feature = "otlp")]
        if let Some(span) = &mut exported {
            let stages = response.extensions().get::<link::Took>();
            span.answered(response.status().as_u16(), stages.map_or(&[], |stages| stages));
        }
        let (status, milliseconds) = (response.status().as_u16(), took.as_micros() as f64 / 1e3);
        // A method that is none of ours is the client's own words.
        let method = metrics::known(&method);
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(method, route, status, milliseconds, "answered");
        } else {
            tracing::info!(method, route, status, milliseconds, "answered");
        }
        response
    }
    .instrument(span)
    .await
}
