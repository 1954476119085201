//! What the service answers: the data of the contract, filled from the rooms below, a file for each kind of resource.
//!
//! Invariant: `openapi/openapi.json` describes exactly these.

mod code;
mod concept;
mod find;
mod link;
mod operation;

use serde::Serialize;
use utoipa::ToSchema;

pub(super) use code::{CodeConceptsView, ConceptCodesView};
pub(super) use concept::{ConceptView, RelatedView, RelationName, RetiredView};
pub(super) use find::FindResponse;
pub(super) use link::{LinkResponse, LinkResult};
pub(super) use operation::{Health, Info, Reloaded, SemanticTypesView, SourcesView};

use crate::http::query::Page;
use crate::linker::{ConceptId, ConceptStore};

/// A semantic type of the UMLS Semantic Network.
#[derive(Serialize, ToSchema)]
pub(super) struct SemanticTypeView {
    #[schema(example = "T047")]
    pub tui: String,
    #[schema(example = "Disease or Syndrome")]
    pub name: String,
    #[schema(example = "DISO")]
    pub group: String,
}

fn semantic_types(concept: ConceptId, concepts: &ConceptStore) -> Vec<SemanticTypeView> {
    // A damaged file may name a place where there is none.
    let types = concepts.semantic_types(concept).iter().filter_map(|t| t.semantic_type());
    types.map(|t| SemanticTypeView { tui: t.tui.into(), name: t.name.into(), group: t.group.into() }).collect()
}

/// What a page shows of a sequence.
struct Cut<T> {
    total: usize,
    shown: Vec<T>,
    /// Where the sequence goes on; an empty page leads nowhere.
    next_offset: Option<usize>,
}

impl<T> Cut<T> {
    fn new(sequence: impl Iterator<Item = T>, page: Page) -> Self {
        let (mut total, mut shown) = (0, vec![]);
        for item in sequence {
            if total >= page.offset && shown.len() < page.limit {
                shown.push(item);
            }
            total += 1;
        }
        let end = page.offset.saturating_add(shown.len());
        let next_offset = (end < total && !shown.is_empty()).then_some(end);
        Self { total, shown, next_offset }
    }
}
