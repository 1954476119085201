//! `saplink eval`: figures, comparisons, calibration, and input that it refuses.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use serde_json::{Value, json};

use crate::support::{ScratchDir, Service, copy_dir, fail, manifest, root, starter, starter_index, succeed};

/// Names with a homonym (cold), an alias (114480) and names equal to mentions.
const DICTIONARY: &str = "C0027051||Myocardial infarction\n\
    C0027051||heart attack\n\
    C0155668||old myocardial infarction\n\
    C0009443||cold\n\
    C0009264||Cold\n\
    C0011849|114480||diabetes mellitus\n\
    C0020538||hypertension\n\
    C0004096||asthma\n";

/// Labeled mentions: equal names, a homonym whose other owner comes first, two composites, a
/// mention that the dictionary does not cover, and one without an id.
const MENTIONS: &str = "7||0|1||D||Heart attack||C0027051\n\
    7||0|1||D||cold||C0009443\n\
    7||0|1||D||hypertension|asthma||C0020538+C0004096\n\
    7||0|1||D||hypertension|heart attacks||C0020538+C0004096\n\
    7||0|1||D||diabetes mellitus||114480\n\
    7||0|1||D||gout||C0018099\n\
    7||0|1||D||left message||CUI-less\n";

fn json(scratch: &ScratchDir, name: &str) -> Value {
    serde_json::from_str(&scratch.read(name)).unwrap()
}

/// Writes the files above; returns the arguments that evaluate them.
fn evaluation(scratch: &ScratchDir) -> Vec<String> {
    let mentions = scratch.write("mentions.concept", MENTIONS);
    let dictionary = scratch.write("dictionary.txt", DICTIONARY);
    ["eval", "--mentions", &mentions, "--dictionary", &dictionary].map(str::to_owned).to_vec()
}

fn with<'a>(args: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    args.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

fn system<'a>(report: &'a Value, name: &str) -> &'a Value {
    let systems = report["systems"].as_array().unwrap();
    systems.iter().find(|system| system["name"] == name).unwrap_or_else(|| panic!("no system {name}: {systems:?}"))
}

fn figure(report: &Value, name: &str, figure: &str) -> f64 {
    system(report, name)["figures"][figure]["value"].as_f64().unwrap()
}

fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
}

#[test]
fn a_report_has_the_accuracy_of_the_paper_and_the_strict_one() {
    let (scratch, json_file, page) = (ScratchDir::new(), "report.json", "report.html");
    let args = evaluation(&scratch);
    let (json_at, page_at) = (scratch.at(json_file), scratch.at(page));
    let table = succeed(&with(&args, &["--json", &json_at, "--html", &page_at, "--against", "index"]));
    let report = json(&scratch, json_file);
    assert_eq!(report["mentions"], 6);
    assert_eq!(report["covered"], 5);
    assert_eq!(report["folds"][0]["without_id"], 1);
    assert_eq!((&report["dictionary"]["names"], &report["dictionary"]["concepts"]), (&json!(7), &json!(7)));
    // Equal names: the attack, the cold (by the paper's rule only), both parts of the first
    // composite, the alias.
    close(figure(&report, "string equality", "acc_1"), 4.0 / 6.0);
    close(figure(&report, "string equality", "strict_acc_1"), 3.0 / 6.0);
    close(figure(&report, "string equality", "mrr"), 3.5 / 6.0);
    // The embedding finds equal names too.
    close(figure(&report, "embedding", "acc_1"), 4.0 / 6.0);
    close(figure(&report, "embedding, graph", "acc_1"), 4.0 / 6.0);
    assert_eq!(report["recall"]["at_1"], 1.0);
    let errors = system(&report, "embedding")["errors"].as_array().unwrap();
    let kinds: BTreeMap<&str, u64> =
        errors.iter().map(|e| (e["kind"].as_str().unwrap(), e["mentions"].as_u64().unwrap())).collect();
    assert_eq!((kinds["not-covered"], kinds["ambiguous-name"]), (1, 1), "{errors:?}");
    for expected in ["6 of mentions.concept, 5 of them covered; left out: 1 without an id", "string equality", "66.7 ("]
    {
        assert!(table.contains(expected), "{expected}: {table}");
    }
    let page = fs_err::read_to_string(page_at).unwrap();
    assert!(page.contains("gout") && page.contains("embedding, graph"));
    assert!(!page.contains("<!--") && !page.contains("http"), "the page loads nothing");
}

