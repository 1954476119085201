//! Errors of section files.

use std::path::PathBuf;

/// Why a section file could not be written or opened.
#[derive(Debug, thiserror::Error)]
pub enum ColumnError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file differs from what saplink wrote.
    #[error("{}: damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first contradiction found.
        reason: String,
    },
    /// The content exceeds this limit of the format.
    #[error("too large for an index: more than {0}")]
    TooLarge(&'static str),
}
