//! Load, and what happens to a service under it: metrics, the cache, clients that leave, connections, an index that is replaced.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Service, signal, succeed};

/// The value of a metric, by its name with labels.
fn metric(service: &Service, name: &str) -> f64 {
    let answer = service.get("/metrics");
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let line = answer.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    line.unwrap_or_else(|| panic!("{name} in {}", answer.text))
}

fn wait_for(what: &str, patience: Duration, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + patience;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn many(from: usize, count: usize) -> Value {
    let mention = |i: usize| format!("pain number {i} in the left upper side of the body after running uphill");
    json!({"mentions": (from..from + count).map(mention).collect::<Vec<_>>()})
}

#[test]
fn metrics_are_there_before_they_are_counted_and_say_what_was_done() {
    let service = Service::start(&[]);
    let asked = "saplink_requests_total{method=\"POST\",route=\"/link\",status=\"200\"}";
    let seen = "saplink_problems_total{kind=\"blank-mention\"}";
    for name in [asked, seen, "saplink_mentions_total{status=\"nil\"}", "saplink_cache_hits_total"] {
        assert_eq!(metric(&service, name), 0.0, "{name}");
    }
    service.link(&json!({"mentions": ["heart attack", "hurts when i breathe in", "..", "Cold"]}));
    service.link(&json!({"mention": ".."}));
    service.get("/no/such/route/CANARY");
    for (name, value) in [
        (asked, 1.0),
        (seen, 2.0),
        ("saplink_mentions_total{status=\"linked\"}", 2.0),
        ("saplink_mentions_total{status=\"ambiguous\"}", 1.0),
        ("saplink_mentions_total{status=\"error\"}", 1.0),
        ("saplink_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"}", 1.0),
        ("saplink_stage_seconds_count{stage=\"encode\"}", 1.0),
        ("saplink_stage_seconds_count{stage=\"serialize\"}", 1.0),
        ("saplink_admitted_requests", 0.0),
        ("saplink_queued_texts", 0.0),
    ] {
        assert_eq!(metric(&service, name), value, "{name}");
    }
    let text = service.get("/metrics").text;
    assert!(text.contains("saplink_served{model=\"saplink-mini@") && text.contains("device=\"cpu\"} 1"), "{text}");
    assert!(!text.contains("CANARY") && !text.contains("breathe"), "{text}");
}

#[test]
fn a_mention_seen_before_is_answered_alike_and_not_embedded_again() {
    let (service, forgetful) = (Service::start(&[]), Service::start(&["--cache", "0"]));
    let request =
        json!({"mentions": ["hurts when i breathe in", "cannot  sleep at nights", "Hurts when I breathe in"]});
    let first = service.link(&request).json()["results"].clone();
    let texts = metric(&service, "saplink_batch_texts_total");
    let again = service.link(&request).json()["results"].clone();
    assert_eq!(again, first);
    assert_eq!(forgetful.link(&request).json()["results"], first);
    assert_eq!(metric(&service, "saplink_batch_texts_total"), texts, "nothing was embedded");
    assert!(metric(&service, "saplink_cache_hits_total") >= 3.0);
    assert_eq!(metric(&forgetful, "saplink_cache_misses_total"), 0.0);
}

#[test]
fn the_work_of_a_client_that_leaves_is_dropped() {
    let service = Service::start(&["--sessions", "1", "--cache", "0"]);
    let body = many(0, 1000).to_string();
    let head = format!(
        "POST /link HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut client = TcpStream::connect(&service.address).unwrap();
    client.write_all((head + &body).as_bytes()).unwrap();
    wait_for("it is at work", Duration::from_secs(10), || metric(&service, "saplink_queued_texts") > 0.0);
    drop(client);
    wait_for("it is dropped", Duration::from_secs(5), || metric(&service, "saplink_admitted_requests") == 0.0);
    assert_eq!(service.link(&json!({"mention": "a pain that comes and goes"})).status, 200);
    assert!(metric(&service, "saplink_batch_texts_total") < 900.0, "the rest was not embedded");
}

#[test]
fn work_that_takes_too_long_is_dropped() {
    let service = Service::start(&["--sessions", "1", "--cache", "0", "--request-timeout", "1"]);
    let answers: Vec<_> = thread::scope(|scope| {
        let service = &service;
        let requests: Vec<_> =
            (0..12).map(|i| scope.spawn(move || service.link(&many(i * 1000, 1000)).status)).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|status| [200, 503].contains(status)) && answers.contains(&503), "{answers:?}");
    wait_for("all is dropped", Duration::from_secs(5), || metric(&service, "saplink_admitted_requests") == 0.0);
    assert_eq!(metric(&service, "saplink_queued_texts"), 0.0);
}

#[test]
fn connections_are_bounded_in_number_silence_and_heads() {
    let service = Service::start(&["--max-connections", "2", "--idle-timeout", "1"]);
    let silent: Vec<_> = (0..2).map(|_| TcpStream::connect(&service.address).unwrap()).collect();
    let started = Instant::now();
    assert_eq!(service.get("/healthz").status, 200, "the silent ones are closed and make place");
    assert!((Duration::from_millis(300)..Duration::from_secs(10)).contains(&started.elapsed()), "{started:?}");
    for mut client in silent {
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(client.read(&mut [0; 16]).unwrap(), 0, "closed by the service");
    }
    // A head that comes letter by letter.
    let mut slow = TcpStream::connect(&service.address).unwrap();
    let started = Instant::now();
    while slow.write_all(b"G").is_ok() && started.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(100));
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    let large = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
    let answer = service.raw(large.as_bytes(), Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(service.get("/healthz").status, 200);
}

#[test]
fn an_index_replaced_under_load_is_served_after_sighup_and_a_bad_one_is_refused() {
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
            wait_for("refused", Duration::from_secs(20), || service.log().contains("not reloaded"));
            assert_eq!(concepts(), 3, "what was served is served on");
            build(names(""));
            signal(service.id(), "HUP");
            wait_for("the old index again", Duration::from_secs(20), || concepts() == 2);
        }));
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().unwrap());
        changed.unwrap();
    });
    assert!(answered.load(Ordering::Relaxed) > 20);
    assert!(service.log().contains("index.json"), "the file is named: {}", service.log());
}

