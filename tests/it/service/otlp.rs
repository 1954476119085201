//! Spans for an OpenTelemetry collector: their content, and that no request waits for it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Service, saplink, shared, signal};

const CANARY: &str = "zanthoxyl";

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

const PARENT: &str = "b7ad6b7169203331";

/// Starts a collector that accepts everything; returns its URL and the bodies that it receives.
fn collector() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bodies = Arc::<Mutex<Vec<_>>>::default();
    let received = bodies.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, received) = (stream.unwrap(), received.clone());
            thread::spawn(move || receive(&stream, &received));
        }
    });
    (url, bodies)
}

/// Reads requests from a connection and keeps their heads and bodies.
fn receive(mut stream: &TcpStream, received: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream);
    let mut head = vec![];
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(2) if !head.is_empty() => {
                assert_eq!(head[0], "post /v1/traces http/1.1");
                assert!(head.contains(&"content-type: application/x-protobuf".to_owned()), "{head:?}");
                let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                let mut body = vec![0; length.parse().unwrap()];
                reader.read_exact(&mut body).unwrap();
                // The heads are kept too, because no canary may be in them.
                received.lock().unwrap().push([head.join("\n").as_bytes(), &body].concat());
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                head.clear();
            }
            Ok(1..) => head.push(line.trim_end().to_lowercase()),
            _ => return,
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// Sends a request with the canary in every field that a client controls; returns the answer.
fn send(service: &Service, line: &str, traceparent: &str) -> String {
    let body = json!({"mentions": [CANARY, format!("{CANARY} pain"), "heart atack"]}).to_string();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nx-host: {CANARY}\r\nconnection: close\r\ntraceparent: {traceparent}\r\ntracestate: {CANARY}={CANARY}\r\n\
         baggage: {CANARY}={CANARY}\r\nuser-agent: {CANARY}\r\nx-request-id: {CANARY}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    service.raw((head + &body).as_bytes(), Duration::from_secs(20))
}

#[test]
fn spans_have_trace_route_and_stages_and_no_mention() {
    let (url, received) = collector();
    // Spans do not depend on the log level.
    let mut service = Service::start(&["--otlp-endpoint", &format!("{url}/"), "--log-level", "error"]);
    let traced = format!("00-{TRACE}-{PARENT}-01");
    let answer = send(&service, &format!("POST /link?{CANARY}"), &traced);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for (line, traceparent) in [
        (format!("GET /{CANARY}?{CANARY}"), CANARY),
        (format!("GET /concepts?q={CANARY}&{CANARY}={CANARY}"), traced.as_str()),
        (format!("GET /concepts/{CANARY}"), &traced),
        (format!("{} /link", CANARY.to_uppercase()), &format!("00-{CANARY}-{PARENT}-01")),
        // A trace that its client does not sample.
        ("GET /semantic-types".into(), &format!("00-{TRACE}-{PARENT}-00")),
    ] {
        assert!(send(&service, &line, traceparent).starts_with("HTTP/1.1 "));
    }
    signal(service.id(), "TERM");
    assert_eq!(service.wait(Duration::from_secs(20)), Some(0));
    let received = received.lock().unwrap().concat();
    for part in [
        &bytes(TRACE)[..],
        &bytes(PARENT),
        b"POST /link",
        b"GET /concepts/{cui}",
        b"GET unmatched",
        b"other /link",
        b"http.response.status_code",
        b"saplink.stage.encode",
        b"saplink.stage.serialize",
    ] {
        assert!(contains(&received, part), "{} is missing: {}", part.escape_ascii(), received.escape_ascii());
    }
    let lower = received.to_ascii_lowercase();
    for part in [CANARY, "pain", "atack", "semantic-types"] {
        assert!(!contains(&lower, part.as_bytes()), "{part}: {}", received.escape_ascii());
    }
    assert!(!service.log().to_lowercase().contains(CANARY), "{}", service.log());
}

/// Checks that requests take as long as without a collector, and that the service exits soon;
/// returns its log.
fn assert_no_delay(url: &str) -> String {
    let mut service = Service::start(&["--otlp-endpoint", url, "--log-level", "warn"]);
    let (mut with, mut without) = (vec![], vec![]);
    // More spans than fit in a batch and in the queue of the exporter.
    for _ in 0..3000 {
        for (service, took) in [(&service, &mut with), (shared(), &mut without)] {
            let started = Instant::now();
            assert_eq!(service.try_get("/healthz"), Some(200));
            took.push(started.elapsed());
        }
    }
    with.sort();
    without.sort();
    let (usual, slowest) = (with[1500], with[2999]);
    assert!(usual < 2 * without[1500] + Duration::from_millis(1), "{usual:?}, and {:?} without", without[1500]);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    signal(service.id(), "TERM");
    assert_eq!(service.wait(Duration::from_secs(6)), Some(0));
    service.log()
}

#[test]
fn an_unreachable_collector_delays_no_request() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log = assert_no_delay(&format!("http://{free}"));
    assert_eq!(log.matches("the collector does not take spans").count(), 1, "{log}");
}

#[test]
fn a_silent_collector_delays_no_request() {
    // The system accepts connections; no program reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let log = assert_no_delay(&format!("http://{}", silent.local_addr().unwrap()));
    assert!(log.contains("the last spans were not exported in time"), "{log}");
}

#[test]
fn the_endpoint_must_be_an_http_url() {
    for wrong in ["", "localhost:4318", "https://localhost:4318", "http://", "http://localhost:4318?q=1"] {
        let output = saplink(&["serve", "--otlp-endpoint", wrong]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--otlp-endpoint"), "{wrong}");
    }
}
