//! A running service and an HTTP client.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{LazyLock, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{saplink, starter_index, wait};

/// A running `saplink serve`, killed when dropped or when the tests end.
pub(crate) struct Service {
    child: Child,
    /// Kills the service when this process ends, because a `static` service is never dropped.
    guard: Child,
    pub address: String,
    log: PathBuf,
    _dir: tempfile::TempDir,
}

impl Service {
    /// Serves the starter index with `options` and waits until it is ready.
    pub(crate) fn start(options: &[&str]) -> Self {
        let service = Self::spawn(&[&["--index", starter_index().to_str().unwrap()], options].concat());
        service.wait_until_ready();
        service
    }

    /// Starts `saplink serve` on a free port.
    pub(crate) fn spawn(options: &[&str]) -> Self {
        Self::spawn_in(&[], options)
    }

    /// Like [`Self::spawn`], with `variables` in its environment.
    pub(crate) fn spawn_in(variables: &[(&str, &str)], options: &[&str]) -> Self {
        Self::spawn_on("127.0.0.1", variables, options)
    }

    /// Like [`Self::spawn_in`], on another address of this machine.
    pub(crate) fn spawn_on(host: &str, variables: &[(&str, &str)], options: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (listen, address) = (format!("{host}:{port}"), format!("127.0.0.1:{port}"));
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let sink = fs_err::File::create(&log).unwrap().into_parts().0;
        let child = saplink(&["serve", "--listen", &listen])
            .args(options)
            .envs(variables.iter().copied())
            .stdout(sink.try_clone().unwrap())
            .stderr(sink)
            .spawn()
            .unwrap();
        let mut guard = Command::new("sh");
        guard.args(["-c", "read -r _; kill -9 $0", &child.id().to_string()]).stdin(Stdio::piped());
        // Without this the test runner would wait for the guard, which holds its output open.
        let guard = guard.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, guard, address, log, _dir: dir }
    }

    pub(crate) fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.try_get("/readyz").is_none_or(|status| status != 200) {
            assert!(Instant::now() < deadline, "not ready: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn try_get(&self, path: &str) -> Option<u16> {
        Some(agent().get(self.url(path)).call().ok()?.status().as_u16())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::of(agent().get(self.url(path)).call())
    }

    /// Posts `body` unchanged.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        Answer::of(agent().post(self.url(path)).header("content-type", content_type).send(body))
    }

    pub(crate) fn link(&self, request: &Value) -> Answer {
        self.post("/link", "application/json", request.to_string().as_bytes())
    }

    /// Writes `bytes` to a connection and returns the bytes that arrive until it closes or
    /// `timeout` ends.
    pub(crate) fn raw(&self, bytes: &[u8], timeout: Duration) -> String {
        String::from_utf8_lossy(&self.raw_bytes(bytes, timeout)).into_owned()
    }

    /// The answer to `GET path` on a connection of its own, with its head.
    pub(crate) fn raw_get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        self.raw(request.as_bytes(), Duration::from_secs(10))
    }

    /// As [`Self::raw`], for an answer that may be no text.
    pub(crate) fn raw_bytes(&self, bytes: &[u8], timeout: Duration) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(timeout)).unwrap();
        stream.write_all(bytes).unwrap();
        let (mut answer, mut buffer) = (vec![], [0; 4096]);
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..n]);
        }
        answer
    }

    /// Posts to `/link` without waiting for the answer.
    pub(crate) fn send_and_forget(&self, request: &Value) {
        let body = request.to_string();
        let head = format!(
            "POST /link HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all((head + &body).as_bytes()).unwrap();
        std::mem::forget(stream);
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its exit within `timeout`; returns its exit code.
    pub(crate) fn wait(&mut self, timeout: Duration) -> Option<i32> {
        wait(&mut self.child, timeout)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        for child in [&mut self.guard, &mut self.child] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A service of the starter index with default options, shared by tests.
pub(crate) fn shared() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| Service::start(&[]))
}

/// The value of a metric, given its name with labels.
pub(crate) fn metric(service: &Service, name: &str) -> f64 {
    let answer = service.get("/metrics");
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let line = answer.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    line.unwrap_or_else(|| panic!("{name} in {}", answer.text))
}

/// Waits until `condition` holds, at most `timeout`.
pub(crate) fn wait_for(what: &str, timeout: Duration, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + timeout;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A request with `count` mentions that need inference, numbered from `from`.
pub(crate) fn large_request(from: usize, count: usize) -> Value {
    let mention = |i: usize| format!("pain number {i} in the left upper side of the body after running uphill");
    json!({"mentions": (from..from + count).map(mention).collect::<Vec<_>>()})
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: String,
    pub retry_after: Option<String>,
    pub location: Option<String>,
    pub text: String,
}

impl Answer {
    fn of(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut response = response.unwrap();
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        Self {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("retry-after"),
            location: header("location"),
            text: response.body_mut().read_to_string().unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// Checks that it is a well-formed problem and returns the last part of its type.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status, "{self:?}");
        for field in ["title", "detail"] {
            assert!(json[field].as_str().is_some_and(|s| !s.is_empty()), "{field}: {self:?}");
        }
        let kind = json["type"].as_str().unwrap().strip_prefix("urn:saplink:problem:");
        kind.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

/// The answer that curl gets with `args`; absent if there is no curl that speaks HTTP/2.
pub(crate) fn curl_http2(args: &[&str]) -> Option<String> {
    let version = Command::new("curl").arg("--version").output().ok()?;
    if !String::from_utf8_lossy(&version.stdout).contains("HTTP2") {
        return None;
    }
    let output = Command::new("curl").args(["-sk", "--max-time", "20"]).args(args).output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

fn agent() -> &'static ureq::Agent {
    static AGENT: LazyLock<ureq::Agent> = LazyLock::new(|| {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        config.timeout_global(Some(Duration::from_secs(60))).build().into()
    });
    &AGENT
}
