//! The binary and the library: paths of the checkout, the runtime, commands and signals.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{LazyLock, OnceLock},
    thread,
    time::{Duration, Instant},
};

use saplink::encoder::Runtime;
use serde_json::Value;

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An entry of `tests/fixtures`, such as `tiny`, a small BERT with SapBERT's layout.
pub(crate) fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

/// The one ONNX Runtime of this process.
pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::load(None).expect("ONNX Runtime; `make onnxruntime` fetches it"));

/// The checkpoint that the included model was trained from.
pub(crate) fn minilm() -> PathBuf {
    let dir = root().join(".checkpoints/all-MiniLM-L6-v2");
    assert!(dir.is_dir(), "{} is missing; `make checkpoint` fetches it", dir.display());
    dir
}

/// A command of the binary, run in the root of the checkout without variables `SAPLINK_*`.
pub(crate) fn saplink(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saplink"));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("SAPLINK_")) {
        command.env_remove(name);
    }
    command
}

/// Runs the binary and waits for its exit.
pub(crate) fn run(args: &[&str]) -> Output {
    saplink(args).output().unwrap()
}

/// Runs the binary with a limit on the size of files. Writes beyond it fail like those on a full
/// disk.
pub(crate) fn run_with_small_files(kilobytes: usize, args: &[impl AsRef<std::ffi::OsStr>]) -> Output {
    let command = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2);
    let shell = ["-c", &command, env!("CARGO_BIN_EXE_saplink")];
    Command::new("sh").args(shell).args(args).current_dir(root()).output().unwrap()
}

/// Runs the binary, which must succeed; returns its standard output.
pub(crate) fn succeed(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the binary, which must fail with code 1; returns its last line on standard error.
pub(crate) fn fail(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
    error.lines().last().unwrap_or_default().to_owned()
}

/// The calibrated starter index, built once for all tests with the command lines of `make run`.
pub(crate) fn starter_index() -> &'static Path {
    static INDEX: OnceLock<PathBuf> = OnceLock::new();
    INDEX.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("starter");
        let dir = out.to_str().unwrap();
        succeed(&["index", "build", "--tsv", "index/starter.tsv", "--ef-search", "256", "--out", dir, "--force"]);
        let mentions = ["index/starter.mentions.tsv", "index/starter.calibration.tsv"];
        succeed(&["eval", "--calibrate", "--index", dir, "--mentions", mentions[0], mentions[1], "--nil-share", "0.5"]);
        out
    })
}

/// A manifest without its checksum, so that a test may change it.
pub(crate) fn manifest(path: &Path) -> Value {
    let mut manifest: Value = serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap();
    manifest.as_object_mut().unwrap().remove("checksum").expect("a manifest has its own checksum");
    manifest
}

/// Waits for the exit of `child` within `timeout`; returns its exit code.
pub(crate) fn wait(child: &mut Child, timeout: Duration) -> Option<i32> {
    let deadline = Instant::now() + timeout;
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
