//! Files of mentions, and files of results: lines of JSON, CSV, TSV, Parquet.
//!
//! Reading order: `read` (files to mentions), `rows` (results to rows of a table), `write` (results
//! to files). Lines of JSON have the format of NDJSON at `POST /link`, so this module reads and
//! writes them with `http`.
//!
//! Invariant: an error names the file and the position, and never quotes its content.

mod error;
mod format;
mod read;
mod rows;
mod write;

pub use error::CorpusError;
pub use format::CorpusFormat;
pub(crate) use read::{MentionColumns, MentionFile, MentionRow, read_mentions};
pub(crate) use rows::{LinkedRow, output_names};
pub(crate) use write::{PartialFormat, write_output};
