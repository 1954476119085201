//! `saplink index build`: what it writes, how it resumes and adds, and what stops it.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::support::{
    ScratchDir, fail, fixture, run, run_with_small_files, saplink, signal,
    small_index::{NAMES, numbered_index, small_index},
    succeed, wait,
};

/// Names that a build embeds before it writes their vectors.
const BLOCK: u64 = 8192;

/// Dimensions of the tiny model.
const DIMENSIONS: u64 = 32;

const VECTORS: [&str; 3] = ["vectors.bin", "scales.bin", "residuals.bin"];

/// A scratch directory with a tiny model and tables of names.
pub(crate) struct BuildDir(tempfile::TempDir);

impl BuildDir {
    /// A directory with a tiny model and a table of `names` names.
    pub(crate) fn new(names: usize) -> Self {
        let scratch = Self(tempfile::tempdir().unwrap());
        let tiny = fixture("tiny");
        succeed(&["model", "import", tiny.to_str().unwrap(), "--out", &scratch.at("tiny"), "--precision", "int8"]);
        scratch.table("names.tsv", 0, names);
        scratch
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }

    fn table(&self, file: &str, from: usize, names: usize) {
        let words = ["acute", "left", "pain of the", "chronic", "swollen", "upper"];
        let name = |i: usize| format!("{} {} {}", words[i % 6], i * 7919, words[i / 6 % 6]);
        let rows: Vec<_> = (from..from + names).map(|i| format!("C{i:07}\t{}", name(i))).collect();
        fs_err::write(self.at(file), format!("cui\tname\n{}\n", rows.join("\n"))).unwrap();
    }

    /// The arguments that build `out` from `table`.
    fn build(&self, table: &str, out: &str, options: &[&str]) -> Vec<String> {
        let (table, out, model) = (self.at(table), self.at(out), self.at("tiny"));
        let paths = ["index", "build", "--tsv", &table, "--out", &out, "--model", &model, "--sessions", "1"];
        paths.iter().chain(options).map(|arg| (*arg).to_owned()).collect()
    }

    pub(crate) fn succeed(&self, table: &str, out: &str, options: &[&str]) -> String {
        let args = self.build(table, out, options);
        let output = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        error
    }

