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
