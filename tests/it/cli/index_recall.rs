//! `saplink index recall` and `saplink index bench`.

use serde_json::Value;

use crate::{
    cli::index_build::BuildDir,
    support::{fail, run, succeed},
};

#[test]
fn recall_is_measured_and_sets_ef_search() {
    let scratch = BuildDir::new(6000);
    let index = scratch.at("index");
    let model = scratch.at("tiny");
    scratch.succeed("names.tsv", "index", &["--target-recall", "0.95"]);
    let recall = |index: &str| scratch.manifest(index)["recall"].clone();
    assert!(recall("index")["at_1"].as_f64().unwrap() >= 0.95);
    assert_eq!(recall("index")["queries"], 1000);
    let before = scratch.manifest("index");
    let output =
        succeed(&["index", "recall", &index, "--model", &model, "--ef-search", "16", "--sample", "100", "--dry-run"]);
    assert!(output.contains("ef_search 16") && output.contains("of 100 mentions"), "{output}");
    assert_eq!(before, scratch.manifest("index"), "a dry run changes nothing");

    fs_err::write(scratch.at("mentions.txt"), "left 7919 pain\n\nchronic 12\n").unwrap();
    let mentions = scratch.at("mentions.txt");
    succeed(&["index", "recall", &index, "--model", &model, "--mentions", &mentions, "--target-recall", "1"]);
    let after = scratch.manifest("index");
    assert_eq!(after["recall"]["queries"], 2);
    assert_eq!(after["recall"]["at_10"], 1.0);
    assert_eq!(after["files"], before["files"]);
    assert!(succeed(&["index", "info", &index]).contains("of 2 mentions"));
    let explicit = scratch.succeed("names.tsv", "index", &["--force", "--ef-search", "33"]);
    assert!(!explicit.contains("not reached"));
    assert_eq!(scratch.manifest("index")["graph"]["ef_search"], 33);

    fs_err::write(scratch.at("mentions.txt"), "\n").unwrap();
    assert!(fail(&["index", "recall", &index, "--model", &model, "--mentions", &mentions]).contains("no mention"));
    assert!(fail(&["index", "recall", &index, "--model", &model, "--mentions", "nowhere"]).contains("nowhere"));
    assert_eq!(run(&["index", "recall", &index, "--target-recall", "2"]).status.code(), Some(2));
}

#[test]
fn bench_measures_searches_of_generated_and_given_vectors() {
    let scratch = BuildDir::new(4000);
    scratch.succeed("names.tsv", "index", &[]);
    let (index, out) = (scratch.at("index"), scratch.at("bench"));
    let size = ["--rows", "3000", "--queries", "100"];
    let args = ["index", "bench", "--index", &index, "--dimensions", "48", "--baseline", "--out", &out];
    let table = succeed(&[&args[..], &size[..]].concat());
    assert!(table.contains("3,000 rows of 48 dimensions, 100 queries"), "{table}");
    let report: Value = serde_json::from_slice(&fs_err::read(scratch.path().join("bench/ours.json")).unwrap()).unwrap();
    let searches = report["searches"].as_array().unwrap();
    for name in ["saplink", "exact", "hnsw_rs", "saplink, graph of hnsw_rs"] {
        let best = searches.iter().filter(|m| m["name"] == name).map(|m| m["recall_at_10"].as_f64().unwrap());
        let best = best.fold(0.0, f64::max);
        assert!(best > 0.98, "{name}: {best}");
    }
    // The vectors that `--out` wrote for other programs can be read again.
    let base = scratch.at("bench/base.npy");
    let again = succeed(&["index", "bench", "--vectors", &base, "--rows", "2900", "--queries", "100"]);
    assert!(again.contains("2,900 rows of 48 dimensions"), "{again}");
    let many = fail(&["index", "bench", "--vectors", &base, "--rows", "3000", "--queries", "100"]);
    assert!(many.contains("there are 3000 vectors, and 3100 are needed"), "{many}");
    let error = fail(&["index", "bench", "--vectors", &scratch.at("names.tsv")]);
    assert!(error.contains("names.tsv") && error.contains("NumPy"), "{error}");
}
