//! Access control: bearer tokens (RFC 6750) from a file, each with its own rate limit; some may use
//! the administration routes.
//!
//! Invariant: saplink stores and compares only the sha256 of tokens, so that the duration of a
//! comparison reveals nothing about a token. No log, error or metric has a token.

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

use crate::http::problem::{Problem, ProblemKind};

/// Characters of a token.
const MIN_TOKEN_LENGTH: usize = 16;
/// Paths that need no token: probes, and the description of the API.
const PUBLIC_PATHS: [&str; 4] = ["/healthz", "/readyz", "/openapi.json", "/"];
/// This path and the paths below it need no token either.
const PUBLIC_FOLDER: &str = "/docs";

/// Paths below it need the right to administer.
const ADMIN_PREFIX: &str = "/admin/";
/// Prefix of a token, in the file, that may administer.
const ADMIN_MARK: &str = "admin ";

/// Name of the security scheme in the description.
const SECURITY_SCHEME: &str = "token";

type TokenHash = [u8; 32];

/// The requests that a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Right {
    /// All but those that administer.
    Use,
    /// All.
    Administer,
}

/// The clients that may send requests.
#[derive(Clone)]
pub enum Access {
    /// Clients with a token of the file.
    Tokens(Arc<Tokens>),
    /// All programs of this machine, which may also administer.
    Local,
    /// All clients that reach the service; none may administer.
    Public,
}

/// Why a file of tokens could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A line holds no valid token.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong, without the token.
        reason: String,
    },
    /// The file has no tokens.
    #[error("{}: it has no tokens", .0.display())]
    Empty(PathBuf),
}

/// Tokens that [`Tokens::read_again`] read and that are not accepted yet.
pub struct TokenSet(HashMap<TokenHash, Right>);

/// The accepted tokens of a file.
pub struct Tokens {
    path: PathBuf,
    accepted: RwLock<HashMap<TokenHash, Right>>,
    rates: Option<DefaultKeyedRateLimiter<TokenHash>>,
}

impl Tokens {
    /// Reads `path`: one token a line, with `admin` before a token that may administer; empty lines
    /// and lines that begin with `#` are ignored. Each token may send `rate` requests a second, and
    /// a burst of as many.
    ///
    /// # Errors
    /// [`TokensError`] names the file, and the line of a token that is too short or has white space
    /// in it.
    pub fn read(path: &Path, rate: Option<NonZeroU32>) -> Result<Self, TokensError> {
        let rates = rate.map(|rate| RateLimiter::keyed(Quota::per_second(rate)));
        Ok(Self { path: path.into(), accepted: RwLock::new(parse(path)?), rates })
    }

    /// Reads the file again, and accepts none of its tokens yet.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn read_again(&self) -> Result<TokenSet, TokensError> {
        parse(&self.path).map(TokenSet)
    }

    /// Accepts `tokens` instead of the previous ones.
    pub fn replace(&self, tokens: TokenSet) {
        *self.accepted.write().unwrap_or_else(PoisonError::into_inner) = tokens.0;
        if let Some(rates) = &self.rates {
            rates.retain_recent();
        }
    }

    /// The right of the client that sent `headers`.
    fn right(&self, headers: &HeaderMap) -> Result<Right, Problem> {
        let header = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let token =
            header.filter(|h| h.len() > 7 && h[..7].eq_ignore_ascii_case(b"bearer ")).map(|h| h[7..].trim_ascii());
        let token = token.map(|token| TokenHash::from(Sha256::digest(token)));
        let accepted = self.accepted.read().unwrap_or_else(PoisonError::into_inner);
        let Some((token, &right)) = token.and_then(|token| accepted.get_key_value(&token)) else {
            return Err(Problem::new(
                ProblemKind::Unauthorized,
                "send the header authorization: Bearer TOKEN with an accepted token",
            ));
        };
        match &self.rates {
            Some(rates) if rates.check_key(token).is_err() => Err(Problem::new(
                ProblemKind::TooFast,
                "this token sends more requests a second than --rate-limit allows",
            )),
            _ => Ok(right),
        }
    }
}

