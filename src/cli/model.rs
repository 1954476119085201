//! Arguments of `saplink model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    bert::{Pooling, Precision},
    cli::{shared::InfoArgs, values::positive},
};

/// The subcommands of `saplink model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Turn a Hugging Face BERT checkpoint, or an exported model.onnx, into a model directory
    Import(ModelImportArgs),
    /// Check a model and print its properties
    Info(InfoArgs),
}

/// Arguments of `model import`.
#[derive(Debug, Args)]
pub struct ModelImportArgs {
    /// Directory of the checkpoint as downloaded: config.json, vocab.txt or tokenizer.json,
    /// model.safetensors or pytorch_model.bin, or an exported model.onnx or onnx/model.onnx
    #[arg(value_name = "DIR")]
    pub from: PathBuf,
    /// Directory to write; its last component is the name of the model
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How the vectors of tokens become one vector: cls for SapBERT, mean for its mean-token
    /// variant and sentence-transformers
    #[arg(long, value_enum, default_value = "cls")]
    pub pooling: Pooling,
    /// Number format: fp32 is the reference, int8 is for CPUs, fp16 for GPUs
    #[arg(long, value_enum, default_value = "fp32")]
    pub precision: Precision,
    /// Maximum number of tokens of a text, with `[CLS]` and `[SEP]`; further tokens are cut off
    #[arg(long, value_name = "N", default_value = "25", value_parser = positive)]
    pub max_tokens: usize,
    /// The words of vocab.txt have capital letters, and texts keep theirs [default: as
    /// tokenizer_config.json states]
    #[arg(long, conflicts_with = "uncased")]
    pub cased: bool,
    /// The words of vocab.txt are in lower case, and texts are put in lower case
    #[arg(long)]
    pub uncased: bool,
    /// Replace the directory if it exists; an empty one is used without it
    #[arg(long)]
    pub force: bool,
    /// ONNX Runtime library [default: .onnxruntime/ in the working directory or above the
    /// executable, else the library of the system]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    pub onnxruntime: Option<PathBuf>,
}
