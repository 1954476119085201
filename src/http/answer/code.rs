//! Answers that lead from concepts to codes and back.
//!
//! Invariant: a code is shown as the index has it, whatever way it was asked for.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Cut, SemanticTypeView, semantic_types};
use crate::{
    http::query::Page,
    linker::{ConceptNumber, Concepts},
};

/// Answer to `GET /concepts/{cui}/codes`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"cui": "C0027051", "name": "myocardial infarction", "codes": [
    {"source": "ICD10CM", "code": "I21"},
    {"source": "SNOMEDCT_US", "code": "22298006", "name": "Myocardial infarction"}]}))]
pub struct ConceptCodesView {
    pub cui: String,
    /// Preferred name.
    pub name: String,
    /// By source, then by code.
    pub codes: Vec<CodeView>,
}

/// A code of a concept.
#[derive(Serialize, ToSchema)]
pub struct CodeView {
    pub source: String,
    pub code: String,
    /// The name that the source prefers for it; absent when it gives the code without a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Answer to `GET /codes/{source}/{code}`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"source": "SNOMEDCT_US", "code": "22298006", "total": 1, "concepts": [{
    "cui": "C0027051", "name": "myocardial infarction",
    "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}],
    "codes": [{"source": "ICD10CM", "code": "I21", "name": "Acute myocardial infarction"}]}]}))]
pub struct CodeConceptsView {
    pub source: String,
    pub code: String,
    /// How many concepts have the code.
    pub total: usize,
    /// A page of them, by id.
    pub concepts: Vec<CodedConcept>,
    /// Where they go on; absent at their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
}

/// A concept that has a code.
#[derive(Serialize, ToSchema)]
pub struct CodedConcept {
    pub cui: String,
    /// Preferred name.
    pub name: String,
    pub semantic_types: Vec<SemanticTypeView>,
    /// Its codes in the sources of `target`; absent without `target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<CodeView>>,
}

/// The codes of `concept` in the sources of `target`, or in all.
fn codes(concept: ConceptNumber, target: Option<&[String]>, concepts: &Concepts) -> Vec<CodeView> {
    let mut names = HashMap::new();
    for atom in concepts.atoms(concept).map(|atom| concepts.atom(atom)) {
        // The first is the one that its source prefers.
        names.entry((atom.source, atom.code)).or_insert(atom.name);
    }
    let wanted = |source: &str| target.is_none_or(|target| target.iter().any(|t| t == source));
    let view = |source: &str, code: &str| CodeView {
        source: source.into(),
        code: code.into(),
        name: names.get(&(source, code)).map(|name| (*name).into()),
    };
    concepts.codes(concept).filter(|c| wanted(c.source)).map(|c| view(c.source, c.code)).collect()
}

impl ConceptCodesView {
    /// The codes of `concept` in the sources of `target`, or in all.
    pub fn new(concept: ConceptNumber, target: Option<&[String]>, concepts: &Concepts) -> Self {
        Self {
            cui: concepts.id(concept).into(),
            name: concepts.preferred(concept).into(),
            codes: codes(concept, target, concepts),
        }
    }
}

impl CodeConceptsView {
    /// A page of the concepts that have `code`, with their codes in the sources of `target`.
    pub fn new(source: String, code: String, target: Option<&[String]>, page: Page, concepts: &Concepts) -> Self {
        let Cut { total, shown, next_offset } = Cut::new(concepts.by_code(&source, &code), page);
        let view = |concept| CodedConcept {
            cui: concepts.id(concept).into(),
            name: concepts.preferred(concept).into(),
            semantic_types: semantic_types(concept, concepts),
            codes: target.map(|target| codes(concept, Some(target), concepts)),
        };
        let found = shown.into_iter().map(view).collect();
        Self { source, code, total, concepts: found, next_offset }
    }
}
