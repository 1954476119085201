//! Errors of the concept store.

use crate::{cancel::Canceled, columns::ColumnError};

/// Why concepts could not be collected, written or opened.
#[derive(Debug, thiserror::Error)]
pub enum ConceptError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file of the store could not be written or is damaged.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The selection takes no name of the inputs.
    #[error(
        "no name was taken: {suppressed} names are suppressed, {numeric} are of digits or punctuation alone \
         (--keep-bare-numbers), and {other_type} belong to concepts without a selected semantic type (ontologies give \
         no types)"
    )]
    Empty {
        /// Names left out because they are suppressed.
        suppressed: u64,
        /// Names left out because they are of digits or punctuation alone.
        numeric: u64,
        /// Names left out because of the semantic types of their concept.
        other_type: u64,
    },
    /// No name is from this source, which the selection lists.
    #[error("no name is from source {0}, which the selection lists")]
    UnusedSource(String),
    /// No name is in this language, which the selection lists.
    #[error("no name is in language {0}, which the selection lists")]
    UnusedLanguage(String),
    /// The source to hide is not in the index.
    #[error("the index has no source {0:?}; `saplink index info` lists its sources")]
    UnknownSource(String),
    /// The content exceeds this limit of the format.
    #[error("too large for an index: more than {0}")]
    TooLarge(&'static str),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
