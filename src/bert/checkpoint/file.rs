//! Finds, reads and writes weight files; the extension decides the format.

use std::path::{Path, PathBuf};

use crate::{
    bert::{
        checkpoint::{safetensors, tensor::Tensors, torch},
        error::BertError,
    },
    files::refuse_lfs_pointer,
};

/// The weight file of the checkpoint in `dir`: `model.safetensors`, else `pytorch_model.bin`.
///
/// # Errors
/// [`BertError::NoWeights`] if there is neither.
pub fn weight_file(dir: &Path) -> Result<PathBuf, BertError> {
    ["model.safetensors", "pytorch_model.bin"]
        .iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| BertError::NoWeights(dir.into()))
}

/// Reads every float tensor of the file `path` as float32; float16, bfloat16 and float64 are
/// converted.
///
/// # Errors
/// [`BertError::Checkpoint`] names the file, and the tensor if one is at fault.
pub fn read(path: &Path) -> Result<Tensors, BertError> {
    refuse_lfs_pointer(path)?;
    let bytes = fs_err::read(path)?;
    let tensors = match path.extension().and_then(|e| e.to_str()) {
        Some("safetensors") => safetensors::read(&bytes),
        _ => torch::read(&bytes),
    };
    tensors.map_err(|reason| BertError::Checkpoint { path: path.into(), reason })
}

/// Writes `tensors` as float32 to the file `path`, in the safetensors format.
///
/// # Errors
/// The error of the system, with the name of the file.
pub fn write(path: &Path, tensors: &Tensors) -> std::io::Result<()> {
    safetensors::write(path, tensors)
}
