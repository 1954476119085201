//! Who may use a service: tokens, rates, addresses and TLS.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Service, curl_http2, fail, run, signal, starter_index, wait_for};

/// The status of `GET /info` with a header line.
fn status(service: &Service, authorization: &str) -> u16 {
    let request = format!("GET /info HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{authorization}\r\n\r\n");
    let answer = service.raw(request.as_bytes(), Duration::from_secs(5));
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn tokens_are_required_and_reloaded() {
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
        service.log().contains("nothing was reloaded") && service.log().contains("tokens:1: ")
    });
    assert_eq!(accepted("CANARY-5555555555"), 200, "the previous tokens stay accepted");
    assert!(!service.log().contains("CANARY"), "{}", service.log());
}

#[test]
fn each_token_has_its_own_rate_limit() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    fs_err::write(&tokens, "one-0123456789abc\ntwo-0123456789abc\n").unwrap();
    let service = Service::start(&["--tokens", tokens.to_str().unwrap(), "--rate-limit", "2"]);
    let ask = |token: &str| status(&service, &format!("authorization: Bearer {token}-0123456789abc\r\n"));
    let statuses: Vec<u16> = (0..8).map(|_| ask("one")).collect();
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(ask("two"), 200, "the other token is below its limit");
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(ask("one"), 200);
}

#[test]
fn other_addresses_need_tokens_or_insecure() {
    let index = starter_index().to_str().unwrap();
    let error = fail(&["serve", "--listen", "0.0.0.0:0", "--index", index]);
    assert!(error.contains("--tokens FILE, or --insecure"), "{error}");
    let missing = fail(&["serve", "--listen", "0.0.0.0:0", "--index", index, "--tokens", "no/tokens"]);
    assert!(missing.contains("cannot read the tokens") && missing.contains("no/tokens"), "{missing}");
    let missing_index = fail(&["serve", "--listen", "0.0.0.0:0", "--insecure", "--index", "no/index"]);
    assert!(missing_index.contains("cannot open the index no/index"), "{missing_index}");
}

/// Makes a certificate and key for localhost with openssl, if it is installed.
fn certificate(dir: &std::path::Path, name: &str) -> Option<[String; 2]> {
    let [cert, key] = ["pem", "key"].map(|end| dir.join(format!("{name}.{end}")).display().to_string());
    let output = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", &cert, "-keyout", &key])
        .output();
    output.is_ok_and(|output| output.status.success()).then_some([cert, key])
}

#[test]
fn https_is_served_and_certificates_are_reloaded() {
    let dir = tempfile::tempdir().unwrap();
    let Some([cert, key]) = certificate(dir.path(), "one") else {
        eprintln!("skipped: there is no openssl here");
        return;
    };
    let [other, other_key] = certificate(dir.path(), "two").unwrap();
    let index = starter_index().to_str().unwrap();
    let service = Service::spawn(&["--index", index, "--tls-cert", &cert, "--tls-key", &key, "--idle-timeout", "1"]);
    let health = |cert: &str| run(&["health", "--listen", &service.address, "--tls-cert", cert]).status.success();
    wait_for("the service is ready", Duration::from_secs(30), || health(&cert));
    assert!(!health(&other), "another certificate is refused");
    assert!(service.log().contains("listening on https://"));
    let url = format!("https://{}/healthz", service.address);
    if let Some(answer) = curl_http2(&["--http2", "-w", " v%{http_version}", &url]) {
        assert!(answer.ends_with(" v2"), "HTTP/2 is agreed on by ALPN: {answer}");
    }
    // Plain HTTP, silence and other bytes do not keep a connection open.
    for sent in ["GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", "", "CANARY"] {
        let started = Instant::now();
        assert!(!service.raw(sent.as_bytes(), Duration::from_secs(5)).contains("HTTP/1.1 200"));
        assert!(started.elapsed() < Duration::from_secs(4), "{sent}");
    }
    let old_key = dir.path().join("old.key").display().to_string();
    fs_err::copy(&key, &old_key).unwrap();
    fs_err::copy(&other, &cert).unwrap();
    signal(service.id(), "HUP");
    wait_for("a certificate without its key is refused", Duration::from_secs(10), || {
        service.log().contains("nothing was reloaded") && service.log().contains("certificate: ")
    });
    fs_err::copy(&other_key, &key).unwrap();
    signal(service.id(), "HUP");
    wait_for("the new certificate", Duration::from_secs(10), || health(&other));
    assert!(!service.log().contains("CANARY"));

    let refused = |cert: &str, key: &str| {
        fail(&["serve", "--listen", "127.0.0.1:0", "--index", index, "--tls-cert", cert, "--tls-key", key])
    };
    assert!(refused("no/cert.pem", &key).contains("no/cert.pem"));
    assert!(refused(&key, &key).contains("it has no certificate"));
    let other_pair = refused(&cert, &old_key);
    assert!(other_pair.contains("the key does not belong to the certificate"), "{other_pair}");
    let pem = fs_err::read_to_string(&key).unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let encrypted = at("encrypted.pem");
    let command = ["pkey", "-in", &key, "-aes128", "-passout", "pass:secret", "-out", &encrypted];
    assert!(std::process::Command::new("openssl").args(command).status().unwrap().success());
    for (name, content) in [
        ("cut.pem", &pem[..pem.len() / 2]),
        ("begin.pem", "-----BEGIN PRIVATE KEY\n"),
        ("base64.pem", "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n"),
        ("none.pem", ""),
    ] {
        fs_err::write(at(name), content).unwrap();
    }
    for (name, expected) in [
        ("cut.pem", "cut.pem: it is cut off: an END line is missing"),
        ("begin.pem", "begin.pem: not a PEM file"),
        ("base64.pem", "base64.pem: not a PEM file: a section is not base64"),
        ("none.pem", "none.pem: it has no private key"),
        ("encrypted.pem", "encrypted.pem: the key is encrypted; remove its passphrase: openssl pkey"),
    ] {
        let error = refused(&cert, &at(name));
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("[") && !error.contains("PRIVATE"), "{error}");
    }
    fs_err::write(at("cut.pem"), &fs_err::read_to_string(&cert).unwrap()[..300]).unwrap();
    let error = refused(&at("cut.pem"), &key);
    assert!(error.contains("cut.pem: it is cut off: an END line is missing"), "{error}");
    // `health` reads the file before it asks the service.
    let error = fail(&["health", "--listen", &service.address, "--tls-cert", &at("cut.pem")]);
    assert!(error.contains("cut.pem: it is cut off") && !error.contains("no answer"), "{error}");
}
