//! `GET /semantic-types` and `GET /sources`.

use serde_json::json;

use crate::support::rich_index::{MANY, get, strings};

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
