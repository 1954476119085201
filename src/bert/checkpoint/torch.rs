//! `pytorch_model.bin`: the zip archive that `torch.save` writes since 1.6, and the plain stream that it wrote before.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
};

use crate::bert::checkpoint::{
    Float, Tensor, Tensors,
    pickle::{self, Value},
};

/// How every file of the older format starts: a pickle of the number 0x1950a86a20f9469cfc6c.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Every float tensor of the file `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Tensors, String> {
    if bytes.starts_with(LEGACY) {
        read_legacy(bytes)
    } else if bytes.starts_with(b"PK") {
        read_zip(bytes)
    } else {
        Err("neither of the two formats that torch.save writes".into())
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
    let mut at = LEGACY.len();
    let mut next = || {
        let (value, n) = pickle::load(&bytes[at..])?;
        at += n;
        Ok::<_, String>(value)
    };
    let _protocol = next()?;
    let _system = next()?;
    let state = next()?;
    let Value::List(keys) = next()? else { return Err("no list of storages".into()) };

    // The raw storages follow in the order of `keys`; their types are only known from the tensors that use them.
    let types: HashMap<String, usize> = entries(&state)?.into_iter().map(|e| (e.storage.key, e.storage.size)).collect();
    let mut places = HashMap::new();
    for key in keys {
        let Value::Str(key) = key else { return Err("a storage has no name".into()) };
        let count = bytes[at..].get(..8).ok_or("it is truncated")?;
        let count = usize::from_le_bytes(std::array::from_fn(|i| count[i]));
        let size = *types.get(&key).ok_or_else(|| format!("storage {key} is used by no tensor"))?;
        let end = count.checked_mul(size).and_then(|n| n.checked_add(at + 8)).filter(|&end| end <= bytes.len());
        let end = end.ok_or_else(|| format!("it is truncated in storage {key}"))?;
        places.insert(key, at + 8..end);
        at = end;
    }
    collect(&state, |storage| {
        let place = places.get(&storage.key).ok_or("its storage is missing")?;
        storage.decode(&bytes[place.clone()])
    })
}

/// A storage of floats, as a tensor refers to it.
struct FloatStorage {
    key: String,
    float: Float,
    count: usize,
}

impl FloatStorage {
    fn decode(&self, content: &[u8]) -> Result<Vec<f32>, String> {
        if self.count.checked_mul(self.float.size()) != Some(content.len()) {
            return Err(format!("its storage has {} bytes where {} values were announced", content.len(), self.count));
        }
        Ok(self.float.decode(content))
    }
}

/// A storage of any type.
struct Reference {
    key: String,
    size: usize,
    float: Option<Float>,
    count: usize,
}

/// A tensor of a state dictionary: its name, the arguments that describe it and its storage.
struct Entry<'a> {
    name: &'a str,
    arguments: &'a [Value],
    storage: Reference,
}

fn entries(state: &Value) -> Result<Vec<Entry<'_>>, String> {
    let Value::Dict(items) = state else { return Err("it does not hold a dictionary of tensors".into()) };
    let mut entries = vec![];
    for (key, value) in items {
        let (Value::Str(name), Value::TensorCall(arguments)) = (key, value) else { continue };
        let Some(Value::Persistent(id)) = arguments.first() else {
            return Err(format!("tensor `{name}` has no storage"));
        };
        let storage = reference(id).map_err(|e| format!("tensor `{name}`: {e}"))?;
        entries.push(Entry { name, arguments, storage });
    }
    Ok(entries)
}

/// `("storage", type, key, location, count, ..)`.
fn reference(id: &Value) -> Result<Reference, String> {
    let Value::Tuple(parts) = id else { return Err("an unknown reference".into()) };
    let [_, Value::Global(kind), Value::Str(key), _, Value::Int(count), ..] = parts.as_slice() else {
        return Err("an unknown reference".into());
    };
    let (size, float) = match kind.trim_start_matches("torch.").trim_end_matches("Storage") {
        "Float" => (4, Some(Float::F32)),
        "Half" => (2, Some(Float::F16)),
        "BFloat16" => (2, Some(Float::Bf16)),
        "Double" => (8, Some(Float::F64)),
        "Long" => (8, None),
        "Int" => (4, None),
        "Short" => (2, None),
        "Char" | "Byte" | "Bool" => (1, None),
        _ => return Err(format!("storage type {kind} is not supported")),
    };
    let count = usize::try_from(*count).map_err(|_| "a negative size")?;
    Ok(Reference { key: key.clone(), size, float, count })
}

/// The float tensors of a state dictionary, their values taken from `storage`.
fn collect(
    state: &Value,
    mut storage: impl FnMut(&FloatStorage) -> Result<Vec<f32>, String>,
) -> Result<Tensors, String> {
    let mut tensors = Tensors::new();
    for Entry { name, arguments, storage: Reference { key, float, count, .. } } in entries(state)? {
        let Some(float) = float else { continue };
        let tensor = storage(&FloatStorage { key, float, count }).and_then(|values| view(arguments, values));
        tensors.insert(name.into(), tensor.map_err(|e| format!("tensor `{name}`: {e}"))?);
    }
    Ok(tensors)
}

/// The tensor that `_rebuild_tensor_v2(storage, offset, size, stride, ..)` describes.
fn view(arguments: &[Value], storage: Vec<f32>) -> Result<Tensor, String> {
    let [_, Value::Int(offset), Value::Tuple(size), Value::Tuple(stride), ..] = arguments else {
        return Err("unknown arguments".into());
    };
    let numbers = |values: &[Value]| -> Option<Vec<usize>> {
        values.iter().map(|v| if let Value::Int(n) = v { usize::try_from(*n).ok() } else { None }).collect()
    };
    let (Some(shape), Some(stride), Ok(offset)) = (numbers(size), numbers(stride), usize::try_from(*offset)) else {
        return Err("unknown arguments".into());
    };
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or("an impossible shape")?;
    if count == 0 || shape.len() != stride.len() {
        return Err(format!("an impossible shape {shape:?}"));
    }
    let reach = shape.iter().zip(&stride).try_fold(offset, |n, (d, s)| n.checked_add((d - 1).checked_mul(*s)?));
    if reach.is_none_or(|last| last >= storage.len()) || count > storage.len() {
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
            let place: usize = (0..shape.len()).map(|axis| i / contiguous[axis] % shape[axis] * stride[axis]).sum();
            storage[offset + place]
        })
        .collect();
    Ok(Tensor { shape, data })
}
