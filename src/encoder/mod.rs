//! Texts to vectors with ONNX Runtime.
//!
//! Reading order: `runtime` (the library), `manifest` (a model directory), `tokens`, `session`, `queue` (texts
//! that wait, and their batches), `cache` (vectors that are remembered), `pool` (sessions at work),
//! `import` (a checkpoint becomes a model directory).
//!
//! Invariant: the only room that knows `tokenizers`, and beside `train` `ort`; it knows no terminology, and no text leaves it in an error.

mod cache;
mod import;
mod manifest;
mod pool;
mod queue;
mod runtime;
mod session;
mod tokens;

use std::path::PathBuf;

pub use import::{ImportOptions, import};
pub use manifest::{MANIFEST, ModelManifest, Output};
pub use pool::{Encoder, EncoderOptions, Times, Work};
pub use runtime::Runtime;
pub use session::EncoderSession;
pub use tokens::Tokens;

use crate::{
    bert::BertError,
    cancel::Canceled,
    files::{ChecksumError, StageError},
};

/// Where inference runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// CUDA where it works, else the CPU.
    Auto,
    Cpu,
    /// CUDA, or an error.
    Cuda,
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

/// Why a model could not be imported, loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    #[error("{0}")]
    Runtime(String),
    #[error("{0}")]
    Device(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    File(#[from] ChecksumError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Bert(#[from] BertError),
    #[error("{}: {reason}", path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error("{}: not a usable tokenizer: {reason}", path.display())]
    Tokenizer { path: PathBuf, reason: String },
    #[error("{}: not a usable model: {reason}", path.display())]
    Graph { path: PathBuf, reason: String },
    #[error("{0}")]
    Import(String),
    #[error("a text could not be tokenized")]
    Tokenize,
    #[error("inference failed: {0}")]
    Inference(String),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
