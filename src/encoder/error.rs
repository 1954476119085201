//! The error type of this module.

use std::path::PathBuf;

use crate::{
    bert::BertError,
    cancel::Canceled,
    files::{ChecksumError, StageError},
};

/// Why a model could not be imported, loaded or run. No message contains a text.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// ONNX Runtime is missing, too old or broken; the message has the remedy.
    #[error("{0}")]
    Runtime(String),
    /// CUDA was requested and does not work.
    #[error("{0}")]
    Device(String),
    /// The system could not read or write a file; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file of the model differs from its checksum.
    #[error(transparent)]
    File(#[from] ChecksumError),
    /// The model directory could not be written.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Bert(#[from] BertError),
    /// `model.json` is missing, damaged or of another format version.
    #[error("{}: {reason}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The defect.
        reason: String,
    },
    /// The tokenizer is missing, damaged or does not suit the model.
    #[error("{}: not a usable tokenizer: {reason}", path.display())]
    Tokenizer {
        /// The file, or the directory that has none.
        path: PathBuf,
        /// The defect.
        reason: String,
    },
    /// ONNX Runtime refuses the graph, or its inputs or outputs are not those of an encoder.
    #[error("{}: not a usable model: {reason}", path.display())]
    Graph {
        /// The graph.
        path: PathBuf,
        /// The defect.
        reason: String,
    },
    /// The options of an import contradict the model.
    #[error("{0}")]
    Import(String),
    /// The tokenizer refused a text.
    #[error("a text could not be tokenized")]
    Tokenize,
    /// A session failed, or the model returned a vector without a direction.
    #[error("inference failed: {0}")]
    Inference(String),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
