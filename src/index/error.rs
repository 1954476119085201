//! The error type of this module.

use std::path::PathBuf;

use super::references::ModelReference;
use crate::{
    ann::AnnError,
    cancel::Canceled,
    columns::ColumnError,
    concepts::ConceptError,
    files::{ChecksumError, StageError},
};

/// Why an index could not be built, opened, measured or changed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Reading or writing a file failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file is missing, or differs from the manifest in size or checksum.
    #[error(transparent)]
    File(#[from] ChecksumError),
    /// The new directory could not be created or put in place.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// `index.json` or `partial.json` cannot be used.
    #[error("{}: {reason}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it, and the remedy.
        reason: String,
    },
    /// A mapped file is missing or damaged.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The concepts and names could not be read or written.
    #[error(transparent)]
    Concepts(#[from] ConceptError),
    /// The vectors or the graph could not be read or written.
    #[error(transparent)]
    Ann(#[from] AnnError),
    /// The loaded model gives other vectors than the model of the index.
    #[error(
        "the index was built with model {} ({}), the model loaded is {} ({}); \
         build the index again or name the other model",
        index.name, index.fingerprint, loaded.name, loaded.fingerprint
    )]
    OtherModel {
        /// The model that the index was built with.
        index: ModelReference,
        /// The model that is loaded.
        loaded: ModelReference,
    },
    /// Building the graph takes more memory than the caller allows.
    #[error(
        "building the graph takes {} MB of memory, and {} MB are allowed; \
         allow more with --memory, or build with a smaller --m",
        megabytes(*needed), megabytes(*allowed)
    )]
    Memory {
        /// Bytes that the graph needs.
        needed: u64,
        /// Bytes that the caller allows.
        allowed: u64,
    },
    /// The file system has too little free space for the vectors and the graph.
    #[error(
        "{}: the vectors and the graph need {} MB, and {} MB are free",
        path.display(), megabytes(*needed), megabytes(*free)
    )]
    Space {
        /// The directory of the new index.
        path: PathBuf,
        /// Bytes that the files need.
        needed: u64,
        /// Free bytes of the file system.
        free: u64,
    },
    /// A file of vectors has fewer rows than a measurement needs.
    #[error("there are {found} vectors, and {needed} are needed")]
    TooFewVectors {
        /// Rows of the file.
        found: usize,
        /// Rows that the measurement needs.
        needed: usize,
    },
    /// The model failed on the names.
    #[error("the names could not be embedded: {0}")]
    Embed(String),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
