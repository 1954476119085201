//! Answers to `GET /concepts`.
//!
//! Invariant: a concept comes once, with the name through which it was found.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::{SemanticTypeView, semantic_types};
use crate::{
    http::query::CheckedFind,
    linker::{ConceptStore, FoundBy, FoundConcept, FoundPage},
};

/// Answer to `GET /concepts`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"concepts": [
    {"cui": "C0027051", "name": "myocardial infarction", "matched_name": "heart attack", "match": "name",
     "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]},
    {"cui": "C0018787", "name": "heart", "matched_name": "heart attak", "match": "fuzzy", "edits": 1, "semantic_types": []}],
    "next_offset": 20}))]
pub(crate) struct FindResponse {
    /// Those that have the name, then those with a name that begins with it, then those with a name that is nearly it.
    pub concepts: Vec<FoundView>,
    /// Where they go on; absent at their end, and where a page as long as this one would go beyond 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
}

/// A concept that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundView {
    pub cui: String,
    /// Preferred name.
    pub name: String,
    /// The name through which it was found.
    pub matched_name: String,
    pub r#match: FoundByView,
    /// Of a fuzzy match: letters inserted, left out, replaced, or exchanged with their neighbor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edits: Option<u8>,
    pub semantic_types: Vec<SemanticTypeView>,
}

/// How a name was found.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FoundByView {
    /// It is `q`, after normalization.
    Name,
    /// It begins with `q`.
    Prefix,
    /// It is `q` but for an edit, or two from ten letters on.
    Fuzzy,
}

impl FindResponse {
    /// The page that was asked for.
    pub(crate) fn new(page: &FoundPage, asked: &CheckedFind, concepts: &ConceptStore) -> Self {
        let found: Vec<_> = page.found.iter().map(|found| FoundView::new(found, concepts)).collect();
        let next_offset = page.more.then(|| asked.next_offset()).flatten();
        Self { concepts: found, next_offset }
    }
}

impl FoundView {
    fn new(found: &FoundConcept, concepts: &ConceptStore) -> Self {
        let (r#match, edits) = match found.by {
            FoundBy::Name => (FoundByView::Name, None),
            FoundBy::Prefix => (FoundByView::Prefix, None),
            FoundBy::Spelling(edits) => (FoundByView::Fuzzy, Some(edits)),
        };
        Self {
            cui: concepts.id(found.concept).into(),
            name: concepts.preferred_name(found.concept).into(),
            matched_name: concepts.atom(found.atom).name.into(),
            r#match,
            edits,
            semantic_types: semantic_types(found.concept, concepts),
        }
    }
}
