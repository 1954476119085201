//! The life of a service: start, SIGHUP with another index, SIGTERM.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Service, copy_dir, large_request, signal, starter_index, succeed, wait_for};

#[test]
fn sigterm_while_loading_and_under_load_exits_with_0() {
    let index = starter_index().to_str().unwrap();
    for delay in [0, 30, 100, 200] {
        let mut service = Service::spawn(&["--index", index]);
        while service.try_get("/healthz").is_none() {
            thread::sleep(Duration::from_millis(2));
        }
        thread::sleep(Duration::from_millis(delay));
        signal(service.id(), "TERM");
        assert_eq!(service.wait(Duration::from_secs(20)), Some(0), "{}", service.log());
    }
    let mut service = Service::start(&["--drain-timeout", "1", "--sessions", "1"]);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| service.send_and_forget(&large_request(0, 1000)));
        }
    });
    thread::sleep(Duration::from_millis(300));
    signal(service.id(), "TERM");
    assert_eq!(service.wait(Duration::from_secs(10)), Some(0), "{}", service.log());
}

#[test]
fn an_index_that_is_changed_in_place_ends_the_service_with_a_message() {
    let dir = tempfile::tempdir().unwrap();
    let index = dir.path().join("index");
    copy_dir(starter_index(), &index);
    let options = ["--index", index.to_str().unwrap(), "--cache", "0"];
    // A file that is being written is refused, at the start and at a reload.
    let writer = fs_err::OpenOptions::new().append(true).open(index.join("vectors.bin")).unwrap();
    let mut refused = Service::spawn(&options);
    if refused.wait(Duration::from_secs(20)) == Some(1) {
        let log = refused.log();
        assert!(log.contains("vectors.bin: another process is writing this file"), "{log}");
    } else {
        panic!("the system tells the owner of a file who writes it");
    }
    drop(writer);
    let mut service = Service::spawn(&options);
    service.wait_until_ready();
    let writer = fs_err::OpenOptions::new().append(true).open(index.join("vectors.bin")).unwrap();
    let answer = service.post("/admin/reload", "application/json", b"");
    assert!(answer.status == 409 && answer.text.contains("another process is writing"), "{answer:?}");
    for name in ["vectors.bin", "concepts.bin", "graph.bin", "rows.bin"] {
        let _ = fs_err::OpenOptions::new().write(true).truncate(true).open(index.join(name));
    }
    drop(writer);
    let body = r#"{"mention": "a pain that comes and goes"}"#;
    let head = "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    service.raw(request.as_bytes(), Duration::from_secs(10));
    assert_eq!(service.wait(Duration::from_secs(10)), Some(1), "{}", service.log());
    assert!(service.log().contains("became shorter while it was in use"), "{}", service.log());
}

#[test]
fn a_stream_ends_with_a_reason_when_the_service_stops() {
    let mut service = Service::start(&["--drain-timeout", "2"]);
    let mut client = TcpStream::connect(&service.address).unwrap();
    let head = "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    let mut answers = client.try_clone().unwrap();
    answers.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let sender = thread::spawn(move || {
        while client.write_all(b"9\r\n\"asthma\"\n\r\n").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    thread::sleep(Duration::from_millis(300));
    signal(service.id(), "TERM");
    let mut answer = vec![];
    // The system may report the lines that the service did not read any more.
    let _ = answers.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let last = answer.lines().rfind(|line| line.starts_with('{')).unwrap();
    assert!(last.starts_with("{\"error\"") && last.contains("urn:saplink:problem:not-ready"), "{answer}");
    assert_eq!(service.wait(Duration::from_secs(10)), Some(0), "{}", service.log());
    sender.join().unwrap();
}

#[test]
fn sigterm_finishes_accepted_requests() {
    let mut service = Service::start(&["--sessions", "1"]);
    let answer = thread::scope(|scope| {
        let request = scope.spawn(|| service.link(&large_request(0, 1000)));
        thread::sleep(Duration::from_millis(150));
        signal(service.id(), "TERM");
        request.join().unwrap()
    });
    assert_eq!(answer.status, 200, "{:?}", service.log());
    assert_eq!(answer.json()["results"].as_array().unwrap().len(), 1000);
    assert_eq!(service.wait(Duration::from_secs(20)), Some(0));
}

#[test]
fn the_drain_time_is_limited() {
    let mut service = Service::start(&["--drain-timeout", "1", "--request-timeout", "60"]);
    let mut body = std::net::TcpStream::connect(&service.address).unwrap();
    std::io::Write::write_all(
        &mut body,
        b"POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    )
    .unwrap();
    thread::sleep(Duration::from_millis(100));
    signal(service.id(), "TERM");
    let stopping = Instant::now();
    assert_eq!(service.wait(Duration::from_secs(10)), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(5));
}

#[test]
fn sighup_reloads_the_index_under_load_and_refuses_a_bad_one() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let names = |extra: &str| format!("cui\tname\nC0027051\theart attack\nC0004096\tasthma\n{extra}");
    let build = |content: String| {
        fs_err::write(at("names.tsv"), content).unwrap();
        succeed(&["index", "build", "--tsv", &at("names.tsv"), "--out", &at("index"), "--force"]);
    };
    build(names(""));
    let service = Service::spawn(&["--index", &at("index"), "--model", "models/saplink-mini"]);
    service.wait_until_ready();
    let concepts = || service.get("/info").json()["index"]["concepts"].as_u64().unwrap();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let client = || {
            while !stop.load(Ordering::Relaxed) {
                let answer = service.link(&json!({"mentions": ["heart attack", "a wheezing chest"]}));
                assert_eq!(answer.status, 200, "{answer:?}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            assert_eq!(concepts(), 2);
            build(names("C0011849\tdiabetes\n"));
            signal(service.id(), "HUP");
            wait_for("the new index", Duration::from_secs(20), || concepts() == 3);
            fs_err::write(dir.path().join("index/index.json"), "{}").unwrap();
            signal(service.id(), "HUP");
            wait_for("refused", Duration::from_secs(20), || service.log().contains("nothing was reloaded"));
            assert_eq!(concepts(), 3, "the previous index stays active");
            build(names(""));
            signal(service.id(), "HUP");
            wait_for("the first index again", Duration::from_secs(20), || concepts() == 2);
        }));
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().unwrap());
        changed.unwrap();
    });
    assert!(answered.load(Ordering::Relaxed) > 20);
    assert!(service.log().contains("index.json"), "the log names the file: {}", service.log());
}
