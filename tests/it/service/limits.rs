//! Load and limits: the queue, time limits, connections, clients that leave.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Service, curl_http2, large_request, metric, wait_for};

#[test]
fn a_full_queue_is_429_and_the_rest_is_answered() {
    let service = Service::start(&["--queue", "1", "--sessions", "1"]);
    let answers: Vec<_> = thread::scope(|scope| {
        let requests: Vec<_> = (0..6).map(|_| scope.spawn(|| service.link(&large_request(0, 400)))).collect();
        requests.into_iter().map(|r| r.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|a| a.status == 429).collect();
    assert!(!refused.is_empty() && answers.iter().any(|a| a.status == 200));
    for answer in &refused {
        assert_eq!(answer.problem(), "overloaded");
        assert_eq!(answer.retry_after.as_deref(), Some("1"));
    }
    assert_eq!(answers.iter().filter(|a| a.status == 200).count() + refused.len(), 6);
    assert_eq!(service.link(&json!({"mention": "asthma"})).status, 200);
    thread::scope(|scope| {
        scope.spawn(|| service.link(&large_request(0, 1000)));
        thread::sleep(Duration::from_millis(150));
        assert_eq!(service.get("/concepts?q=asthma").problem(), "overloaded", "searches use the same queue");
        assert_eq!(service.get("/codes/SAPLINK/1").problem(), "overloaded", "crosswalks use the same queue");
        assert_eq!(service.get("/concepts/C0004096").status, 200);
    });
}

#[test]
fn a_single_mention_does_not_wait_for_a_large_request() {
    let service = Service::start(&["--sessions", "1"]);
    let started = Instant::now();
    let (single, large) = thread::scope(|scope| {
        let large = scope.spawn(|| {
            assert_eq!(service.link(&large_request(0, 1000)).status, 200);
            started.elapsed()
        });
        thread::sleep(Duration::from_millis(150));
        let sent = Instant::now();
        assert_eq!(service.link(&json!({"mention": "a pain that comes and goes"})).status, 200);
        (sent.elapsed(), large.join().unwrap())
    });
    assert!(single < large / 3, "{single:?} of {large:?}");
}

#[test]
fn a_slow_body_times_out() {
    let service = Service::start(&["--request-timeout", "1"]);
    let slow =
        b"POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    let started = Instant::now();
    let answer = service.raw(slow, Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("urn:saplink:problem:timeout"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn work_of_a_disconnected_client_is_canceled() {
    let service = Service::start(&["--sessions", "1", "--cache", "0"]);
    let body = large_request(0, 1000).to_string();
    let head = format!(
        "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut client = TcpStream::connect(&service.address).unwrap();
    client.write_all((head + &body).as_bytes()).unwrap();
    wait_for("the request is running", Duration::from_secs(10), || metric(&service, "saplink_queued_texts") > 0.0);
    drop(client);
    wait_for("the request is canceled", Duration::from_secs(5), || {
        metric(&service, "saplink_admitted_requests") == 0.0
    });
    assert_eq!(service.link(&json!({"mention": "a pain that comes and goes"})).status, 200);
    assert!(metric(&service, "saplink_batch_texts_total") < 900.0, "the remaining texts are not embedded");
}

#[test]
fn work_beyond_the_time_limit_is_canceled() {
    let service = Service::start(&["--sessions", "1", "--cache", "0", "--request-timeout", "1"]);
    let answers: Vec<_> = thread::scope(|scope| {
        let service = &service;
        let requests: Vec<_> =
            (0..12).map(|i| scope.spawn(move || service.link(&large_request(i * 1000, 1000)).status)).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|status| [200, 503].contains(status)) && answers.contains(&503), "{answers:?}");
    wait_for("all requests ended", Duration::from_secs(5), || metric(&service, "saplink_admitted_requests") == 0.0);
    assert_eq!(metric(&service, "saplink_queued_texts"), 0.0);
}

#[test]
fn connections_are_limited_in_number_idle_time_and_head_size() {
    let service = Service::start(&["--max-connections", "2", "--idle-timeout", "1"]);
    let idle: Vec<_> = (0..2).map(|_| TcpStream::connect(&service.address).unwrap()).collect();
    wait_for("the connections are accepted", Duration::from_secs(5), || service.raw_get("/info").contains(" 429 "));
    assert!(service.raw_get("/readyz").contains(" 200 "), "a probe is answered");
    wait_for("idle connections make room", Duration::from_secs(5), || service.raw_get("/info").contains(" 200 "));
    for mut client in idle {
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(client.read(&mut [0; 16]).unwrap(), 0, "the service closes the connection");
    }
    // A head that arrives one byte at a time.
    let mut slow = TcpStream::connect(&service.address).unwrap();
    let started = Instant::now();
    while slow.write_all(b"G").is_ok() && started.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(100));
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    let large = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
    let answer = service.raw(large.as_bytes(), Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 431") && answer.contains("x-request-id: "), "{answer}");
    assert!(answer.contains("urn:saplink:problem:head-too-large"), "{answer}");
    let larger = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n", "x".repeat(200_000));
    let answer = service.raw(larger.as_bytes(), Duration::from_secs(5));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(service.get("/healthz").status, 200);
}

#[test]
fn silent_streams_end_and_probes_are_answered_meanwhile() {
    let service = Service::start(&["--max-connections", "3", "--idle-timeout", "5"]);
    let head = "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    let open_once = |line: &str| {
        let mut client = TcpStream::connect(&service.address).unwrap();
        client.write_all(format!("{head}{:x}\r\n{line}\r\n", line.len()).as_bytes()).unwrap();
        client
    };
    // A connection of the start of the service may still be open, so that a stream is refused.
    let open = |line: &str| {
        loop {
            let client = open_once(line);
            client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let mut status = [0; 12];
            let read = client.peek(&mut status).unwrap_or(0);
            if !status[..read].ends_with(b" 429") {
                client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                return client;
            }
        }
    };
    let started = Instant::now();
    let clients = ["\"asthma\"\n", "\"asthma\"\n\"co", " "].map(open);
    let refused = service.raw_get("/sources");
    assert!(refused.contains("urn:saplink:problem:overloaded") && refused.contains("retry-after: 1"), "{refused}");
    assert!(refused.contains("connection: close"), "{refused}");
    for probe in ["/healthz", "/readyz"] {
        let asked = Instant::now();
        assert!(service.raw_get(probe).contains(" 200 "), "{probe}");
        assert!(asked.elapsed() < Duration::from_secs(1), "{probe}");
    }
    for mut client in clients {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("urn:saplink:problem:timeout") && answer.contains("--idle-timeout"), "{answer}");
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    wait_for("there is room again", Duration::from_secs(5), || service.raw_get("/sources").contains(" 200 "));
}

#[test]
fn a_client_that_takes_no_answer_is_cut_off() {
    let service = Service::start(&["--idle-timeout", "1", "--cache", "0"]);
    let mut client = TcpStream::connect(&service.address).unwrap();
    client.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    // The answer is larger than the buffers of the system, and is never read.
    let lines = "{\"text\": \"asthma\", \"top_k\": 100}\n".repeat(500);
    let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
    let started = Instant::now();
    while client.write_all(chunk.as_bytes()).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(50), "the connection is still open");
    }
    assert_eq!(service.get("/healthz").status, 200);
}

#[test]
fn http_2_is_spoken_without_tls() {
    let service = Service::start(&["--idle-timeout", "1"]);
    let url = service.url("/link");
    let json = ["-H", "content-type: application/json", "-d", "{\"mention\": \"asthma\"}", "-w", " v%{http_version}"];
    let Some(answer) = curl_http2(&[&["--http2-prior-knowledge", &url], &json[..]].concat()) else {
        eprintln!("skipped: there is no curl with HTTP/2 here");
        return;
    };
    assert!(answer.contains("\"linked\"") && answer.ends_with(" v2"), "{answer}");
    let lines = ["-H", "content-type: application/x-ndjson", "--data-binary", "\"asthma\"\n\"cold\"\n"];
    let answer = curl_http2(&[&["--http2-prior-knowledge", &url], &lines[..]].concat()).unwrap();
    assert_eq!(answer.lines().count(), 2, "{answer}");
    let foreign = curl_http2(&["--http2-prior-knowledge", "-H", "host: evil.example", &url]).unwrap();
    assert!(foreign.contains("wrong-host"), "{foreign}");
    let large = format!("x-large: {}", "x".repeat(30_000));
    let answer = curl_http2(&["--http2-prior-knowledge", "-i", "-H", &large, &service.url("/info")]).unwrap();
    assert!(answer.starts_with("HTTP/2 431") && answer.contains("x-request-id"), "{answer}");
    // An idle connection of HTTP/2 is closed.
    let started = Instant::now();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    service.raw_bytes(preface, Duration::from_secs(10));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_service_without_free_file_descriptors_recovers() {
    let service = Service::start(&[]);
    let limit = |files: u32| {
        let pid = service.id().to_string();
        let done = std::process::Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={files}")]).status();
        done.is_ok_and(|status| status.success())
    };
    let open = fs_err::read_dir(format!("/proc/{}/fd", service.id())).unwrap().count() as u32;
    if !limit(open + 4) {
        eprintln!("skipped: there is no prlimit here");
        return;
    }
    let connections: Vec<_> = (0..40).map(|_| TcpStream::connect(&service.address).unwrap()).collect();
    wait_for("the failure is in the log", Duration::from_secs(10), || service.log().contains("could not be accepted"));
    drop(connections);
    wait_for("the service answers again", Duration::from_secs(10), || service.get("/healthz").status == 200);
    assert_eq!(service.link(&json!({"mention": "a pain that comes and goes"})).status, 200);
}
