//! Why vectors or a graph could not be written, built or opened.

use crate::{cancel::Canceled, columns::ColumnError};

/// Why vectors or a graph could not be written, built or opened.
#[derive(Debug, thiserror::Error)]
pub enum AnnError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error("too large for an index: more than {0}")]
    TooLarge(&'static str),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
