//! The encoder against an independent float64 implementation (`tests/golden`).

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use saplink::{
    bert::{Pooling, Precision},
    encoder::{Device, Encoder, EncoderOptions, EncoderSession, ImportOptions, import},
};
use serde_json::Value;

use crate::support::{RUNTIME, fixture, minilm, root};

struct Golden {
    texts: Vec<String>,
    ids: Vec<Vec<i64>>,
    vectors: Vec<Vec<f32>>,
}

fn golden(name: &str, pooling: Pooling) -> Golden {
    let text = fs_err::read_to_string(root().join("tests/golden").join(name)).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let field = if pooling == Pooling::Cls { "cls" } else { "mean" };
    let items = json["items"].as_array().unwrap();
    let vector = |item: &Value| {
        let bytes = BASE64_STANDARD.decode(item[field].as_str().unwrap()).unwrap();
        bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
    };
    let lengths: Vec<usize> = items.iter().map(|i| i["ids"].as_array().unwrap().len()).collect();
    assert!(items.len() >= 50 && *lengths.iter().min().unwrap() <= 3 && *lengths.iter().max().unwrap() >= 40);
    let ids = |i: &Value| i["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
    Golden {
        ids: items.iter().map(ids).collect(),
        texts: items.iter().map(|i| i["text"].as_str().unwrap().into()).collect(),
        vectors: items.iter().map(vector).collect(),
    }
}

fn load(from: &Path, out: &Path, pooling: Pooling, precision: Precision) -> Encoder {
    let options = ImportOptions {
        from: from.into(),
        out: out.into(),
        name: "test".into(),
        pooling,
        precision,
        max_tokens: 64,
        letter_case: None,
        force: true,
    };
    import(&RUNTIME, &options).unwrap();
    Encoder::load(&RUNTIME, out, EncoderOptions { device: Device::Cpu, sessions: Some(1), threads: Some(1) }).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Runs the texts `batch` (positions in `golden`) as one batch; returns the lowest cosine with the
/// reference vectors.
fn lowest_cosine(session: &mut EncoderSession, golden: &Golden, batch: &[usize]) -> f64 {
    let ids: Vec<&[i64]> = batch.iter().map(|&i| golden.ids[i].as_slice()).collect();
    let vectors = session.run(&ids).unwrap();
    let rows = vectors.chunks_exact(vectors.len() / batch.len());
    rows.zip(batch).map(|(ours, &i)| cosine(ours, &golden.vectors[i])).fold(1.0, f64::min)
}

/// Imports `from` and compares its vectors with a golden file: from texts, and from token ids in
/// batches of 1 text, of 32 different texts (padded), and of 32 equal texts.
fn check(from: &Path, file: &str, pooling: Pooling, precision: Precision, min_cosine: f64) {
    let (dir, golden) = (tempfile::tempdir().unwrap(), golden(file, pooling));
    let out = dir.path().join("model");
    let encoder = load(from, &out, pooling, precision);
    let texts: Vec<&str> = golden.texts.iter().map(String::as_str).collect();
    let vectors = encoder.embed(&texts).unwrap();
    for (ours, reference) in vectors.chunks_exact(encoder.dimensions()).zip(&golden.vectors) {
        assert!(cosine(ours, reference) >= min_cosine, "{} {pooling:?} {precision:?}", from.display());
    }
    let (mut session, _) = EncoderSession::load(&RUNTIME, &out, encoder.manifest(), Device::Cpu, 1).unwrap();
    let all: Vec<usize> = (0..golden.texts.len()).collect();
    let mixed: Vec<usize> = (0..32).map(|i| i * 7 % all.len()).collect();
    let same = |i: &usize| vec![*i; 32];
    let batches = all.iter().map(|&i| vec![i]).chain([mixed]).chain(all.iter().step_by(10).map(same));
    for batch in batches {
        let cosine = lowest_cosine(&mut session, &golden, &batch);
        assert!(cosine >= min_cosine, "{} {pooling:?} {precision:?} {batch:?}: {cosine}", from.display());
    }
}

#[test]
fn every_checkpoint_format_matches_the_reference() {
    for pooling in [Pooling::Cls, Pooling::Mean] {
        for name in ["tiny", "tiny-bin", "tiny-legacy", "tiny-onnx"] {
            check(&fixture(name), "tiny.json", pooling, Precision::Fp32, 0.99999);
        }
        check(&fixture("tiny-f16"), "tiny-f16.json", pooling, Precision::Fp32, 0.99999);
    }
}

#[test]
fn a_real_checkpoint_matches_the_reference() {
    for pooling in [Pooling::Cls, Pooling::Mean] {
        check(&minilm(), "minilm.json", pooling, Precision::Fp32, 0.99999);
    }
}

#[test]
fn lower_precisions_stay_near_the_reference() {
    for pooling in [Pooling::Cls, Pooling::Mean] {
        check(&minilm(), "minilm.json", pooling, Precision::Int8, 0.99);
        check(&fixture("tiny"), "tiny.json", pooling, Precision::Fp16, 0.9999);
    }
}

#[test]
fn a_vector_does_not_depend_on_the_batch() {
    let dir = tempfile::tempdir().unwrap();
    for precision in [Precision::Fp32, Precision::Int8] {
        let encoder = load(&fixture("tiny"), &dir.path().join("model"), Pooling::Mean, precision);
        let golden = golden("tiny.json", Pooling::Mean);
        let texts: Vec<&str> = golden.texts.iter().map(String::as_str).collect();
        let together = encoder.embed(&texts).unwrap();
        for (text, row) in texts.iter().zip(together.chunks_exact(encoder.dimensions())) {
            let alone = encoder.embed(&[text]).unwrap();
            assert!(cosine(&alone, row) > 1.0 - 1e-6, "{precision:?}");
        }
    }
}

#[test]
fn long_texts_are_truncated_and_keep_the_end_token() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("model");
    let options = |max_tokens| ImportOptions {
        from: fixture("tiny"),
        out: out.clone(),
        name: "test".into(),
        pooling: Pooling::Cls,
        precision: Precision::Fp32,
        max_tokens,
        letter_case: None,
        force: true,
    };
    import(&RUNTIME, &options(5)).unwrap();
    let encoder =
        Encoder::load(&RUNTIME, &out, EncoderOptions { device: Device::Cpu, sessions: Some(2), threads: Some(1) })
            .unwrap();
    let vectors = encoder.embed(&["a b c", "a b c d e f", "a b d"]).unwrap();
    let rows: Vec<&[f32]> = vectors.chunks_exact(encoder.dimensions()).collect();
    assert_eq!(rows[0], rows[1]);
    assert_ne!(rows[0], rows[2]);
    assert!(import(&RUNTIME, &options(65)).unwrap_err().to_string().contains("--max-tokens 65"));
}
