//! `saplink eval trust`, and the reports of `saplink eval --calibrate`.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{ScratchDir, fail, manifest, small_index::small_index, succeed};

/// One of four words is a name. One of three terms is left out, because the index has its concept.
const WORDS: &str = "xylophone quartet\nspare room\n\nboarding pass\nCold\n";
const TERMS: &str = "zanthoxyl\tNIL\ndiabetes\tC0011849\ngout\tC0018099\n";
/// A name, a name with two owners, the name of another concept, a text that is no name, and a
/// concept that the index does not have.
const KNOWN: &str = "heart attack\tC0027051\nCOLD\tC0009443\ndiabetes\tC0027051\nqqq\tC0011849\ngout\tC0018099\n";
const OPPOSITES: &str = "heart attack\tC0027051\ndiabetes\tC0009443\nzanthoxyl\tC0009443\n";
/// Words of the mentions that are no names of the index.
const PRIVATE: [&str; 4] = ["zanthoxyl", "xylophone", "spare room", "gout"];

/// A small index with a calibration in which equal names have the logit `name - 3`, all other
/// candidates the logit -3, and the threshold is 0.3.
fn index(scratch: &ScratchDir, name: f64) -> String {
    let dir = Path::new(&scratch.at("x")).parent().unwrap().to_owned();
    let index = dir.join("small index");
    if !index.exists() {
        small_index(&dir);
    }
    let path = index.join("index.json");
    let mut manifest = manifest(&path);
    manifest["calibration"] = json!({
        "general": false,
        "confidence": {"offset": -3.0, "weights": {"equal_name": name}},
        "threshold": 0.3,
        "mentions": 1,
        "inputs": [],
        "nil_share": 0.5,
        "measured": {
            "calibration_error": 0.0, "area": 1.0, "nil_precision": 1.0, "nil_recall": 1.0, "accuracy": 1.0,
            "by_match": {}, "curve": [],
        },
    });
    fs_err::write(&path, manifest.to_string()).unwrap();
    index.display().to_string()
}

/// Writes the lists; returns the arguments that measure them, without the opposites.
fn lists(scratch: &ScratchDir) -> Vec<String> {
    let lists = [("words", WORDS), ("terms", TERMS), ("known", KNOWN)];
    let model = ["--model".to_owned(), scratch.at("tiny")];
    let args = lists.map(|(name, text)| [format!("--{name}"), scratch.write(&format!("{name}.tsv"), text)]);
    ["eval", "trust"].map(str::to_owned).into_iter().chain(args.into_iter().flatten()).chain(model).collect()
}

fn with<'a>(args: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    args.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

fn close(value: &Value, expected: f64) {
    assert!((value.as_f64().unwrap() - expected).abs() < 1e-4, "{value} is not {expected}");
}

#[test]
fn figures_of_small_lists() {
    let scratch = ScratchDir::new();
    let index = index(&scratch, 6.0);
    let opposites = scratch.write("opposites.tsv", OPPOSITES);
    let [json_at, page_at] = ["t.json", "t.html"].map(|name| scratch.at(name));
    let args = lists(&scratch);
    let more = ["--index", &index, "--opposites", &opposites, "--json", &json_at, "--html", &page_at];
    let table = succeed(&with(&args, &more));
    let report: Value = serde_json::from_str(&scratch.read("t.json")).unwrap();
    let counts = |list: &str| ["mentions", "left_out"].map(|field| report[list][field].as_u64().unwrap());
    let sizes = ["words", "terms", "known", "opposites"].map(counts);
    assert_eq!(sizes, [[4, 0], [2, 1], [4, 1], [3, 0]]);
    for (list, figure, count, share) in [
        ("words", "linked", 1, 0.25),
        ("terms", "linked", 0, 0.0),
        ("known", "right", 2, 0.5),
        ("known", "wrong", 1, 0.25),
        ("opposites", "forbidden", 1, 1.0 / 3.0),
        ("opposites", "any", 2, 2.0 / 3.0),
    ] {
        for cutoff in ["at_threshold", "at_half"] {
            let found = &report[list][figure][cutoff];
            assert_eq!(found["count"], count, "{list} {figure}: {found}");
            close(&found["share"], share);
            let [low, high] = [0, 1].map(|i| found["interval"][i].as_f64().unwrap());
            assert!((0.0..=share).contains(&low) && (share..=1.0).contains(&high), "{found}");
        }
    }
    // Half of the known, and a quarter of the words and of the known, are linked with one
    // probability.
    let pool = &report["pool"];
    close(&pool["at_threshold"]["precision"], 0.5);
    close(&pool["at_threshold"]["coverage"], 0.5);
    assert_eq!(pool["at_precision"][0], json!({"wanted": 0.9, "found": null}));
    let exact = &pool["by_match"]["exact"];
    close(&exact["right"], 1.0 / 3.0);
    close(&exact["calibration_error"], 0.619241);
    // The concept is the second of two owners of one name.
    assert_eq!(pool["by_match"]["normalized"]["right"], 1.0);
    assert_eq!(pool["curve"].as_array().unwrap().len(), 1);
    assert!((0.5..=1.0).contains(&pool["area"].as_f64().unwrap()), "{pool}");
    let page = fs_err::read_to_string(page_at).unwrap();
    for shown in [&table, &page] {
        assert!(shown.contains("left out: 1 whose concept the index has") && shown.contains("66.7%"), "{shown}");
    }
    assert!(page.contains("<polyline") && !page.contains("<!--") && !page.contains("http"), "the page loads nothing");
}