#[test]
fn ids_are_compared_in_their_usual_forms_and_missing_ones_are_counted() {
    let scratch = ScratchDir::new();
    let mentions = scratch.write(
        "mentions.concept",
        "7||0|1||D||heart attack||UMLS:c0027051\n7||0|1||D||diabetes mellitus||OMIM:114480\n\
         7||0|1||D||gout||OMIM:999001\n7||0|1||D||cold||OMIM:999002\n7||0|1||D||asthma||D000001\n",
    );
    let dictionary = scratch.write("dictionary.txt", DICTIONARY);
    let json_at = scratch.at("report.json");
    let table = succeed(&["eval", "--mentions", &mentions, "--dictionary", &dictionary, "--json", &json_at]);
    let missing =
        "missing ids  2 of OMIM (OMIM:999001, OMIM:999002, ..); 1 of no prefix (D000001, ..): not in the dictionary";
    assert!(table.contains(missing), "{table}");
    let report = json(&scratch, "report.json");
    assert_eq!((&report["mentions"], &report["covered"]), (&json!(5), &json!(2)));
    let counts = &report["folds"][0]["missing_ids"];
    assert_eq!((&counts["OMIM"]["count"], &counts["no prefix"]["ids"]), (&json!(2), &json!(["D000001"])));
}

#[test]
fn reports_quote_no_mention_with_zero_examples() {
    let scratch = ScratchDir::new();
    let args = evaluation(&scratch);
    let (json_at, page_at) = (scratch.at("r.json"), scratch.at("r.html"));
    succeed(&with(&args, &["--json", &json_at, "--html", &page_at, "--examples", "0", "--no-baselines"]));
    for file in [json_at, page_at] {
        let text = fs_err::read_to_string(file).unwrap();
        assert!(!text.contains("gout") && !text.contains("heart attacks"), "{text}");
        assert!(text.contains("embedding"));
    }
}

#[test]
fn covered_mentions_folds_and_dot_products() {
    let scratch = ScratchDir::new();
    let args = evaluation(&scratch);
    let second = scratch.write("second.tsv", "asthma\tC0004096\nHYPERTENSION\tC0020538\nleft message\tNIL\n");
    let json_at = scratch.at("r.json");
    let all = with(&args[..3], &[&second, &args[3], &args[4], "--covered", "--score", "dot", "--json", &json_at]);
    let table = succeed(&all);
    assert!(table.contains("mean of 2 folds") && table.contains("1 labeled NIL, 1 not covered"), "{table}");
    let report = json(&scratch, "r.json");
    assert_eq!((&report["score"], &report["mentions"]), (&json!("dot"), &json!(7)));
    close(figure(&report, "string equality", "acc_1"), (4.0 / 5.0 + 1.0) / 2.0);
    close(system(&report, "string equality")["fold_acc_1"][1].as_f64().unwrap(), 1.0);
    let refused = fail(&with(&args, &["--score", "dot", "--against", "index"]));
    assert!(refused.contains("--score dot"), "{refused}");
}

#[test]
fn two_reports_are_compared_mention_by_mention() {
    let scratch = ScratchDir::new();
    let args = evaluation(&scratch);
    let [first, second, other] = ["a.json", "b.json", "c.json"].map(|name| scratch.at(name));
    succeed(&with(&args, &["--json", &first]));
    // Without this name one more mention is wrong.
    let fewer = DICTIONARY
        .replace("C0027051||heart attack\n", "")
        .replace("C0027051||Myocardial infarction\n", "C0027051||mi\n");
    let fewer = scratch.write("fewer.txt", &fewer);
    succeed(&with(&args[..4], &[&fewer, "--json", &second]));
    let table = succeed(&["eval", "compare", &first, &second]);
    assert!(table.contains("string equality, paper") && table.contains("-16.7"), "{table}");
    let compared: Value = serde_json::from_str(&succeed(&["eval", "compare", &first, &second, "--json"])).unwrap();
    let equality = &compared["systems"][0]["acc_1"];
    assert_eq!((&equality["first"], &equality["second"], &equality["p"]), (&json!(1), &json!(0), &json!(1.0)));

    let mentions = scratch.write("other.tsv", "asthma\tC0004096\n");
    succeed(&["eval", "--mentions", &mentions, "--dictionary", &args[4], "--json", &other]);
    let refused = fail(&["eval", "compare", &first, &other]);
    assert!(refused.contains("other mentions: mentions.concept and other.tsv"), "{refused}");
    let covered = scratch.at("d.json");
    succeed(&with(&args, &["--covered", "--json", &covered]));
    assert!(fail(&["eval", "compare", &first, &covered]).contains("6 and 5"));
    let broken = scratch.write("broken.json", "{\"format\": 1}");
    assert!(fail(&["eval", "compare", &first, &broken]).contains("broken.json"));
}

