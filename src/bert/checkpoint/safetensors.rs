//! `model.safetensors`, by the `safetensors` crate.

use safetensors::{Dtype, SafeTensors};

use super::{Float, Tensor, Tensors};

/// Every float tensor of the file `bytes`.
pub fn read(bytes: &[u8]) -> Result<Tensors, String> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|e| format!("not a complete safetensors file ({e}); it may be truncated"))?;
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        let float = match view.dtype() {
            Dtype::F16 => Float::F16,
            Dtype::BF16 => Float::Bf16,
            Dtype::F32 => Float::F32,
            Dtype::F64 => Float::F64,
            Dtype::BOOL | Dtype::U8 | Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64 => continue,
            other => return Err(format!("tensor `{name}` is of type {other:?}, which is not supported")),
        };
        tensors.insert(name, Tensor { shape: view.shape().to_vec(), data: float.decode(view.data()) });
    }
    Ok(tensors)
}
