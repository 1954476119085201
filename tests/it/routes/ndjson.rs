//! `POST /link` with NDJSON: one mention a line.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{Service, shared};

const NDJSON: &str = "application/x-ndjson";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn a_line_gets_the_answer_of_a_mention_in_a_request() {
    let service = shared();
    let mention = |i: usize| match i % 4 {
        0 => json!(format!("pain in place {i} of the body")),
        1 => json!({"id": format!("note {i}"), "text": "asprin", "semantic_groups": ["CHEM"], "top_k": 2}),
        2 => json!(["heart attack", "cold", "asthma"][i % 3]),
        _ => json!({"text": "..", "id": i.to_string()}),
    };
    let mentions: Vec<Value> = (0..900).map(mention).collect();
    let corpus: Vec<String> = mentions.iter().map(Value::to_string).collect();
    let streamed = service.post("/link", NDJSON, corpus.join("\n").as_bytes());
    assert_eq!((streamed.status, streamed.content_type.as_str()), (200, NDJSON));
    let whole = service.link(&json!({"mentions": mentions}));
    let (streamed, whole) = (lines(&streamed.text), whole.json()["results"].as_array().unwrap().clone());
    assert_eq!(streamed.len(), 900);
    for (line, result) in streamed.iter().zip(&whole) {
        let mut line = line.clone();
        // A field of a line is named without the position of the line.
        if let (Some(error), Some(field)) = (line.get_mut("error"), result["error"].get("field")) {
            error["field"] = field.clone();
        }
        assert_eq!(&line, result);
    }
}

#[test]
fn a_bad_line_gets_an_error_in_its_place() {
    let service = Service::start(&["--max-mention-bytes", "100"]);
    let long = format!("{{\"text\": \"{}\"}}", "x".repeat(40_000));
    let corpus = format!(
        "\"asthma\"\r\n\n{{\"text\": 5}}\nCANARY\n{long}\n\"asthma\" 1\n\"{}\"\n  \n\"asthma\"",
        "y".repeat(200)
    );
    let answer = service.post("/link?CANARY", NDJSON, corpus.as_bytes());
    let seen: Vec<(String, String)> = lines(&answer.text)
        .iter()
        .map(|line| {
            let of = |value: &Value| value.as_str().unwrap_or("").rsplit(':').next().unwrap().to_owned();
            (of(&line["id"]), if line["status"] == "error" { of(&line["error"]["type"]) } else { of(&line["status"]) })
        })
        .collect();
    let expected = [
        ("m1", "linked"),
        ("m3", "invalid-request"),
        ("m4", "invalid-json"),
        ("m5", "mention-too-long"),
        ("m6", "invalid-json"),
        ("m7", "mention-too-long"),
        ("m9", "linked"),
    ];
    assert_eq!(seen, expected.map(|(id, status)| (id.to_owned(), status.to_owned())));
    assert!(!answer.text.contains("CANARY") && !service.log().contains("CANARY"));
    assert_eq!(service.post("/link", NDJSON, b"").text, "");
}

#[test]
fn answers_arrive_while_lines_are_sent_and_bodies_may_be_large() {
    let service = Service::start(&["--max-body-bytes", "1000", "--request-timeout", "1"]);
    let mut client = TcpStream::connect(&service.address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = "POST /link HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-ndjson; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    let mut answers = BufReader::new(client.try_clone().unwrap());
    let mut next = || loop {
        let mut line = String::new();
        assert!(answers.read_line(&mut line).unwrap() > 0, "the answer ended early");
        if line.starts_with("{\"id\"") {
            break serde_json::from_str::<Value>(&line).unwrap()["id"].as_str().unwrap().to_owned();
        }
    };
    let mut send = |text: &str| client.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).unwrap();
    for i in 0..30 {
        send(&json!({"text": "a pain that comes and goes", "id": i.to_string()}).to_string());
        send("\n");
        assert_eq!(next(), i.to_string());
        // 30 lines take longer than --request-timeout.
        std::thread::sleep(Duration::from_millis(50));
    }
    send("\"asthma\"");
    client.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(next(), "m31");
}
