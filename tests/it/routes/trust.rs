//! What keeps answers of `POST /link` from looking surer than they are: readings, variants, repairs
//! that contradict each other, contradictory names, truncation, and explanations.

use serde_json::{Value, json};

use crate::support::{ScratchDir, Service, shared, succeed};

/// The result of a request with one mention.
fn ask(service: &Service, request: &Value) -> Value {
    let answer = service.link(request);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["results"][0].clone()
}

fn link(mention: &str) -> Value {
    ask(shared(), &json!({"mention": mention}))
}

fn candidates(result: &Value) -> &[Value] {
    result["candidates"].as_array().unwrap()
}

/// A service of an index with the included model, which has each of `names` as a concept.
fn serve(scratch: &ScratchDir, names: &[&str], options: &[&str]) -> Service {
    let rows = names.iter().enumerate().map(|(i, name)| format!("C{i:07}\t{name}\n"));
    let table = scratch.write("names.tsv", &format!("cui\tname\n{}", rows.collect::<String>()));
    let index = scratch.at("index");
    succeed(&["index", "build", "--tsv", &table, "--out", &index, "--nil-threshold", "0.65"]);
    let service = Service::spawn(&[&["--index", &index, "--model", "models/saplink-mini"], options].concat());
    service.wait_until_ready();
    service
}

#[test]
fn words_that_qualify_a_term_are_left_out_and_reported() {
    for (mention, read_as, cui, left_out) in [
        ("h/o asthma", "asthma", "C0004096", json!([{"text": "h/o", "kind": "historical"}])),
        (
            "metformin 500 mg po bid",
            "metformin",
            "C0025598",
            json!([{"text": "500 mg", "kind": "dose"}, {"text": "po", "kind": "route"},
                {"text": "bid", "kind": "frequency"}]),
        ),
    ] {
        let result = link(mention);
        assert_eq!((&result["status"], &result["mention"]), (&json!("linked"), &json!(mention)), "{result}");
        assert_eq!((&result["read_as"], &result["left_out"]), (&json!(read_as), &left_out));
        let best = &candidates(&result)[0];
        assert_eq!((&best["cui"], &best["match"]), (&json!(cui), &json!("exact")));

        let written = ask(shared(), &json!({"mention": mention, "readings": false}));
        assert_eq!((written.get("read_as"), written.get("left_out")), (None, None), "{written}");
        assert_eq!(candidates(&written)[0]["match"], "embedding");
        let read = candidates(&link(read_as))[0]["probability"].as_f64().unwrap();
        assert!(best["probability"].as_f64().unwrap() <= read, "left-out words make no answer surer: {result}");
    }
    let name = link("heart attack");
    assert_eq!((name.get("read_as"), name.get("left_out")), (None, None), "a name needs no reading");
}

#[test]
fn a_denied_term_is_never_linked() {
    for (mention, read_as, kind) in [
        ("no chest pain", "chest pain", "negated"),
        ("denies chest pain", "chest pain", "negated"),
        ("without asthma", "asthma", "negated"),
        ("family history of diabetes", "diabetes", "family"),
        ("mother with asthma", "asthma", "family"),
    ] {
        let result = link(mention);
        assert_eq!((&result["status"], &result["read_as"]), (&json!("nil"), &json!(read_as)), "{result}");
        assert_eq!(result["left_out"][0]["kind"], kind);
        assert_eq!(candidates(&result)[0]["matched_name"], read_as, "the denied term is a candidate");
        let lines = format!("{{\"text\": \"{mention}\"}}\n");
        assert_eq!(shared().post("/link", "application/x-ndjson", lines.as_bytes()).json(), result);
    }
}

