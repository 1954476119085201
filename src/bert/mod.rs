//! BERT: reads a Hugging Face checkpoint and writes ONNX graphs for inference and training.
//!
//! Reading order:
//! 1. `config` (`config.json`), `checkpoint` (weight files), `weights` (tensors checked and laid
//!    out), `load` (all three in one call).
//! 2. `network`: the BERT encoder, written once over a [`crate::onnx::tape::Tape`].
//! 3. `export` and `quantize`: the network as an inference graph.
//! 4. `training`, `loss` and `optimizer`: a training step as graphs.
//!
//! Invariant: this module reads files and computes bytes; it does not use ONNX Runtime.

pub mod checkpoint;
pub mod config;
mod error;
pub mod export;
mod load;
pub mod loss;
mod network;
pub mod optimizer;
mod quantize;
pub mod training;
pub mod weights;

pub use config::{Activation, BertConfig};
pub use error::BertError;
pub use export::{ExportOptions, Precision};
pub use load::load;
pub use network::Pooling;
pub use weights::Weights;
