//! The encoder against an independent float64 implementation (`tests/golden`).

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use saplink::{
    bert::{Pooling, Precision},
    encoder::{Device, Encoder, EncoderOptions, ImportOptions, import},
};
use serde_json::Value;

use crate::support::{RUNTIME, fixture, minilm, root};

struct Golden {
    texts: Vec<String>,
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
    Golden {
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
        force: true,
    };
    import(&RUNTIME, &options).unwrap();
    Encoder::load(&RUNTIME, out, EncoderOptions { device: Device::Cpu, sessions: 1, threads: 1 }).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The least cosine with the golden vectors, one text at a time (nothing padded) and 32 at once (padded).
fn least_cosines(encoder: &Encoder, golden: &Golden) -> [f64; 2] {
    let texts: Vec<&str> = golden.texts.iter().map(String::as_str).collect();
    [1, 32].map(|batch| {
        let embed = |texts: &[&str]| encoder.embed(texts).unwrap();
        let vectors: Vec<f32> = texts.chunks(batch).flat_map(embed).collect();
        let rows = vectors.chunks_exact(encoder.dimensions());
        assert_eq!(rows.len(), texts.len());
        rows.zip(&golden.vectors).map(|(ours, reference)| cosine(ours, reference)).fold(1.0, f64::min)
    })
}

fn check(from: &Path, file: &str, pooling: Pooling, precision: Precision, least: f64) {
    let dir = tempfile::tempdir().unwrap();
    let encoder = load(from, &dir.path().join("model"), pooling, precision);
    for cosine in least_cosines(&encoder, &golden(file, pooling)) {
        assert!(cosine >= least, "{} {pooling:?} {precision:?}: {cosine}", from.display());
    }
}

#[test]
fn every_weight_format_gives_the_reference() {
    for pooling in [Pooling::Cls, Pooling::Mean] {
        for name in ["tiny", "tiny-bin", "tiny-legacy"] {
            check(&fixture(name), "tiny.json", pooling, Precision::Fp32, 0.99999);
        }
        check(&fixture("tiny-f16"), "tiny-f16.json", pooling, Precision::Fp32, 0.99999);
    }
}

#[test]
fn a_real_checkpoint_gives_the_reference() {
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
fn a_text_has_one_vector_whatever_its_company() {
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
fn texts_are_cut_to_the_limit_and_keep_their_end_mark() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("model");
    let options = |max_tokens| ImportOptions {
        from: fixture("tiny"),
        out: out.clone(),
        name: "test".into(),
        pooling: Pooling::Cls,
        precision: Precision::Fp32,
        max_tokens,
        force: true,
    };
    import(&RUNTIME, &options(5)).unwrap();
    let encoder =
        Encoder::load(&RUNTIME, &out, EncoderOptions { device: Device::Cpu, sessions: 2, threads: 1 }).unwrap();
    let vectors = encoder.embed(&["a b c", "a b c d e f", "a b d"]).unwrap();
    let rows: Vec<&[f32]> = vectors.chunks_exact(encoder.dimensions()).collect();
    assert_eq!(rows[0], rows[1]);
    assert_ne!(rows[0], rows[2]);
    assert!(import(&RUNTIME, &options(65)).unwrap_err().to_string().contains("--max-tokens 65"));
}
