//! Who may ask: bearer tokens (RFC 6750) from a file, each with a rate of its own.
//!
//! Invariant: a token is kept and compared as its sha256 alone, so that how long a comparison takes says nothing about it, and is in no
//! log, error or metric.

use std::{
    collections::HashSet,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sha2::{Digest, Sha256};
use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, ResponseBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use super::problem::{Kind, Problem};

/// Characters of a token at least.
const SHORTEST: usize = 16;
/// Answered without a token: probes, and what describes the interface.
const OPEN: [&str; 4] = ["/healthz", "/readyz", "/openapi.json", "/"];
const OPEN_BELOW: &str = "/docs";

/// What the description calls the way to send a token.
const SCHEME: &str = "token";

type Token = [u8; 32];

/// Why tokens could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{}:{line}: {reason}", path.display())]
    Line { path: PathBuf, line: usize, reason: String },
    #[error("{}: it has no tokens", .0.display())]
    Empty(PathBuf),
}

/// The tokens that are accepted.
pub struct Tokens {
    path: PathBuf,
    accepted: RwLock<HashSet<Token>>,
    rates: Option<DefaultKeyedRateLimiter<Token>>,
}

impl Tokens {
    /// Reads `path`: a token a line; lines that are empty or begin with `#` are not looked at. Each token may ask `rate` times a second,
    /// and as many times at once.
    ///
    /// # Errors
    /// [`TokensError`] names the file, and the line of a token that is too short or has white space in it.
    pub fn read(path: &Path, rate: Option<NonZeroU32>) -> Result<Self, TokensError> {
        let rates = rate.map(|rate| RateLimiter::keyed(Quota::per_second(rate)));
        Ok(Self { path: path.into(), accepted: RwLock::new(parse(path)?), rates })
    }

    /// Reads the file again; if it cannot be read, the tokens stay what they are.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn reload(&self) -> Result<(), TokensError> {
        let accepted = parse(&self.path)?;
        *self.accepted.write().unwrap_or_else(PoisonError::into_inner) = accepted;
        if let Some(rates) = &self.rates {
            rates.retain_recent();
        }
        Ok(())
    }

    /// Whether a request with `headers` may go on.
    fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let header = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let token =
            header.filter(|h| h.len() > 7 && h[..7].eq_ignore_ascii_case(b"bearer ")).map(|h| h[7..].trim_ascii());
        let token = token.map(|token| Token::from(Sha256::digest(token)));
        let accepted = self.accepted.read().unwrap_or_else(PoisonError::into_inner);
        let Some(token) = token.filter(|token| accepted.contains(token)) else {
            return Err(Problem::new(
                Kind::Unauthorised,
                "send authorization: Bearer and a token that is accepted here",
            ));
        };
        match &self.rates {
            Some(rates) if rates.check_key(&token).is_err() => {
                Err(Problem::new(Kind::TooFast, "this token asks more often than it may"))
            }
            _ => Ok(()),
        }
    }
}

fn parse(path: &Path) -> Result<HashSet<Token>, TokensError> {
    let text = fs_err::read_to_string(path)?;
    let mut tokens = HashSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let token = line.trim();
        if token.is_empty() || token.starts_with('#') {
            continue;
        }
        let wrong = |reason: String| TokensError::Line { path: path.into(), line: number, reason };
        if token.len() < SHORTEST {
            return Err(wrong(format!("a token has {SHORTEST} characters at least")));
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong("a token is of letters, digits and signs of ASCII, without white space".into()));
        }
        tokens.insert(Sha256::digest(token.as_bytes()).into());
    }
    if tokens.is_empty() { Err(TokensError::Empty(path.into())) } else { Ok(tokens) }
}

/// Lets through what has a token and what needs none.
pub async fn authorised(tokens: std::sync::Arc<Tokens>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = OPEN.contains(&path)
        || path.strip_prefix(OPEN_BELOW).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match if open { Ok(()) } else { tokens.check(request.headers()) } {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Says in the description which operations a service with tokens asks for one.
pub fn describe(openapi: &mut OpenApi) {
    let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let http = http
        .description(Some("A token of the file that `--tokens` names; a service without that option asks for none"));
    let components = openapi.components.get_or_insert_default();
    components.security_schemes.insert(SCHEME.into(), SecurityScheme::Http(http.build()).into());
    let refused = || {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description("No token that is accepted").content("application/problem+json", content)
    };
    for (_, item) in openapi.paths.paths.iter_mut().filter(|(path, _)| !OPEN.contains(&path.as_str())) {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.security =
                Some(vec![SecurityRequirement::new(SCHEME, [] as [&str; 0]), SecurityRequirement::default()]);
            operation.responses.responses.insert("401".into(), refused().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_are_none_are_named_by_their_line_and_not_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        for (content, expected) in [
            ("", "it has no tokens"),
            ("# none\n\n", "it has no tokens"),
            ("0123456789abcdef\nCANARY\n", "tokens:2: a token has 16 characters at least"),
            ("CANARY 0123456789\n", "tokens:1: a token is of letters"),
            ("CANARY\u{e4}0123456789\n", "tokens:1: a token is of letters"),
        ] {
            fs_err::write(&path, content).unwrap();
            let error = Tokens::read(&path, None).err().unwrap().to_string();
            assert!(error.contains(expected) && !error.contains("CANARY"), "{error}");
        }
        assert!(Tokens::read(&dir.path().join("missing"), None).err().unwrap().to_string().contains("missing"));
    }

    #[test]
    fn only_whole_tokens_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs_err::write(&path, "# one\n 0123456789abcdef \r\nfedcba9876543210\n").unwrap();
        let tokens = Tokens::read(&path, None).unwrap();
        let accepted = |header: &str| {
            let header = HeaderValue::from_str(header).unwrap();
            tokens.check(&HeaderMap::from_iter([(header::AUTHORIZATION, header)])).is_ok()
        };
        for header in ["Bearer 0123456789abcdef", "bearer fedcba9876543210", "BEARER  fedcba9876543210"] {
            assert!(accepted(header), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!accepted(header), "{header}");
        }
        assert!(tokens.check(&HeaderMap::new()).is_err());
        fs_err::write(&path, "short").unwrap();
        assert!(tokens.reload().is_err() && accepted("Bearer 0123456789abcdef"), "what was accepted still is");
        fs_err::write(&path, "aaaaaaaaaaaaaaaa").unwrap();
        tokens.reload().unwrap();
        assert!(accepted("Bearer aaaaaaaaaaaaaaaa") && !accepted("Bearer 0123456789abcdef"));
    }
}
