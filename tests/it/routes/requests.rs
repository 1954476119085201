//! Requests that every route refuses, and the headers of every answer.

use std::time::Duration;

use serde_json::json;

use crate::support::{rich_index, shared};

/// Each case: a body, the status and type of the problem, and its field.
#[test]
fn bad_bodies_are_4xx_with_a_stable_type() {
    let mentions = |n: usize| json!({"mentions": vec!["a"; n]}).to_string();
    let long = json!({"mention": "a".repeat(1 << 20)}).to_string();
    let nested = "[".repeat(100_000);
    let many_types = json!({"mention": "a", "semantic_types": vec!["T047"; 300]}).to_string();
    let cases: Vec<(&[u8], u16, &str, Option<&str>)> = vec![
        (b"", 400, "invalid-json", None),
        (b"{", 400, "invalid-json", None),
        (b"heart attack", 400, "invalid-json", None),
        (b"{\"mention\": \"a\"} {}", 400, "invalid-json", None),
        (b"{\"mention\": \"a\xff\"}", 400, "invalid-json", None),
        (b"{\"mention\": \"a\nb\"}", 400, "invalid-json", None),
        (br#"{"mention": "\ud800"}"#, 400, "invalid-json", None),
        (br#"{"mention": "\udc00 a"}"#, 400, "invalid-json", None),
        (nested.as_bytes(), 400, "invalid-json", None),
        (b"null", 422, "invalid-request", None),
        (b"[]", 422, "invalid-request", None),
        (br#"["heart attack"]"#, 422, "invalid-request", None),
        (b"{}", 422, "invalid-request", Some("mention")),
        (br#"{"mention": "a", "mentions": ["a"]}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": null}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": 5}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": ["a"]}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": {"id": "x"}}"#, 422, "invalid-request", Some("mention.text")),
        (br#"{"mention": {"text": "a", "txet": 1}}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": "a", "topk": 3}"#, 422, "invalid-request", None),
        (br#"{"mentions": "a"}"#, 422, "invalid-request", Some("mentions")),
        (br#"{"mentions": []}"#, 422, "invalid-request", Some("mentions")),
        (br#"{"mention": "a", "top_k": 0}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "top_k": 101}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "top_k": -1}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "top_k": 1.5}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "top_k": 99999999999999999999}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "min_score": 2}"#, 422, "invalid-request", Some("min_score")),
        (br#"{"mention": "a", "min_score": "x"}"#, 422, "invalid-request", Some("min_score")),
        (br#"{"mention": "a", "min_score": 1e999}"#, 400, "invalid-json", None),
        (br#"{"mention": "a", "semantic_types": "T047"}"#, 422, "invalid-request", Some("semantic_types")),
        (br#"{"mention": "a", "semantic_types": ["T999"]}"#, 422, "unknown-semantic-type", Some("semantic_types[0]")),
        (br#"{"mention": "a", "readings": "yes"}"#, 422, "invalid-request", Some("readings")),
        (br#"{"mention": "a", "spelling": 0}"#, 422, "invalid-request", Some("spelling")),
        (br#"{"mention": "a", "explain": [true]}"#, 422, "invalid-request", Some("explain")),
        (br#"{"mention": "a", "explain": true, "explain": true}"#, 422, "invalid-request", Some("explain")),
        (br#"{"mention": {"text": "a", "readings": "yes"}}"#, 422, "invalid-request", Some("mention.readings")),
        (br#"{"mention": "a", "mention": "a"}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": {"text": "a", "id": "x", "id": "x"}}"#, 422, "invalid-request", Some("mention.id")),
        (
            br#"{"mention": "a", "semantic_groups": ["DISO", "disorder"]}"#,
            422,
            "unknown-semantic-group",
            Some("semantic_groups[1]"),
        ),
        (br#"{"mention": "a", "sources": ["NOWHERE"]}"#, 422, "unknown-source", Some("sources[0]")),
        (many_types.as_bytes(), 422, "invalid-request", Some("semantic_types")),
        (br#"{"mention": ""}"#, 422, "blank-mention", Some("mention")),
        (br#"{"mention": " \t\n "}"#, 422, "blank-mention", Some("mention")),
        (br#"{"mention": "?!"}"#, 422, "blank-mention", Some("mention")),
        (br#"{"mention": {"text": "\u200b\u202e"}}"#, 422, "blank-mention", Some("mention.text")),
        (br#"{"mention": "\u0301\u0302"}"#, 422, "blank-mention", Some("mention")),
        (br#"{"mention": "a\u0000b"}"#, 422, "control-characters", Some("mention")),
        (br#"{"mention": "a\u001b[31mb"}"#, 422, "control-characters", Some("mention")),
        (br#"{"mention": "a\u0085\u009fb"}"#, 422, "control-characters", Some("mention")),
        (long.as_bytes(), 422, "mention-too-long", Some("mention")),
    ];
    for (body, status, kind, field) in &cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = shared().post("/link", "application/json", body);
        assert_eq!((answer.status, answer.problem().as_str()), (*status, *kind), "{shown}");
        assert_eq!(answer.json()["field"].as_str(), *field, "{shown}: {}", answer.text);
    }
    // The announced length is refused before the body is read.
    let larger =
        b"POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 3000000\r\n\r\n{";
    let answer = shared().raw(larger, Duration::from_secs(2));
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("urn:saplink:problem:body-too-large"), "{answer}");
    let answer = shared().post("/link", "application/json", mentions(10_000).as_bytes());
    assert_eq!((answer.status, answer.problem().as_str()), (422, "too-many-mentions"));
    assert_eq!(shared().post("/link", "application/json", mentions(1000).as_bytes()).status, 200);
    let answer = shared().link(&json!({"mentions": vec!["a"; 201], "top_k": 100}));
    assert_eq!((answer.status, answer.problem().as_str()), (422, "too-many-candidates"));
}

#[test]
fn bad_parameters_are_422_and_name_the_field() {
    let long = format!("/concepts?q={}", "a".repeat(1001));
    for (path, kind, field) in [
        ("/concepts", "invalid-request", Some("q")),
        ("/concepts?q=a&q=b", "invalid-request", Some("q")),
        ("/concepts?q=", "blank-mention", Some("q")),
        ("/concepts?q=%3F%21", "blank-mention", Some("q")),
        ("/concepts?q=a%00b", "control-characters", Some("q")),
        ("/concepts?q=a%ffb", "invalid-request", None),
        ("/concepts?q=100%", "invalid-request", None),
        (long.as_str(), "mention-too-long", Some("q")),
        ("/concepts?q=a&limit=0", "invalid-request", Some("limit")),
        ("/concepts?q=a&limit=101", "invalid-request", Some("limit")),
        ("/concepts?q=a&limit=ten", "invalid-request", Some("limit")),
        ("/concepts?q=a&offset=-1", "invalid-request", Some("offset")),
        ("/concepts?q=a&offset=9981", "invalid-request", Some("offset")),
        ("/concepts?q=a&offset=18446744073709551615", "invalid-request", Some("offset")),
        ("/concepts?q=a&top_k=5", "invalid-request", None),
        ("/concepts?q=a&semantic_types=T047,T999", "unknown-semantic-type", Some("semantic_types")),
        ("/concepts?q=a&semantic_groups=disorder", "unknown-semantic-group", Some("semantic_groups")),
        ("/concepts?q=a&sources=", "unknown-source", Some("sources")),
        ("/concepts/C0000001?limit=1001", "invalid-request", Some("limit")),
        ("/concepts/C0000001?offset=1.5", "invalid-request", Some("offset")),
        ("/concepts/C0000001?source=NOWHERE", "unknown-source", Some("source")),
        ("/concepts/C0000001?language=XXX", "unknown-language", Some("language")),
        ("/concepts/C0000001?sources=OPEN", "invalid-request", None),
        ("/concepts/C0000001/codes?target=OPEN,NOWHERE", "unknown-source", Some("target")),
        ("/concepts/C0000001/codes?target=OPEN&target=HPO", "invalid-request", Some("target")),
        ("/concepts/C0000001/codes?limit=1001", "invalid-request", Some("limit")),
        ("/concepts/C0000001/codes?offset=x", "invalid-request", Some("offset")),
        ("/concepts/C0000001/related/children?limit=1001", "invalid-request", Some("limit")),
        ("/codes/OPEN/22298006?target=NOWHERE", "unknown-source", Some("target")),
        ("/codes/OPEN/22298006?limit=x", "invalid-request", Some("limit")),
    ] {
        let answer = rich_index::shared().get(path);
        assert_eq!((answer.status, answer.problem().as_str()), (422, kind), "{path}: {answer:?}");
        assert_eq!(answer.json()["field"].as_str(), field, "{path}: {answer:?}");
    }
    let unknown = rich_index::shared().get("/concepts/C0000001/codes?CANARY=1").json();
    assert_eq!(unknown["detail"], "unknown parameter; known are `target`, `offset`, `limit`");
    assert_eq!(rich_index::shared().get("/concepts?q=a&offset=9980").status, 200);
    assert_eq!(rich_index::shared().post("/concepts?q=a", "text/plain", b"").problem(), "method-not-allowed");
}

#[test]
fn bad_paths_methods_and_content_types() {
    for (path, status, kind) in [
        ("/concepts/C9999999", 404, "unknown-concept"),
        ("/concepts/HP:0001250", 404, "unknown-concept"),
        ("/concepts/C002705", 400, "invalid-concept-id"),
        ("/concepts/c002705", 400, "invalid-concept-id"),
        ("/concepts/heart%20attack", 400, "invalid-concept-id"),
        ("/concepts/%ff", 400, "invalid-concept-id"),
        ("/concepts/..%2f..%2fetc", 400, "invalid-concept-id"),
        ("/concepts/", 404, "not-found"),
        ("/nothing", 404, "not-found"),
        ("/link", 405, "method-not-allowed"),
    ] {
        let answer = shared().get(path);
        assert_eq!((answer.status, answer.problem().as_str()), (status, kind), "{path}");
    }
    assert_eq!(shared().post("/healthz", "text/plain", b"").problem(), "method-not-allowed");
    for content_type in ["text/plain", "application/jsonx", "application/x-www-form-urlencoded", ""] {
        let answer = shared().post("/link", content_type, br#"{"mention": "a"}"#);
        assert_eq!((answer.status, answer.problem().as_str()), (415, "unsupported-media-type"), "{content_type}");
    }
    let answer = shared().post("/link", "Application/JSON; charset=utf-8", br#"{"mention": "asthma"}"#);
    assert_eq!(answer.status, 200);
}

#[test]
fn bytes_that_are_not_http_are_refused_and_the_service_continues() {
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"POST /link HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    ] {
        let answer = shared().raw(bytes, Duration::from_millis(500));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!(shared().get("/healthz").status, 200);
}

#[test]
fn answers_have_security_headers_and_no_cors_headers() {
    let service = shared();
    for (path, policy) in
        [("/docs/", "default-src 'self';"), ("/info", "default-src 'none';"), ("/nothing", "default-src 'none';")]
    {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost:8080\r\nconnection: close\r\n\r\n"
        );
        let answer = service.raw(request.as_bytes(), Duration::from_secs(5)).to_lowercase();
        let head = answer.split("\r\n\r\n").next().unwrap();
        for header in [
            &format!("content-security-policy: {policy}"),
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{path}: {header} in {head}");
        }
        assert!(!head.contains("access-control-"), "{head}");
    }
    let preflight = "OPTIONS /link HTTP/1.1\r\nhost: localhost\r\norigin: https://elsewhere.example\r\naccess-control-request-method: POST\r\nconnection: close\r\n\r\n";
    let answer = service.raw(preflight.as_bytes(), Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 403") && !answer.to_lowercase().contains("access-control-"), "{answer}");
}
