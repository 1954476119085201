//! Concepts, what lies around them, their codes and how they are found, over HTTP.

use std::collections::HashSet;

use saplink::files::FileSum;
use serde_json::{Value, json};

use crate::support::{
    manifest,
    rich_index::{CROWD, MANY, directories, serve_index, shared},
};

fn get(path: &str) -> Value {
    let answer = shared().get(path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

fn strings<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|entry| entry[field].as_str().unwrap()).collect()
}

/// Every entry of `list` in the pages of `path`, which has a `?`.
fn pages(path: &str, list: &str, field: &str) -> Vec<String> {
    let (mut all, mut offset) = (vec![], 0);
    loop {
        let page = get(&format!("{path}&offset={offset}"));
        all.extend(strings(&page[list], field).into_iter().map(str::to_owned));
        let Some(next) = page["next_offset"].as_u64() else { return all };
        assert_eq!(next, all.len() as u64, "{path}");
        offset = next;
    }
}

fn assert_distinct(all: &[String], count: usize) {
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (count, count));
}

#[test]
fn a_concept_has_names_codes_definitions_and_relations() {
    let concept = get("/concepts/C0000001");
    assert_eq!((&concept["name"], &concept["status"]), (&json!("quassia attack"), &json!("active")));
    assert_eq!(concept["semantic_types"], json!([{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]));
    assert_eq!(concept["names_total"], 5);
    assert_eq!(
        concept["names"][1],
        json!({"name": "myocardial infarction", "source": "OPEN", "code": "22298006", "term_type": "PT", "language": "ENG"})
    );
    let suppressed: Vec<_> = concept["names"].as_array().unwrap().iter().filter(|n| n["suppressed"] == true).collect();
    assert_eq!((suppressed.len(), &suppressed[0]["name"]), (1, &json!("cardiac infarct")));
    assert_eq!(
        concept["codes"],
        json!({"ICDX": ["I21", "I21.9"], "OPEN": ["22298006"], "QUASSIA": ["QUASSIA-1", "QUASSIA-2"]})
    );
    assert_eq!(concept["codes_total"], 5);
    assert_eq!(concept["definitions"][0], json!({"source": "OPEN", "text": "Death of heart muscle."}));
    assert_eq!(concept["definitions_total"], 2);
    assert_eq!(strings(&concept["parents"]["concepts"], "cui"), ["C0000002", "C0000003", "C0000006"]);
    assert_eq!(concept["broader"], json!({"total": 1, "concepts": [{"cui": "C0000004", "name": "seizure"}]}));
    assert_eq!(concept["narrower"], json!({"total": 0, "concepts": []}));
    let children = &concept["children"];
    assert_eq!((&children["total"], &children["next_offset"]), (&json!(MANY), &json!(100)));
    assert_eq!(children["concepts"].as_array().unwrap().len(), 100);
}

#[test]
fn names_come_in_pages_and_filtered() {
    assert_distinct(&pages("/concepts/C0000005?limit=99", "names", "name"), MANY);
    assert_distinct(&pages("/concepts/C0000005?limit=1000", "names", "name"), MANY);
    assert_eq!(get("/concepts/C0000005")["names"].as_array().unwrap().len(), 100);
    let none = get("/concepts/C0000005?limit=0");
    assert_eq!((&none["names"], &none["names_total"]), (&json!([]), &json!(MANY)));
    assert_eq!(none.get("next_offset"), None, "it would lead to itself");
    let beyond = get("/concepts/C0000005?offset=18446744073709551615");
    assert_eq!((&beyond["names"], beyond.get("next_offset")), (&json!([]), None));
    for (filter, names) in [
        ("language=GER", vec!["Herzinfarkt"]),
        ("source=QUASSIA", vec!["quassia attack"]),
        ("source=QUASSIA,OPEN&language=ENG&offset=1&limit=2", vec!["myocardial infarction", "heart attack"]),
        ("source=HPO", vec![]),
    ] {
        assert_eq!(strings(&get(&format!("/concepts/C0000001?{filter}"))["names"], "name"), names, "{filter}");
    }
    assert_eq!(get("/concepts/C0000001?source=OPEN&limit=1")["names_total"], 4);
}

#[test]
fn related_concepts_come_in_pages() {
    assert_distinct(&pages("/concepts/C0000001/related/children?limit=60", "concepts", "cui"), MANY);
    assert_eq!(get("/concepts/C0000001/related/parents")["total"], 3);
    assert_eq!(get("/concepts/C0000001/related/children?limit=0"), json!({"total": MANY, "concepts": []}));
    assert_eq!(
        get("/concepts/C1000007/related/parents"),
        json!({"total": 1, "concepts": [{"cui": "C0000001", "name": "quassia attack"}]})
    );
    assert_eq!(strings(&get("/concepts/C0000004/related/narrower")["concepts"], "cui"), ["C0000001"]);
    let answer = shared().get("/concepts/C0000001/related/siblings");
    assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"));
}

#[test]
fn retired_ids_lead_to_their_successors() {
    for (path, location) in [
        ("/concepts/C9000001", "/concepts/C0000001"),
        ("/concepts/C9000001?limit=7&source=OPEN", "/concepts/C0000001?limit=7&source=OPEN"),
        ("/concepts/C9000006", "/concepts/C0000001"),
        ("/concepts/C9000002", "/concepts/C0000002"),
        ("/concepts/C9000002/codes?target=OPEN", "/concepts/C0000002/codes?target=OPEN"),
        ("/concepts/C9000002/related/children", "/concepts/C0000002/related/children"),
    ] {
        let answer = shared().get(path);
        assert_eq!((answer.status, answer.location.as_deref()), (308, Some(location)), "{path}");
        assert_eq!(answer.json()["status"], "merged", "{path}");
        assert_eq!(shared().get(location).status, 200);
    }
    assert_eq!(
        shared().get("/concepts/C9000002").json(),
        json!({"cui": "C9000002", "status": "merged", "successors": [
            {"cui": "C0000777", "relation": "same", "in_index": false},
            {"cui": "C0000002", "relation": "broader", "name": "heart disease", "in_index": true},
            {"cui": "C0000004", "relation": "narrower", "name": "seizure", "in_index": true}]})
    );
    for below in ["", "/codes", "/related/parents"] {
        let gone = shared().get(&format!("/concepts/C9000003{below}"));
        assert_eq!((gone.status, gone.problem().as_str()), (410, "retired-concept"));
        assert!(gone.json()["detail"].as_str().unwrap().ends_with(": C0000777"), "{gone:?}");
        let deleted = shared().get(&format!("/concepts/C9000004{below}"));
        assert_eq!((deleted.status, deleted.problem().as_str()), (410, "deleted-concept"));
        let unknown = shared().get(&format!("/concepts/C9999999{below}"));
        assert_eq!((unknown.status, unknown.problem().as_str()), (404, "unknown-concept"));
        let bad = shared().get(&format!("/concepts/heart%ff{below}"));
        assert_eq!((bad.status, bad.problem().as_str()), (400, "invalid-concept-id"));
    }
}

#[test]
fn many_successors_are_not_all_named() {
    let gone = shared().get("/concepts/C9000008");
    assert_eq!((gone.status, gone.problem().as_str()), (410, "retired-concept"));
    let detail = gone.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(": C0000700, ") && detail.ends_with(", C0000709 and 3 more"), "{detail}");
}

