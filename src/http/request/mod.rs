//! What clients send, typed: bodies and query strings.
//!
//! Reading order: `json` (decodes JSON with typed errors), `mention`, `link` (the body of `POST
//! /link`), `lines` (cuts streams and files into lines), `embed` (the body of `POST /embed`),
//! `body` (the formats of bodies), `compression`, `query_string` (parses query strings), `query`
//! (their parameters), `page`.
//!
//! Invariant: an error names a field of the API and the expected value, never the value that was
//! sent.

mod body;
mod compression;
mod embed;
mod json;
mod lines;
mod link;
mod mention;
mod page;
mod query;
mod query_string;

pub(super) use body::{BodyFormat, EmbedBody, LinkBody};
pub(super) use compression::decompress;
pub(super) use embed::{EmbedRequest, VectorEncoding};
pub use lines::LineSplitter;
pub(crate) use lines::split_lines;
pub(super) use link::LinkRequest;
pub(super) use mention::MentionPath;
pub use mention::{NumberedMention, max_line_bytes, read_line};
pub(super) use page::PageRange;
pub(super) use query::{CodesQuery, FindQuery, FindRequest, NameFilter, NamesQuery, PageQuery};
pub(super) use query_string::QueryParams;
