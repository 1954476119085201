//! Log lines of a service.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Service;

#[test]
fn log_lines_have_the_request_id_and_the_trace_id() {
    let service = Service::start(&["--log-format", "json"]);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for traceparent in [format!("00-{trace}-b7ad6b7169203331-01"), "CANARY".into()] {
        let request = format!(
            "GET /info HTTP/1.1\r\nhost: localhost\r\nx-request-id: CANARY\r\nconnection: close\r\ntraceparent: {traceparent}\r\n\r\n"
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
