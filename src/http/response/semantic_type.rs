//! Semantic types of a concept.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{concepts::ConceptStore, domain::ConceptId};

/// A semantic type of the UMLS Semantic Network.
#[derive(Serialize, ToSchema)]
pub(crate) struct SemanticTypeView {
    #[schema(example = "T047")]
    pub(crate) tui: String,
    #[schema(example = "Disease or Syndrome")]
    pub(crate) name: String,
    #[schema(example = "DISO")]
    pub(crate) group: String,
}

/// The semantic types of `concept`.
pub(super) fn semantic_types(concept: ConceptId, concepts: &ConceptStore) -> Vec<SemanticTypeView> {
    // A damaged file may hold numbers of types that do not exist.
    let types = concepts.semantic_types(concept).iter().filter_map(|id| id.semantic_type());
    types.map(|t| SemanticTypeView { tui: t.tui.into(), name: t.name.into(), group: t.group.into() }).collect()
}
