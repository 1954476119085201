//! Starting, overload, time limits and stopping.

use std::{
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Service, fail, fixture, signal, starter_index, succeed};

#[test]
fn a_source_filter_shows_names_of_that_source_only() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let names = "cui\tsource\tterm_type\tname\nC0027051\tA\tPT\theart attack\nC0027051\tB\tSY\tHeart Attack\nC0004096\tA\tPT\tasthma\n";
    fs_err::write(at("names.tsv"), names).unwrap();
    succeed(&["index", "build", "--tsv", &at("names.tsv"), "--out", &at("index")]);
    let service = Service::spawn(&["--index", &at("index"), "--model", "models/saplink-mini", "--max-top-k", "3"]);
    service.wait_until_ready();
    let candidates = |request| service.link(&request).json()["results"][0]["candidates"].clone();
    let of_b = candidates(json!({"mention": "heart attack", "sources": ["B"]}));
    assert_eq!(of_b.as_array().unwrap().len(), 1);
    assert_eq!((&of_b[0]["matched_name"], &of_b[0]["match"]), (&json!("Heart Attack"), &json!("normalized")));
    let of_a = candidates(json!({"mention": "heart attack", "sources": ["A"]}));
    assert_eq!((&of_a[0]["matched_name"], &of_a[0]["match"]), (&json!("heart attack"), &json!("exact")));
    assert_eq!(of_a.as_array().unwrap().len(), 2);
    assert_eq!(service.link(&json!({"mention": "asthma"})).status, 200, "the default top_k respects the limit");
}

#[test]
fn sigterm_while_loading_and_under_load_ends_cleanly() {
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
            scope.spawn(|| service.send_and_forget(&large_request(1000)));
        }
    });
    thread::sleep(Duration::from_millis(300));
    signal(service.id(), "TERM");
    assert_eq!(service.wait(Duration::from_secs(10)), Some(0), "{}", service.log());
}

fn large_request(mentions: usize) -> serde_json::Value {
    let mention = |i: usize| format!("pain number {i} in the left upper side of the body after running uphill");
    json!({"mentions": (0..mentions).map(mention).collect::<Vec<_>>()})
}

#[test]
fn sigterm_finishes_what_was_accepted() {
    let mut service = Service::start(&["--sessions", "1"]);
    let answer = thread::scope(|scope| {
        let request = scope.spawn(|| service.link(&large_request(1000)));
        thread::sleep(Duration::from_millis(150));
        signal(service.id(), "TERM");
        request.join().unwrap()
    });
    assert_eq!(answer.status, 200, "{:?}", service.log());
    assert_eq!(answer.json()["results"].as_array().unwrap().len(), 1000);
    assert_eq!(service.wait(Duration::from_secs(20)), Some(0));
}

