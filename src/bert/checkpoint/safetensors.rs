//! The safetensors format, with the `safetensors` crate.

use std::{collections::HashMap, path::Path};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::bert::checkpoint::tensor::{FloatFormat, Tensor, Tensors};

/// Writes `tensors` as float32 to the file `path`, with the metadata that PyTorch libraries expect.
pub(super) fn write(path: &Path, tensors: &Tensors) -> std::io::Result<()> {
    let with_path = |e| std::io::Error::other(format!("{}: {e}", path.display()));
    // Created here with the default permissions; the library would create a file that only its
    // owner can read.
    fs_err::File::create(path)?;
    let views = tensors.iter().map(|(name, tensor)| Ok((name, view(tensor)?))).collect::<Result<Vec<_>, _>>();
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    match safetensors::serialize_to_file(views.map_err(with_path)?, Some(format), path) {
        Err(safetensors::SafeTensorError::IoError(e)) => {
            Err(std::io::Error::new(e.kind(), format!("{}: {e}", path.display())))
        }
        outcome => outcome.map_err(with_path),
    }
}

/// Reads every float tensor of the file content `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Tensors, String> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|e| format!("not a complete safetensors file ({e}); it may be truncated"))?;
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        let format = match view.dtype() {
            Dtype::F16 => FloatFormat::F16,
            Dtype::BF16 => FloatFormat::Bf16,
            Dtype::F32 => FloatFormat::F32,
            Dtype::F64 => FloatFormat::F64,
            Dtype::BOOL | Dtype::U8 | Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64 => continue,
            other => return Err(format!("tensor `{name}` has the type {other:?}, which is not supported")),
        };
        tensors.insert(name, Tensor { shape: view.shape().to_vec(), data: format.decode(view.data()) });
    }
    Ok(tensors)
}

fn view(tensor: &Tensor) -> Result<TensorView<'_>, safetensors::SafeTensorError> {
    TensorView::new(Dtype::F32, tensor.shape.clone(), bytemuck::cast_slice(&tensor.data))
}