#[test]
fn bad_input_is_named_and_no_report_is_written() {
    let scratch = ScratchDir::new();
    let args = evaluation(&scratch);
    let mentions = scratch.write("broken.tsv", "asthma\tC0004096\nsecret words\n");
    let json_at = scratch.at("r.json");
    let refused = fail(&["eval", "--mentions", &mentions, "--dictionary", &args[4], "--json", &json_at]);
    assert!(
        refused.contains("broken.tsv:2: number of fields separated by tabs: 1") && !refused.contains("secret"),
        "{refused}"
    );
    assert!(!Path::new(&json_at).exists());
    let unknown = scratch.write("unknown.tsv", "asthma\tD1\n");
    let refused = fail(&["eval", "--mentions", &unknown, "--dictionary", &args[4]]);
    assert!(
        refused.contains("unknown.tsv") && refused.contains("has ids such as C0027051") && !refused.contains("D1"),
        "{refused}"
    );
    assert!(fail(&["eval", "--mentions", &scratch.at("none"), "--dictionary", &args[4]]).contains("none"));
    assert!(fail(&["eval", "--mentions", &args[2], "--dictionary", &scratch.at("none")]).contains("none"));
    for option in ["--json", "--html"] {
        let existing = scratch.write("existing", "mine");
        let refused = fail(&with(&args, &[option, &existing]));
        assert!(refused.contains("existing: exists already (use --force"), "{refused}");
        assert_eq!(scratch.read("existing"), "mine");
        succeed(&with(&args, &[option, &existing, "--force"]));
        assert_ne!(scratch.read("existing"), "mine");
    }
    let refused = fail(&with(&args, &["--json", &scratch.at("no/such/r.json")]));
    assert!(refused.contains("no/such/r.json"), "{refused}");
}

/// A writable copy of the starter index.
fn starter_copy(scratch: &ScratchDir) -> String {
    let dir = scratch.at("starter");
    copy_dir(starter_index(), Path::new(&dir));
    dir
}

const STARTER_MENTIONS: &str = "index/starter.mentions.tsv";

#[test]
fn an_index_is_evaluated_with_the_linker_that_serves_it() {
    let scratch = ScratchDir::new();
    let json_at = scratch.at("r.json");
    let index = starter_index().to_str().unwrap();
    let args = ["eval", "--mentions", STARTER_MENTIONS, "--index", index, "--against", "index", "--json", &json_at];
    let table = succeed(&args);
    assert!(table.contains("labeled NIL"), "{table}");
    let report = json(&scratch, "r.json");
    assert!(report["recall"]["at_1"].as_f64().unwrap() >= 0.97, "{}", report["recall"]);
    // Each system improves on the one before it.
    let strict = |name| figure(&report, name, "strict_acc_1");
    assert!(strict("character n-grams") > strict("string equality") + 0.2);
    assert!(strict("embedding") > strict("character n-grams"));
    assert!(strict("linker") > strict("embedding"));
    let types = system(&report, "linker")["types"].as_array().unwrap();
    assert!(types.len() > 5 && types[0]["semantic_type"].as_str().unwrap().starts_with('T'));
}

fn index_json(dir: &str) -> String {
    fs_err::read_to_string(Path::new(dir).join("index.json")).unwrap()
}

