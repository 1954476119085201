//! `saplink model import`, and the checkpoints that it refuses.

use std::{collections::HashMap, path::Path};

use safetensors::{SafeTensors, tensor::TensorView};
use serde_json::{Value, json};

use crate::support::{copy_dir, fail, fixture, succeed};

/// Imports a changed copy of fixture `name`, which must be refused; returns the error.
fn refused(name: &str, change: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (from, out) = (dir.path().join("checkpoint"), dir.path().join("models/x"));
    copy_dir(&fixture(name), &from);
    change(&from);
    let error = fail(&["model", "import", from.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let left = fs_err::read_dir(dir.path().join("models")).map(|d| d.count()).unwrap_or(0);
    assert_eq!(left, 0, "a refused import writes nothing");
    error
}

fn edit_config(change: Value) -> impl FnOnce(&Path) {
    move |dir| {
        let path = dir.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
        for (key, value) in change.as_object().unwrap() {
            config[key] = value.clone();
        }
        fs_err::write(path, config.to_string()).unwrap();
    }
}

fn edit_tensors(edit: impl FnOnce(&mut HashMap<String, TensorView>)) -> impl FnOnce(&Path) {
    move |dir| {
        let path = dir.join("model.safetensors");
        let bytes = fs_err::read(&path).unwrap();
        let mut tensors: HashMap<_, _> = SafeTensors::deserialize(&bytes).unwrap().tensors().into_iter().collect();
        edit(&mut tensors);
        fs_err::write(path, safetensors::serialize(&tensors, None).unwrap()).unwrap();
    }
}

#[test]
fn unusable_checkpoints_are_refused_with_the_reason() {
    let truncate = |file: &'static str| {
        move |dir: &Path| {
            let bytes = fs_err::read(dir.join(file)).unwrap();
            fs_err::write(dir.join(file), &bytes[..bytes.len() / 2]).unwrap();
        }
    };
    let remove = |file: &'static str| move |dir: &Path| fs_err::remove_file(dir.join(file)).unwrap();
    let query = "encoder.layer.1.attention.self.query.weight";
    for (error, expected) in [
        (refused("tiny", edit_config(json!({"model_type": "roberta"}))), "model_type is `roberta`"),
        (refused("tiny", edit_config(json!({"hidden_size": "x"}))), "config.json"),
        (
            refused("tiny", edit_config(json!({"num_hidden_layers": 3}))),
            "`encoder.layer.2.attention.self.query.weight` is missing",
        ),
        (
            refused("tiny", edit_config(json!({"intermediate_size": 65}))),
            "`encoder.layer.0.intermediate.dense.weight` has shape [64, 32]",
        ),
        (refused("tiny", edit_tensors(|t| drop(t.remove(query)))), query),
        (refused("tiny", remove("config.json")), "config.json"),
        (refused("tiny", remove("model.safetensors")), "holds neither model.safetensors nor pytorch_model.bin"),
        (refused("tiny", remove("vocab.txt")), "neither tokenizer.json nor vocab.txt"),
        (refused("tiny", truncate("model.safetensors")), "model.safetensors"),
        (refused("tiny-bin", truncate("pytorch_model.bin")), "pytorch_model.bin"),
        (refused("tiny-legacy", truncate("pytorch_model.bin")), "pytorch_model.bin"),
        (refused("tiny", |d| fs_err::write(d.join("vocab.txt"), "[UNK]\n[CLS]\na\n").unwrap()), "[SEP]"),
        (refused("tiny", truncate("vocab.txt")), "it may be truncated"),
        (refused("tiny", |d| fs_err::write(d.join("vocab.txt"), "x\n".repeat(9)).unwrap()), "vocab.txt"),
        (
            refused("tiny", |d| {
                let vocab = fs_err::read_to_string(d.join("vocab.txt")).unwrap();
                fs_err::write(d.join("vocab.txt"), vocab + "onemore\n").unwrap();
            }),
            "it has ids up to 300, the model's embedding table has 300 rows",
        ),
        (
            refused("tiny", |d| {
                fs_err::remove_file(d.join("model.safetensors")).unwrap();
                fs_err::write(d.join("model.onnx"), "no graph").unwrap();
            }),
            "model.onnx",
        ),
    ] {
        assert!(error.contains(expected), "{error} / {expected}");
    }
}

#[test]
fn a_pointer_of_git_lfs_is_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    for (name, file) in [
        ("tiny", "model.safetensors"),
        ("tiny-bin", "pytorch_model.bin"),
        ("tiny-onnx", "model.onnx"),
        ("tiny", "vocab.txt"),
        ("tiny", "config.json"),
    ] {
        let error = refused(name, |dir| fs_err::write(dir.join(file), pointer).unwrap());
        assert!(
            error.contains(&format!("{file}: it is a Git LFS pointer")) && error.contains("git lfs pull"),
            "{error}"
        );
    }
}

