//! `Host` and `Origin`, and a service behind a reverse proxy below a path.

use std::time::Duration;

use crate::support::{Service, fail, shared, starter_index};

/// The answer to `line` with more header lines.
fn ask(service: &Service, line: &str, headers: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n\r\n");
    service.raw(request.as_bytes(), Duration::from_secs(20))
}

#[test]
fn a_loopback_service_refuses_other_hosts_and_origins() {
    let service = shared();
    for (headers, expected) in [
        ("host: localhost:8080", "200"),
        ("host: 127.0.0.1", "200"),
        ("host: [::1]:8080", "200"),
        ("host: localhost\r\norigin: http://localhost:8080", "200"),
        ("host: evil.example", "421"),
        ("host: localhost.evil.example", "421"),
        ("host: localhost\r\norigin: https://evil.example", "403"),
        ("host: localhost\r\norigin: null", "403"),
        ("host: localhost\r\norigin: http://localhost\r\norigin: https://evil.example", "403"),
    ] {
        let answer = ask(service, "GET /info", headers);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{headers}: {answer}");
        assert!(!answer.contains("evil"), "{answer}");
        assert_eq!(answer.contains("urn:saplink:problem:wrong-host"), expected == "421", "{answer}");
        assert_eq!(answer.contains("urn:saplink:problem:wrong-origin"), expected == "403", "{answer}");
    }
    let reload = "host: evil.example\r\norigin: https://evil.example\r\ncontent-length: 0";
    assert!(ask(service, "POST /admin/reload", reload).starts_with("HTTP/1.1 421"));
    for probe in ["/healthz", "/readyz"] {
        assert!(ask(service, &format!("GET {probe}"), "host: 10.1.2.3:8080").starts_with("HTTP/1.1 200"), "{probe}");
    }
}

#[test]
fn other_hosts_can_be_allowed() {
    let index = starter_index().to_str().unwrap();
    let local = Service::start(&["--allowed-hosts", "saplink.example,other.example"]);
    let names = ["--allowed-hosts", "saplink.example"];
    let open = Service::spawn_on("0.0.0.0", &[], &[&["--index", index, "--insecure"], &names[..]].concat());
    open.wait_until_ready();
    for (service, headers, expected) in [
        (&local, "host: Saplink.Example\r\norigin: https://saplink.example", "200"),
        (&local, "host: other.example:444\r\norigin: https://evil.example", "403"),
        (&local, "host: localhost", "200"),
        (&local, "host: evil.example", "421"),
        (&open, "host: saplink.example", "200"),
        (&open, "host: localhost", "421"),
        (&open, "host: saplink.example\r\norigin: https://evil.example", "403"),
    ] {
        let answer = ask(service, "GET /sources", headers);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{headers}: {answer}");
    }
    let error = std::process::Command::new(env!("CARGO_BIN_EXE_saplink"))
        .args(["serve", "--allowed-hosts", "saplink.example:8080"])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&error.stderr).into_owned();
    assert!(error.contains("--allowed-hosts") && error.contains("without port"), "{error}");
}

#[test]
fn a_service_below_a_path_names_paths_below_it() {
    let service = Service::start(&["--base-path", "/tools/saplink/"]);
    for (path, expected) in [
        ("/tools/saplink/info", "200"),
        ("/info", "200"),
        ("/tools/saplink/readyz", "200"),
        ("/tools/saplinks/info", "404"),
        ("/tools/saplink/nothing", "404"),
    ] {
        let answer = ask(&service, &format!("GET {path}"), "host: localhost");
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{path}: {answer}");
    }
    for path in ["/", "/tools/saplink", "/tools/saplink/", "/tools/saplink/docs", "/docs"] {
        let answer = ask(&service, &format!("GET {path}"), "host: localhost");
        assert!(answer.contains("\r\nlocation: /tools/saplink/docs/\r\n"), "{path}: {answer}");
    }
    let page = service.get("/tools/saplink/docs/");
    assert_eq!((page.status, page.content_type.as_str()), (200, "text/html"));
    let script = service.get("/tools/saplink/docs/swagger-initializer.js").text;
    assert!(script.contains("\"../openapi.json\""), "{script}");
    let description = service.get("/tools/saplink/openapi.json").json();
    assert_eq!(description["servers"][0]["url"], "/tools/saplink");
    assert!(service.get("/metrics").text.contains("route=\"/info\",status=\"200\""), "routes have no base path");
    assert!(shared().get("/openapi.json").json().get("servers").is_none());
    let error = fail_usage(&["serve", "--base-path", "saplink"]);
    assert!(error.contains("must be a path such as /saplink"), "{error}");
}

#[test]
fn addresses_and_sizes_are_understood_alike() {
    let index = starter_index().to_str().unwrap();
    let service = Service::spawn_on("localhost", &[], &["--index", index, "--max-body-bytes", "2KiB"]);
    service.wait_until_ready();
    assert_eq!(service.get("/info").json()["limits"]["body_bytes"], 2048);
    let port = service.address.rsplit(':').next().unwrap();
    crate::support::succeed(&["health", "--listen", &format!("localhost:{port}")]);
    for (option, value, expected) in [
        ("--listen", "localhost", "it has no port"),
        ("--listen", "no.such.invalid:1", "no such address"),
        ("--max-body-bytes", "0", "must be a size such as 1000, 64KiB or 2MiB"),
        ("--max-mention-bytes", "much", "must be a size such as"),
    ] {
        let error = fail_usage(&["serve", option, value]);
        assert!(error.contains(expected) && error.contains(option), "{error}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("localhost:{}", taken.local_addr().unwrap().port());
    assert!(fail(&["health", "--listen", &taken]).contains("no answer"));
}

/// The message of wrong usage.
fn fail_usage(args: &[&str]) -> String {
    let output = crate::support::run(args);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}
