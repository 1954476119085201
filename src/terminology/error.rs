//! The error type of this module.

use std::path::PathBuf;

use crate::{cancel::Canceled, terminology::BadRows};

/// A terminology could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TerminologyError {
    /// A file could not be opened or read; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file as a whole cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file, or the directory of a UMLS release.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file has more bad rows than are allowed.
    #[error("{}: {bad} of {rows} rows are bad, more than --max-bad-rows {allowed} allows; {first}", path.display())]
    BadRows {
        /// The file.
        path: PathBuf,
        /// Number of bad rows.
        bad: u64,
        /// Number of all rows.
        rows: u64,
        /// The limit.
        allowed: BadRows,
        /// The first bad rows with their lines and reasons, separated by `; `.
        first: String,
    },
    /// A file has no rows.
    #[error("{}: it has no rows", .0.display())]
    Empty(PathBuf),
    /// The receiver of the statements failed.
    #[error(transparent)]
    Sink(Box<dyn std::error::Error + Send + Sync>),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
