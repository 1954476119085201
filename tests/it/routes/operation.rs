//! `GET /healthz`, `/readyz`, `/info` and `/metrics`, and `POST /admin/reload`.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{Service, metric, shared, starter_index, succeed};

#[test]
fn probes_and_info_are_answered() {
    assert_eq!(shared().get("/healthz").json(), json!({"status": "ok"}));
    assert_eq!(shared().get("/readyz").json(), json!({"status": "ready"}));
    let info = shared().get("/info").json();
    assert_eq!(info["index"]["sources"][0]["source"], "SAPLINK");
    assert!(info["index"]["concepts"].as_u64().unwrap() >= 2000);
    assert_eq!(info["model"]["dimensions"], 384);
}

#[test]
fn metrics_exist_from_the_start_and_count_requests() {
    let service = Service::start(&[]);
    let requests = "saplink_requests_total{method=\"POST\",route=\"/link\",status=\"200\"}";
    let problems = "saplink_problems_total{kind=\"blank-mention\"}";
    for name in [requests, problems, "saplink_mentions_total{status=\"nil\"}", "saplink_cache_hits_total"] {
        assert_eq!(metric(&service, name), 0.0, "{name}");
    }
    service.link(&json!({"mentions": ["heart attack", "hurts when i breathe in", "..", "Cold"]}));
    service.link(&json!({"mention": ".."}));
    service.get("/no/such/route/CANARY");
    for (name, value) in [
        (requests, 1.0),
        (problems, 2.0),
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
fn an_admin_token_reloads_over_http() {
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
        let head = format!("POST /admin/reload HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{token}\r\n");
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

    // All or nothing: the new index can be loaded, but the tokens cannot.
    build("C0027051\theart attack\nC0004096\tasthma\nC0011849\tdiabetes\n");
    fs_err::write(at("tokens"), "admin short\n").unwrap();
    let (status, refused) = reload(admin);
    assert_eq!((status, &refused["type"]), (409, &json!("urn:saplink:problem:not-reloaded")));
    fs_err::write(at("tokens"), "admin CANARY-9876543210\n").unwrap();
    fs_err::rename(at("index"), at("other")).unwrap();
    assert_eq!(reload(admin).0, 409, "neither index nor tokens are replaced");
    fs_err::rename(at("other"), at("index")).unwrap();
    let info =
        "GET /info HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer CANARY-0123456789\r\n\r\n";
    let answer = service.raw(info.as_bytes(), Duration::from_secs(20));
    assert!(answer.contains("200 OK") && answer.contains("\"concepts\":2,"), "{answer}");
    let log = service.log();
    assert_eq!((log.matches("reloaded").count(), log.matches("nothing was reloaded").count()), (4, 2), "{log}");

    fs_err::write(dir.path().join("index/index.json"), "{}").unwrap();
    fs_err::write(at("tokens"), "admin short\n").unwrap();
    let (status, refused) = reload(admin);
    assert_eq!((status, &refused["type"]), (409, &json!("urn:saplink:problem:not-reloaded")));
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("tokens:1:") && detail.contains("index.json"), "{detail}");
    assert!(service.log().contains("nothing was reloaded") && !service.log().contains("CANARY"), "{}", service.log());
}

#[test]
fn a_loopback_service_allows_administration_and_an_insecure_one_does_not() {
    let index = starter_index().to_str().unwrap();
    let service = Service::start(&[]);
    assert_eq!(service.post("/admin/reload", "application/json", b"").status, 200);
    let answers: Vec<_> = thread::scope(|scope| {
        let requests: Vec<_> =
            (0..8).map(|_| scope.spawn(|| service.post("/admin/reload", "application/json", b""))).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 409).collect();
    assert!(!refused.is_empty() && answers.iter().any(|answer| answer.status == 200), "{answers:?}");
    assert!(refused.iter().all(|answer| answer.text.contains("another reload is running")), "{refused:?}");
    assert_eq!(service.get("/admin/reload").problem(), "method-not-allowed");
    let open = Service::spawn_on("0.0.0.0", &[], &["--index", index, "--insecure"]);
    open.wait_until_ready();
    assert_eq!(open.post("/admin/reload", "application/json", b"").problem(), "forbidden");
    assert_eq!(open.link(&json!({"mention": "asthma"})).status, 200);
}