#[test]
fn a_service_without_files_left_to_open_recovers() {
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
    let held: Vec<_> = (0..40).map(|_| TcpStream::connect(&service.address).unwrap()).collect();
    wait_for("it says so", Duration::from_secs(10), || service.log().contains("could not be accepted"));
    drop(held);
    wait_for("it recovers", Duration::from_secs(10), || service.get("/healthz").status == 200);
    assert_eq!(service.link(&json!({"mention": "a pain that comes and goes"})).status, 200);
}

/// The status that `GET /info` has with such a header.
fn status(service: &Service, authorization: &str) -> u16 {
    let request = format!("GET /info HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}\r\n\r\n");
    let answer = service.raw(request.as_bytes(), Duration::from_secs(5));
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn tokens_are_asked_for_and_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    fs_err::write(&tokens, "# pipeline\nCANARY-0123456789\nCANARY-9876543210\n").unwrap();
    let service = Service::start(&["--tokens", tokens.to_str().unwrap(), "--log-level", "trace"]);
    let refused = service.link(&json!({"mention": "asthma"}));
    assert_eq!((refused.status, refused.problem().as_str()), (401, "unauthorized"));
    for path in ["/concepts/C0004096", "/concepts?q=a", "/metrics", "/no/such/thing"] {
        assert_eq!(service.get(path).problem(), "unauthorized", "{path}");
    }
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs/"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
    let accepted = |token: &str| status(&service, &format!("authorization: Bearer {token}\r\n"));
    assert_eq!(
        [accepted("CANARY-0123456789"), accepted("CANARY-9876543210"), accepted("CANARY-0000000000")],
        [200, 200, 401]
    );
    fs_err::write(&tokens, "CANARY-9876543210\nCANARY-5555555555\n").unwrap();
    signal(service.id(), "HUP");
    wait_for("the new token", Duration::from_secs(10), || accepted("CANARY-5555555555") == 200);
    assert_eq!([accepted("CANARY-0123456789"), accepted("CANARY-9876543210")], [401, 200]);
    fs_err::write(&tokens, "short\n").unwrap();
    signal(service.id(), "HUP");
    wait_for("refused", Duration::from_secs(10), || {
        service.log().contains("not reloaded") && service.log().contains("tokens:1: ")
    });
    assert_eq!(accepted("CANARY-5555555555"), 200, "those that were accepted still are");
    assert!(!service.log().contains("CANARY"), "{}", service.log());
}

