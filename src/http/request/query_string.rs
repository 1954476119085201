//! Parses query strings with typed errors.
//!
//! Invariant: an error repeats no text of the query except the names of documented parameters.

use std::borrow::Cow;

use axum::{extract::FromRequestParts, http::request::Parts};
use percent_encoding::percent_decode_str;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, IntoDeserializer, Visitor, value::MapDeserializer},
    forward_to_deserialize_any,
};

use crate::http::problem::{Problem, ProblemKind};

/// Why a query string could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    /// It is not percent-encoded UTF-8.
    #[error("the query is not percent-encoded UTF-8")]
    Encoding,
    /// A required parameter is absent.
    #[error("a parameter is missing")]
    Missing(&'static str),
    /// A parameter is there twice.
    #[error("give it once; separate several values by commas")]
    Repeated(&'static str),
    /// A parameter is none of these.
    #[error("unknown parameter; known are `{}`", .0.join("`, `"))]
    Unknown(&'static [&'static str]),
    /// The value of this parameter is no number.
    #[error("expected a whole number, 0 or above")]
    NoNumber(String),
    /// serde reports another error; no type of a parameter causes one.
    #[error("the query cannot be used")]
    Other,
}

impl Error for QueryError {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self::Other
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Repeated(field)
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Unknown(expected)
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let problem = Self::new(ProblemKind::InvalidRequest, error.to_string());
        match error {
            QueryError::Missing(field) | QueryError::Repeated(field) => problem.at(field),
            QueryError::NoNumber(field) => problem.at(field),
            QueryError::Encoding | QueryError::Unknown(_) | QueryError::Other => problem,
        }
    }
}

/// The value of a parameter, with the name of the parameter for errors.
struct ParameterValue<'q> {
    name: Cow<'q, str>,
    value: Cow<'q, str>,
}

impl<'q> IntoDeserializer<'q, QueryError> for ParameterValue<'q> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'q> Deserializer<'q> for ParameterValue<'q> {
    type Error = QueryError;

    fn deserialize_any<V: Visitor<'q>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_string(self.value.into_owned())
    }

    fn deserialize_u64<V: Visitor<'q>>(self, visitor: V) -> Result<V::Value, QueryError> {
        // The name is one of ours: unknown names are refused before their values are read.
        visitor.visit_u64(self.value.parse().map_err(|_| QueryError::NoNumber(self.name.into_owned()))?)
    }

    fn deserialize_option<V: Visitor<'q>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'q>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Parses a query string.
///
/// # Errors
/// The first parameter that is wrong.
pub(super) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, QueryError> {
    // form_urlencoded keeps invalid escapes as they are, and replaces invalid UTF-8.
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    if !query.split('%').skip(1).all(is_escape) || percent_decode_str(query).decode_utf8().is_err() {
        return Err(QueryError::Encoding);
    }
    let pairs = form_urlencoded::parse(query.as_bytes());
    T::deserialize(MapDeserializer::new(pairs.map(|(name, value)| (name.clone(), ParameterValue { name, value }))))
}

/// Reads a list of values that are separated by commas.
pub(super) fn comma_separated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let list = String::deserialize(deserializer)?;
    Ok(Some(list.split(',').map(str::to_owned).collect()))
}

/// The parameters of a query string.
pub(in crate::http) struct QueryParams<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parse(parts.uri.query().unwrap_or_default())?))
    }
}
