//! Small indexes that the binary builds with the tiny model.

use std::path::{Path, PathBuf};

use crate::support::{fixture, succeed};

/// Six names, five of them distinct after normalization, of four concepts.
pub(crate) const NAMES: &str = "cui\tsource\tsource_code\tterm_type\tsemantic_type\tname\n\
    C0027051\tA\t1\tPT\tT047\tmyocardial infarction\n\
    C0027051\tB\t2\tSY\tT047\theart attack\n\
    C0011849\tA\t3\tPT\tT047\tdiabetes\n\
    C0009443\tA\t4\tPT\tT047\tcold\n\
    C0009264\tA\t5\tPT\tT070\tcold temperature\n\
    C0009264\tB\t6\tSY\tT070\tCold\n";

/// Builds the tiny model and an index of [`NAMES`]; returns the directory of the index.
pub(crate) fn small_index(dir: &Path) -> PathBuf {
    let at = |name: &str| dir.join(name).display().to_string();
    fs_err::write(at("names.tsv"), NAMES).unwrap();
    succeed(&["model", "import", fixture("tiny").to_str().unwrap(), "--out", &at("tiny"), "--precision", "int8"]);
    succeed(&["index", "build", "--tsv", &at("names.tsv"), "--model", &at("tiny"), "--out", &at("small index")]);
    dir.join("small index")
}

/// Like [`small_index`], with every kind of fact that a terminology gives.
pub(crate) fn full_index(dir: &Path) -> PathBuf {
    small_index(dir);
    let at = |name: &str| dir.join(name).display().to_string();
    let of = |name: &str| fixture("terminology").join(name).display().to_string();
    let inputs = ["--tsv", &at("names.tsv"), "--umls", &of("META"), "--obo", &of("small.obo"), "--max-bad-rows", "50%"];
    let paths = ["--model", &at("tiny"), "--out", &at("full index")];
    succeed(&[&["index", "build"], &inputs[..], &paths[..]].concat());
    dir.join("full index")
}

/// Builds an index of `names` numbers and returns its directory. From some thousands of names on,
/// searches walk the graph.
pub(crate) fn numbered_index(dir: &Path, names: usize, options: &[&str]) -> PathBuf {
    let at = |name: &str| dir.join(name).display().to_string();
    if !dir.join("tiny").exists() {
        succeed(&["model", "import", fixture("tiny").to_str().unwrap(), "--out", &at("tiny"), "--precision", "int8"]);
    }
    let names: Vec<_> = (0..names).map(|i| format!("C{i:07}\t{}", i * 7919)).collect();
    fs_err::write(at("numbers.tsv"), format!("cui\tname\n{}\n", names.join("\n"))).unwrap();
    let paths = [
        "index",
        "build",
        "--tsv",
        &at("numbers.tsv"),
        "--model",
        &at("tiny"),
        "--out",
        &at("numbers"),
        "--force",
        "--numeric-names",
    ];
    succeed(&[&paths[..], options].concat());
    dir.join("numbers")
}
