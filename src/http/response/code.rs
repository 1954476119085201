//! Answers about codes: the codes of a concept, and the concepts of a code.
//!
//! Invariants: a code is shown as the index has it, with or without the prefix that the client
//! wrote; codes and concepts come in pages, with their total.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    concepts::ConceptStore,
    domain::ConceptId,
    http::{
        request::PageRange,
        response::{
            page::Paginated,
            semantic_type::{SemanticTypeView, semantic_types},
        },
    },
};

/// Answer to `GET /concepts/{cui}/codes`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"cui": "C0027051", "name": "myocardial infarction", "total": 120, "codes": [
    {"source": "ICD10CM", "code": "I21"},
    {"source": "SNOMEDCT_US", "code": "22298006", "name": "Myocardial infarction"}], "next_offset": 2}))]
pub(crate) struct ConceptCodesView {
    pub(crate) cui: String,
    /// Preferred name.
    pub(crate) name: String,
    /// Number of its codes in the sources of `target`, or in all sources.
    pub(crate) total: usize,
    /// A page of them, by source, then by code.
    pub(crate) codes: Vec<CodeView>,
    /// Offset of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_offset: Option<usize>,
}

/// A code of a concept.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeView {
    pub(crate) source: String,
    pub(crate) code: String,
    /// The name that the source prefers for it; absent when it gives the code without a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// Answer to `GET /codes/{source}/{code}`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"source": "SNOMEDCT_US", "code": "22298006", "total": 1, "concepts": [{
    "cui": "C0027051", "name": "myocardial infarction",
    "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}],
    "codes": [{"source": "ICD10CM", "code": "I21", "name": "Acute myocardial infarction"}], "codes_total": 1}]}))]
pub(crate) struct CodeConceptsView {
    pub(crate) source: String,
    pub(crate) code: String,
    /// Number of concepts that have the code.
    pub(crate) total: usize,
    /// A page of them, by id.
    pub(crate) concepts: Vec<CodedConcept>,
    /// Offset of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_offset: Option<usize>,
}

/// A concept that has a code.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodedConcept {
    pub(crate) cui: String,
    /// Preferred name.
    pub(crate) name: String,
    pub(crate) semantic_types: Vec<SemanticTypeView>,
    /// The first 100 of its codes in the sources of `target`, by source, then by code; absent
    /// without `target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) codes: Option<Vec<CodeView>>,
    /// Number of these codes; `/concepts/{cui}/codes` gives them all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) codes_total: Option<usize>,
}

/// The other codes that are listed for each concept of a code.
const LISTED_CODES: PageRange = PageRange { offset: 0, limit: 100 };

/// A page of the codes of `concept` in the sources of `target`, or in all.
fn codes(
    concept: ConceptId,
    target: Option<&[String]>,
    page: PageRange,
    concepts: &ConceptStore,
) -> Paginated<CodeView> {
    let target: Option<HashSet<String>> =
        target.map(|target| concepts.source_abbreviations(target).into_iter().collect());
    let in_target = |source: &str| target.as_ref().is_none_or(|target| target.contains(source));
    let codes = concepts.codes(concept).filter(|code| in_target(code.source));
    let Paginated { total, items, next_offset } = Paginated::new(codes, page);
    let mut names: HashMap<_, Option<&str>> = items.iter().map(|c| ((c.source, c.code), None)).collect();
    let mut unnamed = names.len();
    for atom in concepts.atoms(concept) {
        if unnamed == 0 {
            break;
        }
        let atom = concepts.atom(atom);
        // The first atom has the name that the source prefers.
        if let Some(name @ None) = names.get_mut(&(atom.source, atom.code)) {
            *name = Some(atom.name);
            unnamed -= 1;
        }
    }
    let name = |key| names.get(&key).copied().flatten().map(str::to_owned);
    let view = |source, code| CodeView { name: name((source, code)), source: source.into(), code: code.into() };
    Paginated { total, items: items.iter().map(|c| view(c.source, c.code)).collect(), next_offset }
}

impl ConceptCodesView {
    /// A page of the codes of `concept` in the sources of `target`, or in all.
    pub(crate) fn new(concept: ConceptId, target: Option<&[String]>, page: PageRange, concepts: &ConceptStore) -> Self {
        let Paginated { total, items, next_offset } = codes(concept, target, page, concepts);
        let (cui, name) = (concepts.id(concept).into(), concepts.preferred_name(concept).into());
        Self { cui, name, total, codes: items, next_offset }
    }
}

impl CodeConceptsView {
    /// A page of the concepts that have `code`, with their codes in the sources of `target`.
    pub(crate) fn new(
        source: String,
        code: String,
        target: Option<&[String]>,
        page: PageRange,
        concepts: &ConceptStore,
    ) -> Self {
        let Paginated { total, items, next_offset } = Paginated::new(concepts.concepts_with_code(&source, &code), page);
        let view = |concept| {
            let codes = target.map(|target| codes(concept, Some(target), LISTED_CODES, concepts));
            CodedConcept {
                cui: concepts.id(concept).into(),
                name: concepts.preferred_name(concept).into(),
                semantic_types: semantic_types(concept, concepts),
                codes_total: codes.as_ref().map(|codes| codes.total),
                codes: codes.map(|codes| codes.items),
            }
        };
        let views = items.into_iter().map(view).collect();
        Self { source, code, total, concepts: views, next_offset }
    }
}