#[test]
fn a_probability_below_a_half_counts_at_the_threshold_only() {
    let scratch = ScratchDir::new();
    let index = index(&scratch, 2.5);
    let json_at = scratch.at("t.json");
    let table = succeed(&with(&lists(&scratch), &["--index", &index, "--json", &json_at]));
    let report: Value = serde_json::from_str(&scratch.read("t.json")).unwrap();
    let right = &report["known"]["right"];
    assert_eq!((&right["at_threshold"]["count"], &right["at_half"]["count"]), (&json!(2), &json!(0)));
    assert_eq!((&report["pool"]["at_half"]["coverage"], report.get("opposites")), (&json!(0.0), None));
    assert!(!table.contains("opposites"), "{table}");
}

#[test]
fn only_examples_quote_mentions() {
    let scratch = ScratchDir::new();
    let index = index(&scratch, 6.0);
    let opposites = scratch.write("opposites.tsv", OPPOSITES);
    let [json_at, page_at] = ["t.json", "t.html"].map(|name| scratch.at(name));
    let args = lists(&scratch);
    let more = ["--index", &index, "--opposites", &opposites, "--json", &json_at, "--html", &page_at];
    let table = succeed(&with(&args, &more));
    for text in [table, scratch.read("t.json"), scratch.read("t.html")] {
        for private in PRIVATE.into_iter().chain(["heart attack", "Cold"]) {
            assert!(!text.contains(private), "{private}: {text}");
        }
    }
    succeed(&with(&args, &[&more[..], &["--examples", "3", "--force"]].concat()));
    let report: Value = serde_json::from_str(&scratch.read("t.json")).unwrap();
    let examples: Vec<_> =
        report["examples"].as_array().unwrap().iter().map(|e| [&e["list"], &e["mention"], &e["found"]]).collect();
    let expected =
        [["words", "Cold", "C0009264"], ["known", "diabetes", "C0011849"], ["opposites", "heart attack", "C0027051"]];
    assert_eq!(json!(examples), json!(expected));
    assert!(scratch.read("t.html").contains("<td>opposites</td>"));
}

#[test]
fn wrong_lists_are_named_and_no_report_is_written() {
    let scratch = ScratchDir::new();
    let index = index(&scratch, 6.0);
    let args = lists(&scratch);
    let json_at = scratch.at("t.json");
    for (list, text, reason) in [
        ("words", "chair\nsecret\tC1\n", "words.tsv:2: number of columns separated by tabs: 2"),
        ("terms", "secret\n", "terms.tsv:1: number of columns separated by tabs: 1"),
        ("known", "cold\tC0009443\nsecret\n", "known.tsv:2: number of columns separated by tabs: 1"),
        ("known", "secret\t\n", "known.tsv:1: its id is blank"),
        ("words", "\n", "words.tsv: it has no mentions"),
        ("terms", "secret\tC0009443\n", "terms.tsv: the index has a concept of every mention"),
        ("known", "secret\tC0018099\n", "known.tsv: the index has no concept of any mention"),
    ] {
        let original = scratch.read(&format!("{list}.tsv"));
        scratch.write(&format!("{list}.tsv"), text);
        let refused = fail(&with(&args, &["--index", &index, "--json", &json_at]));
        assert!(refused.contains(reason) && !refused.contains("secret"), "{reason}: {refused}");
        scratch.write(&format!("{list}.tsv"), &original);
    }
    assert!(fail(&with(&args, &["--index", &index, "--opposites", &scratch.at("none")])).contains("none"));
    assert!(!Path::new(&json_at).exists());
}

#[test]
fn an_index_without_probabilities_is_refused() {
    let scratch = ScratchDir::new();
    let args = lists(&scratch);
    let index = small_index(Path::new(&scratch.at("x")).parent().unwrap()).display().to_string();
    let refused = fail(&with(&args, &["--index", &index]));
    assert!(refused.contains("saplink eval --calibrate"), "{refused}");
}

#[test]
fn a_calibration_writes_its_reports() {
    let scratch = ScratchDir::new();
    let index = small_index(Path::new(&scratch.at("x")).parent().unwrap()).display().to_string();
    let labeled = "heart attack\tC0027051\nmyocardial infarction\tC0027051\ndiabetes\tC0011849\nzanthoxyl\tNIL\n";
    let mentions = scratch.write("mentions.tsv", labeled);
    let [json_at, page_at, model] = ["c.json", "c.html", "tiny"].map(|name| scratch.at(name));
    let args = ["eval", "--calibrate", "--few-mentions", "--mentions", &mentions, "--index", &index, "--model", &model];
    succeed(&[&args[..], &["--json", &json_at, "--html", &page_at]].concat());
    let report: Value = serde_json::from_str(&scratch.read("c.json")).unwrap();
    let stored = manifest(&Path::new(&index).join("index.json"));
    assert_eq!(report["calibration"], stored["calibration"]);
    assert_eq!((&report["format"], &report["index"]), (&json!(1), &json!("small index")));
    close(&report["chosen"]["threshold"], stored["calibration"]["threshold"].as_f64().unwrap());
    let page = scratch.read("c.html");
    for part in ["Calibration report", "chosen threshold:", "perfect calibration", "equal_name", "mentions.tsv, sha256"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    for text in [page, scratch.read("c.json")] {
        assert!(!text.contains("zanthoxyl") && !text.contains("heart attack"), "{text}");
    }
}
