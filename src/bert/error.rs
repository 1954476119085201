//! The error type of this module.

use std::path::PathBuf;

/// Why a checkpoint could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BertError {
    /// The system could not read a file; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// `config.json` describes no BERT, or one that the exporter cannot compute.
    #[error("{}: not a BERT configuration: {reason}", path.display())]
    Config {
        /// The configuration file.
        path: PathBuf,
        /// The field, and its value where there is one.
        reason: String,
    },
    /// The directory has no weight file.
    #[error("{}: holds neither model.safetensors nor pytorch_model.bin nor model.onnx nor onnx/model.onnx", .0.display())]
    NoWeights(PathBuf),
    /// The weight file is damaged or of an unknown format.
    #[error("{}: {reason}", path.display())]
    Checkpoint {
        /// The weight file.
        path: PathBuf,
        /// The defect, with the tensor where one is at fault.
        reason: String,
    },
    /// The checkpoint lacks a tensor, given by its name.
    #[error("tensor `{0}` is missing from the checkpoint")]
    MissingTensor(String),
    /// The shape of a tensor contradicts `config.json`.
    #[error("tensor `{name}` has shape {found:?}, but config.json requires {expected:?}")]
    TensorShape {
        /// Name in the checkpoint.
        name: String,
        /// Shape by `config.json`.
        expected: Vec<usize>,
        /// Shape in the checkpoint.
        found: Vec<usize>,
    },
    /// A weight is infinite or not a number.
    #[error("tensor `{name}` contains the value {value}, which no trained model has")]
    TensorValue {
        /// Name in the checkpoint.
        name: String,
        /// The first such value.
        value: f32,
    },
}
