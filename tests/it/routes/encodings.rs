//! Compressed bodies and answers, media types of lines, and bodies with a byte order mark.

use std::{
    io::{Read, Write},
    time::Duration,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::json;

use crate::support::{Service, shared};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Posts `body` with more header lines; returns the head and the bytes of the answer.
fn post(service: &Service, headers: &str, body: &[u8]) -> (String, Vec<u8>) {
    let head = format!(
        "POST /link HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n\r\n",
        body.len()
    );
    let answer = service.raw_bytes(&[head.as_bytes(), body].concat(), Duration::from_secs(20));
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end + 4..].to_vec())
}

const JSON: &str = "content-type: application/json";

#[test]
fn compressed_bodies_are_read_within_the_limit() {
    let body = json!({"mentions": ["asthma", "heart attack"]}).to_string();
    let plain = shared().post("/link", "application/json", body.as_bytes()).text;
    let zstd = zstd_of(body.as_bytes());
    for (encoding, bytes) in [("gzip", gzip(body.as_bytes())), ("zstd", zstd), ("identity", body.clone().into())] {
        let (head, answer) = post(shared(), &format!("{JSON}\r\ncontent-encoding: {encoding}"), &bytes);
        assert!(head.starts_with("http/1.1 200"), "{encoding}: {head}");
        assert_eq!(String::from_utf8(answer).unwrap(), plain, "{encoding}");
    }
    let lines = gzip(b"\"asthma\"\n\"heart attack\"\n");
    let (head, answer) = post(shared(), "content-type: application/x-ndjson\r\ncontent-encoding: gzip", &lines);
    let answer = String::from_utf8(answer).unwrap();
    assert!(head.starts_with("http/1.1 200") && answer.contains("\"m2\""), "{head} {answer}");

    // Files of several members, as `cat a.gz b.gz` gives them.
    let members = [gzip(b"\"asthma\"\n"), gzip(b"\"cold\"\n\"fever\"\n")].concat();
    let (head, answer) = post(shared(), "content-type: application/x-ndjson\r\ncontent-encoding: X-GZIP", &members);
    let answer = String::from_utf8(answer).unwrap();
    assert!(head.starts_with("http/1.1 200") && answer.contains("\"m3\""), "{head} {answer}");
    let followed = [gzip(body.as_bytes()), b"no member".to_vec()].concat();

    let bomb = gzip(format!("{{\"mention\": \"{}\"}}", "a".repeat(50 << 20)).as_bytes());
    assert!(bomb.len() < 100_000);
    let cut = &gzip(body.as_bytes())[..20];
    for (encoding, bytes, status, kind) in [
        ("gzip", &bomb[..], 413, "body-too-large"),
        ("gzip", body.as_bytes(), 422, "invalid-request"),
        ("gzip", cut, 422, "invalid-request"),
        ("gzip", &followed[..], 422, "invalid-request"),
        ("br", body.as_bytes(), 415, "unsupported-encoding"),
        ("deflate", body.as_bytes(), 415, "unsupported-encoding"),
        ("gzip, gzip", body.as_bytes(), 415, "unsupported-encoding"),
        ("gzip\r\ncontent-encoding: gzip", body.as_bytes(), 415, "unsupported-encoding"),
    ] {
        let (head, answer) = post(shared(), &format!("{JSON}\r\ncontent-encoding: {encoding}"), bytes);
        let answer = String::from_utf8(answer).unwrap();
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{encoding}: {head} {answer}");
        assert!(answer.contains(&format!("urn:saplink:problem:{kind}")), "{encoding}: {answer}");
        assert_eq!(head.contains("accept-encoding: gzip, zstd"), kind == "unsupported-encoding", "{head}");
    }
}

/// The frame of zstd with `bytes` as they are (RFC 8878, sections 3.1.1 and 3.1.1.2).
fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    let size = u8::try_from(bytes.len()).unwrap();
    let block = (u32::from(size) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, size], &block[..3], bytes].concat()
}

#[test]
fn answers_are_compressed_if_the_client_accepts_it() {
    let body = json!({"mentions": ["asthma", "heart attack"]}).to_string();
    let plain = shared().post("/link", "application/json", body.as_bytes()).text;
    let (head, answer) = post(shared(), &format!("{JSON}\r\naccept-encoding: gzip"), body.as_bytes());
    assert!(head.contains("content-encoding: gzip") && head.contains("x-request-id: "), "{head}");
    let mut read = String::new();
    GzDecoder::new(&dechunked(&answer)[..]).read_to_string(&mut read).unwrap();
    assert_eq!(read, plain);
    let (head, answer) = post(shared(), &format!("{JSON}\r\naccept-encoding: zstd"), body.as_bytes());
    assert!(head.contains("content-encoding: zstd"), "{head}");
    assert!(dechunked(&answer).starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    let (head, answer) = post(shared(), &format!("{JSON}\r\naccept-encoding: br"), body.as_bytes());
    assert!(!head.contains("content-encoding") && answer == plain.as_bytes(), "{head}");
}

/// The bytes of a body that was sent in chunks.
fn dechunked(mut body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    while let Some(end) = body.windows(2).position(|line| line == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        bytes.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 2 + size + 2..];
    }
    bytes
}

#[test]
fn lines_have_several_media_types() {
    for name in
        ["application/ndjson", "application/jsonl", "application/x-jsonlines", "Application/X-NDJSON; charset=utf-8"]
    {
        let answer = shared().post("/link", name, b"\"asthma\"\n");
        assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/x-ndjson"), "{name}");
        assert!(answer.text.contains("\"linked\""), "{name}: {}", answer.text);
    }
    let refused = shared().post("/link", "application/json-lines", b"\"asthma\"\n");
    assert!(refused.status == 415 && refused.text.contains("application/x-ndjson"), "{refused:?}");
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let mark = "\u{feff}";
    let answer = shared().post("/link", "application/json", format!("{mark}{{\"mention\": \"asthma\"}}").as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let lines = format!("{mark}\"asthma\"\n\"cold\"\n{mark}\"cold\"\n");
    let answer = shared().post("/link", "application/x-ndjson", lines.as_bytes()).text;
    let lines: Vec<&str> = answer.lines().collect();
    assert!(lines[0].contains("\"linked\"") && lines[2].contains("invalid-json"), "{answer}");
    assert!(lines[2].contains("line 3, column 1"), "{answer}");
}
