//! The error type of this module.

use crate::{cancel::Canceled, columns::ColumnError};

/// Why vectors or a graph could not be written, built or opened.
#[derive(Debug, thiserror::Error)]
pub enum AnnError {
    /// Reading or writing a file failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file of the index is missing or damaged.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The vectors exceed a limit of the format; the field names the limit.
    #[error("too large for an index: more than {0}")]
    TooLarge(&'static str),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
