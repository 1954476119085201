//! What clients send, typed: bodies and query strings.
//!
//! Reading order: `json` (decodes JSON with typed errors), `link` (the body of `POST /link`),
//! `body` (its formats), `query_string` (parses query strings), `query` (their parameters), `page`.
//!
//! Invariant: an error names a field of the API and the expected value, never the value that was
//! sent.

mod body;
mod json;
mod link;
mod page;
mod query;
mod query_string;

pub(super) use body::{BodyFormat, LinkBody};
pub(super) use link::{LinkRequest, MentionPath};
pub(crate) use link::{NumberedMention, max_line_bytes, read_line};
pub(super) use page::PageRange;
pub(super) use query::{CodesQuery, FindQuery, FindRequest, NameFilter, NamesQuery, PageQuery};
pub(super) use query_string::QueryParams;
