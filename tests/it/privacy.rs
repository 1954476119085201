//! The canary test: no mention in a log, an error or a lookup, at any log level.

use std::time::Duration;

use serde_json::json;

use crate::support::{Service, signal};

const CANARY: &str = "zanthoxyl";

#[test]
fn no_mention_in_logs_or_errors() {
    for format in ["text", "json"] {
        let mut service = Service::start(&["--log-level", "trace", "--log-format", format, "--request-timeout", "1"]);
        let linked =
            service.link(&json!({"mentions": [CANARY, format!("{CANARY} pain"), {"text": "asthma", "id": CANARY}]}));
        assert_eq!(linked.status, 200);
        assert_eq!(service.link(&json!({"mention": CANARY})).status, 200);
        // Words of these mentions may come back as what was read, left out or contradicted.
        let qualified = ["no {} pain", "h/o left {} fracture", "{} 500 mg po bid", "non-{} type 2 diabetes (R/O {})"];
        let qualified = qualified.map(|mention| mention.replace("{}", CANARY));
        assert_eq!(service.link(&json!({"mentions": qualified, "explain": true})).status, 200);
        let long = format!("severe {} of the lower back", [CANARY; 60].join(" "));
        assert_eq!(service.link(&json!({"mention": {"text": long, "explain": true}})).status, 200);
        let line = json!({"text": format!("no {CANARY}"), "explain": true}).to_string();
        assert_eq!(service.post("/link", "application/x-ndjson", line.as_bytes()).status, 200);
        let embed = json!({"texts": [CANARY, format!("{CANARY} pain")]}).to_string();
        assert_eq!(service.post("/embed", "application/json", embed.as_bytes()).status, 200);
        for body in [
            json!({"texts": [CANARY, 5]}),
            json!({"texts": [format!("{CANARY}\u{0}")]}),
            json!({"texts": [CANARY], "encoding": CANARY}),
            json!({"texts": [CANARY], CANARY: 1}),
            json!({"texts": [CANARY.repeat(1000)]}),
        ] {
            let answer = service.post("/embed", "application/json", body.to_string().as_bytes());
            assert!(answer.status == 422 && !answer.text.contains(CANARY), "{answer:?}");
        }
        // The result of a mention that cannot be decoded has its text, and nothing else of it.
        let entries = [json!({"text": "a", CANARY: 1}), json!({"text": "a", "top_k": CANARY}), json!([CANARY])];
        let answer = service.link(&json!({"mentions": entries}));
        assert!(answer.status == 200 && !answer.text.contains(CANARY), "{answer:?}");
        let reloaded = service.post("/admin/reload", "text/plain", CANARY.as_bytes());
        assert_eq!(reloaded.status, 200, "{reloaded:?}");
        for body in [
            json!({"mention": CANARY, CANARY: 1}),
            json!({"mention": {"text": CANARY, CANARY: CANARY}}),
            json!({"mention": format!("{CANARY}\u{0}")}),
            json!({"mention": CANARY.repeat(1000)}),
            json!({"mention": [CANARY]}),
            json!({"mention": CANARY, "top_k": CANARY}),
            json!({"mention": CANARY, "top_k": 0}),
            json!({"mention": CANARY, "readings": CANARY}),
            json!({"mention": CANARY, "spelling": [CANARY]}),
            json!({"mention": {"text": CANARY, "explain": {CANARY: true}}}),
            json!({"mention": "a", "semantic_types": [CANARY]}),
            json!({"mention": "a", "sources": [CANARY]}),
            json!({"mention": "a", "id": CANARY}),
            json!({"mentions": {CANARY: CANARY}}),
            json!(CANARY),
            json!([{CANARY: CANARY}]),
        ] {
            let answer = service.link(&body);
            assert!((400..500).contains(&answer.status), "{answer:?}");
            answer.problem();
            assert!(!answer.text.contains(CANARY), "{answer:?}");
        }
        for path in [
            "/concepts/CANARY",
            "/CANARY",
            "/info?q=CANARY",
            "/healthz?CANARY",
            "/readyz",
            "/metrics?CANARY",
            "/openapi.json?CANARY",
            "/docs/CANARY",
            "/concepts?q=CANARY",
            "/concepts?q=a&CANARY=CANARY",
            "/concepts?q=CANARY%ff",
            "/concepts?q=CANARY%00",
            "/concepts?q=CANARY&q=CANARY",
            "/concepts?q=CANARY&limit=CANARY",
            "/concepts?q=a&semantic_types=CANARY",
            "/concepts?q=a&sources=SAPLINK,CANARY",
            "/concepts?CANARY",
            "/concepts/C0027051?CANARY=1",
            "/concepts/C0027051?language=CANARY",
            "/concepts/C0027051?limit=CANARY",
            "/concepts/C0027051/codes?target=CANARY",
            "/concepts/C0027051/related/CANARY",
            "/concepts/CANARY/related/parents",
            "/concepts/CANARY:CANARY/codes",
            "/codes/CANARY/CANARY",
            "/codes/SAPLINK/CANARY?target=CANARY",
            "/codes/SAPLINK/CANARY%ff",
        ] {
            let answer = service.get(&path.replace("CANARY", CANARY));
            assert!(!answer.text.contains(CANARY), "{answer:?}");
        }
        for malformed in [
            format!(
                "POST /link?{CANARY} HTTP/1.1\r\nhost: localhost\r\nx-note: {CANARY}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{{\"mention\": \"{CANARY}"
            ),
            format!(
                "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 12\r\n\r\n\"{CANARY}\" x"
            ),
            format!("GET /info HTTP/1.1\r\nhost: {CANARY}\r\norigin: http://{CANARY}\r\nconnection: close\r\n\r\n"),
            format!(
                "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-encoding: {CANARY}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"
            ),
            format!(
                "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{CANARY}",
                CANARY.len()
            ),
            format!("{CANARY} / HTTP/1.1\r\n{CANARY}\r\n\r\n"),
            format!("{} /link HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", CANARY.to_uppercase()),
        ] {
            let answer = service.raw(malformed.as_bytes(), Duration::from_secs(3));
            assert!(!answer.contains(CANARY), "{answer}");
        }
        signal(service.id(), "TERM");
        assert_eq!(service.wait(Duration::from_secs(20)), Some(0));
        let log = service.log();
        assert!(log.contains("/link") && log.contains("422"), "the requests are in the log: {log}");
        assert!(!log.to_lowercase().contains(CANARY), "{log}");
    }
}
