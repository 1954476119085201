//! Why a file of columns could not be written or opened.

use std::path::PathBuf;

/// Why a file of columns could not be written or opened.
#[derive(Debug, thiserror::Error)]
pub enum ColumnError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file is not as it was written.
    #[error("{}: damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// The content exceeds a limit of the format.
    #[error("too large for an index: more than {0}")]
    TooLarge(&'static str),
}
