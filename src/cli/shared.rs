//! Arguments that several commands have.

use std::path::PathBuf;

use clap::Args;

use crate::{cli::values::workers, encoder::Device};

/// Directory of the model that comes with saplink, relative to the working directory.
pub const EMBEDDED_MODEL: &str = "models/saplink-mini";

/// How a model is run.
#[derive(Clone, Debug, Args)]
pub struct InferenceArgs {
    /// ONNX Runtime library [default: .onnxruntime/ in the working directory or above the
    /// executable, else the library of the system]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Device that runs the model; auto takes CUDA if it works, else the CPU
    #[arg(long, value_enum, env = "SAPLINK_DEVICE", default_value = "auto")]
    pub device: Device,
    /// Sessions: copies of the model that run batches in parallel [default: one per core, at most
    /// 4; 1 on CUDA]
    #[arg(long, value_name = "N", env = "SAPLINK_SESSIONS", value_parser = workers)]
    pub sessions: Option<usize>,
    /// Threads of each session [default: cores / sessions]
    #[arg(long, value_name = "N", env = "SAPLINK_THREADS", value_parser = workers)]
    pub threads: Option<usize>,
}

/// Arguments of `index info` and `model info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Directory to describe
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Print the manifest as JSON
    #[arg(long)]
    pub json: bool,
}
