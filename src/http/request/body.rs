//! The bodies of `POST /link` (one JSON object, or a stream of lines) and of `POST /embed`.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};

use crate::http::{
    problem::{Problem, ProblemKind},
    request::{embed::EmbedRequest, link::LinkRequest},
};

/// The media types of lines of JSON.
const NDJSON_TYPES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];

/// The format of a body, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum BodyFormat {
    /// `application/json`.
    Json,
    /// `application/x-ndjson` or another name of it: one JSON value a line.
    Ndjson,
    /// Any other media type, or none.
    Other,
}

impl BodyFormat {
    /// The format that `content-type` gives.
    pub(in crate::http) fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let media_type = value.split(';').next().unwrap_or("").trim();
        if media_type.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if NDJSON_TYPES.iter().any(|name| media_type.eq_ignore_ascii_case(name)) {
            Self::Ndjson
        } else {
            Self::Other
        }
    }
}

/// The body of `POST /link`.
pub(in crate::http) enum LinkBody {
    Request(Box<LinkRequest>),
    Lines(Body),
}

impl<S: Send + Sync> FromRequest<S> for LinkBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // The middleware that bounds bodies noted the format.
        match request.extensions().get().copied().unwrap_or(BodyFormat::Other) {
            BodyFormat::Ndjson => Ok(Self::Lines(request.into_body())),
            BodyFormat::Other => Err(Problem::new(
                ProblemKind::UnsupportedMediaType,
                "send content-type: application/json or application/x-ndjson",
            )),
            BodyFormat::Json => {
                let body = read_whole(request, state).await?;
                LinkRequest::decode(&body).map(|request| Self::Request(Box::new(request)))
            }
        }
    }
}

/// The body of `POST /embed`.
pub(in crate::http) struct EmbedBody(pub(in crate::http) EmbedRequest);

impl<S: Send + Sync> FromRequest<S> for EmbedBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.extensions().get() != Some(&BodyFormat::Json) {
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, "send content-type: application/json"));
        }
        EmbedRequest::decode(&read_whole(request, state).await?).map(Self)
    }
}

/// The bytes of a body within the limit.
async fn read_whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match ProblemKind::of_status(rejection.status()) {
        ProblemKind::BodyTooLarge => Problem::new(ProblemKind::BodyTooLarge, "send a smaller body"),
        kind => Problem::new(kind, "the body ends too early, or is not compressed as content-encoding says"),
    })
}
