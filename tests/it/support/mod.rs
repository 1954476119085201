//! What the tests share: the runtime, the binary, a running service and an HTTP client.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{LazyLock, OnceLock},
    thread,
    time::{Duration, Instant},
};

use saplink::encoder::Runtime;
use serde_json::Value;

/// The project's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A tiny BERT with SapBERT's layout, see `tests/golden`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

/// The one ONNX Runtime of this process.
pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::load(None).expect("ONNX Runtime; `make onnxruntime` fetches it"));

/// The checkpoint that the embedded model was trained from.
pub(crate) fn minilm() -> PathBuf {
    let dir = root().join(".checkpoints/all-MiniLM-L6-v2");
    assert!(dir.is_dir(), "{} is missing; `make checkpoint` fetches it", dir.display());
    dir
}

/// The binary, to be run in the project's root.
pub(crate) fn saplink(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saplink"));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("SAPLINK_")) {
        command.env_remove(name);
    }
    command
}

/// Runs the binary to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    saplink(args).output().unwrap()
}

/// Runs the binary with files that may not grow beyond so many kilobytes: they fail as those on a full disk do.
pub(crate) fn run_with_small_files(kilobytes: usize, args: &[impl AsRef<std::ffi::OsStr>]) -> Output {
    let command = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2);
    let shell = ["-c", &command, env!("CARGO_BIN_EXE_saplink")];
    Command::new("sh").args(shell).args(args).current_dir(root()).output().unwrap()
}

/// Runs the binary, which must succeed; gives its standard output.
pub(crate) fn succeed(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the binary, which must fail with code 1; gives its last line on standard error.
pub(crate) fn fail(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
    error.lines().last().unwrap_or_default().to_owned()
}

/// The starter index as it is shipped, built once for all tests from the vocabulary, its mentions and the embedded model of the checkout.
pub(crate) fn starter_index() -> &'static Path {
    static INDEX: OnceLock<PathBuf> = OnceLock::new();
    INDEX.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("starter");
        let dir = out.to_str().unwrap();
        succeed(&["index", "build", "--tsv", "index/starter.tsv", "--ef-search", "256", "--out", dir, "--force"]);
        succeed(&["eval", "--calibrate", "--index", dir, "--mentions", "index/starter.mentions.tsv"]);
        out
    })
}

/// A running `saplink serve`, killed when dropped or when the tests end.
pub(crate) struct Service {
    child: Child,
    /// Waits for the end of this process, which drops no service that tests share, and kills the child then.
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

    /// The same, with `variables` in its environment.
    pub(crate) fn spawn_in(variables: &[(&str, &str)], options: &[&str]) -> Self {
        Self::spawn_on("127.0.0.1", variables, options)
    }

    /// The same, on another address of this machine.
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
        // The runner waits for whoever holds its output.
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

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::of(agent().get(self.url(path)).call())
    }

    /// Posts `body` as it is.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        Answer::of(agent().post(self.url(path)).header("content-type", content_type).send(body))
    }

    pub(crate) fn link(&self, request: &Value) -> Answer {
        self.post("/link", "application/json", request.to_string().as_bytes())
    }

    /// Writes `bytes` to a connection and gives what comes back until it closes or `patience` ends.
    pub(crate) fn raw(&self, bytes: &[u8], patience: Duration) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(patience)).unwrap();
        stream.write_all(bytes).unwrap();
        let (mut answer, mut buffer) = (vec![], [0; 4096]);
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..n]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Posts to `/link` without waiting for the answer.
    pub(crate) fn send_and_forget(&self, request: &Value) {
        let body = request.to_string();
        let head = format!(
            "POST /link HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all((head + &body).as_bytes()).unwrap();
        std::mem::forget(stream);
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; gives its exit code.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<i32> {
        wait(&mut self.child, patience)
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

/// A manifest without its checksum, to be changed.
pub(crate) fn manifest(path: &Path) -> Value {
    let mut manifest: Value = serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap();
    manifest.as_object_mut().unwrap().remove("checksum").expect("it has a checksum of itself");
    manifest
}

/// A folder of a test's own.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn at(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> String {
        fs_err::write(self.at(name), content).unwrap();
        self.at(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.at(name)).unwrap()
    }

    /// What is in it, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Waits for the end of `child`, which must come within `patience`; gives its exit code.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> Option<i32> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < deadline, "still running");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal by name.
pub(crate) fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap().success());
}

/// A service that tests may share, with the default settings.
pub(crate) fn shared() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| Service::start(&[]))
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

    /// Checks that it is a well-formed problem and gives the last part of its type.
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

fn agent() -> &'static ureq::Agent {
    static AGENT: LazyLock<ureq::Agent> = LazyLock::new(|| {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        config.timeout_global(Some(Duration::from_secs(60))).build().into()
    });
    &AGENT
}

pub(crate) mod rich_index;
