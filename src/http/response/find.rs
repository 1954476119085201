//! The answer to `GET /concepts`.
//!
//! Invariant: a concept occurs once, with its best match.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    concepts::{ConceptStore, FoundBy, FoundConcept, FoundPage},
    http::{
        request::FindRequest,
        response::semantic_type::{SemanticTypeView, semantic_types},
    },
};

/// Answer to `GET /concepts`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"concepts": [
    {"cui": "C0027051", "name": "myocardial infarction", "matched_name": "heart attack", "match": "name",
     "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]},
    {"cui": "C0018787", "name": "heart", "matched_name": "heart attak", "match": "fuzzy", "edits": 1, "semantic_types": []}],
    "next_offset": 20}))]
pub(crate) struct FindResponse {
    /// Concepts that have the name; that have every word of `q` in a name; that have words in a
    /// name which begin with the words of `q`; that have a name which is nearly `q`. Common
    /// concepts come first.
    pub(crate) concepts: Vec<FoundView>,
    /// Offset of the next page; absent on the last page, and where a page of this length would
    /// exceed 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_offset: Option<usize>,
}

/// A concept that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundView {
    pub(crate) cui: String,
    /// Preferred name.
    pub(crate) name: String,
    /// The name through which it was found.
    pub(crate) matched_name: String,
    pub(crate) r#match: FoundByView,
    /// Edits of a fuzzy match: letters inserted, left out, replaced, or exchanged with their
    /// neighbor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) edits: Option<u8>,
    pub(crate) semantic_types: Vec<SemanticTypeView>,
}

/// How a name was found.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FoundByView {
    /// The name is `q` after normalization.
    Name,
    /// The name has every word of `q`, in any order.
    Words,
    /// Every word of `q` begins a word of the name, in any order, or the name begins with `q`.
    Prefix,
    /// The name differs from `q` by one edit, or by two when `q` has ten letters or more.
    Fuzzy,
}

impl FindResponse {
    /// The page of results for `request`.
    pub(crate) fn new(page: &FoundPage, request: &FindRequest, concepts: &ConceptStore) -> Self {
        let found: Vec<_> = page.found.iter().map(|found| FoundView::new(found, concepts)).collect();
        let next_offset = page.more.then(|| request.next_offset()).flatten();
        Self { concepts: found, next_offset }
    }
}

impl FoundView {
    fn new(found: &FoundConcept, concepts: &ConceptStore) -> Self {
        let (r#match, edits) = match found.by {
            FoundBy::Name => (FoundByView::Name, None),
            FoundBy::Words => (FoundByView::Words, None),
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