#[test]
fn the_case_of_a_vocabulary_is_stated_or_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (from, out) = (dir.path().join("checkpoint"), dir.path().join("model"));
    copy_dir(&fixture("tiny"), &from);
    let vocab = fs_err::read_to_string(from.join("vocab.txt")).unwrap();
    let mut words: Vec<&str> = vocab.lines().collect();
    let last = words.len() - 1;
    words[last] = "Aspirin";
    fs_err::write(from.join("vocab.txt"), words.join("\n") + "\n").unwrap();
    let import = ["model", "import", from.to_str().unwrap(), "--out", out.to_str().unwrap(), "--force"];
    let normalizer = |options: &[&str]| {
        succeed(&[&import[..], options].concat());
        let tokenizer: Value = serde_json::from_slice(&fs_err::read(out.join("tokenizer.json")).unwrap()).unwrap();
        tokenizer["normalizer"]["lowercase"].as_bool().unwrap()
    };
    assert!(normalizer(&[]), "tokenizer_config.json states it");
    assert!(!normalizer(&["--cased"]));
    for config in [None, Some("{}")] {
        match config {
            Some(text) => fs_err::write(from.join("tokenizer_config.json"), text).unwrap(),
            None => fs_err::remove_file(from.join("tokenizer_config.json")).unwrap(),
        }
        let error = fail(&import);
        assert!(error.contains("vocab.txt") && error.contains("--cased or --uncased"), "{error}");
        assert!(!normalizer(&["--cased"]));
        assert!(normalizer(&["--uncased"]));
    }
    fs_err::write(from.join("vocab.txt"), vocab).unwrap();
    assert!(normalizer(&[]), "a vocabulary without capital letters");
    fs_err::copy(out.join("tokenizer.json"), from.join("tokenizer.json")).unwrap();
    assert!(fail(&[&import[..], &["--cased"]].concat()).contains("--cased and --uncased are for vocab.txt"));
}

/// The fields of a protobuf message: number, and the whole field with its header and the offset of
/// its content.
fn fields(message: &[u8]) -> Vec<(u64, &[u8], usize)> {
    fn varint(bytes: &[u8], at: &mut usize) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes[*at];
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }
    let (mut fields, mut at) = (vec![], 0);
    while at < message.len() {
        let start = at;
        let key = varint(message, &mut at);
        let mut content = at;
        match key & 7 {
            0 => _ = varint(message, &mut at),
            1 => at += 8,
            2 => {
                let length = varint(message, &mut at) as usize;
                content = at;
                at += length;
            }
            _ => at += 4,
        }
        fields.push((key >> 3, &message[start..at], content - start));
    }
    fields
}

/// A field of bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut length = content.len();
    let mut bytes = vec![];
    let mut key = usize::from(number) << 3 | 2;
    for value in [&mut key, &mut length] {
        while *value >= 0x80 {
            bytes.push(*value as u8 | 0x80);
            *value >>= 7;
        }
        bytes.push(*value as u8);
    }
    [&bytes, content].concat()
}

/// Moves the values of the tensors of a graph to `data`, which the graph calls `name`.
fn externalized(model: &[u8], name: &str, data: &mut Vec<u8>) -> Vec<u8> {
    let mut tensor = |tensor: &[u8]| {
        let mut moved = vec![];
        for (number, whole, content) in fields(tensor) {
            if number == 9 {
                let values = &whole[content..];
                let entry = |key: &str, value: &str| {
                    field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
                };
                let place = [
                    ("location", name.to_owned()),
                    ("offset", data.len().to_string()),
                    ("length", values.len().to_string()),
                ];
                moved.extend(place.into_iter().flat_map(|(key, value)| entry(key, &value)));
                moved.extend([14 << 3, 1]);
                data.extend_from_slice(values);
            } else {
                moved.extend_from_slice(whole);
            }
        }
        moved
    };
    let mut graph = |graph: &[u8]| -> Vec<u8> {
        let parts = fields(graph).into_iter().map(|(number, whole, content)| match number {
            5 => field(5, &tensor(&whole[content..])),
            _ => whole.to_vec(),
        });
        parts.collect::<Vec<_>>().concat()
    };
    let parts = fields(model).into_iter().map(|(number, whole, content)| match number {
        7 => field(7, &graph(&whole[content..])),
        _ => whole.to_vec(),
    });
    parts.collect::<Vec<_>>().concat()
}

