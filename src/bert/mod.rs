//! BERT: from a Hugging Face checkpoint to an ONNX graph that we write ourselves.
//!
//! Reading order: `config` and `checkpoint` (what was downloaded), `weights` (checked and laid out), `onnx` and `graph`
//! (how a graph is written), `tape` (operators with their gradients), `network` (BERT over them), `export` (the encoder as a graph),
//! `quantize` (its int8 form); `loss`, `training` and `optimizer` (a step of training as graphs).
//!
//! Invariant: pure computation over files and bytes; nothing here knows ONNX Runtime.

pub mod checkpoint;
pub mod config;
pub mod export;
pub mod loss;
mod network;
pub mod optimizer;
mod quantize;
pub mod training;
pub mod weights;

use std::path::{Path, PathBuf};

pub use config::{Activation, BertConfig};
pub use export::{ExportOptions, Pooling, Precision};
pub use weights::Weights;

/// Why a checkpoint could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum BertError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{}: not a BERT configuration: {reason}", path.display())]
    Config { path: PathBuf, reason: String },
    #[error("{}: holds neither model.safetensors nor pytorch_model.bin nor model.onnx", .0.display())]
    NoWeights(PathBuf),
    #[error("{}: {reason}", path.display())]
    Checkpoint { path: PathBuf, reason: String },
    #[error("tensor `{0}` is missing from the checkpoint")]
    MissingTensor(String),
    #[error("tensor `{name}` has shape {found:?}, config.json asks for {expected:?}")]
    TensorShape { name: String, expected: Vec<usize>, found: Vec<usize> },
    #[error("tensor `{name}` holds the value {value}, which no trained model has")]
    TensorValue { name: String, value: f32 },
}

/// Reads the checkpoint in `dir`: its configuration and its encoder weights.
///
/// # Errors
/// See [`BertError`]: each names the file or the tensor.
pub fn load(dir: &Path) -> Result<(BertConfig, Weights), BertError> {
    let config = BertConfig::read(&dir.join("config.json"))?;
    let tensors = checkpoint::read(&checkpoint::weight_file(dir)?)?;
    let weights = Weights::select(tensors, &config)?;
    Ok((config, weights))
}
