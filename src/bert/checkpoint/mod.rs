//! Reads and writes the weight files of Hugging Face checkpoints: `model.safetensors`, and
//! `pytorch_model.bin` in both of its formats (read only).
//!
//! Reading order: `tensor` (the result), `file` (which file, and by which reader), `safetensors`,
//! `torch` (the two formats of PyTorch), `pickle` (the part of Python's pickle that `torch` needs).
//!
//! Invariant: a checkpoint is data. Nothing in it is executed, and no size that it states is
//! trusted before it is checked.

mod file;
mod pickle;
mod safetensors;
mod tensor;
mod torch;

pub use file::{read, weight_file, write};
pub use tensor::{Tensor, Tensors};
