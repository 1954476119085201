//! The routes, their OpenAPI description, and the layers around them.
//!
//! To add a route (GET or POST; the labels of metrics and the description of access handle no
//! other method):
//! 1. Write a handler with `#[utoipa::path(..)]` in a file of `routes/`, with its `mod` in
//!    `routes/mod.rs`.
//! 2. Write its answer in `response/` (a type with `ToSchema`) and its parameters in `request/`,
//!    and re-export both there.
//! 3. Add one line to [`api`]. Description, documentation page, metrics and access control follow
//!    from it.
//! 4. Add tests to `tests/it/routes` and `tests/it/privacy.rs`, describe the route in
//!    `docs/api.md`, and run `make openapi`.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, header},
    middleware::{from_fn, map_response},
    response::Redirect,
    routing::get,
};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, set_header::SetResponseHeaderLayer};
use utoipa::{OpenApi, openapi::Server};
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::{
    app::App,
    auth::{self, Access},
    base_path,
    hosts::{Hosts, check_hosts},
    middleware,
    problem::{Problem, ProblemKind},
    request::decompress,
    routes::{admin, codes, concepts, embed, find, link, status, vocabularies},
};

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
struct ApiDescription;

/// Every route of the API with its description.
fn api() -> OpenApiRouter<App> {
    let mut router = OpenApiRouter::with_openapi(ApiDescription::openapi())
        .routes(routes!(link::link))
        .routes(routes!(embed::embed))
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

/// The methods and paths of the API, for [`App::new`].
pub fn route_paths() -> Vec<(&'static str, String)> {
    let openapi = api().into_openapi();
    let method = |item: &utoipa::openapi::PathItem| if item.post.is_some() { "POST" } else { "GET" };
    openapi.paths.paths.iter().map(|(path, item)| (method(item), path.clone())).collect()
}

/// The OpenAPI description as indented JSON, with a line end.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    Ok(api().into_openapi().to_pretty_json()? + "\n")
}

/// The service; `access` decides who may send which requests, and `hosts` under which names.
pub fn router(app: App, access: Access, hosts: Hosts) -> Router {
    let (routes, mut openapi) = api().split_for_parts();
    let base = app.options().base_path.clone();
    openapi.servers = (!base.is_empty()).then(|| vec![Server::new(&base)]);
    // The page finds the description by a relative path, so it works below any path of a proxy.
    let docs = SwaggerUi::new("/docs").url("/openapi.json", openapi).config(Config::from("../openapi.json"));
    let (body_bytes, timeout) = (app.options().body_bytes, app.options().request_timeout);
    let metrics = app.metrics().clone();
    let router = routes
        .with_state(app)
        .merge(Router::from(docs).layer(default_header(CSP, DOCS_CSP)))
        .route("/", get(|| async { Redirect::temporary("/docs/") }))
        .fallback(|| async { Problem::new(ProblemKind::NotFound, "GET /docs describes the resources") })
        .layer(DefaultBodyLimit::max(body_bytes));
    // The last layer is the outermost: it sees a request first and its answer last.
    let router = router
        .layer(from_fn(decompress))
        .layer(from_fn(move |request, next| auth::authorize(access.clone(), request, next)))
        .layer(from_fn(move |request, next| middleware::check_announced_body(body_bytes, request, next)))
        .layer(from_fn(move |request, next| check_hosts(hosts.clone(), request, next)))
        .layer(from_fn(middleware::check_connection_and_head))
        .layer(CatchPanicLayer::custom(middleware::panic_response))
        .layer(from_fn(move |request, next| middleware::limit_time(timeout, request, next)))
        .layer(map_response(middleware::framework_error_to_problem))
        .layer(CompressionLayer::new())
        .layer(default_header(CSP, "default-src 'none'; frame-ancestors 'none'"))
        .layer(default_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(default_header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(default_header(header::REFERRER_POLICY, "no-referrer"))
        .layer(default_header(header::CACHE_CONTROL, "no-store"))
        .layer(from_fn(move |request, next| middleware::log_and_count(metrics.clone(), request, next)));
    base_path::below(&base, router)
}

const CSP: HeaderName = header::CONTENT_SECURITY_POLICY;
/// Policy of the documentation page: its own files, and requests to this service. Swagger UI writes
/// styles into elements and has pictures in its style sheet.
const DOCS_CSP: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Sets a header of every answer that does not have it yet.
fn default_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