#[test]
fn a_calibrated_index_answers_with_probabilities() {
    let scratch = ScratchDir::new();
    let dir = starter_copy(&scratch);
    let before = index_json(&dir);
    let args = ["eval", "--calibrate", "--mentions", STARTER_MENTIONS, "--index", &dir];
    succeed(&[&args[..], &["--dry-run"]].concat());
    assert_eq!(index_json(&dir), before);
    let output = succeed(&args);
    for line in ["expected calibration error", "chosen for the most right answers", "coverage", "embedding"] {
        assert!(output.contains(line), "{line}: {output}");
    }
    let manifest: Value = serde_json::from_str(&succeed(&["index", "info", &dir, "--json"])).unwrap();
    let calibration = &manifest["calibration"];
    assert_eq!((&calibration["general"], &calibration["mentions"]), (&json!(false), &json!(884)));
    assert_eq!(calibration["inputs"][0]["name"], "starter.mentions.tsv");
    let measured = &calibration["measured"];
    assert!(measured["calibration_error"].as_f64().unwrap() < 0.08, "{measured}");
    assert!(measured["nil_recall"].as_f64().unwrap() > 0.25 && measured["area"].as_f64().unwrap() > 0.8, "{measured}");
    assert!(succeed(&["index", "info", &dir]).contains("calibration  fitted to 884 mentions"));
    let threshold = calibration["threshold"].as_f64().unwrap();

    let service = Service::spawn(&["--index", &dir]);
    service.wait_until_ready();
    assert_eq!(service.get("/info").json()["index"]["calibration"]["mentions"], 884);
    let mentions = ["asthma", "asthma attack", "ribonucleoprotein zebrafish", "cold"];
    let answer = service.link(&json!({"mentions": mentions, "top_k": 5})).json();
    for result in answer["results"].as_array().unwrap() {
        let candidates = result["candidates"].as_array().unwrap();
        let probabilities: Vec<f64> = candidates.iter().map(|c| c["probability"].as_f64().unwrap()).collect();
        assert!(probabilities.iter().sum::<f64>() <= 1.001 && probabilities.iter().all(|p| *p >= 0.0), "{result}");
        assert_eq!(result["status"] == "nil", probabilities[0] < threshold, "{result}");
    }
    let first = |i: usize| answer["results"][i]["candidates"][0]["probability"].as_f64().unwrap();
    assert!(first(0) > 0.8 && first(2) < 0.5, "{answer}");
    assert_eq!(answer["results"][2]["status"], "nil");
}

#[test]
fn a_wanted_precision_raises_the_threshold_that_a_file_can_take() {
    let scratch = ScratchDir::new();
    let dir = starter_copy(&scratch);
    let before = index_json(&dir);
    let args = ["eval", "--calibrate", "--mentions", STARTER_MENTIONS, "--index", &dir];
    let calibrate = |name: &str, more: &[&str]| {
        succeed(&[&args[..], &["--out", &scratch.at(name)], more].concat());
        json(&scratch, name)["calibration"].clone()
    };
    let plain = calibrate("plain.json", &[]);
    let precise = calibrate("precise.json", &["--precision", "0.95"]);
    assert_eq!(index_json(&dir), before, "--out leaves the index as it is");
    let number = |of: &Value, field: &str| of[field].as_f64().unwrap();
    assert!(number(&precise, "threshold") > number(&plain, "threshold"), "{precise}");
    assert_eq!((&precise["precision"], plain.get("precision")), (&json!(0.95), None));
    let nowhere = fail(&[&args[..], &["--out", &scratch.at("no/such/c.json")]].concat());
    assert!(nowhere.contains("no/such/c.json"), "{nowhere}");
    let existing = fail(&[&args[..], &["--out", &scratch.at("plain.json")]].concat());
    assert!(existing.contains("plain.json: exists already (use --force"), "{existing}");
}

