//! What clients send, typed: bodies and query strings.
//!
//! Reading order: `json` (decodes JSON with typed errors), `mention`, `link` (the body of `POST
//! /link`), `embed` (that of `POST /embed`), `body` (their formats), `query_string` (parses query
//! strings), `query` (their parameters), `page`.
//!
//! Invariant: an error names a field of the API and the expected value, never the value that was
//! sent.

mod body;
mod embed;
mod json;
mod link;
mod mention;
mod page;
mod query;
mod query_string;

pub(super) use body::{BodyFormat, EmbedBody, LinkBody};
pub(super) use embed::{EmbedRequest, VectorEncoding};
pub(super) use link::LinkRequest;
pub(super) use mention::MentionPath;
pub(crate) use mention::{NumberedMention, max_line_bytes, read_line};
pub(super) use page::PageRange;
pub(super) use query::{CodesQuery, FindQuery, FindRequest, NameFilter, NamesQuery, PageQuery};
pub(super) use query_string::QueryParams;
