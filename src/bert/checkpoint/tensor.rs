//! Dense float32 tensors, and the float formats that they are converted from.

use std::collections::BTreeMap;

/// A dense tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Size of each dimension.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub data: Vec<f32>,
}

/// The float tensors of a checkpoint by name. Integer buffers (`position_ids`) are left out.
pub type Tensors = BTreeMap<String, Tensor>;

/// Element type of stored floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FloatFormat {
    F16,
    Bf16,
    F32,
    F64,
}

impl FloatFormat {
    /// Bytes of an element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Converts little-endian elements to float32; `bytes` is a multiple of [`FloatFormat::size`].
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        fn convert<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|&b| f(b)).collect()
        }
        match self {
            Self::F16 => convert(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => convert(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
            Self::F32 => convert(bytes, f32::from_le_bytes),
            Self::F64 => convert(bytes, |b| f64::from_le_bytes(b) as f32),
        }
    }
}