#[test]
fn a_graph_in_a_folder_with_its_data_beside_it_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let (from, out, plain) = (dir.path().join("from"), dir.path().join("out"), dir.path().join("plain"));
    copy_dir(&fixture("tiny-onnx"), &from);
    let text = |path: &Path| path.display().to_string();
    succeed(&["model", "import", &text(&from), "--out", &text(&plain)]);
    let mut data = vec![];
    let graph = externalized(&fs_err::read(from.join("model.onnx")).unwrap(), "model.onnx_data", &mut data);
    assert!(data.len() > 10_000, "the weights were moved");
    fs_err::remove_file(from.join("model.onnx")).unwrap();
    fs_err::create_dir(from.join("onnx")).unwrap();
    fs_err::write(from.join("onnx/model.onnx"), graph).unwrap();
    let import = ["model", "import", &text(&from), "--out", &text(&out)];
    assert!(fail(&import).contains("onnx/model.onnx_data, which is missing"));
    fs_err::write(from.join("onnx/model.onnx_data"), "version https://git-lfs.github.com/spec/v1\n").unwrap();
    assert!(fail(&import).contains("model.onnx_data: it is a Git LFS pointer"));
    fs_err::write(from.join("onnx/model.onnx_data"), &data).unwrap();
    assert!(succeed(&import).contains("onnx/model.onnx_data sha256"));
    assert_ne!(manifest_file(&out)["files"]["model.onnx_data"], Value::Null);
    // It gives the same vectors as the graph in one file.
    let table = dir.path().join("names.tsv");
    fs_err::write(&table, "cui\tname\nC9000001\tred eye\nC9000002\tsore throat\n").unwrap();
    let vectors = |model: &Path, index: &str| {
        let index = dir.path().join(index);
        succeed(&["index", "build", "--tsv", &text(&table), "--model", &text(model), "--out", &text(&index)]);
        fs_err::read(index.join("vectors.bin")).unwrap()
    };
    assert_eq!(vectors(&out, "a"), vectors(&plain, "b"));
    let file = out.join("model.onnx_data");
    let mut damaged = fs_err::read(&file).unwrap();
    damaged[5] ^= 1;
    fs_err::write(&file, damaged).unwrap();
    assert!(fail(&["model", "info", &text(&out)]).contains("model.onnx_data: its sha256 does not match"));
}

/// The manifest of a model.
fn manifest_file(dir: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(dir.join("model.json")).unwrap()).unwrap()
}

#[test]
fn damaged_torch_files_cause_no_panic() {
    // Half of a file's bytes are weights: a damaged file may be read, with other weights.
    for name in ["tiny-bin", "tiny-legacy"] {
        let bytes = fs_err::read(fixture(name).join("pytorch_model.bin")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pytorch_model.bin");
        for i in (0..bytes.len()).step_by(97).chain(0..600) {
            let mut damaged = bytes.clone();
            damaged[i] ^= 0x41;
            fs_err::write(&path, &damaged).unwrap();
            let _ = saplink::bert::checkpoint::read(&path);
        }
    }
}

#[test]
fn an_exported_onnx_graph_is_imported_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("exported");
    let (from, out) = (fixture("tiny-onnx"), out.to_str().unwrap());
    let import = ["model", "import", from.to_str().unwrap(), "--out", out];
    assert!(
        fail(&[&import[..], &["--precision", "int8"]].concat())
            .contains("an existing ONNX graph is imported unchanged")
    );
    assert!(fail(&[&import[..], &["--max-tokens", "65"]].concat()).contains("it cannot read 65 tokens"));
    assert!(succeed(&[&import[..], &["--pooling", "mean"]].concat()).contains("as exported"));
}

#[test]
fn an_imported_model_is_described_and_protected() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tiny model");
    let (from, out) = (fixture("tiny-bin"), out.to_str().unwrap());
    let from = from.to_str().unwrap();
    let text = succeed(&["model", "import", from, "--out", out, "--precision", "int8"]);
    assert!(text.contains("tiny model") && text.contains("int8") && text.contains("cls"), "{text}");
    let manifest: Value = serde_json::from_str(&succeed(&["model", "info", out, "--json"])).unwrap();
    assert_eq!((&manifest["dimensions"], &manifest["max_tokens"]), (&json!(32), &json!(25)));
    assert!(fail(&["model", "import", from, "--out", out]).contains("exists already (use --force"));
    succeed(&["model", "import", from, "--out", out, "--force", "--pooling", "mean"]);

    let graph = Path::new(out).join("model.onnx");
    let mut bytes = fs_err::read(&graph).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(&graph, bytes).unwrap();
    assert!(fail(&["model", "info", out]).contains("model.onnx: its sha256 does not match"));
}
