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
    /// The calibration in the manifest cannot be used.
    #[error("{}: {reason}", path.display())]
    Calibration {
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
        "building the graph takes {:.1} MiB of memory, and {:.1} MiB are allowed; \
         allow more with --memory, or build with a smaller --m",
        tenths_of_mebibytes(*needed).ceil() / 10.0, tenths_of_mebibytes(*allowed).floor() / 10.0
    )]
    Memory {
        /// Bytes that the graph needs.
        needed: u64,
        /// Bytes that the caller allows.
        allowed: u64,
    },
    /// The file system has too little free space for the vectors and the graph.
    #[error(
        "{}: the vectors and the graph need {:.1} MiB, and {:.1} MiB are free",
        path.display(), tenths_of_mebibytes(*needed).ceil() / 10.0, tenths_of_mebibytes(*free).floor() / 10.0
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

/// What is needed is rounded up and what there is is rounded down, so that the two differ.
fn tenths_of_mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1 << 20) as f64 * 10.0
}
