//! `GET /concepts/{cui}/codes` and `GET /codes/{source}/{code}`.

use serde_json::{Value, json};

use crate::support::rich_index::{MANY, assert_distinct, get, pages, shared, strings};

#[test]
fn a_concept_lists_its_codes() {
    let codes = get("/concepts/C0000001/codes");
    assert_eq!(strings(&codes["codes"], "code"), ["I21", "I21.9", "22298006", "QUASSIA-1", "QUASSIA-2"]);
    let some = get("/concepts/C0000001/codes?target=OPEN,ICDX");
    assert_eq!(
        some,
        json!({"cui": "C0000001", "name": "quassia attack", "total": 3, "codes": [
            {"source": "ICDX", "code": "I21"}, {"source": "ICDX", "code": "I21.9"},
            {"source": "OPEN", "code": "22298006", "name": "myocardial infarction"}]})
    );
    assert_eq!(get("/concepts/C0000001/codes?target=open,icdx"), some, "sources in any case");
    assert_eq!(get("/concepts/C0000001/codes?target=HPO")["codes"], json!([]));
}

#[test]
fn a_code_lists_its_concepts_and_a_crosswalk() {
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
        ("snomed/91175000", "91175000"),
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
    ] {
        let answer = shared().get(path);
        assert_eq!((answer.status, answer.problem().as_str()), (404, kind), "{path}");
        assert_eq!(answer.json()["field"], field, "{path}");
    }
}

#[test]
fn many_codes_and_definitions_are_counted_and_truncated() {
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