#[test]
fn who_may_administer_loads_anew_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    fs_err::write(at("tokens"), "CANARY-0123456789\nadmin CANARY-9876543210\n").unwrap();
    let build = |names: &str| {
        fs_err::write(at("names.tsv"), format!("cui\tname\n{names}")).unwrap();
        succeed(&["index", "build", "--tsv", &at("names.tsv"), "--out", &at("index"), "--force"]);
    };
    build("C0027051\theart attack\n");
    let options = ["--index", &at("index"), "--model", "models/saplink-mini", "--tokens", &at("tokens")];
    let service = Service::spawn(&options);
    service.wait_until_ready();
    let reload = |token: &str| {
        let head = format!("POST /admin/reload HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}\r\n");
        let answer = service.raw(head.as_bytes(), Duration::from_secs(20));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse::<u16>().unwrap(), serde_json::from_str::<Value>(body).unwrap())
    };
    let admin = "authorization: Bearer CANARY-9876543210\r\n";
    assert_eq!(reload("").0, 401);
    let (status, refused) = reload("authorization: Bearer CANARY-0123456789\r\n");
    assert_eq!((status, &refused["type"]), (403, &json!("urn:saplink:problem:forbidden")));

    let (status, first) = reload(admin);
    assert_eq!(status, 200);
    build("C0027051\theart attack\nC0004096\tasthma\n");
    let (status, second) = reload(admin);
    assert_eq!((status, &second["model"]), (200, &first["model"]));
    assert!(first["index"] != second["index"], "{first} {second}");

    fs_err::write(dir.path().join("index/index.json"), "{}").unwrap();
    fs_err::write(at("tokens"), "admin short\n").unwrap();
    let (status, refused) = reload(admin);
    assert_eq!((status, &refused["type"]), (409, &json!("urn:saplink:problem:not-reloaded")));
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("tokens:1:") && detail.contains("index.json"), "{detail}");
    assert!(service.log().contains("not reloaded") && !service.log().contains("CANARY"), "{}", service.log());
}

#[test]
fn on_this_machine_alone_everybody_may_administer_and_elsewhere_nobody() {
    let index = crate::support::starter_index().to_str().unwrap();
    let service = Service::start(&[]);
    assert_eq!(service.post("/admin/reload", "application/json", b"").status, 200);
    assert_eq!(service.get("/admin/reload").problem(), "method-not-allowed");
    let open = Service::spawn_on("0.0.0.0", &[], &["--index", index, "--insecure"]);
    open.wait_until_ready();
    assert_eq!(open.post("/admin/reload", "application/json", b"").problem(), "forbidden");
    assert_eq!(open.link(&json!({"mention": "asthma"})).status, 200);
}