#[test]
fn a_report_replaces_no_input_and_no_other_report() {
    let scratch = ScratchDir::new();
    let args = evaluation(&scratch);
    let (mentions, report) = (scratch.at("mentions.concept"), scratch.at("./report"));
    for (more, expected) in [
        (["--json", &report, "--html", &scratch.at("report")], "--html and --json name the same file"),
        (["--json", &mentions, "--html", &report], "--json and --mentions name the same file"),
    ] {
        let error = fail(&[&with(&args, &more)[..], &["--force"]].concat());
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(scratch.read("mentions.concept"), MENTIONS);
}

#[test]
fn few_mentions_calibrate_only_if_asked() {
    let scratch = ScratchDir::new();
    let dir = starter_copy(&scratch);
    let few = scratch.write("few.tsv", "asthma\tC0004096\nHYPERTENSION\tC0020538\nleft message\tNIL\n");
    let args = ["eval", "--calibrate", "--mentions", &few, "--index", &dir];
    let refused = fail(&args);
    assert!(
        refused.contains("needs 200 different labeled mentions, the files have 3")
            && refused.contains("--few-mentions"),
        "{refused}"
    );
    assert!(fail(&[&args[..], &["--force"]].concat()).contains("--few-mentions"), "--force replaces files only");
    succeed(&[&args[..], &["--few-mentions"]].concat());
    assert!(succeed(&["index", "info", &dir]).contains("calibration  fitted to 3 mentions"));
}

#[test]
fn a_new_index_has_the_calibration_of_its_model() {
    let scratch = ScratchDir::new();
    let model = scratch.at("model");
    copy_dir(&root().join("models/saplink-mini"), Path::new(&model));
    let _ = fs_err::remove_file(Path::new(&model).join("calibration.json"));
    let (table, index) = (scratch.write("n.tsv", "cui\tname\nC0004096\tasthma\n"), scratch.at("index"));
    let build = ["index", "build", "--tsv", &table, "--model", &model, "--out", &index, "--force"];
    succeed(&build);
    assert_eq!(manifest(&Path::new(&index).join("index.json")).get("calibration"), None);
    let starter = starter_index().to_str().unwrap();
    let file = scratch.at("model/calibration.json");
    succeed(&["eval", "--calibrate", "--mentions", STARTER_MENTIONS, "--index", starter, "--out", &file]);
    succeed(&build);
    let calibration = manifest(&Path::new(&index).join("index.json"))["calibration"].clone();
    assert_eq!((&calibration["general"], &calibration["mentions"]), (&json!(true), &json!(884)));
    assert!(succeed(&["index", "info", &index]).contains("general, of the model: fitted to 884 mentions"));
    fs_err::write(&file, scratch.read("model/calibration.json").replace("884", "885")).unwrap();
    assert!(fail(&build).contains("calibration.json"));
}

#[test]
fn an_invalid_calibration_is_refused() {
    let scratch = ScratchDir::new();
    let dir = starter_copy(&scratch);
    let path = Path::new(&dir).join("index.json");
    let valid = manifest(&path);
    for (change, reason) in [
        (json!({"confidence": {"offset": 0.0, "weights": {"cosine": -1.0}}}), "a weight with the wrong sign"),
        (json!({"confidence": {"offset": 0.0, "weights": {"other_kind": 0.5}}}), "a weight with the wrong sign"),
        (json!({"confidence": {"offset": 1e39, "weights": {}}}), "a value that is not finite"),
        (json!({"threshold": 1e39}), "a threshold that is not finite"),
        (json!({"confidence": {"offset": 0.0, "weights": {"mood": 0.5}}}), "a feature that this saplink does not know"),
        (json!({"method": "isotonic"}), "unknown field `method`"),
        (json!({"curve": [[0.5, 0.9]]}), "unknown field `curve`"),
    ] {
        let mut manifest = valid.clone();
        let calibration = manifest["calibration"].as_object_mut().unwrap();
        calibration.extend(change.as_object().unwrap().clone());
        fs_err::write(&path, manifest.to_string()).unwrap();
        let refused = fail(&["index", "info", &dir]);
        assert!(refused.contains("index.json") && refused.contains(reason), "{change}: {refused}");
    }
}

#[test]
fn an_index_with_a_calibration_of_another_version_is_calibrated_again() {
    let scratch = ScratchDir::new();
    let dir = starter_copy(&scratch);
    let path = Path::new(&dir).join("index.json");
    let mut other = manifest(&path);
    other["calibration"]["confidence"]["weights"]["mood"] = json!(0.5);
    fs_err::write(&path, other.to_string()).unwrap();
    let refused = fail(&["index", "info", &dir]);
    assert!(refused.contains("calibrate the index again (`saplink eval --calibrate`)"), "{refused}");
    succeed(&["eval", "--calibrate", "--mentions", STARTER_MENTIONS, "--index", &dir]);
    assert!(succeed(&["index", "info", &dir]).contains("calibration  fitted to 884 mentions"));
}

#[test]
fn starter_mentions_are_well_formed() {
    let names = starter::rows();
    let concepts: HashSet<&str> = names.iter().map(|(atom, _)| atom.concept.as_str()).collect();
    let text = fs_err::read_to_string(root().join(STARTER_MENTIONS)).unwrap();
    let mut seen = HashSet::new();
    let (mut covered, mut nil) = (0, 0);
    for line in text.lines() {
        let (mention, gold) = line.split_once('\t').unwrap();
        assert!(seen.insert(mention.to_lowercase()), "{mention} occurs twice");
        match gold {
            "NIL" => nil += 1,
            ids => {
                covered += 1;
                assert!(ids.split('|').all(|id| concepts.contains(id)), "{line}");
            }
        }
    }
    assert!(covered >= 600 && nil >= 100, "{covered} {nil}");
}
