//! The error type of this module.

use std::path::PathBuf;

use crate::{ann::AnnError, cancel::Canceled, encoder::EncoderError, index::IndexError};

/// An error of the evaluation.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The content of a file is wrong as a whole.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of a file is wrong.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it; never quotes a mention.
        reason: String,
    },
    /// Mentions and dictionary have no id in common.
    #[error(
        "none of the {mentions} mentions of {} has an id of the dictionary or index, which has ids such as {known} \
         (are the columns of mentions and ids swapped?)",
        path.display()
    )]
    NothingCovered {
        /// The file of mentions.
        path: PathBuf,
        /// How many mentions it has.
        mentions: usize,
        /// An id of the dictionary or index.
        known: String,
    },
    /// A calibration cannot be fitted.
    #[error("{0}")]
    Calibrate(String),
    /// Two reports cannot be compared.
    #[error("{0}")]
    Compare(String),
    /// The model failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The index cannot be used.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The graph over the names of a dictionary cannot be built.
    #[error(transparent)]
    Ann(#[from] AnnError),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
