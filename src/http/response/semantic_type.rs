//! Semantic types of a concept.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    concepts::{ConceptNumber, Concepts},
    domain::semantic_type::SEMANTIC_TYPES,
};

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
pub(super) fn semantic_types(concept: ConceptNumber, concepts: &Concepts) -> Vec<SemanticTypeView> {
    // A damaged file may hold numbers of types that do not exist.
    let types = concepts.types(concept).iter().filter_map(|&number| SEMANTIC_TYPES.get(usize::from(number)));
    types.map(|t| SemanticTypeView { tui: t.tui.into(), name: t.name.into(), group: t.group.into() }).collect()
}
