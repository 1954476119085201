//! No route shows a fact of a hidden source.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{
    Answer, Service, fail,
    rich_index::{self, directories},
};

/// The options that hide the source `QUASSIA`.
const HIDING_OPTIONS: [&[&str]; 2] = [&["--hide-sources", ",QUASSIA,,QUASSIA"], &["--max-restriction-level", "0"]];

/// A service for each of them.
fn services() -> &'static [Service; 2] {
    static SERVICES: OnceLock<[Service; 2]> = OnceLock::new();
    SERVICES.get_or_init(|| HIDING_OPTIONS.map(rich_index::serve))
}

fn shows_quassia(answer: &Answer) -> bool {
    answer.text.to_lowercase().contains("quassia")
}

/// Asks a service that hides nothing, then those that hide the source; returns the answers of the
/// latter.
fn answers_without_quassia(ask: impl Fn(&Service) -> Answer) -> Vec<Answer> {
    assert!(shows_quassia(&ask(rich_index::shared())), "without the options the source shows");
    let answers: Vec<_> = services().iter().map(ask).collect();
    answers.iter().for_each(|answer| assert!(!shows_quassia(answer), "{answer:?}"));
    answers
}

/// The answers of the services that hide the source, at a path where it shows otherwise.
fn get_without_quassia(path: &str) -> Vec<Value> {
    answers_without_quassia(|service| service.get(path)).iter().map(Answer::json).collect()
}

#[test]
fn link_leaves_out_names_and_concepts_of_hidden_sources() {
    for mention in ["quassia attack", "quassia alone", "heart attack", "quasia alone", "quassia in a sentence"] {
        // The answer repeats the mention, so only its candidates are compared.
        let ask = |service: &Service| {
            let mut answer = service.link(&json!({"mention": mention, "top_k": 100}));
            assert_eq!(answer.status, 200);
            answer.text = answer.json()["results"][0]["candidates"].to_string();
            answer
        };
        for answer in answers_without_quassia(ask) {
            assert!(answer.json().as_array().unwrap().iter().all(|c| c["cui"] != "C0000003"), "{answer:?}");
        }
    }
    for service in services() {
        let answer = service.link(&json!({"mention": "a", "sources": ["QUASSIA"]}));
        assert_eq!((answer.status, answer.problem().as_str()), (422, "unknown-source"));
    }
}

#[test]
fn a_concept_keeps_the_facts_of_visible_sources() {
    for concept in get_without_quassia("/concepts/C0000001") {
        assert_eq!((&concept["name"], &concept["names_total"]), (&json!("myocardial infarction"), &json!(4)));
        assert_eq!(concept["codes"], json!({"ICDX": ["I21", "I21.9"], "OPEN": ["22298006"]}));
        assert_eq!((concept["definitions"].as_array().unwrap().len(), &concept["definitions_total"]), (1, &json!(1)));
        assert_eq!(concept["codes_total"], 3);
        assert_eq!(
            concept["parents"],
            json!({"total": 1, "concepts": [{"cui": "C0000002", "name": "heart disease"}]}),
            "without the hidden concept and the hidden relation"
        );
    }
    for related in get_without_quassia("/concepts/C0000001/related/parents") {
        assert_eq!(related["total"], 1);
    }
    for related in get_without_quassia("/concepts/C1000000/related/parents") {
        assert_eq!(related["concepts"][0]["name"], "myocardial infarction");
    }
}

#[test]
fn a_concept_without_visible_names_is_unknown() {
    for answer in get_without_quassia("/concepts/C0000003") {
        assert_eq!(answer["type"], "urn:saplink:problem:unknown-concept");
    }
    for answer in get_without_quassia("/concepts/C9000007") {
        assert_eq!(answer["type"], "urn:saplink:problem:retired-concept");
    }
    for service in services() {
        assert_eq!(
            service.get("/concepts/C9000005").problem(),
            "unknown-concept",
            "only the hidden source gives its successor"
        );
        assert_eq!(service.get("/concepts/C0000001?source=QUASSIA").problem(), "unknown-source");
    }
    assert_eq!(rich_index::shared().get("/concepts/C9000005").location.as_deref(), Some("/concepts/C0000002"));
}

#[test]
fn codes_and_crosswalks_leave_out_the_source() {
    for codes in get_without_quassia("/concepts/C0000001/codes") {
        assert_eq!((codes["codes"].as_array().unwrap().len(), &codes["total"]), (3, &json!(3)));
    }
    for crosswalk in get_without_quassia("/codes/OPEN/22298006") {
        assert_eq!(crosswalk["concepts"][0]["name"], "myocardial infarction");
    }
    for crosswalk in get_without_quassia("/codes/QUASSIA/QUASSIA-1") {
        assert_eq!((&crosswalk["status"], &crosswalk["field"]), (&json!(404), &json!("source")));
    }
    for path in ["/concepts/C0000001/codes?target=QUASSIA", "/codes/OPEN/22298006?target=QUASSIA"] {
        for answer in get_without_quassia(path) {
            assert_eq!((&answer["status"], &answer["field"]), (&json!(422), &json!("target")));
        }
    }
}

#[test]
fn hidden_names_find_nothing() {
    for q in ["quassia", "quassia%20attack", "quassia%20alon"] {
        for found in get_without_quassia(&format!("/concepts?q={q}")) {
            assert_eq!(found, json!({"concepts": []}));
        }
    }
    for found in get_without_quassia("/concepts?q=heart%20attack") {
        assert_eq!(found["concepts"][0]["name"], "myocardial infarction");
    }
    for found in get_without_quassia("/concepts?q=quassia&sources=QUASSIA") {
        assert_eq!(found["type"], "urn:saplink:problem:unknown-source");
    }
}

#[test]
fn lists_do_not_name_the_source() {
    for sources in get_without_quassia("/sources") {
        let listed: Vec<_> = sources["sources"].as_array().unwrap().iter().map(|s| &s["source"]).collect();
        assert_eq!(listed, ["HPO", "ICDX", "OPEN", "SNOMEDCT_US"], "a source of unknown level is shown");
    }
    get_without_quassia("/info");
    for service in services() {
        assert!(!shows_quassia(&service.get("/semantic-types")));
    }
}

#[test]
fn empty_settings_hide_nothing() {
    let empty = [("SAPLINK_HIDE_SOURCES", ""), ("SAPLINK_MAX_RESTRICTION_LEVEL", ""), ("SAPLINK_LISTEN", "")];
    for (variables, options) in [(&empty[..], &[][..]), (&[], &["--hide-sources", ""]), (&[], &["--hide-sources=,"])] {
        assert!(
            shows_quassia(&rich_index::serve_index(&directories().1, variables, options).get("/sources")),
            "{variables:?} {options:?}"
        );
    }
}

#[test]
fn hiding_an_unknown_source_is_an_error() {
    let (model, index) = directories();
    let error = fail(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--index",
        index.to_str().unwrap(),
        "--model",
        model.to_str().unwrap(),
        "--hide-sources",
        "QUASSIA,QUASIA",
    ]);
    assert!(error.contains("cannot hide sources: the index has no source \"QUASIA\";"), "{error}");
}
