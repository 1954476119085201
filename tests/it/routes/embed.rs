//! `POST /embed`: vectors of texts.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::{Answer, RUNTIME, Service, metric, root, shared};

fn embed(request: &Value) -> Answer {
    shared().post("/embed", "application/json", request.to_string().as_bytes())
}

fn numbers(vector: &Value) -> Vec<f32> {
    vector.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

#[test]
fn texts_give_the_vectors_of_the_model() {
    let texts = ["heart attack", "a pain that comes and goes", "asthma"];
    let answer = embed(&json!({"texts": texts}));
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"), "{answer:?}");
    let answer = answer.json();
    assert_eq!((&answer["dimensions"], answer.get("truncated")), (&json!(384), None));
    assert!(answer["model"].as_str().unwrap().starts_with("saplink-mini@"));
    let options =
        saplink::encoder::EncoderOptions { device: saplink::encoder::Device::Cpu, sessions: Some(1), threads: Some(1) };
    let encoder = saplink::encoder::Encoder::load(&RUNTIME, &root().join("models/saplink-mini"), options).unwrap();
    let expected = encoder.embed(&texts).unwrap();
    let encoded = embed(&json!({"texts": texts, "encoding": "base64"})).json();
    for (position, expected) in expected.chunks(384).enumerate() {
        let vector = numbers(&answer["vectors"][position]);
        let bytes = BASE64_STANDARD.decode(encoded["vectors"][position].as_str().unwrap()).unwrap();
        let decoded: Vec<f32> = bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(vector, decoded, "both encodings have the same numbers");
        let cosine: f32 = vector.iter().zip(expected).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.999, "{position}: {cosine}");
    }
    let long = embed(&json!({"texts": ["asthma", "word ".repeat(60), "asthma"]})).json();
    assert_eq!(long["truncated"], json!([1]));
    assert_eq!(long["vectors"][0], long["vectors"][2]);
}

#[test]
fn bad_requests_are_4xx_and_name_the_field() {
    for (body, status, kind, field) in [
        ("", 400, "invalid-json", None),
        ("[]", 422, "invalid-request", None),
        ("{}", 422, "invalid-request", Some("texts")),
        (r#"{"texts": []}"#, 422, "invalid-request", Some("texts")),
        (r#"{"texts": "asthma"}"#, 422, "invalid-request", Some("texts")),
        (r#"{"texts": null}"#, 422, "invalid-request", Some("texts")),
        (r#"{"texts": ["asthma", 5]}"#, 422, "invalid-request", Some("texts[1]")),
        (r#"{"texts": ["asthma", {"text": "a"}]}"#, 422, "invalid-request", Some("texts[1]")),
        (r#"{"texts": ["asthma", ".."]}"#, 422, "blank-mention", Some("texts[1]")),
        (r#"{"texts": ["asthma\u0000"]}"#, 422, "control-characters", Some("texts[0]")),
        (r#"{"texts": ["asthma"], "texts": ["asthma"]}"#, 422, "invalid-request", Some("texts")),
        (r#"{"texts": ["asthma"], "encoding": "hex"}"#, 422, "invalid-request", Some("encoding")),
        (r#"{"texts": ["asthma"], "encoding": 1}"#, 422, "invalid-request", Some("encoding")),
        (r#"{"texts": ["asthma"], "top_k": 1}"#, 422, "invalid-request", None),
    ] {
        let answer = shared().post("/embed", "application/json", body.as_bytes());
        assert_eq!((answer.status, answer.problem().as_str()), (status, kind), "{body}: {answer:?}");
        assert_eq!(answer.json()["field"].as_str(), field, "{body}: {answer:?}");
    }
    let refused = |request: &Value| embed(request).problem();
    assert_eq!(refused(&json!({"texts": vec!["a"; 1001]})), "too-many-mentions");
    assert_eq!(refused(&json!({"texts": ["a".repeat(1001)]})), "mention-too-long");
    // The announced length is refused before the body is read.
    let larger =
        b"POST /embed HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 3000000\r\n\r\n{";
    let answer = shared().raw(larger, Duration::from_secs(2));
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("urn:saplink:problem:body-too-large"), "{answer}");
    for content_type in ["text/plain", "application/x-ndjson"] {
        let answer = shared().post("/embed", content_type, br#"{"texts": ["asthma"]}"#);
        assert_eq!(answer.problem(), "unsupported-media-type", "{content_type}");
    }
}

#[test]
fn embedding_uses_the_queue_and_is_measured() {
    let service = Service::start(&["--queue", "1", "--sessions", "1", "--cache", "0"]);
    let texts: Vec<String> = (0..1000).map(|i| format!("pain number {i} in the left upper side of the body")).collect();
    let body = json!({"texts": texts}).to_string();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let send = || service.post("/embed", "application/json", body.as_bytes()).status;
        let requests: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert!(metric(&service, "saplink_stage_seconds_count{stage=\"encode\"}") >= 1.0);
}
