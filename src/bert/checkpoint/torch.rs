//! `pytorch_model.bin`: the zip archive that `torch.save` writes since PyTorch 1.6, and the stream
//! of pickles and raw values (legacy format) that it wrote before.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
};

use crate::bert::checkpoint::{
    pickle::{self, PickleValue},
    tensor::{FloatFormat, Tensor, Tensors},
};

/// First bytes of the legacy format: a pickle of the number 0x1950a86a20f9469cfc6c.
const LEGACY_MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Reads every float tensor of the file content `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Tensors, String> {
    if bytes.starts_with(LEGACY_MAGIC) {
        read_legacy(bytes)
    } else if bytes.starts_with(b"PK") {
        read_zip(bytes)
    } else {
        Err("neither of the two formats of torch.save".into())
    }
}

fn read_zip(bytes: &[u8]) -> Result<Tensors, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))
        .map_err(|e| format!("not a complete zip archive ({e}); it may be truncated"))?;
    let names = archive.file_names().collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let index = names.iter().find(|n| n.ends_with("/data.pkl")).ok_or("no data.pkl in the archive")?.to_string();
    let root = index.trim_end_matches("data.pkl").to_owned();
    let mut entry = |name: &str| -> Result<Vec<u8>, String> {
        let mut content = vec![];
        let mut file = archive.by_name(name).map_err(|e| format!("{name}: {e}"))?;
        file.read_to_end(&mut content).map_err(|e| format!("{name}: {e}"))?;
        Ok(content)
    };
    let (state, _) = pickle::load(&entry(&index)?).map_err(|e| format!("data.pkl: {e}"))?;
    collect(&state, |storage| storage.decode(&entry(&format!("{root}data/{}", storage.key))?))
}

fn read_legacy(bytes: &[u8]) -> Result<Tensors, String> {
    let mut at = LEGACY_MAGIC.len();
    let mut next = || {
        let (value, n) = pickle::load(&bytes[at..])?;
        at += n;
        Ok::<_, String>(value)
    };
    let _protocol = next()?;
    let _system = next()?;
    let state = next()?;
    let PickleValue::List(keys) = next()? else { return Err("no list of storages".into()) };

    // The raw storages follow in the order of `keys`. Only the tensors that use them state their
    // types.
    let element_sizes: HashMap<String, usize> =
        entries(&state)?.into_iter().map(|e| (e.storage.key, e.storage.element_size)).collect();
    let mut ranges = HashMap::new();
    for key in keys {
        let PickleValue::Str(key) = key else { return Err("a storage has no name".into()) };
        let count = bytes[at..].get(..8).ok_or("the file is truncated")?;
        let count = usize::from_le_bytes(std::array::from_fn(|i| count[i]));
        let size = *element_sizes.get(&key).ok_or_else(|| format!("no tensor uses storage {key}"))?;
        let end = count.checked_mul(size).and_then(|n| n.checked_add(at + 8)).filter(|&end| end <= bytes.len());
        let end = end.ok_or_else(|| format!("the file is truncated in storage {key}"))?;
        ranges.insert(key, at + 8..end);
        at = end;
    }
    collect(&state, |storage| {
        let range = ranges.get(&storage.key).ok_or("its storage is missing")?;
        storage.decode(&bytes[range.clone()])
    })
}

/// A reference to a storage of floats.
struct FloatStorage {
    key: String,
    format: FloatFormat,
    /// Elements.
    count: usize,
}

impl FloatStorage {
    fn decode(&self, content: &[u8]) -> Result<Vec<f32>, String> {
        if self.count.checked_mul(self.format.size()) != Some(content.len()) {
            return Err(format!(
                "its storage has {} bytes, but the pickle states {} values",
                content.len(),
                self.count
            ));
        }
        Ok(self.format.decode(content))
    }
}

/// A reference to a storage of any type.
struct StorageRef {
    key: String,
    /// Bytes of an element.
    element_size: usize,
    /// `None` for integers and booleans.
    format: Option<FloatFormat>,
    /// Elements.
    count: usize,
}

/// A tensor of a state dictionary: its name, the arguments of its rebuild call, and its storage.
struct TensorEntry<'a> {
    name: &'a str,
    arguments: &'a [PickleValue],
    storage: StorageRef,
}

/// The tensors of a state dictionary; other entries are skipped.
fn entries(state: &PickleValue) -> Result<Vec<TensorEntry<'_>>, String> {
    let PickleValue::Dict(items) = state else { return Err("it contains no dictionary of tensors".into()) };
    let mut entries = vec![];
    for (key, value) in items {
        let (PickleValue::Str(name), PickleValue::TensorCall(arguments)) = (key, value) else { continue };
        let Some(PickleValue::Persistent(id)) = arguments.first() else {
            return Err(format!("tensor `{name}` has no storage"));
        };
        let storage = storage_ref(id).map_err(|e| format!("tensor `{name}`: {e}"))?;
        entries.push(TensorEntry { name, arguments, storage });
    }
    Ok(entries)
}

/// Parses the persistent id of a storage: `("storage", type, key, location, count, ..)`.
fn storage_ref(id: &PickleValue) -> Result<StorageRef, String> {
    let PickleValue::Tuple(parts) = id else { return Err("an unknown storage reference".into()) };
    let [_, PickleValue::Global(kind), PickleValue::Str(key), _, PickleValue::Int(count), ..] = parts.as_slice() else {
        return Err("an unknown storage reference".into());
    };
    let (element_size, format) = match kind.trim_start_matches("torch.").trim_end_matches("Storage") {
        "Float" => (4, Some(FloatFormat::F32)),
        "Half" => (2, Some(FloatFormat::F16)),
        "BFloat16" => (2, Some(FloatFormat::Bf16)),
        "Double" => (8, Some(FloatFormat::F64)),
        "Long" => (8, None),
        "Int" => (4, None),
        "Short" => (2, None),
        "Char" | "Byte" | "Bool" => (1, None),
        _ => return Err(format!("storage type {kind} is not supported")),
    };
    let count = usize::try_from(*count).map_err(|_| "a negative size")?;
    Ok(StorageRef { key: key.clone(), element_size, format, count })
}

/// Collects the float tensors of a state dictionary; `read_storage` returns the values of a
/// storage.
fn collect(
    state: &PickleValue,
    mut read_storage: impl FnMut(&FloatStorage) -> Result<Vec<f32>, String>,
) -> Result<Tensors, String> {
    let mut tensors = Tensors::new();
    for TensorEntry { name, arguments, storage: StorageRef { key, format, count, .. } } in entries(state)? {
        let Some(format) = format else { continue };
        let tensor = read_storage(&FloatStorage { key, format, count }).and_then(|values| view(arguments, values));
        tensors.insert(name.into(), tensor.map_err(|e| format!("tensor `{name}`: {e}"))?);
    }
    Ok(tensors)
}

/// Copies the tensor that `_rebuild_tensor_v2(storage, offset, size, stride, ..)` describes out of
/// its storage.
fn view(arguments: &[PickleValue], storage: Vec<f32>) -> Result<Tensor, String> {
    let [_, PickleValue::Int(offset), PickleValue::Tuple(size), PickleValue::Tuple(stride), ..] = arguments else {
        return Err("unknown arguments of its rebuild call".into());
    };
    let numbers = |values: &[PickleValue]| -> Option<Vec<usize>> {
        values.iter().map(|v| if let PickleValue::Int(n) = v { usize::try_from(*n).ok() } else { None }).collect()
    };
    let (Some(shape), Some(stride), Ok(offset)) = (numbers(size), numbers(stride), usize::try_from(*offset)) else {
        return Err("unknown arguments of its rebuild call".into());
    };
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or("an impossible shape")?;
    if count == 0 || shape.len() != stride.len() {
        return Err(format!("an impossible shape {shape:?}"));
    }
    let last_element = shape.iter().zip(&stride).try_fold(offset, |n, (d, s)| n.checked_add((d - 1).checked_mul(*s)?));
    if last_element.is_none_or(|last| last >= storage.len()) || count > storage.len() {
        return Err(format!("its shape {shape:?} reaches beyond its storage of {} values", storage.len()));
    }
    let mut contiguous = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        contiguous[i - 1] = contiguous[i] * shape[i];
    }
    if stride == contiguous && offset == 0 && count == storage.len() {
        return Ok(Tensor { shape, data: storage });
    }
    let data = (0..count)
        .map(|i| {
            let position: usize = (0..shape.len()).map(|axis| i / contiguous[axis] % shape[axis] * stride[axis]).sum();
            storage[offset + position]
        })
        .collect();
    Ok(Tensor { shape, data })
}
