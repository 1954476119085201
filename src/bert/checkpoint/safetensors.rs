//! `model.safetensors`, by the `safetensors` crate.

use std::{collections::HashMap, path::Path};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::bert::checkpoint::{Float, Tensor, Tensors};

/// Writes `tensors` as float32 to the file `path`, as PyTorch's libraries expect it.
pub(super) fn write(path: &Path, tensors: &Tensors) -> std::io::Result<()> {
    let broken = |e| std::io::Error::other(format!("{}: {e}", path.display()));
    // Made here with the rights that files have; the library would make one for its owner alone.
    fs_err::File::create(path)?;
    let views = tensors.iter().map(|(name, tensor)| Ok((name, view(tensor)?))).collect::<Result<Vec<_>, _>>();
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    match safetensors::serialize_to_file(views.map_err(broken)?, Some(format), path) {
        Err(safetensors::SafeTensorError::IoError(e)) => {
            Err(std::io::Error::new(e.kind(), format!("{}: {e}", path.display())))
        }
        outcome => outcome.map_err(broken),
    }
}

/// Every float tensor of the file `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Tensors, String> {
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

fn view(tensor: &Tensor) -> Result<TensorView<'_>, safetensors::SafeTensorError> {
    TensorView::new(Dtype::F32, tensor.shape.clone(), bytemuck::cast_slice(&tensor.data))
}
