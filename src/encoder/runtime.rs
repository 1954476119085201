//! Finds and loads the ONNX Runtime library.
//!
//! Look-up: the path that was asked for, then `.onnxruntime/` in the working directory or above the executable, then the
//! system's. Invariant: what cannot be loaded is one sentence with the remedy.

use std::path::{Path, PathBuf};

use ort::{environment::Environment, logging::LogLevel};

use super::EncoderError;

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
    pub(super) environment: Environment,
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
