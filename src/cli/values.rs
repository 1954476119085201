//! What values of the command line are taken.
//!
//! Invariant: each says what it would have taken.

use crate::domain;

/// No number on the command line means anything beyond this.
const MOST: usize = 1_000_000_000;

pub(super) fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=MOST).contains(n)).ok_or_else(|| format!("must be between 1 and {MOST}"))
}

pub(super) fn workers(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(|| "must be between 1 and 1024".into())
}

pub(super) fn semantic_type(text: &str) -> Result<String, String> {
    let known = domain::semantic_type::position(text).is_some();
    known.then(|| text.to_owned()).ok_or_else(|| "must be TUIs such as T047".into())
}

pub(super) fn semantic_group(text: &str) -> Result<String, String> {
    let known = domain::semantic_type::is_group(text);
    known.then(|| text.to_owned()).ok_or_else(|| "must be groups such as DISO".into())
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|s| (0.0..=1.0).contains(s)).ok_or_else(|| "must be between 0 and 1".into())
}

pub(super) fn cosine(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|s| (-1.0..=1.0).contains(s)).ok_or_else(|| "must be between -1 and 1".into())
}

pub(super) fn batch(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| (2..=1 << 20).contains(n))
        .ok_or_else(|| "must be between 2 and 1048576: a pair alone has nothing to be told apart from".into())
}

pub(super) fn rate(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|r: &f32| r.is_finite() && *r > 0.0).ok_or_else(|| "must be above 0".into())
}

#[cfg(feature = "otlp")]
pub fn collector(text: &str) -> Result<String, String> {
    let url = text.parse::<axum::http::Uri>().ok();
    let known =
        url.is_some_and(|url| url.scheme_str() == Some("http") && url.host().is_some() && url.query().is_none());
    known
        .then(|| text.trim_end_matches('/').to_owned())
        .ok_or_else(|| "must be a URL such as http://localhost:4318".into())
}