#[test]
fn many_codes_and_definitions_are_counted_and_cut() {
    let concept = get("/concepts/C0000005");
    let shown = |list: &Value| list.as_array().unwrap().len();
    assert_eq!((shown(&concept["codes"]["ICDX"]), &concept["codes"]["OPEN"]), (100, &json!(["N"])));
    assert_eq!((shown(&concept["definitions"]), &concept["definitions_total"]), (100, &json!(MANY)));
    assert_eq!(concept["codes_total"], MANY + 1);
    let crosswalk = get("/codes/OPEN/N?target=ICDX");
    assert_eq!(shown(&crosswalk["concepts"][0]["codes"]), 100);
    assert_eq!(crosswalk["concepts"][0]["codes_total"], MANY);
    assert_eq!(
        get("/codes/ICDX/MANY?limit=0"),
        json!({"source": "ICDX", "code": "MANY", "total": MANY, "concepts": []})
    );
    assert_distinct(&pages("/concepts/C0000005/codes?limit=70", "codes", "code"), MANY + 1);
    assert_distinct(&pages("/concepts/C0000005/codes?target=ICDX,HPO", "codes", "code"), MANY);
    let first = get("/concepts/C0000005/codes");
    assert_eq!((shown(&first["codes"]), &first["total"]), (100, &json!(MANY + 1)));
    let last = get(&format!("/concepts/C0000005/codes?offset={MANY}&limit=1000"));
    assert_eq!(last["codes"], json!([{"source": "OPEN", "code": "N", "name": "name 0 of many"}]));
    let none = get("/concepts/C0000005/codes?limit=0");
    assert_eq!((&none["total"], &none["codes"], none.get("next_offset")), (&json!(MANY + 1), &json!([]), None));
}

