//! Why an index could not be built or opened.

use std::path::PathBuf;

use super::manifest::ModelReference;
use crate::{
    ann::AnnError,
    cancel::Canceled,
    columns::ColumnError,
    concepts::ConceptError,
    files::{ChecksumError, StageError},
};

/// Why an index could not be built or opened.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    File(#[from] ChecksumError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("{}: {reason}", path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error(transparent)]
    Concepts(#[from] ConceptError),
    #[error(transparent)]
    Ann(#[from] AnnError),
    #[error(
        "the index was built with model {} ({}), the model loaded is {} ({}); build the index again or name the other model",
        index.name, index.fingerprint, loaded.name, loaded.fingerprint
    )]
    OtherModel { index: ModelReference, loaded: ModelReference },
    #[error("the graph of so many names takes {} MB of memory, and {} MB are allowed", megabytes(*needed), megabytes(*allowed))]
    Memory { needed: u64, allowed: u64 },
    #[error("{}: {} MB are needed and {} MB are free", path.display(), megabytes(*needed), megabytes(*free))]
    Space { path: PathBuf, needed: u64, free: u64 },
    #[error("there are {found} vectors where {wanted} are wanted")]
    TooFew { found: usize, wanted: usize },
    #[error("the names could not be embedded: {0}")]
    Embed(String),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