    fn fail(&self, table: &str, out: &str, options: &[&str]) -> String {
        fail(&self.build(table, out, options).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Imports another model as `other`.
    fn other_model(&self) {
        let tiny = fixture("tiny");
        succeed(&["model", "import", tiny.to_str().unwrap(), "--out", &self.at("other"), "--pooling", "mean"]);
    }

    /// The partial directories of builds that did not finish.
    fn partial_dirs(&self) -> Vec<PathBuf> {
        let entries = fs_err::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().contains(".partial-")).collect()
    }

    fn read(&self, index: &str, part: &str) -> Vec<u8> {
        fs_err::read(self.path().join(index).join(part)).unwrap()
    }

    pub(crate) fn manifest(&self, index: &str) -> Value {
        serde_json::from_slice(&self.read(index, "index.json")).unwrap()
    }

    /// Starts a build and waits until it has embedded `blocks` blocks.
    fn begin(&self, table: &str, out: &str, options: &[&str], blocks: u64) -> Child {
        let args = self.build(table, out, options);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut child = saplink(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let size = |dir: &PathBuf| std::fs::metadata(dir.join("scales.bin")).map_or(0, |file| file.len() / 4);
        while !self.partial_dirs().iter().any(|dir| size(dir) >= blocks * BLOCK) {
            assert!(child.try_wait().unwrap().is_none(), "the build ended too early");
            thread::sleep(Duration::from_millis(2));
        }
        child
    }
}

#[test]
fn a_built_index_is_described_and_protected() {
    let dir = tempfile::tempdir().unwrap();
    let index = small_index(dir.path());
    let text = succeed(&["index", "info", index.to_str().unwrap()]);
    for expected in
        ["small index", " kB\n", "concepts     4", "names        6, of which 5 distinct", "A: 4 names", "names.tsv"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let manifest: Value =
        serde_json::from_str(&succeed(&["index", "info", index.to_str().unwrap(), "--json"])).unwrap();
    assert_eq!(manifest["counts"]["rows"], 5);
    let (tsv, model) = (dir.path().join("names.tsv"), dir.path().join("tiny"));
    let again = [
        "index",
        "build",
        "--tsv",
        tsv.to_str().unwrap(),
        "--model",
        model.to_str().unwrap(),
        "--out",
        index.to_str().unwrap(),
    ];
    let existing = fail(&again);
    assert!(existing.contains("exists already (use --force"), "{existing}");
    assert_eq!(existing.matches(index.to_str().unwrap()).count(), 1, "the path is named once: {existing}");
    succeed(&[&again[..], &["--force"]].concat());
}

#[test]
fn an_empty_directory_is_used_and_another_is_not() {
    let scratch = ScratchDir::new();
    let table = scratch.write("names.tsv", "cui\tname\nC0027051\theart attack\n");
    let tiny = fixture("tiny").display().to_string();
    let (model, volume, full) = (scratch.at("model"), scratch.at("volume"), scratch.at("full"));
    for dir in [&model, &volume, &full] {
        fs_err::create_dir(dir).unwrap();
    }
    succeed(&["model", "import", &tiny, "--out", &model]);
    let run = |out: &str, more: &[&str]| {
        run(&[&["index", "build", "--tsv", &table, "--model", &model, "--out", out], more].concat())
    };
    // The directory stays the same one, as a mounted volume does.
    let opened = fs_err::File::open(&volume).unwrap();
    assert!(run(&volume, &[]).status.success());
    assert!(succeed(&["index", "verify", &volume]).contains("all as they were written"));
    assert_eq!(opened.metadata().unwrap().ino(), fs_err::metadata(&volume).unwrap().ino());
    assert!(!scratch.names().iter().any(|name| name.contains("partial")));
    scratch.write("full/letter", "dear");
    let error = |out: &str, more: &[&str]| String::from_utf8(run(out, more).stderr).unwrap();
    for force in [&[][..], &["--force"]] {
        let refused = error(&full, force);
        assert!(refused.contains("has no index.json; name a new or an empty directory"), "{refused}");
    }
    for none in [&full, &scratch.at("missing")] {
        let refused = error(none, &["--add"]);
        assert!(refused.contains("there is no index to add to (no index.json); leave out --add"), "{refused}");
        assert!(!refused.contains("--force"), "{refused}");
    }
    let small = error(&scratch.at("small"), &["--memory", "10"]);
    assert!(small.contains("takes 0.1 MiB of memory, and 0.0 MiB are allowed"), "{small}");
}

#[test]
fn the_same_names_give_the_same_index() {
    let dir = tempfile::tempdir().unwrap();
    let build = || fs_err::read_to_string(numbered_index(dir.path(), 3000, &[]).join("index.json")).unwrap();
    assert!(build() == build());
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let error = |tsv: &str, model: &str| fail(&["index", "build", "--tsv", tsv, "--model", model, "--out", &at("out")]);
    let model = "models/saplink-mini";
    assert!(error(&at("none.tsv"), model).contains("none.tsv"));
    fs_err::write(at("bad.tsv"), "cui\tname\nC0027051\theart attack\nX\ty\nZ\ty\n").unwrap();
    assert!(error(&at("bad.tsv"), model).contains("bad.tsv:3: `X` is neither a CUI"));
    fs_err::write(at("good.tsv"), NAMES).unwrap();
    assert!(error(&at("good.tsv"), &at("no model")).contains("no model"));
    assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 2, "only the two inputs exist");
}

#[test]
fn an_interrupted_build_leaves_nothing_and_the_next_build_removes_a_killed_one() {
    let dir = tempfile::tempdir().unwrap();
    let parts = || fs_err::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let out = dir.path().join("starter");
    let build = || {
        let mut child = saplink(&["index", "build", "--tsv", "index/starter.tsv", "--out", out.to_str().unwrap()])
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while parts().is_empty() {
            assert!(child.try_wait().unwrap().is_none(), "the build ended too early");
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(300));
        child
    };
    let mut child = build();
    signal(child.id(), "INT");
    assert_eq!(wait(&mut child, Duration::from_secs(20)), Some(130));
    assert!(parts().is_empty(), "{:?}", parts());

    let mut child = build();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(parts().len(), 1);
    assert!(!out.exists(), "no index appeared");
    let tsv = dir.path().join("names.tsv");
    fs_err::write(&tsv, NAMES).unwrap();
    succeed(&["index", "build", "--tsv", tsv.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(parts().len(), 2, "the next build removes the partial directory: {:?}", parts());
}

#[test]
fn a_killed_build_resumes_and_gives_the_same_bytes() {
    let scratch = BuildDir::new(40_000);
    scratch.succeed("names.tsv", "whole", &[]);
    let mut child = scratch.begin("names.tsv", "index", &[], 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!scratch.path().join("index").exists());
    // A second build resumes the first and is interrupted too.
    let mut child = scratch.begin("names.tsv", "index", &["--resume"], 3);
    signal(child.id(), "INT");
    assert_eq!(wait(&mut child, Duration::from_secs(60)), Some(130));
    assert_eq!(scratch.partial_dirs().len(), 2, "the embedded vectors stay");

    let output = scratch.succeed("names.tsv", "index", &["--resume"]);
    let found = output.lines().find(|line| line.contains("embedded before")).unwrap();
    let found: u64 = found.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
    assert!((3 * BLOCK..40_000).contains(&found), "{output}");
    assert!(output.contains(&format!("{} vectors reused", group(found))), "{output}");
    for part in VECTORS.into_iter().chain(["graph.bin"]) {
        assert!(scratch.read("index", part) == scratch.read("whole", part), "{part} differs");
    }
    assert!(scratch.partial_dirs().is_empty());
    assert!(!scratch.path().join("index/partial.json").exists());
}

/// `n` with a comma between groups of three digits.
fn group(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
    groups.join(",")
}

#[test]
fn leftovers_are_removed_by_a_new_build_and_not_resumed_with_another_model() {
    let scratch = BuildDir::new(20_000);
    let mut child = scratch.begin("names.tsv", "index", &[], 1);
    child.kill().unwrap();
    child.wait().unwrap();
    scratch.other_model();
    let (other, names, out) = (scratch.at("other"), scratch.at("names.tsv"), scratch.at("index"));
    let error = fail(&["index", "build", "--tsv", &names, "--out", &out, "--model", &other, "--resume"]);
    assert!(error.contains("built with model tiny") && error.contains("the model loaded is other"), "{error}");
    assert_eq!(scratch.partial_dirs().len(), 1, "a refused build removes nothing");
    scratch.table("names.tsv", 0, 10);
    scratch.succeed("names.tsv", "index", &[]);
    assert!(scratch.partial_dirs().is_empty());
}

#[test]
fn adding_embeds_only_new_names() {
    let scratch = BuildDir::new(3000);
    scratch.succeed("names.tsv", "index", &[]);
    scratch.table("more.tsv", 2900, 200);
    let output = scratch.succeed("more.tsv", "index", &["--add"]);
    assert!(output.contains("3,100 names; 3,000 vectors reused"), "{output}");
    let manifest = scratch.manifest("index");
    assert_eq!(manifest["counts"]["concepts"], 3100);
    assert_eq!(manifest["inputs"].as_array().unwrap().len(), 2);
    // Adding the same names again changes nothing.
    let before = scratch.read("index", "vectors.bin");
    scratch.succeed("more.tsv", "index", &["--add"]);
    assert!(before == scratch.read("index", "vectors.bin"));

    scratch.table("both.tsv", 0, 3100);
    scratch.succeed("both.tsv", "at once", &[]);
    for part in ["keys.fst", "words.fst"] {
        assert!(scratch.read("at once", part) == scratch.read("index", part), "{part}");
    }
}

#[test]
fn adding_needs_an_index_of_the_same_model() {
    let scratch = BuildDir::new(50);
    assert!(scratch.fail("names.tsv", "none", &["--add"]).contains("none"));
    assert!(!scratch.path().join("none").exists());
    scratch.succeed("names.tsv", "index", &[]);
    scratch.other_model();
    let before = scratch.manifest("index");
    let (names, out) = (scratch.at("names.tsv"), scratch.at("index"));
    let error = fail(&["index", "build", "--tsv", &names, "--out", &out, "--model", &scratch.at("other"), "--add"]);
    assert!(error.contains("built with model tiny"), "{error}");
    let mut damaged = scratch.read("index", "vectors.bin");
    damaged[7] ^= 1;
    fs_err::write(scratch.path().join("index/vectors.bin"), damaged).unwrap();
    assert!(scratch.fail("names.tsv", "index", &["--add"]).contains("vectors.bin"));
    assert_eq!(before, scratch.manifest("index"));
    let both = run(&["index", "build", "--tsv", &names, "--out", &out, "--add", "--languages", "GER"]);
    assert_eq!(both.status.code(), Some(2), "the selection is that of the index");
}

#[test]
fn a_full_disk_is_reported_and_the_index_stays() {
    let scratch = BuildDir::new(30_000);
    scratch.table("few.tsv", 0, 100);
    scratch.succeed("few.tsv", "index", &[]);
    let before = scratch.manifest("index");
    for kilobytes in [300, 600] {
        let args = scratch.build("names.tsv", "index", &["--force"]);
        let output = run_with_small_files(kilobytes, &args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("File too large") && !error.contains("panicked"), "{error}");
    }
    assert_eq!(before, scratch.manifest("index"));
}

#[test]
fn too_little_memory_is_reported_before_embedding() {
    let scratch = BuildDir::new(5000);
    let error = scratch.fail("names.tsv", "index", &["--memory", "100KB"]);
    assert!(error.contains("takes") && error.contains("are allowed"), "{error}");
    assert!(scratch.partial_dirs().is_empty());
    scratch.succeed("names.tsv", "index", &["--memory", "1MB"]);
}

#[test]
fn int8_vectors_have_no_residuals() {
    let scratch = BuildDir::new(500);
    scratch.succeed("names.tsv", "fine", &[]);
    scratch.succeed("names.tsv", "small", &["--vectors-as", "int8"]);
    assert!(!scratch.path().join("small/residuals.bin").exists());
    assert_eq!(scratch.read("fine", "residuals.bin").len() as u64, 500 * DIMENSIONS);
    assert!(scratch.read("fine", "vectors.bin") == scratch.read("small", "vectors.bin"));
    assert!(succeed(&["index", "verify", &scratch.at("small")]).contains("8 files"));
}
