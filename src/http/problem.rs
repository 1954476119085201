//! Errors as RFC 9457 `application/problem+json`.
//!
//! [`ProblemKind::row`] gives each kind its stable type, status and title. Invariant: an error
//! repeats nothing that a client sent: no mention, no value, no name of an unknown field.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{Content, Ref, RefOr, ResponseBuilder, response},
};

use crate::linker::Fault;

/// Problem responses of a route for its description, from pairs of status and text.
pub(super) fn described_problems(
    problems: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> BTreeMap<String, RefOr<response::Response>> {
    let response = |description: &str| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        ResponseBuilder::new().description(description).content("application/problem+json", content).build().into()
    };
    problems.into_iter().map(|(status, description)| (status.to_owned(), response(description))).collect()
}

/// The kind of a problem; documented in `docs/api.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// No token, or one that is not accepted.
    Unauthorized,
    /// The token may not administer.
    Forbidden,
    /// The host of the request is not one of this service.
    WrongHost,
    /// The page that sent the request is not of this service.
    WrongOrigin,
    /// The token exceeds its rate.
    TooFast,
    /// The body is no JSON.
    InvalidJson,
    /// A field or parameter is missing, unknown or wrong.
    InvalidRequest,
    /// The media type of the body.
    UnsupportedMediaType,
    /// The compression of the body.
    UnsupportedEncoding,
    /// The head of the request exceeds the limit.
    HeadTooLarge,
    /// The body exceeds the limit.
    BodyTooLarge,
    /// The request exceeds the limit of mentions.
    TooManyMentions,
    /// The request exceeds the limit of candidates.
    TooManyCandidates,
    /// The text has no letter or digit.
    BlankMention,
    /// The text exceeds the limit.
    MentionTooLong,
    /// The text has control characters.
    ControlCharacters,
    /// A filter names an unknown semantic type.
    UnknownSemanticType,
    /// A filter names an unknown semantic group.
    UnknownSemanticGroup,
    /// The index does not show a source.
    UnknownSource,
    /// The index has no names in a language.
    UnknownLanguage,
    /// The path holds no concept id.
    InvalidConceptId,
    /// The index has no such concept.
    UnknownConcept,
    /// The concept has successors, none of which is in the index.
    RetiredConcept,
    /// The concept was deleted without a successor.
    DeletedConcept,
    /// No concept has the code.
    UnknownCode,
    /// The service has no such resource.
    NotFound,
    /// The resource has no such method.
    MethodNotAllowed,
    /// A reload was refused.
    NotReloaded,
    /// The queue is full.
    Overloaded,
    /// The request took too long.
    Timeout,
    /// The service starts or stops.
    NotReady,
    /// Inference failed, or saplink has a bug.
    Internal,
}