#[test]
fn the_drain_is_bounded() {
    let mut service = Service::start(&["--drain-timeout", "1", "--request-timeout", "60"]);
    let mut body = std::net::TcpStream::connect(&service.address).unwrap();
    std::io::Write::write_all(
        &mut body,
        b"POST /link HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    )
    .unwrap();
    thread::sleep(Duration::from_millis(100));
    signal(service.id(), "TERM");
    let stopping = Instant::now();
    assert_eq!(service.wait(Duration::from_secs(10)), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_full_queue_is_429_and_the_rest_is_answered() {
    let service = Service::start(&["--queue", "1", "--sessions", "1"]);
    let answers: Vec<_> = thread::scope(|scope| {
        let requests: Vec<_> = (0..6).map(|_| scope.spawn(|| service.link(&large_request(400)))).collect();
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
        scope.spawn(|| service.link(&large_request(1000)));
        thread::sleep(Duration::from_millis(150));
        assert_eq!(service.get("/concepts?q=asthma").problem(), "overloaded", "finding waits in the same queue");
        assert_eq!(service.get("/codes/SAPLINK/1").problem(), "overloaded", "so do crosswalks");
        assert_eq!(service.get("/concepts/C0004096").status, 200);
    });
}

#[test]
fn a_lone_mention_does_not_wait_for_a_whole_batch() {
    let service = Service::start(&["--sessions", "1"]);
    let started = Instant::now();
    let (lone, batch) = thread::scope(|scope| {
        let batch = scope.spawn(|| {
            assert_eq!(service.link(&large_request(1000)).status, 200);
            started.elapsed()
        });
        thread::sleep(Duration::from_millis(150));
        let asked = Instant::now();
        assert_eq!(service.link(&json!({"mention": "a pain that comes and goes"})).status, 200);
        (asked.elapsed(), batch.join().unwrap())
    });
    assert!(lone < batch / 3, "{lone:?} of {batch:?}");
}

#[test]
fn a_slow_client_is_cut_off() {
    let service = Service::start(&["--request-timeout", "1"]);
    let slow = b"POST /link HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    let started = Instant::now();
    let answer = service.raw(slow, Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("urn:saplink:problem:timeout"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_cannot_be_served_is_one_clear_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no index").display().to_string();
    let error = fail(&["serve", "--listen", "127.0.0.1:0", "--index", &missing]);
    assert!(error.contains("no index") && error.contains("`saplink index build` makes one"), "{error}");

    let other = dir.path().join("other model").display().to_string();
    let tiny = fixture("tiny").display().to_string();
    succeed(&["model", "import", &tiny, "--out", &other]);
    let index = starter_index().to_str().unwrap();
    let error = fail(&["serve", "--listen", "127.0.0.1:0", "--index", index, "--model", &other]);
    assert!(error.contains("saplink-mini") && error.contains("other model"), "{error}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = fail(&["serve", "--listen", &address, "--index", index]);
    assert!(error.contains(&format!("cannot listen on {address}")), "{error}");
}

#[test]
fn cuda_that_is_asked_for_and_missing_is_an_error() {
    if Path::new("/dev/nvidia0").exists() {
        eprintln!("skipped: this machine has a GPU");
        return;
    }
    let index = starter_index().to_str().unwrap();
    let error = fail(&["serve", "--listen", "127.0.0.1:0", "--index", index, "--device", "cuda"]);
    assert!(error.contains("CUDA was asked for and cannot be used"), "{error}");
}

#[test]
fn a_runtime_that_is_missing_broken_or_too_old_is_named_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let error_with = |library: &str| fail(&["serve", "--listen", "127.0.0.1:0", "--onnxruntime", library]);

    let missing = error_with(&at("missing.so"));
    assert!(missing.contains("missing.so: no such ONNX Runtime library"), "{missing}");
    fs_err::write(at("broken.so"), "no library").unwrap();
    let broken = error_with(&at("broken.so"));
    assert!(broken.contains("broken.so"), "{broken}");

    let source = at("old.c");
    fs_err::write(
        &source,
        "struct base { const void *(*api)(unsigned); const char *(*version)(void); };\n\
         static const void *api(unsigned v) { return 0; }\n\
         static const char *version(void) { return \"1.10.0\"; }\n\
         static const struct base base = { api, version };\n\
         const struct base *OrtGetApiBase(void) { return &base; }\n",
    )
    .unwrap();
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o", &at("old.so"), &source]).status().unwrap();
    assert!(compiled.success());
    let old = error_with(&at("old.so"));
    assert!(old.contains("1.10.0") && old.contains("1.19"), "{old}");
    for error in [missing, broken, old] {
        assert!(error.contains("make onnxruntime"), "{error}");
    }
}

#[test]
fn health_says_whether_the_service_is_ready() {
    let service = Service::start(&[]);
    assert!(succeed(&["health", "--listen", &service.address]).contains("is ready"));
    let port = service.address.rsplit(':').next().unwrap();
    succeed(&["health", "--listen", &format!("0.0.0.0:{port}")]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert!(fail(&["health", "--listen", &closed]).contains(&format!("no answer from {closed}")));
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    assert!(fail(&["health", "--listen", &mute.local_addr().unwrap().to_string()]).contains("no answer"));
    assert!(started.elapsed() < Duration::from_secs(10));
}
