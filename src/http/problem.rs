//! Errors as RFC 9457 `application/problem+json`.
//!
//! One row of [`Kind::row`] gives a kind's stable type, status and title. Invariant: nothing that a client wrote is repeated in an
//! error: not a mention, not a value, not a name of a field that we do not know.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unauthorized,
    Forbidden,
    TooFast,
    InvalidJson,
    InvalidRequest,
    UnsupportedMediaType,
    BodyTooLarge,
    TooManyMentions,
    TooManyCandidates,
    BlankMention,
    MentionTooLong,
    ControlCharacters,
    UnknownSemanticType,
    UnknownSemanticGroup,
    UnknownSource,
    UnknownLanguage,
    InvalidConceptId,
    UnknownConcept,
    RetiredConcept,
    DeletedConcept,
    UnknownCode,
    NotFound,
    MethodNotAllowed,
    NotReloaded,
    Overloaded,
    Timeout,
    NotReady,
    Internal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 28] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::TooFast,
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::UnsupportedMediaType,
        Self::BodyTooLarge,
        Self::TooManyMentions,
        Self::TooManyCandidates,
        Self::BlankMention,
        Self::MentionTooLong,
        Self::ControlCharacters,
        Self::UnknownSemanticType,
        Self::UnknownSemanticGroup,
        Self::UnknownSource,
        Self::UnknownLanguage,
        Self::InvalidConceptId,
        Self::UnknownConcept,
        Self::RetiredConcept,
        Self::DeletedConcept,
        Self::UnknownCode,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotReloaded,
        Self::Overloaded,
        Self::Timeout,
        Self::NotReady,
        Self::Internal,
    ];

    /// The last part of its type.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// Type, status and title.
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Unauthorized => ("unauthorized", S::UNAUTHORIZED, "The request has no token that is accepted"),
            Self::Forbidden => ("forbidden", S::FORBIDDEN, "The token does not allow that"),
            Self::TooFast => ("too-fast", S::TOO_MANY_REQUESTS, "Too many requests with this token"),
            Self::InvalidJson => ("invalid-json", S::BAD_REQUEST, "The body is not valid JSON"),
            Self::InvalidRequest => {
                ("invalid-request", S::UNPROCESSABLE_ENTITY, "A field is missing, unknown or wrong")
            }
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", S::UNSUPPORTED_MEDIA_TYPE, "The body must be application/json")
            }
            Self::BodyTooLarge => ("body-too-large", S::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::TooManyMentions => ("too-many-mentions", S::UNPROCESSABLE_ENTITY, "Too many mentions in one request"),
            Self::TooManyCandidates => {
                ("too-many-candidates", S::UNPROCESSABLE_ENTITY, "Too many candidates in one request")
            }
            Self::BlankMention => ("blank-mention", S::UNPROCESSABLE_ENTITY, "The mention has no letter or digit"),
            Self::MentionTooLong => ("mention-too-long", S::UNPROCESSABLE_ENTITY, "The mention is too long"),
            Self::ControlCharacters => {
                ("control-characters", S::UNPROCESSABLE_ENTITY, "The mention contains control characters")
            }
            Self::UnknownSemanticType => {
                ("unknown-semantic-type", S::UNPROCESSABLE_ENTITY, "Not a TUI of the UMLS Semantic Network")
            }
            Self::UnknownSemanticGroup => {
                ("unknown-semantic-group", S::UNPROCESSABLE_ENTITY, "Not a group of the UMLS Semantic Network")
            }
            Self::UnknownSource => {
                ("unknown-source", S::UNPROCESSABLE_ENTITY, "The index does not show that source vocabulary")
            }
            Self::UnknownLanguage => {
                ("unknown-language", S::UNPROCESSABLE_ENTITY, "The index has no names in that language")
            }
            Self::InvalidConceptId => ("invalid-concept-id", S::BAD_REQUEST, "Not a concept id"),
            Self::UnknownConcept => ("unknown-concept", S::NOT_FOUND, "The index has no such concept"),
            Self::RetiredConcept => {
                ("retired-concept", S::GONE, "The concept was replaced by others that the index lacks")
            }
            Self::DeletedConcept => ("deleted-concept", S::GONE, "The concept was deleted"),
            Self::UnknownCode => ("unknown-code", S::NOT_FOUND, "The index has no concept with that code"),
            Self::NotFound => ("not-found", S::NOT_FOUND, "There is no such resource"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", S::METHOD_NOT_ALLOWED, "The resource does not support this method")
            }
            Self::NotReloaded => ("not-reloaded", S::CONFLICT, "What was served is served on"),
            Self::Overloaded => ("overloaded", S::TOO_MANY_REQUESTS, "Too many requests are waiting"),
            Self::Timeout => ("timeout", S::SERVICE_UNAVAILABLE, "The request took too long"),
            Self::NotReady => ("not-ready", S::SERVICE_UNAVAILABLE, "The service is not ready"),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "Something went wrong here"),
        }
    }

    /// The kind that a bare `status` of the framework stands for.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => Self::Timeout,
            s if s.is_client_error() => Self::InvalidRequest,
            _ => Self::Internal,
        }
    }
}

/// An error as the client sees it (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:saplink:problem:blank-mention", "title": "The mention has no letter or digit", "status": 422,
    "detail": "write at least one letter or digit", "field": "mention",
}))]
pub struct Problem {
    /// Stable identifier of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What to do about it.
    pub detail: String,
    /// The field of the request at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The last part of its type, to count it by.
    #[serde(skip)]
    #[schema(ignore)]
    pub code: &'static str,
}

impl Problem {
    /// A problem of `kind`.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (code, status, title) = kind.row();
        let kind = format!("urn:saplink:problem:{code}");
        Self { kind, title: title.into(), status: status.as_u16(), detail: detail.into(), field: None, code }
    }

    /// The same, blaming `field`.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

/// What kind of problem a response is, for whoever counts them.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProblemCode(pub &'static str);

/// The media type of a problem.
pub(super) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(ProblemCode(self.code));
        response
    }
}