/// A file that says wrongly which semantic types there are, with a checksum that is right.
#[test]
fn a_damaged_semantic_type_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs_err::read_dir(&directories().1).unwrap() {
        let path = entry.unwrap().path();
        fs_err::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let (part, path) = (dir.path().join("concepts.bin"), dir.path().join("index.json"));
    let mut bytes = fs_err::read(&part).unwrap();
    let entry = bytes.windows(16).position(|name| name == b"set.types\0\0\0\0\0\0\0").unwrap();
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let (start, length) = (number(entry + 16), number(entry + 24));
    bytes[start..start + length].fill(u8::MAX);
    fs_err::write(&part, bytes).unwrap();
    let mut described = manifest(&path);
    described["files"]["concepts.bin"] = serde_json::to_value(FileSum::of(&part).unwrap()).unwrap();
    fs_err::write(&path, described.to_string()).unwrap();
    let service = serve_index(dir.path(), &[], &[]);
    for path in ["/concepts/C0000001", "/concepts?q=heart%20attack", "/codes/OPEN/22298006"] {
        let answer = service.get(path);
        assert!(answer.status == 200 && answer.text.contains("\"semantic_types\":[]"), "{path}: {answer:?}");
    }
}

#[test]
fn a_concept_leads_to_codes() {
    let codes = get("/concepts/C0000001/codes");
    assert_eq!(strings(&codes["codes"], "code"), ["I21", "I21.9", "22298006", "QUASSIA-1", "QUASSIA-2"]);
    let some = get("/concepts/C0000001/codes?target=OPEN,ICDX");
    assert_eq!(
        some,
        json!({"cui": "C0000001", "name": "quassia attack", "total": 3, "codes": [
            {"source": "ICDX", "code": "I21"}, {"source": "ICDX", "code": "I21.9"},
            {"source": "OPEN", "code": "22298006", "name": "myocardial infarction"}]})
    );
    assert_eq!(get("/concepts/C0000001/codes?target=HPO")["codes"], json!([]));
}

