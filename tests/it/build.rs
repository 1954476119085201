//! Builds that are ended and go on, that add, that measure, and that find too little room.

use std::{
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::support::{fail, fixture, run, run_with_small_files, saplink, signal, succeed, wait};

/// Rows that are embedded before the next are.
const BLOCK: u64 = 8192;
/// Length of a vector of the tiny model.
const DIMENSIONS: u64 = 32;
const VECTORS: [&str; 3] = ["vectors.bin", "scales.bin", "residuals.bin"];

struct Place(tempfile::TempDir);

impl Place {
    /// A folder with a tiny model and a table of `names` names.
    fn new(names: usize) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let tiny = fixture("tiny");
        succeed(&["model", "import", tiny.to_str().unwrap(), "--out", &place.at("tiny"), "--precision", "int8"]);
        place.table("names.tsv", 0, names);
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }

    fn table(&self, file: &str, from: usize, names: usize) {
        let words = ["acute", "left", "pain of the", "chronic", "swollen", "upper"];
        let name = |i: usize| format!("{} {} {}", words[i % 6], i * 7919, words[i / 6 % 6]);
        let rows: Vec<_> = (from..from + names).map(|i| format!("C{i:07}\t{}", name(i))).collect();
        fs_err::write(self.at(file), format!("cui\tname\n{}\n", rows.join("\n"))).unwrap();
    }

    /// The arguments of a build of `table` to `out`.
    fn build(&self, table: &str, out: &str, options: &[&str]) -> Vec<String> {
        let (table, out, model) = (self.at(table), self.at(out), self.at("tiny"));
        let places = ["index", "build", "--tsv", &table, "--out", &out, "--model", &model, "--sessions", "1"];
        places.iter().chain(options).map(|arg| (*arg).to_owned()).collect()
    }

    fn succeed(&self, table: &str, out: &str, options: &[&str]) -> String {
        let args = self.build(table, out, options);
        let output = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        error
    }

    fn fail(&self, table: &str, out: &str, options: &[&str]) -> String {
        fail(&self.build(table, out, options).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Makes another model, `other`.
    fn other_model(&self) {
        let tiny = fixture("tiny");
        succeed(&["model", "import", tiny.to_str().unwrap(), "--out", &self.at("other"), "--pooling", "mean"]);
    }

    /// What builds that were ended left.
    fn left(&self) -> Vec<PathBuf> {
        let entries = fs_err::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().contains(".partial-")).collect()
    }

    fn read(&self, index: &str, part: &str) -> Vec<u8> {
        fs_err::read(self.path().join(index).join(part)).unwrap()
    }

    fn manifest(&self, index: &str) -> Value {
        serde_json::from_slice(&self.read(index, "index.json")).unwrap()
    }

    /// Starts a build and waits until it has embedded `blocks` blocks.
    fn begin(&self, table: &str, out: &str, options: &[&str], blocks: u64) -> Child {
        let args = self.build(table, out, options);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut child = saplink(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let size = |dir: &PathBuf| std::fs::metadata(dir.join("scales.bin")).map_or(0, |file| file.len() / 4);
        while !self.left().iter().any(|dir| size(dir) >= blocks * BLOCK) {
            assert!(child.try_wait().unwrap().is_none(), "it ended too early");
            thread::sleep(Duration::from_millis(2));
        }
        child
    }
}

#[test]
fn a_killed_build_goes_on_where_it_was_and_ends_the_same() {
    let place = Place::new(40_000);
    place.succeed("names.tsv", "whole", &[]);
    let mut child = place.begin("names.tsv", "index", &[], 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path().join("index").exists());
    // A second one goes on from the first, and is ended too.
    let mut child = place.begin("names.tsv", "index", &["--resume"], 3);
    signal(child.id(), "INT");
    assert_eq!(wait(&mut child, Duration::from_secs(60)), Some(130));
    assert_eq!(place.left().len(), 2, "what was embedded is kept");

    let said = place.succeed("names.tsv", "index", &["--resume"]);
    let found = said.lines().find(|line| line.contains("embedded before")).unwrap();
    let found: u64 = found.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
    assert!((3 * BLOCK..40_000).contains(&found), "{said}");
    assert!(said.contains(&format!("{} of them were known", group(found))), "{said}");
    for part in VECTORS.into_iter().chain(["graph.bin"]) {
        assert!(place.read("index", part) == place.read("whole", part), "{part} differs");
    }
    assert!(place.left().is_empty());
    assert!(!place.path().join("index/partial.json").exists());
}

/// `n` as people are told it.
fn group(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
    groups.join(",")
}

#[test]
fn what_was_kept_is_removed_by_a_build_that_does_not_go_on_and_refused_with_another_model() {
    let place = Place::new(20_000);
    let mut child = place.begin("names.tsv", "index", &[], 1);
    child.kill().unwrap();
    child.wait().unwrap();
    place.other_model();
    let (other, names, out) = (place.at("other"), place.at("names.tsv"), place.at("index"));
    let error = fail(&["index", "build", "--tsv", &names, "--out", &out, "--model", &other, "--resume"]);
    assert!(error.contains("built with model tiny") && error.contains("the model loaded is other"), "{error}");
    assert_eq!(place.left().len(), 1, "nothing was lost by that");
    place.table("names.tsv", 0, 10);
    place.succeed("names.tsv", "index", &[]);
    assert!(place.left().is_empty());
}

#[test]
fn added_names_alone_are_embedded() {
    let place = Place::new(3000);
    place.succeed("names.tsv", "index", &[]);
    place.table("more.tsv", 2900, 200);
    let said = place.succeed("more.tsv", "index", &["--add"]);
    assert!(said.contains("3,100 names; 3,000 of them were known"), "{said}");
    let manifest = place.manifest("index");
    assert_eq!(manifest["counts"]["concepts"], 3100);
    assert_eq!(manifest["inputs"].as_array().unwrap().len(), 2);
    // Names that are there already, again: nothing changes.
    let before = place.read("index", "vectors.bin");
    place.succeed("more.tsv", "index", &["--add"]);
    assert!(before == place.read("index", "vectors.bin"));

    place.table("both.tsv", 0, 3100);
    place.succeed("both.tsv", "at once", &[]);
    for part in ["keys.fst", "words.fst"] {
        assert!(place.read("at once", part) == place.read("index", part), "{part}");
    }
}

#[test]
fn adding_to_nothing_or_with_another_model_is_refused() {
    let place = Place::new(50);
    assert!(place.fail("names.tsv", "none", &["--add"]).contains("none"));
    assert!(!place.path().join("none").exists());
    place.succeed("names.tsv", "index", &[]);
    place.other_model();
    let before = place.manifest("index");
    let (names, out) = (place.at("names.tsv"), place.at("index"));
    let error = fail(&["index", "build", "--tsv", &names, "--out", &out, "--model", &place.at("other"), "--add"]);
    assert!(error.contains("built with model tiny"), "{error}");
    let mut damaged = place.read("index", "vectors.bin");
    damaged[7] ^= 1;
    fs_err::write(place.path().join("index/vectors.bin"), damaged).unwrap();
    assert!(place.fail("names.tsv", "index", &["--add"]).contains("vectors.bin"));
    assert_eq!(before, place.manifest("index"));
    let both = run(&["index", "build", "--tsv", &names, "--out", &out, "--add", "--languages", "GER"]);
    assert_eq!(both.status.code(), Some(2), "the selection is the index's");
}

#[test]
fn a_full_disk_is_said_and_leaves_the_index_as_it_was() {
    let place = Place::new(30_000);
    place.table("few.tsv", 0, 100);
    place.succeed("few.tsv", "index", &[]);
    let before = place.manifest("index");
    for kilobytes in [300, 600] {
        let args = place.build("names.tsv", "index", &["--force"]);
        let output = run_with_small_files(kilobytes, &args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("File too large") && !error.contains("panicked"), "{error}");
    }
    assert_eq!(before, place.manifest("index"));
}

#[test]
fn too_little_memory_is_said_before_anything_is_embedded() {
    let place = Place::new(5000);
    let error = place.fail("names.tsv", "index", &["--memory", "100KB"]);
    assert!(error.contains("takes") && error.contains("are allowed"), "{error}");
    assert!(place.left().is_empty());
    place.succeed("names.tsv", "index", &["--memory", "1MB"]);
}

#[test]
fn recall_is_measured_and_decides_how_searches_are_made() {
    let place = Place::new(6000);
    let index = place.at("index");
    let model = place.at("tiny");
    place.succeed("names.tsv", "index", &["--target-recall", "0.95"]);
    let recall = |index: &str| place.manifest(index)["recall"].clone();
    assert!(recall("index")["at_1"].as_f64().unwrap() >= 0.95);
    assert_eq!(recall("index")["queries"], 1000);
    let before = place.manifest("index");
    let said =
        succeed(&["index", "recall", &index, "--model", &model, "--ef-search", "16", "--sample", "100", "--dry-run"]);
    assert!(said.contains("ef_search 16") && said.contains("of 100 mentions"), "{said}");
    assert_eq!(before, place.manifest("index"), "a dry run changes nothing");

    fs_err::write(place.at("mentions.txt"), "left 7919 pain\n\nchronic 12\n").unwrap();
    let mentions = place.at("mentions.txt");
    succeed(&["index", "recall", &index, "--model", &model, "--mentions", &mentions, "--target-recall", "1"]);
    let after = place.manifest("index");
    assert_eq!(after["recall"]["queries"], 2);
    assert_eq!(after["recall"]["at_10"], 1.0);
    assert_eq!(after["files"], before["files"]);
    assert!(succeed(&["index", "info", &index]).contains("of 2 mentions"));
    let explicit = place.succeed("names.tsv", "index", &["--force", "--ef-search", "33"]);
    assert!(!explicit.contains("not reached"));
    assert_eq!(place.manifest("index")["graph"]["ef_search"], 33);

    fs_err::write(place.at("mentions.txt"), "\n").unwrap();
    assert!(fail(&["index", "recall", &index, "--model", &model, "--mentions", &mentions]).contains("no mention"));
    assert!(fail(&["index", "recall", &index, "--model", &model, "--mentions", "nowhere"]).contains("nowhere"));
    assert_eq!(run(&["index", "recall", &index, "--target-recall", "2"]).status.code(), Some(2));
}

#[test]
fn int8_alone_takes_half_the_room() {
    let place = Place::new(500);
    place.succeed("names.tsv", "fine", &[]);
    place.succeed("names.tsv", "small", &["--vectors-as", "int8"]);
    assert!(!place.path().join("small/residuals.bin").exists());
    assert_eq!(place.read("fine", "residuals.bin").len() as u64, 500 * DIMENSIONS);
    assert!(place.read("fine", "vectors.bin") == place.read("small", "vectors.bin"));
    assert!(succeed(&["index", "verify", &place.at("small")]).contains("7 files"));
}

#[test]
fn vectors_are_measured() {
    let place = Place::new(4000);
    place.succeed("names.tsv", "index", &[]);
    let (index, out) = (place.at("index"), place.at("bench"));
    let size = ["--rows", "3000", "--queries", "100"];
    let made = ["index", "bench", "--index", &index, "--dimensions", "48", "--baseline", "--out", &out];
    let table = succeed(&[&made[..], &size[..]].concat());
    assert!(table.contains("3,000 rows of 48 dimensions, 100 queries"), "{table}");
    let report: Value = serde_json::from_slice(&fs_err::read(place.path().join("bench/ours.json")).unwrap()).unwrap();
    let searches = report["searches"].as_array().unwrap();
    for name in ["saplink", "exact", "hnsw_rs", "saplink, graph of hnsw_rs"] {
        let best = searches.iter().filter(|m| m["name"] == name).map(|m| m["recall_at_10"].as_f64().unwrap());
        let best = best.fold(0.0, f64::max);
        assert!(best > 0.98, "{name}: {best}");
    }
    // What was left for other programs is taken as it is.
    let base = place.at("bench/base.npy");
    let taken = succeed(&["index", "bench", "--vectors", &base, "--rows", "2900", "--queries", "100"]);
    assert!(taken.contains("2,900 rows of 48 dimensions"), "{taken}");
    let many = fail(&["index", "bench", "--vectors", &base, "--rows", "3000", "--queries", "100"]);
    assert!(many.contains("there are 3000 vectors, and 3100 are needed"), "{many}");
    let error = fail(&["index", "bench", "--vectors", &place.at("names.tsv")]);
    assert!(error.contains("names.tsv") && error.contains("NumPy"), "{error}");
}
