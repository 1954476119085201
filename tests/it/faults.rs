//! Faults of a model: damaged files, and a session that fails while the service runs.

use std::{path::Path, thread};

use saplink::encoder::{Device, Encoder, EncoderOptions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{RUNTIME, Service, TestRng, damage, fixture, manifest, succeed};

/// Imports the tiny model into `dir`.
fn tiny(dir: &Path) -> String {
    let (from, out) = (fixture("tiny"), dir.join("tiny").display().to_string());
    succeed(&["model", "import", from.to_str().unwrap(), "--out", &out, "--pooling", "mean", "--precision", "fp32"]);
    out
}

fn load(dir: &str) -> Result<Encoder, saplink::encoder::EncoderError> {
    Encoder::load(&RUNTIME, Path::new(dir), EncoderOptions { device: Device::Cpu, sessions: Some(1), threads: Some(1) })
}

#[test]
fn damaged_models_give_typed_errors() {
    let dir = tempfile::tempdir().unwrap();
    let model = tiny(dir.path());
    assert!(load(&model).is_ok());
    let mut rng = TestRng(2);
    for file in ["model.json", "model.onnx", "tokenizer.json"] {
        let path = Path::new(&model).join(file);
        let original = fs_err::read(&path).unwrap();
        for _ in 0..350 {
            let mut bytes = original.clone();
            damage(&mut bytes, &mut rng);
            fs_err::write(&path, &bytes).unwrap();
            let error = load(&model).err().unwrap().to_string();
            assert!(error.contains(file), "{error}");
        }
        fs_err::remove_file(&path).unwrap();
        assert!(load(&model).err().unwrap().to_string().contains(file));
        fs_err::write(&path, &original).unwrap();
    }
    assert!(load(&model).is_ok());
}

/// A model whose tokenizer has a word without a row in the embedding table: a session that gets
/// this word fails.
fn failing(dir: &Path) -> String {
    let model = tiny(dir);
    let at = |file: &str| Path::new(&model).join(file);
    let mut tokenizer: Value = serde_json::from_slice(&fs_err::read(at("tokenizer.json")).unwrap()).unwrap();
    let mut manifest = manifest(&at("model.json"));
    tokenizer["model"]["vocab"]["zzyzx"] = json!(300);
    let bytes = serde_json::to_vec(&tokenizer).unwrap();
    let sum: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    fs_err::write(at("tokenizer.json"), &bytes).unwrap();
    manifest["files"]["tokenizer.json"]["sha256"] = json!(sum);
    manifest["files"]["tokenizer.json"]["bytes"] = json!(bytes.len());
    fs_err::write(at("model.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    model
}

#[test]
fn a_failing_session_gives_500_and_the_next_request_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let model = failing(dir.path());
    let at = |name: &str| dir.path().join(name).display().to_string();
    fs_err::write(at("names.tsv"), "cui\tname\nC0027051\theart attack\nC0004096\tasthma\n").unwrap();
    succeed(&["index", "build", "--tsv", &at("names.tsv"), "--model", &model, "--out", &at("index")]);
    let service =
        Service::spawn(&["--index", &at("index"), "--model", &model, "--sessions", "1", "--log-level", "trace"]);
    service.wait_until_ready();
    let mention = |text: &str| service.link(&json!({"mention": text}));
    for _ in 0..3 {
        let failed = mention("zzyzx");
        assert_eq!((failed.status, failed.problem().as_str()), (500, "internal"));
        assert_eq!(mention("a heart that hurts").status, 200);
    }
    let many = json!({"mentions": ["a heart that hurts", "zzyzx", "an attack"]});
    assert_eq!(service.link(&many).status, 500);
    // A failing request does not fail other requests in the same batch.
    thread::scope(|scope| {
        let service = &service;
        let ask = |text: &'static str, expected: u16| {
            scope.spawn(move || {
                for i in 0..40 {
                    assert_eq!(service.link(&json!({"mention": format!("{text} {i}")})).status, expected, "{text}");
                }
            })
        };
        [ask("a pain", 200), ask("zzyzx", 500), ask("a heart", 200), ask("zzyzx zzyzx", 500)]
            .map(|client| client.join().unwrap())
    });
    assert_eq!(service.get("/readyz").status, 200);
    assert!(!service.log().contains("zzyzx") && service.log().contains("inference failed"), "{}", service.log());
}
