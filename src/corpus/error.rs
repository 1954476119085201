//! The error type of this module.

use std::path::PathBuf;

/// Why a file of mentions or results could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The file name has the extension of no supported format.
    #[error("{}: unsupported extension; use .ndjson, .jsonl, .csv or .tsv (also with .gz), or .parquet", .0.display())]
    Format(PathBuf),
    /// The file cannot be read; the error names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A table lacks a column.
    #[error("{}: it has no column {column}; name the columns with --column and --id-column", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The missing column.
        column: String,
    },
    /// The file is damaged.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}
