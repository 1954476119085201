//! `saplink serve` that cannot start, and `saplink health`.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{Service, copy_dir, fail, fixture, starter_index, succeed};

#[test]
fn start_errors_name_the_cause() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no index").display().to_string();
    let error = fail(&["serve", "--listen", "127.0.0.1:0", "--index", &missing]);
    assert!(error.contains("no index") && error.contains("`saplink index build` makes one"), "{error}");

    let damaged = dir.path().join("damaged");
    copy_dir(starter_index(), &damaged);
    fs_err::OpenOptions::new().write(true).open(damaged.join("concepts.bin")).unwrap().set_len(1000).unwrap();
    let damaged = damaged.to_str().unwrap();
    fs_err::create_dir(&missing).unwrap();
    for (index, remedy) in [
        (missing.as_str(), "it has no index.json, so it is no index; `saplink index build` makes one"),
        (damaged, "build it again, or copy it again from where it is intact"),
    ] {
        for command in [&["serve", "--listen", "127.0.0.1:0", "--index", index][..], &["index", "info", index]] {
            let error = fail(command);
            assert!(error.contains(&format!("cannot open the index {index} (")) && error.contains(remedy), "{error}");
        }
    }

    let other = dir.path().join("other model").display().to_string();
    let tiny = fixture("tiny").display().to_string();
    succeed(&["model", "import", &tiny, "--out", &other]);
    let index = starter_index().to_str().unwrap();
    let error = fail(&["serve", "--listen", "127.0.0.1:0", "--index", index, "--model", &other]);
    assert!(error.contains("saplink-mini") && error.contains("other model"), "{error}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let error = fail(&["serve", "--listen", &address, "--index", index]);
    assert!(error.contains(&format!("cannot listen on {address}")), "{error}");
}

#[test]
fn missing_cuda_is_an_error() {
    if Path::new("/dev/nvidia0").exists() {
        eprintln!("skipped: this machine has a GPU");
        return;
    }
    let index = starter_index().to_str().unwrap();
    let error = fail(&["serve", "--listen", "127.0.0.1:0", "--index", index, "--device", "cuda"]);
    assert!(error.contains("CUDA was asked for and cannot be used"), "{error}");
    assert!(!error.contains("--model"), "another model does not help: {error}");
}

#[test]
fn unusable_onnx_runtimes_are_named_with_the_remedy() {
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
fn health_reports_whether_the_service_is_ready() {
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
