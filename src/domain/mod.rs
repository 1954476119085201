//! Plain values that several modules share: statements, ids, semantic types, kinds of matches.
//!
//! | file | content |
//! | --- | --- |
//! | `statement` | [`Statement`]: one fact of a terminology; readers emit it, the index takes it |
//! | `concept_id` | [`is_concept_id`]: the syntax of concept ids |
//! | [`curie`] | ids of ontologies (IRIs and CURIEs) and the codes of UMLS that they stand for |
//! | [`semantic_type`] | semantic types and groups of UMLS |
//! | `ids` | [`ConceptId`], [`AtomId`], [`NameId`], ..: positions in the tables of an index |
//! | `match_kind` | [`MatchKind`]: how a candidate was found |
//!
//! Invariant: no IO, no serde, no HTTP.

mod concept_id;
pub mod curie;
mod ids;
mod match_kind;
pub mod semantic_type;
mod statement;

pub use concept_id::is_concept_id;
pub use ids::{
    AtomId, CodeId, ConceptId, LanguageId, NameId, SemanticTypeId, SemanticTypeSetId, SourceId, SourceSetId, TermTypeId,
};
pub use match_kind::MatchKind;
pub use statement::{AtomRef, Refusal, RelationKind, Statement, Succession};