fn parse(path: &Path) -> Result<HashMap<TokenHash, Right>, TokensError> {
    let text = fs_err::read_to_string(path)?;
    let mut tokens = HashMap::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let token = line.trim();
        if token.is_empty() || token.starts_with('#') {
            continue;
        }
        let (token, right) = match token.strip_prefix(ADMIN_MARK) {
            Some(token) => (token.trim_start(), Right::Administer),
            None => (token, Right::Use),
        };
        let wrong = |reason: String| TokensError::Line { path: path.into(), line: number, reason };
        if token.len() < MIN_TOKEN_LENGTH {
            return Err(wrong(format!("a token has at least {MIN_TOKEN_LENGTH} characters")));
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong("a token has only printable ASCII characters, and no white space".into()));
        }
        tokens.insert(Sha256::digest(token.as_bytes()).into(), right);
    }
    if tokens.is_empty() { Err(TokensError::Empty(path.into())) } else { Ok(tokens) }
}

/// Passes a request on if its client may send it.
pub(super) async fn authorize(access: Access, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_below_public = |rest: &str| rest.is_empty() || rest.starts_with('/');
    let is_public = PUBLIC_PATHS.contains(&path) || path.strip_prefix(PUBLIC_FOLDER).is_some_and(is_below_public);
    let right = match &access {
        Access::Tokens(tokens) if !is_public => tokens.right(request.headers()),
        Access::Local => Ok(Right::Administer),
        Access::Tokens(_) | Access::Public => Ok(Right::Use),
    };
    let required = if path.starts_with(ADMIN_PREFIX) { Right::Administer } else { Right::Use };
    match right {
        Ok(right) if right >= required => next.run(request).await,
        Ok(_) => {
            let detail = "send a token that the file of tokens marks with `admin`";
            Problem::new(ProblemKind::Forbidden, detail).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// Adds the tokens, and the errors about them, to the description of the operations that need one.
pub(super) fn describe(openapi: &mut OpenApi) {
    let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let http =
        http.description(Some("A token of the file that `--tokens` names; a service without this option needs none"));
    let components = openapi.components.get_or_insert_default();
    components.security_schemes.insert(SECURITY_SCHEME.into(), SecurityScheme::Http(http.build()).into());
    let refused = |description: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(description).content("application/problem+json", content).build()
    };
    for (path, item) in openapi.paths.paths.iter_mut().filter(|(path, _)| !PUBLIC_PATHS.contains(&path.as_str())) {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.security =
                Some(vec![SecurityRequirement::new(SECURITY_SCHEME, [] as [&str; 0]), SecurityRequirement::default()]);
            let responses = &mut operation.responses.responses;
            responses.insert("401".into(), refused("No token, or one that is not accepted").into());
            if path.starts_with(ADMIN_PREFIX) {
                responses.insert("403".into(), refused("A token that may not administer").into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_tokens_are_reported_by_line_and_not_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        for (content, expected) in [
            ("", "it has no tokens"),
            ("# none\n\n", "it has no tokens"),
            ("0123456789abcdef\nCANARY\n", "tokens:2: a token has at least 16 characters"),
            ("CANARY 0123456789\n", "tokens:1: a token has only printable ASCII"),
            ("admin CANARY\n", "tokens:1: a token has at least 16 characters"),
            ("CANARY\u{e4}0123456789\n", "tokens:1: a token has only printable ASCII"),
        ] {
            fs_err::write(&path, content).unwrap();
            let error = Tokens::read(&path, None).err().unwrap().to_string();
            assert!(error.contains(expected) && !error.contains("CANARY"), "{error}");
        }
        assert!(Tokens::read(&dir.path().join("missing"), None).err().unwrap().to_string().contains("missing"));
    }

    #[test]
    fn only_complete_tokens_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs_err::write(&path, "# one\n 0123456789abcdef \r\nadmin  fedcba9876543210\n").unwrap();
        let tokens = Tokens::read(&path, None).unwrap();
        let right = |header: &str| {
            let header = HeaderValue::from_str(header).unwrap();
            tokens.right(&HeaderMap::from_iter([(header::AUTHORIZATION, header)])).ok()
        };
        for (header, expected) in [
            ("Bearer 0123456789abcdef", Right::Use),
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
        assert!(
            tokens.read_again().is_err() && right("Bearer 0123456789abcdef").is_some(),
            "the previous tokens stay accepted"
        );
        fs_err::write(&path, "aaaaaaaaaaaaaaaa").unwrap();
        tokens.replace(tokens.read_again().unwrap());
        assert!(right("Bearer aaaaaaaaaaaaaaaa").is_some() && right("Bearer 0123456789abcdef").is_none());
    }
}
