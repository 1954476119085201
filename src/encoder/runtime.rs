//! Finds and loads the ONNX Runtime library.
//!
//! Search order: the requested path; `.onnxruntime/` in the working directory; `.onnxruntime/`
//! beside the executable or in a directory above it; the library path of the system.
//!
//! Invariant: every error of loading names the remedy.

use std::path::{Path, PathBuf};

use ort::{
    environment::Environment,
    ep::{self, ExecutionProvider},
    logging::LogLevel,
    session::{
        Session,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
};

use crate::encoder::{device::Device, error::EncoderError};

#[cfg(target_os = "macos")]
const LIBRARY_FILE: &str = "libonnxruntime.dylib";
#[cfg(target_os = "windows")]
const LIBRARY_FILE: &str = "onnxruntime.dll";
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
const LIBRARY_FILE: &str = "libonnxruntime.so";

const REMEDY: &str =
    "run `make onnxruntime`, or name the library of the Python package onnxruntime >= 1.19 with --onnxruntime";

/// The loaded library; a process loads only one.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    path: PathBuf,
}

impl Runtime {
    /// Loads the library at `requested`, else the first of the search order.
    ///
    /// # Errors
    /// [`EncoderError::Runtime`] if there is none, or it is too old or broken.
    pub fn load(requested: Option<&Path>) -> Result<Self, EncoderError> {
        let fail = |reason: String| EncoderError::Runtime(format!("{reason}; {REMEDY}"));
        let path = match requested {
            // dlopen searches a bare file name on the library path, not in the working directory.
            Some(path) => std::path::absolute(path)?,
            None => find_beside_project().unwrap_or_else(|| LIBRARY_FILE.into()),
        };
        if requested.is_some() && !path.is_file() {
            return Err(fail(format!("{}: no such ONNX Runtime library", path.display())));
        }
        let environment = ort::init_from(&path)
            .map_err(|e| fail(format!("ONNX Runtime could not be loaded: {e}")))?
            .with_name("saplink")
            .with_telemetry(false)
            .build()
            .map_err(|e| fail(format!("ONNX Runtime could not be started: {}", e.message())))?;
        environment.set_log_level(LogLevel::Error);
        Ok(Self { environment, path })
    }

    /// A builder of sessions on CUDA or the CPU, with `threads` threads each.
    ///
    /// # Errors
    /// [`EncoderError::Device`] if `cuda` is true and CUDA does not work.
    pub fn builder(&self, cuda: bool, threads: usize) -> Result<SessionBuilder, EncoderError> {
        let settings = |builder: SessionBuilder| -> Result<SessionBuilder, ort::Error> {
            let builder = builder
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(threads)?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                // Batches differ in shape, and ONNX Runtime would store a memory pattern for each
                // shape.
                .with_memory_pattern(false)?;
            Ok(builder)
        };
        let builder = Session::builder(&self.environment)
            .and_then(settings)
            .map_err(|e| EncoderError::Inference(e.to_string()))?;
        if !cuda {
            return Ok(builder);
        }
        let provider = ep::CUDA::default().build().error_on_failure();
        builder
            .with_execution_providers([provider])
            .map_err(|e| EncoderError::Device(format!("CUDA was asked for and cannot be used: {e}")))
    }

    /// Resolves [`Device::Auto`]: returns CUDA or the CPU.
    ///
    /// # Errors
    /// [`EncoderError::Device`] if CUDA was requested and does not work.
    pub fn device(&self, requested: Device) -> Result<Device, EncoderError> {
        match requested {
            Device::Cpu => Ok(Device::Cpu),
            Device::Cuda => self.builder(true, 1).map(|_| Device::Cuda),
            Device::Auto if ep::CUDA::is_available().unwrap_or(false) => match self.builder(true, 1) {
                Ok(_) => Ok(Device::Cuda),
                Err(reason) => {
                    tracing::info!(%reason, "CUDA cannot be used; falling back to the CPU");
                    Ok(Device::Cpu)
                }
            },
            Device::Auto => Ok(Device::Cpu),
        }
    }

    /// A clause about the training API of the library, for the log of a training run. Published
    /// builds since 1.20 have no training API; saplink trains with graphs that contain the
    /// gradients.
    pub fn training_api_note(&self) -> String {
        match ort::training::training_api() {
            Ok(_) => "has a training API, which saplink does not use".into(),
            Err(e) => format!("has no training API, which saplink does not need ({})", e.message()),
        }
    }

    /// Path of the library; a bare file name if the system found it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Version and build flags as the library reports them.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }
}

/// The library in `.onnxruntime/` of the working directory, or beside or above the executable.
fn find_beside_project() -> Option<PathBuf> {
    let working_dir = std::env::current_dir().ok();
    let executable = std::env::current_exe().ok();
    let above_executable = executable.iter().flat_map(|exe| exe.ancestors().skip(1).map(Path::to_path_buf));
    working_dir
        .into_iter()
        .chain(above_executable)
        .map(|dir| dir.join(".onnxruntime").join(LIBRARY_FILE))
        .find(|path| path.is_file())
}