#[test]
fn an_abbreviation_in_capitals_is_no_everyday_word() {
    let is_flagged = |service: &Service, mention: &str| {
        let best = candidates(&ask(service, &json!({"mention": mention, "explain": true})))[0].clone();
        best["explain"]["features"].as_array().unwrap().iter().any(|part| part["feature"] == "everyday_word")
    };
    for (mention, flagged) in [("wedding dress", true), ("DRESS reaction", false)] {
        assert_eq!(is_flagged(shared(), mention), flagged, "{mention}");
    }
    assert_eq!(link("wedding dress")["status"], "nil");
}

#[test]
fn an_acute_episode_is_not_the_chronic_disease_alone() {
    let answer = link("acute on chronic kidney disease");
    assert_eq!((&answer["status"], &answer["read_as"]), (&json!("ambiguous"), &json!("chronic kidney disease")));
    assert_eq!(answer["left_out"], json!([{"text": "acute on", "kind": "acute"}]));
    assert_eq!(link("chronic kidney disease")["status"], "linked");
    // One side of weakness is another finding.
    assert!(link("left-sided weakness").get("read_as").is_none());
}

#[test]
fn other_forms_of_words_are_variants_of_a_name() {
    let scratch = ScratchDir::new();
    let service = serve(&scratch, &["seizure", "tumor of the brain", "type 2 diabetes", "asthma"], &[]);
    for (mention, name) in [
        ("seizures", "seizure"),
        ("Tumour of the brain", "tumor of the brain"),
        ("type II diabetes", "type 2 diabetes"),
    ] {
        let result = ask(&service, &json!({"mention": mention}));
        let best = &candidates(&result)[0];
        assert_eq!(result["status"], "linked", "{result}");
        assert_eq!(
            (&best["matched_name"], &best["match"], &best["score"]),
            (&json!(name), &json!("variant"), &json!(0.9999))
        );
    }
    let name = ask(&service, &json!({"mention": "Seizure"}));
    assert_eq!(candidates(&name)[0]["match"], "normalized");
    let starter = link("heart attacks");
    assert_eq!((&starter["status"], &candidates(&starter)[0]["match"]), (&json!("linked"), &json!("variant")));
}

#[test]
fn without_spelling_no_word_is_repaired() {
    for mention in ["asprin", "diabetis", "hyptension"] {
        let repaired = link(mention);
        assert_eq!(candidates(&repaired)[0]["match"], "corrected", "{repaired}");
        let written = ask(shared(), &json!({"mention": mention, "spelling": false}));
        assert!(candidates(&written).iter().all(|candidate| candidate["match"] == "embedding"), "{written}");
    }
}

#[test]
fn repairs_that_contradict_each_other_are_ambiguous() {
    let result = link("hyptension");
    assert_eq!(result["status"], "ambiguous", "{result}");
    let [high, low, ..] = candidates(&result) else { panic!("{result}") };
    assert_eq!((&high["matched_name"], &low["matched_name"]), (&json!("hypertension"), &json!("hypotension")));
    assert_eq!((&high["score"], &high["probability"]), (&low["score"], &low["probability"]));
    assert!(high["probability"].as_f64().unwrap() <= 0.5);
    let one = ask(shared(), &json!({"mention": "hyptension", "top_k": 1}));
    assert_eq!((&one["status"], candidates(&one).len()), (&json!("ambiguous"), 2), "both are listed");
}

