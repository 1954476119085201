//! Reads the weights of a Hugging Face checkpoint, and writes them: `model.safetensors`, or `pytorch_model.bin` in either of its formats.
//!
//! Invariant: a checkpoint is data. Nothing in it is executed, and no size in it is believed before it is checked.

mod pickle;
mod safetensors;
mod torch;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::bert::BertError;

/// A dense float tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// The float tensors of a checkpoint by name; integer buffers (`position_ids`) are left out.
pub type Tensors = BTreeMap<String, Tensor>;

/// The weight file that a checkpoint directory holds, `model.safetensors` before `pytorch_model.bin`.
///
/// # Errors
/// [`BertError::NoWeights`] when there is neither.
pub fn weight_file(dir: &Path) -> Result<PathBuf, BertError> {
    ["model.safetensors", "pytorch_model.bin"]
        .iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| BertError::NoWeights(dir.into()))
}

/// Reads every float tensor of `path` as float32 (float16, bfloat16 and float64 are converted).
///
/// # Errors
/// [`BertError::Checkpoint`] names the file, and the tensor where one is at fault.
pub fn read(path: &Path) -> Result<Tensors, BertError> {
    let bytes = fs_err::read(path)?;
    let tensors = match path.extension().and_then(|e| e.to_str()) {
        Some("safetensors") => safetensors::read(&bytes),
        _ => torch::read(&bytes),
    };
    tensors.map_err(|reason| BertError::Checkpoint { path: path.into(), reason })
}

/// Writes `tensors` to a new `model.safetensors`, or a file of another name in its format.
///
/// # Errors
/// That of the system, with the file's name.
pub fn write(path: &Path, tensors: &Tensors) -> std::io::Result<()> {
    safetensors::write(path, tensors)
}

/// Element types of stored floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Float {
    F16,
    Bf16,
    F32,
    F64,
}

impl Float {
    fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Little-endian `bytes`, whole elements, as float32.
    fn decode(self, bytes: &[u8]) -> Vec<f32> {
        fn each<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|&b| f(b)).collect()
        }
        match self {
            Self::F16 => each(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => each(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
            Self::F32 => each(bytes, f32::from_le_bytes),
            Self::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        }
    }
}
