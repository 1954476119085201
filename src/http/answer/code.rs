//! Answers that lead from concepts to codes and back.
//!
//! Invariants: a code is shown as the index has it, whatever way it was asked for; codes and concepts come in pages, with how many there are.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::{Cut, SemanticTypeView, semantic_types};
use crate::{
    http::query::Page,
    linker::{ConceptId, ConceptStore},
};

/// Answer to `GET /concepts/{cui}/codes`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"cui": "C0027051", "name": "myocardial infarction", "total": 120, "codes": [
    {"source": "ICD10CM", "code": "I21"},
    {"source": "SNOMEDCT_US", "code": "22298006", "name": "Myocardial infarction"}], "next_offset": 2}))]
pub(crate) struct ConceptCodesView {
    pub cui: String,
    /// Preferred name.
    pub name: String,
    /// How many of its codes are in the sources of `target`, or in any.
    pub total: usize,
    /// A page of them, by source, then by code.
    pub codes: Vec<CodeView>,
    /// Where they go on; absent at their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
}

/// A code of a concept.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeView {
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
    "codes": [{"source": "ICD10CM", "code": "I21", "name": "Acute myocardial infarction"}], "codes_total": 1}]}))]
pub(crate) struct CodeConceptsView {
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
pub(crate) struct CodedConcept {
    pub cui: String,
    /// Preferred name.
    pub name: String,
    pub semantic_types: Vec<SemanticTypeView>,
    /// The first 100 of its codes in the sources of `target`, by source, then by code; absent without `target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<CodeView>>,
    /// How many there are; `/concepts/{cui}/codes` gives them all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes_total: Option<usize>,
}

/// Of each concept of a code so many of its other codes are shown.
const SHOWN: Page = Page { offset: 0, limit: 100 };

/// A page of the codes of `concept` in the sources of `target`, or in all.
fn codes(concept: ConceptId, target: Option<&[String]>, page: Page, concepts: &ConceptStore) -> Cut<CodeView> {
    let target: Option<HashSet<&str>> = target.map(|target| target.iter().map(String::as_str).collect());
    let wanted = concepts.codes(concept).filter(|c| target.as_ref().is_none_or(|target| target.contains(c.source)));
    let Cut { total, shown, next_offset } = Cut::new(wanted, page);
    let mut names: HashMap<_, Option<&str>> = shown.iter().map(|c| ((c.source, c.code), None)).collect();
    let mut unnamed = names.len();
    for atom in concepts.atoms(concept) {
        if unnamed == 0 {
            break;
        }
        let atom = concepts.atom(atom);
        // The first is the one that its source prefers.
        if let Some(name @ None) = names.get_mut(&(atom.source, atom.code)) {
            *name = Some(atom.name);
            unnamed -= 1;
        }
    }
    let name = |key| names.get(&key).copied().flatten().map(str::to_owned);
    let view = |source, code| CodeView { name: name((source, code)), source: source.into(), code: code.into() };
    Cut { total, shown: shown.iter().map(|c| view(c.source, c.code)).collect(), next_offset }
}

impl ConceptCodesView {
    /// A page of the codes of `concept` in the sources of `target`, or in all.
    pub(crate) fn new(concept: ConceptId, target: Option<&[String]>, page: Page, concepts: &ConceptStore) -> Self {
        let Cut { total, shown, next_offset } = codes(concept, target, page, concepts);
        let (cui, name) = (concepts.id(concept).into(), concepts.preferred_name(concept).into());
        Self { cui, name, total, codes: shown, next_offset }
    }
}

impl CodeConceptsView {
    /// A page of the concepts that have `code`, with their codes in the sources of `target`.
    pub(crate) fn new(
        source: String,
        code: String,
        target: Option<&[String]>,
        page: Page,
        concepts: &ConceptStore,
    ) -> Self {
        let Cut { total, shown, next_offset } = Cut::new(concepts.concepts_with_code(&source, &code), page);
        let view = |concept| {
            let codes = target.map(|target| codes(concept, Some(target), SHOWN, concepts));
            CodedConcept {
                cui: concepts.id(concept).into(),
                name: concepts.preferred_name(concept).into(),
                semantic_types: semantic_types(concept, concepts),
                codes_total: codes.as_ref().map(|codes| codes.total),
                codes: codes.map(|codes| codes.shown),
            }
        };
        let found = shown.into_iter().map(view).collect();
        Self { source, code, total, concepts: found, next_offset }
    }
}