#[test]
fn a_contradictory_name_comes_last_and_is_never_linked() {
    let scratch = ScratchDir::new();
    let names = ["premature menopause", "hypokalemia", "right hip fracture", "hepatitis B", "ankle sprain"];
    let service = serve(&scratch, &names, &[]);
    for (mention, name, kind) in [
        ("late menopause", "premature menopause", "course"),
        ("hyperkalemia", "hypokalemia", "polarity"),
        ("left hip fracture", "right hip fracture", "side"),
        ("hepatitis C", "hepatitis B", "number"),
    ] {
        let all = ask(&service, &json!({"mention": mention, "top_k": 5, "readings": false}));
        let [first, .., last] = candidates(&all) else { panic!("{all}") };
        assert_eq!((&last["matched_name"], &last["contradiction"]["kind"]), (&json!(name), &json!(kind)), "{all}");
        assert_eq!(first.get("contradiction"), None, "{all}");
        assert!(first["score"].as_f64() < last["score"].as_f64(), "only the contradiction puts it last: {all}");
        assert_ne!(first["matched_name"], name);
        let readings = ask(&service, &json!({"mention": mention, "top_k": 5}));
        assert!(readings["status"] == "nil", "{readings}");
    }
    let alone = ScratchDir::new();
    let service = serve(&alone, &["premature menopause"], &[]);
    let result = ask(&service, &json!({"mention": "late menopause"}));
    let contradiction = json!({"kind": "course", "mention": "late", "name": "premature"});
    assert_eq!((&result["status"], &candidates(&result)[0]["contradiction"]), (&json!("nil"), &contradiction));
    assert_eq!(ask(&service, &json!({"mention": "Premature menopause"}))["status"], "linked");
}

#[test]
fn a_long_mention_says_that_it_was_cut_off() {
    let long = format!("pain in the chest {}", "that comes and goes ".repeat(12));
    assert_eq!(link(&long)["truncated"], true);
    assert_eq!(link("pain in the chest that comes").get("truncated"), None);
}

#[test]
fn the_parts_of_an_explanation_sum_to_the_logit_of_the_first_probability() {
    for mention in ["an attack of the heart", "h/o asthma", "heart attacks", "asprin", "qwrtzpsd 8815", "MI"] {
        let result = ask(shared(), &json!({"mention": mention, "explain": true}));
        let best = &candidates(&result)[0];
        if best.get("contradiction").is_some() {
            assert_eq!((&best["probability"], best.get("explain")), (&json!(0.0), None), "{result}");
            continue;
        }
        let explain = &best["explain"];
        let parts = explain["features"].as_array().unwrap();
        assert!(!parts.is_empty() && parts.iter().all(|part| part["value"] != 0.0), "{result}");
        let logit =
            explain["offset"].as_f64().unwrap() + parts.iter().map(|p| p["part"].as_f64().unwrap()).sum::<f64>();
        let probability = 1.0 / (1.0 + (-logit).exp());
        let answered = candidates(&result)[0]["probability"].as_f64().unwrap();
        assert!((probability - answered).abs() < 1e-3, "{mention}: {probability} {answered}");
    }
    let scratch = ScratchDir::new();
    let uncalibrated = serve(&scratch, &["asthma"], &[]);
    let result = ask(&uncalibrated, &json!({"mention": "asthma", "explain": true}));
    let best = &candidates(&result)[0];
    assert_eq!((best.get("probability"), best.get("explain")), (None, None), "{result}");
}

#[test]
fn words_of_a_lexicon_are_not_repaired_after_a_reload_either() {
    let scratch = ScratchDir::new();
    let lexicon = scratch.write("words.txt", "# names of wards\nasthmo\n");
    let service = serve(&scratch, &["asthma", "ankle sprain"], &["--lexicon", &lexicon]);
    let best = |mention: &str| candidates(&ask(&service, &json!({"mention": mention})))[0]["match"].clone();
    assert_eq!((best("asthmo"), best("asthme")), (json!("embedding"), json!("corrected")));
    let reload = || service.post("/admin/reload", "application/json", b"");
    assert_eq!(reload().status, 200);
    assert_eq!(best("asthmo"), "embedding");
    fs_err::write(&lexicon, "two words\n").unwrap();
    let refused = reload();
    assert!(refused.status == 409 && refused.text.contains("words.txt:1"), "{refused:?}");
    assert_eq!(best("asthmo"), "embedding", "the lexicon that was read before stays active");
    fs_err::write(&lexicon, "asthme\n").unwrap();
    assert_eq!(reload().status, 200);
    assert_eq!((best("asthmo"), best("asthme")), (json!("corrected"), json!("embedding")));
}
