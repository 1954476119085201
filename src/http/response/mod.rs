//! What the service answers: the types of its JSON, filled from the other modules, a file for each
//! kind of resource.
//!
//! Invariant: `openapi/openapi.json` describes exactly these types.

mod code;
mod concept;
mod embed;
mod find;
mod link;
mod operation;
mod page;
mod semantic_type;

pub(super) use code::{CodeConceptsView, ConceptCodesView};
pub(super) use concept::{ConceptView, RelatedView, RelationName, RetiredView};
pub(super) use embed::{EmbedResponse, VectorView};
pub(super) use find::FindResponse;
pub(super) use link::LinkResponse;
pub(crate) use link::{CandidateView, ContradictionView, LeftOutView, LinkResult, LinkStatus, write_lines};
pub(super) use operation::{Health, Info, Limits, Reloaded, SemanticTypesView, SourcesView};
#[cfg(test)]
pub(crate) use semantic_type::SemanticTypeView;