#[test]
fn answers_say_what_a_browser_may_do_with_them_and_no_other_site_reads_them() {
    let service = crate::support::shared();
    for (path, policy) in
        [("/docs/", "default-src 'self';"), ("/info", "default-src 'none';"), ("/nothing", "default-src 'none';")]
    {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\norigin: https://elsewhere.example\r\nconnection: close\r\n\r\n");
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
    let preflight = "OPTIONS /link HTTP/1.1\r\nhost: x\r\norigin: https://elsewhere.example\r\naccess-control-request-method: POST\r\nconnection: close\r\n\r\n";
    let answer = service.raw(preflight.as_bytes(), Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 405") && !answer.to_lowercase().contains("access-control-"), "{answer}");
}

#[test]
fn a_token_has_a_rate() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    fs_err::write(&tokens, "one-0123456789abc\ntwo-0123456789abc\n").unwrap();
    let service = Service::start(&["--tokens", tokens.to_str().unwrap(), "--rate-limit", "2"]);
    let ask = |token: &str| status(&service, &format!("authorization: Bearer {token}-0123456789abc\r\n"));
    let seen: Vec<u16> = (0..8).map(|_| ask("one")).collect();
    assert!(seen.contains(&200) && seen.contains(&429), "{seen:?}");
    assert_eq!(ask("two"), 200, "each has its own");
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(ask("one"), 200);
}

#[test]
fn other_machines_are_served_with_tokens_or_when_that_is_wanted() {
    let index = crate::support::starter_index().to_str().unwrap();
    let error = crate::support::fail(&["serve", "--listen", "0.0.0.0:0", "--index", index]);
    assert!(error.contains("--tokens FILE, or --insecure"), "{error}");
    let missing = crate::support::fail(&["serve", "--listen", "0.0.0.0:0", "--index", index, "--tokens", "no/tokens"]);
    assert!(missing.contains("cannot read the tokens") && missing.contains("no/tokens"), "{missing}");
    let gone = crate::support::fail(&["serve", "--listen", "0.0.0.0:0", "--insecure", "--index", "no/index"]);
    assert!(gone.contains("cannot open the index no/index"), "{gone}");
}

#[test]
fn a_line_of_the_log_says_which_request_and_which_trace_it_is_of() {
    let service = Service::start(&["--log-format", "json"]);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for traceparent in [format!("00-{trace}-b7ad6b7169203331-01"), "CANARY".into()] {
        let request = format!(
            "GET /info HTTP/1.1\r\nhost: x\r\nx-request-id: CANARY\r\nconnection: close\r\ntraceparent: {traceparent}\r\n\r\n"
        );
        let answer = service.raw(request.as_bytes(), Duration::from_secs(5));
        let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().to_owned();
        let log = service.log();
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let line = lines.iter().find(|line| line["span"]["id"] == id.as_str()).unwrap_or_else(|| panic!("{id}: {log}"));
        assert_eq!((&line["route"], &line["status"]), (&json!("/info"), &json!(200)));
        assert_eq!(line["span"]["trace"].as_str(), (traceparent != "CANARY").then_some(trace));
    }
    assert!(!service.log().contains("CANARY"));
}

/// A certificate for localhost that openssl makes, if it is there.
fn certificate(dir: &std::path::Path, name: &str) -> Option<[String; 2]> {
    let [cert, key] = ["pem", "key"].map(|end| dir.join(format!("{name}.{end}")).display().to_string());
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", &cert, "-keyout", &key])
        .output();
    made.is_ok_and(|made| made.status.success()).then_some([cert, key])
}

#[test]
fn https_is_served_with_a_certificate_that_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let Some([cert, key]) = certificate(dir.path(), "one") else {
        eprintln!("skipped: there is no openssl here");
        return;
    };
    let [other, other_key] = certificate(dir.path(), "two").unwrap();
    let index = crate::support::starter_index().to_str().unwrap();
    let service = Service::spawn(&["--index", index, "--tls-cert", &cert, "--tls-key", &key, "--idle-timeout", "1"]);
    let health = |cert: &str| {
        crate::support::run(&["health", "--listen", &service.address, "--tls-cert", cert]).status.success()
    };
    wait_for("it is ready", Duration::from_secs(30), || health(&cert));
    assert!(!health(&other), "another certificate is not trusted");
    assert!(service.log().contains("listening on https://"));
    // Neither plain HTTP nor silence nor nonsense keeps a connection.
    for sent in ["GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "", "CANARY"] {
        let started = Instant::now();
        assert!(!service.raw(sent.as_bytes(), Duration::from_secs(5)).contains("HTTP/1.1 200"));
        assert!(started.elapsed() < Duration::from_secs(4), "{sent}");
    }
    fs_err::copy(&other, &cert).unwrap();
    signal(service.id(), "HUP");
    wait_for("half a pair is refused", Duration::from_secs(10), || {
        service.log().contains("not reloaded") && service.log().contains("certificate: ")
    });
    fs_err::copy(&other_key, &key).unwrap();
    signal(service.id(), "HUP");
    wait_for("the new certificate", Duration::from_secs(10), || health(&other));
    assert!(!service.log().contains("CANARY"));

    let refused = |cert: &str, key: &str| {
        crate::support::fail(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--index",
            index,
            "--tls-cert",
            cert,
            "--tls-key",
            key,
        ])
    };
    assert!(refused("no/cert.pem", &key).contains("no/cert.pem"));
    assert!(refused(&key, &key).contains("it has no certificate"));
}
