//! Finds and loads the ONNX Runtime library.
//!
//! Look-up: the path that was asked for, then `.onnxruntime/` in the working directory or above the executable, then the
//! system's. Invariant: what cannot be loaded is one sentence with the remedy.

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

use crate::encoder::{Device, EncoderError};

#[cfg(target_os = "macos")]
const LIBRARY: &str = "libonnxruntime.dylib";
#[cfg(target_os = "windows")]
const LIBRARY: &str = "onnxruntime.dll";
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
const LIBRARY: &str = "libonnxruntime.so";

const REMEDY: &str =
    "run `make onnxruntime`, or name the library of the Python package onnxruntime >= 1.19 with --onnxruntime";

/// The loaded library; there is one a process.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    path: PathBuf,
}

impl Runtime {
    /// Loads the library at `asked`, else the first that is found.
    ///
    /// # Errors
    /// [`EncoderError::Runtime`] when there is none, it is too old or it is broken.
    pub fn load(asked: Option<&Path>) -> Result<Self, EncoderError> {
        let fail = |reason: String| EncoderError::Runtime(format!("{reason}; {REMEDY}"));
        let path = match asked {
            // dlopen would look a bare name up in the system's folders, not in the working directory.
            Some(path) => std::path::absolute(path)?,
            None => beside_project().unwrap_or_else(|| LIBRARY.into()),
        };
        if asked.is_some() && !path.is_file() {
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

    /// How sessions are built on CUDA or the CPU, with so many threads each.
    ///
    /// # Errors
    /// [`EncoderError::Device`] when CUDA was asked for and cannot be had.
    pub fn builder(&self, cuda: bool, threads: usize) -> Result<SessionBuilder, EncoderError> {
        let settings = |builder: SessionBuilder| -> Result<SessionBuilder, ort::Error> {
            let builder = builder
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(threads)?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                // Batches differ in shape: a pattern kept for each would be memory that only grows.
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

    /// The device that `asked` comes to, never [`Device::Auto`].
    ///
    /// # Errors
    /// [`EncoderError::Device`] when CUDA was asked for and cannot be had.
    pub fn device(&self, asked: Device) -> Result<Device, EncoderError> {
        match asked {
            Device::Cpu => Ok(Device::Cpu),
            Device::Cuda => self.builder(true, 1).map(|_| Device::Cuda),
            Device::Auto if ep::CUDA::is_available().unwrap_or(false) => match self.builder(true, 1) {
                Ok(_) => Ok(Device::Cuda),
                Err(reason) => {
                    tracing::info!(%reason, "CUDA cannot be used, taking the CPU");
                    Ok(Device::Cpu)
                }
            },
            Device::Auto => Ok(Device::Cpu),
        }
    }

    /// What the library says about training on its own: its training API is in no build that is published since 1.20, which is why
    /// training brings its gradients as graphs.
    pub fn training_api(&self) -> String {
        match ort::training::training_api() {
            Ok(_) => "has a training API, which is not needed".into(),
            Err(e) => format!("has no training API, and needs none ({})", e.message()),
        }
    }

    /// Where the library was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Version and build flags, as the library states them.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }
}

fn beside_project() -> Option<PathBuf> {
    let working = std::env::current_dir().ok();
    let executable = std::env::current_exe().ok();
    let above = executable.iter().flat_map(|exe| exe.ancestors().skip(1).map(Path::to_path_buf));
    working.into_iter().chain(above).map(|dir| dir.join(".onnxruntime").join(LIBRARY)).find(|path| path.is_file())
}
