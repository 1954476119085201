//! Why concepts could not be collected, written or opened.

use crate::{cancel::Canceled, columns::ColumnError};

/// Why concepts could not be collected, written or opened.
#[derive(Debug, thiserror::Error)]
pub enum ConceptError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error(
        "no name was taken; left out were {suppressed} that are suppressed and {other_type} of concepts without a semantic type that was asked \
         for (ontologies give none)"
    )]
    Empty { suppressed: u64, other_type: u64 },
    #[error("no name is from source {0}, which is asked for")]
    UnusedSource(String),
    #[error("no name is in language {0}, which is asked for")]
    UnusedLanguage(String),
    #[error("the index has no source {0:?}; `saplink index info` lists its sources")]
    UnknownSource(String),
    #[error("too large for an index: more than {0}")]
    TooLarge(&'static str),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