#[test]
fn a_code_leads_to_concepts_and_other_codes() {
    assert_eq!(
        get("/codes/OPEN/22298006"),
        json!({"source": "OPEN", "code": "22298006", "total": 1, "concepts": [{
            "cui": "C0000001", "name": "quassia attack",
            "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]}]})
    );
    let crosswalk = get("/codes/OPEN/22298006?target=ICDX");
    assert_eq!(strings(&crosswalk["concepts"][0]["codes"], "code"), ["I21", "I21.9"]);
    assert_eq!(crosswalk["concepts"][0]["codes_total"], 2);
    for (path, code) in [
        ("HPO/HP:0001250", "HP:0001250"),
        ("HPO/HP%3A0001250", "HP:0001250"),
        ("HPO/hp:0001250", "HP:0001250"),
        ("HPO/0001250", "HP:0001250"),
        ("SNOMEDCT_US/91175000", "91175000"),
        ("SNOMEDCT_US/SNOMEDCT:91175000", "91175000"),
        ("SNOMEDCT_US/SNOMEDCT_US_2025_09_01:91175000", "91175000"),
    ] {
        let found = get(&format!("/codes/{path}"));
        assert_eq!((&found["code"], &found["concepts"][0]["cui"]), (&json!(code), &json!("C0000004")), "{path}");
    }
    assert_eq!(get("/codes/OPEN/A%2FB%3A%201%20%C3%A9%25")["concepts"][0]["cui"], "C0000004");
    assert_distinct(&pages("/codes/ICDX/MANY?limit=77", "concepts", "cui"), MANY);
    for (path, kind, field) in [
        ("/codes/OPEN/nothing", "unknown-code", "code"),
        ("/codes/OPEN/%ff", "unknown-code", "code"),
        ("/codes/OPEN/NONSENSE:22298006", "unknown-code", "code"),
        ("/codes/OPEN/SNOMEDCT:22298006", "unknown-code", "code"),
        ("/codes/HPO/OTHER:HP:0001250", "unknown-code", "code"),
        ("/codes/SNOMEDCT_US/MESH:91175000", "unknown-code", "code"),
        ("/codes/ICDX/22298006", "unknown-code", "code"),
        ("/codes/NOWHERE/22298006", "unknown-source", "source"),
        ("/codes/open/22298006", "unknown-source", "source"),
    ] {
        let answer = shared().get(path);
        assert_eq!((answer.status, answer.problem().as_str()), (404, kind), "{path}");
        assert_eq!(answer.json()["field"], field, "{path}");
    }
}

#[test]
fn concepts_are_found_by_name_beginning_and_misspelling() {
    let named = get("/concepts?q=Heart%20Attack");
    assert_eq!(
        named["concepts"][0],
        json!({"cui": "C0000001", "name": "quassia attack", "matched_name": "heart attack", "match": "name",
            "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]})
    );
    let begun = get("/concepts?q=heart");
    assert_eq!(strings(&begun["concepts"], "matched_name"), ["heart attack", "heart disease"]);
    assert_eq!(strings(&begun["concepts"], "match"), ["prefix", "prefix"]);
    let nearly = get("/concepts?q=heart+atack");
    assert_eq!((&nearly["concepts"][0]["match"], &nearly["concepts"][0]["edits"]), (&json!("fuzzy"), &json!(1)));
    assert_eq!(get("/concepts?q=nothing%20of%20the%20kind"), json!({"concepts": []}));
    let found = pages("/concepts?q=infarct&limit=33", "concepts", "cui");
    assert_distinct(&found, MANY);
    assert_eq!(found, pages("/concepts?q=infarct&limit=100", "concepts", "cui"));
    assert_eq!(get("/concepts?q=infarct")["concepts"].as_array().unwrap().len(), 20);
    for filter in ["semantic_types=T121", "semantic_groups=CHEM", "semantic_types=T121,T121&sources=OPEN,HPO"] {
        assert_distinct(&pages(&format!("/concepts?q=infarct&limit=100&{filter}"), "concepts", "cui"), MANY / 2);
    }
    assert_eq!(get("/concepts?q=infarct&sources=HPO"), json!({"concepts": []}));
}

#[test]
fn a_search_that_may_go_no_further_does_not_lead_on() {
    for (offset, next) in [(0, Some(20)), (9940, Some(9960)), (9960, Some(9980)), (9970, None), (9980, None)] {
        let page = get(&format!("/concepts?q=crowd&offset={offset}"));
        assert_eq!(page["concepts"].as_array().unwrap().len(), 20);
        assert_eq!(page["next_offset"].as_u64(), next, "{offset}");
    }
    let all = pages("/concepts?q=crowd&limit=100", "concepts", "cui");
    assert!(CROWD > all.len());
    assert_distinct(&all, 10_000);
}

#[test]
fn semantic_types_and_sources_are_listed() {
    let types = get("/semantic-types");
    let types = types["semantic_types"].as_array().unwrap();
    let disease = types.iter().find(|t| t["tui"] == "T047").unwrap();
    assert_eq!(types.len(), saplink::domain::semantic_type::SEMANTIC_TYPES.len());
    assert_eq!(
        *disease,
        json!({"tui": "T047", "name": "Disease or Syndrome", "group": "DISO", "group_name": "Disorders",
            "concepts": MANY / 2 + 4})
    );
    let sources = get("/sources");
    assert_eq!(strings(&sources["sources"], "source"), ["HPO", "ICDX", "OPEN", "QUASSIA", "SNOMEDCT_US"]);
    assert_eq!(
        sources["sources"][0],
        json!({"source": "HPO", "name": "Human Phenotype Ontology", "version": "2026-01", "restriction_level": 0,
            "languages": ["ENG"], "concepts": 1, "atoms": 1, "codes": 1})
    );
    assert_eq!(
        sources["sources"][1],
        json!({"source": "ICDX", "languages": [], "concepts": 0, "atoms": 0, "codes": 2 * MANY + 2})
    );
    assert_eq!(sources["sources"][2]["languages"], json!(["ENG", "GER"]));
    assert_eq!(get("/info")["index"]["sources"], sources["sources"]);
}

#[test]
fn bad_parameters_are_422_and_name_what_is_wrong() {
    let long = format!("/concepts?q={}", "a".repeat(1001));
    for (path, kind, field) in [
        ("/concepts", "invalid-request", Some("q")),
        ("/concepts?q=a&q=b", "invalid-request", Some("q")),
        ("/concepts?q=", "blank-mention", Some("q")),
        ("/concepts?q=%3F%21", "blank-mention", Some("q")),
        ("/concepts?q=a%00b", "control-characters", Some("q")),
        ("/concepts?q=a%ffb", "invalid-request", None),
        ("/concepts?q=100%", "invalid-request", None),
        (long.as_str(), "mention-too-long", Some("q")),
        ("/concepts?q=a&limit=0", "invalid-request", Some("limit")),
        ("/concepts?q=a&limit=101", "invalid-request", Some("limit")),
        ("/concepts?q=a&limit=ten", "invalid-request", Some("limit")),
        ("/concepts?q=a&offset=-1", "invalid-request", Some("offset")),
        ("/concepts?q=a&offset=9981", "invalid-request", Some("offset")),
        ("/concepts?q=a&offset=18446744073709551615", "invalid-request", Some("offset")),
        ("/concepts?q=a&top_k=5", "invalid-request", None),
        ("/concepts?q=a&semantic_types=T047,T999", "unknown-semantic-type", Some("semantic_types")),
        ("/concepts?q=a&semantic_groups=diso", "unknown-semantic-group", Some("semantic_groups")),
        ("/concepts?q=a&sources=", "unknown-source", Some("sources")),
        ("/concepts/C0000001?limit=1001", "invalid-request", Some("limit")),
        ("/concepts/C0000001?offset=1.5", "invalid-request", Some("offset")),
        ("/concepts/C0000001?source=NOWHERE", "unknown-source", Some("source")),
        ("/concepts/C0000001?language=XXX", "unknown-language", Some("language")),
        ("/concepts/C0000001?sources=OPEN", "invalid-request", None),
        ("/concepts/C0000001/codes?target=OPEN,NOWHERE", "unknown-source", Some("target")),
        ("/concepts/C0000001/codes?target=OPEN&target=HPO", "invalid-request", Some("target")),
        ("/concepts/C0000001/codes?limit=1001", "invalid-request", Some("limit")),
        ("/concepts/C0000001/codes?offset=x", "invalid-request", Some("offset")),
        ("/concepts/C0000001/related/children?limit=1001", "invalid-request", Some("limit")),
        ("/codes/OPEN/22298006?target=NOWHERE", "unknown-source", Some("target")),
        ("/codes/OPEN/22298006?limit=x", "invalid-request", Some("limit")),
    ] {
        let answer = shared().get(path);
        assert_eq!((answer.status, answer.problem().as_str()), (422, kind), "{path}: {answer:?}");
        assert_eq!(answer.json()["field"].as_str(), field, "{path}: {answer:?}");
    }
    let unknown = shared().get("/concepts/C0000001/codes?CANARY=1").json();
    assert_eq!(unknown["detail"], "unknown parameter; known are `target`, `offset`, `limit`");
    assert_eq!(shared().get("/concepts?q=a&offset=9980").status, 200);
    assert_eq!(shared().post("/concepts?q=a", "text/plain", b"").problem(), "method-not-allowed");
}
