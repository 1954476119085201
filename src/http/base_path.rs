//! `--base-path`: the path below which a reverse proxy publishes the service.
//!
//! A proxy may pass the path on or remove it; both are answered. Invariant: every `Location` and
//! the description name paths below the base path; the routes, their metrics and their access
//! control know nothing of it.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Uri, header, uri::PathAndQuery},
    middleware::{Next, from_fn},
    response::Response,
};

/// Serves `router` below `base`, a path such as `/saplink`; an empty one changes nothing.
pub(super) fn below(base: &str, router: Router) -> Router {
    if base.is_empty() {
        return router;
    }
    let base: Arc<str> = base.into();
    // The layer is around a router of its own, so that it changes a path before routes are looked
    // up.
    Router::new()
        .fallback_service(router)
        .layer(from_fn(move |request: Request, next: Next| answer(base.clone(), request, next)))
}

async fn answer(base: Arc<str>, mut request: Request, next: Next) -> Response {
    if let Some(uri) = without_base(request.uri(), &base) {
        *request.uri_mut() = uri;
    }
    let mut response = next.run(request).await;
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    if let Some(path) = location.filter(|location| location.starts_with('/'))
        && let Ok(location) = HeaderValue::from_str(&format!("{base}{path}"))
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The URI without the base path; absent if it is not below it.
fn without_base(uri: &Uri, base: &str) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    let rest = match rest.as_bytes().first() {
        Some(b'/') => rest.to_owned(),
        None | Some(b'?') => format!("/{rest}"),
        Some(_) => return None,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_segment_is_removed() {
        for (uri, expected) in [
            ("/saplink/info?x=1", Some("/info?x=1")),
            ("/saplink", Some("/")),
            ("/saplink?x=1", Some("/?x=1")),
            ("/saplink/", Some("/")),
            ("/saplinks/info", None),
            ("/info", None),
        ] {
            let rest = without_base(&uri.parse().unwrap(), "/saplink").map(|uri| uri.to_string());
            assert_eq!(rest.as_deref(), expected, "{uri}");
        }
    }
}