impl ProblemKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 32] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::WrongHost,
        Self::WrongOrigin,
        Self::TooFast,
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::UnsupportedMediaType,
        Self::UnsupportedEncoding,
        Self::HeadTooLarge,
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

    /// The last part of the type, such as `blank-mention`.
    pub(crate) const fn code(self) -> &'static str {
        self.row().0
    }

    /// Type, status and title.
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Unauthorized => ("unauthorized", S::UNAUTHORIZED, "The request has no accepted token"),
            Self::Forbidden => ("forbidden", S::FORBIDDEN, "The token does not allow this request"),
            Self::WrongHost => ("wrong-host", S::MISDIRECTED_REQUEST, "The service does not serve this host"),
            Self::WrongOrigin => ("wrong-origin", S::FORBIDDEN, "The service does not serve pages of this origin"),
            Self::TooFast => ("too-fast", S::TOO_MANY_REQUESTS, "Too many requests with this token"),
            Self::InvalidJson => ("invalid-json", S::BAD_REQUEST, "The body or line is not valid JSON"),
            Self::InvalidRequest => {
                ("invalid-request", S::UNPROCESSABLE_ENTITY, "A field is missing, unknown or wrong")
            }
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", S::UNSUPPORTED_MEDIA_TYPE, "The body must be JSON or NDJSON")
            }
            Self::UnsupportedEncoding => {
                ("unsupported-encoding", S::UNSUPPORTED_MEDIA_TYPE, "The compression of the body is not supported")
            }
            Self::HeadTooLarge => {
                ("head-too-large", S::REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large")
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
            Self::UnknownSemanticType => (
                "unknown-semantic-type",
                S::UNPROCESSABLE_ENTITY,
                "The UMLS Semantic Network has no such semantic type",
            ),
            Self::UnknownSemanticGroup => (
                "unknown-semantic-group",
                S::UNPROCESSABLE_ENTITY,
                "The UMLS Semantic Network has no such semantic group",
            ),
            Self::UnknownSource => {
                ("unknown-source", S::UNPROCESSABLE_ENTITY, "The index does not show that source vocabulary")
            }
            Self::UnknownLanguage => {
                ("unknown-language", S::UNPROCESSABLE_ENTITY, "The index has no names in that language")
            }
            Self::InvalidConceptId => ("invalid-concept-id", S::BAD_REQUEST, "The path holds no concept id"),
            Self::UnknownConcept => ("unknown-concept", S::NOT_FOUND, "The index has no such concept"),
            Self::RetiredConcept => {
                ("retired-concept", S::GONE, "The concept was replaced by concepts that the index does not have")
            }
            Self::DeletedConcept => ("deleted-concept", S::GONE, "The concept was deleted"),
            Self::UnknownCode => ("unknown-code", S::NOT_FOUND, "The index has no concept with that code"),
            Self::NotFound => ("not-found", S::NOT_FOUND, "There is no such resource"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", S::METHOD_NOT_ALLOWED, "The resource does not support this method")
            }
            Self::NotReloaded => ("not-reloaded", S::CONFLICT, "Nothing was reloaded"),
            Self::Overloaded => ("overloaded", S::TOO_MANY_REQUESTS, "Too many requests are waiting"),
            Self::Timeout => ("timeout", S::SERVICE_UNAVAILABLE, "The request took too long"),
            Self::NotReady => ("not-ready", S::SERVICE_UNAVAILABLE, "The service is not ready"),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "The service failed"),
        }
    }

    /// The kind of an error of the framework with this `status`.
    pub(crate) fn of_status(status: StatusCode) -> Self {
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
    pub(crate) type_uri: String,
    pub(crate) title: String,
    pub(crate) status: u16,
    /// What to do about it.
    pub(crate) detail: String,
    /// The field of the request at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// The kind, for the metrics.
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) kind: ProblemKind,
}

impl Problem {
    /// A problem of `kind`; `detail` gives the remedy.
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let (code, status, title) = kind.row();
        let type_uri = format!("urn:saplink:problem:{code}");
        Self { type_uri, title: title.into(), status: status.as_u16(), detail: detail.into(), field: None, kind }
    }

    /// The same problem, with the field at fault.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let kind = match fault {
            Fault::TextTooLong { .. } => ProblemKind::MentionTooLong,
            Fault::ControlCharacters => ProblemKind::ControlCharacters,
            Fault::Blank => ProblemKind::BlankMention,
            Fault::IdTooLong | Fault::TopKOutOfRange { .. } | Fault::MinScoreOutOfRange | Fault::FilterTooLong => {
                ProblemKind::InvalidRequest
            }
            Fault::UnknownSemanticType => ProblemKind::UnknownSemanticType,
            Fault::UnknownSemanticGroup => ProblemKind::UnknownSemanticGroup,
            Fault::UnknownSource => return unknown_source(),
        };
        Self::new(kind, fault.to_string())
    }
}

/// The problem of a source that the index does not show.
pub(crate) fn unknown_source() -> Problem {
    Problem::new(ProblemKind::UnknownSource, "GET /sources lists the sources")
}

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
        // The middleware counts problems by it.
        response.extensions_mut().insert(self.kind);
        response
    }
}
