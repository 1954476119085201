//! Who may ask what: bearer tokens (RFC 6750) from a file, each with a rate of its own; some of them may administer the service.
//!
//! Invariant: a token is kept and compared as its sha256 alone, so that how long a comparison takes says nothing about it, and is in no
//! log, error or metric.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
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

use crate::http::problem::{Kind, Problem};

/// Characters of a token at least.
const SHORTEST: usize = 16;
/// Answered without a token: probes, and what describes the interface.
const OPEN: [&str; 4] = ["/healthz", "/readyz", "/openapi.json", "/"];
const OPEN_BELOW: &str = "/docs";

/// What below it changes the service.
const ADMIN: &str = "/admin/";
/// Stands before a token that may do that.
const ADMIN_MARK: &str = "admin ";

/// What the description calls the way to send a token.
const SCHEME: &str = "token";

type Token = [u8; 32];

/// What somebody may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Right {
    Ask,
    Administer,
}

/// Who may ask.
#[derive(Clone)]
pub enum Access {
    /// Who has a token.
    Tokens(Arc<Tokens>),
    /// Everybody, as none but this machine can: administration too.
    Local,
    /// Everybody, but for administration.
    Everybody,
}

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
    accepted: RwLock<HashMap<Token, Right>>,
    rates: Option<DefaultKeyedRateLimiter<Token>>,
}

impl Tokens {
    /// Reads `path`: a token a line, with `admin` before one that may administer; lines that are empty or begin with `#` are not looked at. Each token may ask `rate` times a second,
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

    /// What whoever sent `headers` may ask.
    fn right(&self, headers: &HeaderMap) -> Result<Right, Problem> {
        let header = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let token =
            header.filter(|h| h.len() > 7 && h[..7].eq_ignore_ascii_case(b"bearer ")).map(|h| h[7..].trim_ascii());
        let token = token.map(|token| Token::from(Sha256::digest(token)));
        let accepted = self.accepted.read().unwrap_or_else(PoisonError::into_inner);
        let Some((token, &right)) = token.and_then(|token| accepted.get_key_value(&token)) else {
            return Err(Problem::new(
                Kind::Unauthorized,
                "send authorization: Bearer and a token that is accepted here",
            ));
        };
        match &self.rates {
            Some(rates) if rates.check_key(token).is_err() => {
                Err(Problem::new(Kind::TooFast, "this token asks more often than it may"))
            }
            _ => Ok(right),
        }
    }
}

fn parse(path: &Path) -> Result<HashMap<Token, Right>, TokensError> {
    let text = fs_err::read_to_string(path)?;
    let mut tokens = HashMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let token = line.trim();
        if token.is_empty() || token.starts_with('#') {
            continue;
        }
        let (token, right) = match token.strip_prefix(ADMIN_MARK) {
            Some(token) => (token.trim_start(), Right::Administer),
            None => (token, Right::Ask),
        };
        let wrong = |reason: String| TokensError::Line { path: path.into(), line: number, reason };
        if token.len() < SHORTEST {
            return Err(wrong(format!("a token has {SHORTEST} characters at least")));
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong("a token is of letters, digits and signs of ASCII, without white space".into()));
        }
        tokens.insert(Sha256::digest(token.as_bytes()).into(), right);
    }
    if tokens.is_empty() { Err(TokensError::Empty(path.into())) } else { Ok(tokens) }
}

/// Lets through what may be asked.
pub(super) async fn authorized(access: Access, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = OPEN.contains(&path)
        || path.strip_prefix(OPEN_BELOW).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let right = match &access {
        Access::Tokens(tokens) if !open => tokens.right(request.headers()),
        Access::Local => Ok(Right::Administer),
        Access::Tokens(_) | Access::Everybody => Ok(Right::Ask),
    };
    let wanted = if path.starts_with(ADMIN) { Right::Administer } else { Right::Ask };
    match right {
        Ok(right) if right >= wanted => next.run(request).await,
        Ok(_) => {
            Problem::new(Kind::Forbidden, "it takes a token that the file of tokens marks with `admin`").into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// Says in the description which operations a service with tokens asks for one.
pub(super) fn describe(openapi: &mut OpenApi) {
    let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let http = http
        .description(Some("A token of the file that `--tokens` names; a service without that option asks for none"));
    let components = openapi.components.get_or_insert_default();
    components.security_schemes.insert(SCHEME.into(), SecurityScheme::Http(http.build()).into());
    let refused = |description: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(description).content("application/problem+json", content).build()
    };
    for (path, item) in openapi.paths.paths.iter_mut().filter(|(path, _)| !OPEN.contains(&path.as_str())) {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.security =
                Some(vec![SecurityRequirement::new(SCHEME, [] as [&str; 0]), SecurityRequirement::default()]);
            let responses = &mut operation.responses.responses;
            responses.insert("401".into(), refused("No token that is accepted").into());
            if path.starts_with(ADMIN) {
                responses.insert("403".into(), refused("A token that may not administer").into());
            }
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
            ("admin CANARY\n", "tokens:1: a token has 16 characters at least"),
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
        fs_err::write(&path, "# one\n 0123456789abcdef \r\nadmin  fedcba9876543210\n").unwrap();
        let tokens = Tokens::read(&path, None).unwrap();
        let right = |header: &str| {
            let header = HeaderValue::from_str(header).unwrap();
            tokens.right(&HeaderMap::from_iter([(header::AUTHORIZATION, header)])).ok()
        };
        for (header, expected) in [
            ("Bearer 0123456789abcdef", Right::Ask),
            ("bearer fedcba9876543210", Right::Administer),
            ("BEARER  fedcba9876543210", Right::Administer),
        ] {
            assert_eq!(right(header), Some(expected), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer admin fedcba9876543210",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert_eq!(right(header), None, "{header}");
        }
        assert!(tokens.right(&HeaderMap::new()).is_err());
        fs_err::write(&path, "short").unwrap();
        assert!(tokens.reload().is_err() && right("Bearer 0123456789abcdef").is_some(), "what was accepted still is");
        fs_err::write(&path, "aaaaaaaaaaaaaaaa").unwrap();
        tokens.reload().unwrap();
        assert!(right("Bearer aaaaaaaaaaaaaaaa").is_some() && right("Bearer 0123456789abcdef").is_none());
    }
}
