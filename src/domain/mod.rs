//! Plain values that several modules share: statements, ids, semantic types, kinds of matches.
//!
//! | file | content |
//! | --- | --- |
//! | `statement` | [`Statement`]: one fact of a terminology; readers emit it, the index takes it |
//! | `concept_id` | [`is_concept_id`], [`is_cui`]: the syntax of concept ids |
//! | [`curie`] | ids of ontologies (IRIs and CURIEs) and the codes of UMLS that they stand for |
//! | `language` | [`language_abbreviation`]: languages as UMLS abbreviates them |
//! | [`semantic_type`] | semantic types and groups of UMLS |
//! | `ids` | [`ConceptId`], [`AtomId`], [`NameId`], ..: positions in the tables of an index |
//! | `match_kind` | [`MatchKind`]: how a candidate was found |
//!
//! Invariant: no IO, no serde, no HTTP.

mod concept_id;
pub mod curie;
mod ids;
mod language;
mod match_kind;
pub mod semantic_type;
mod statement;

pub use concept_id::{is_concept_id, is_cui};
pub use ids::{
    AtomId, CodeId, ConceptId, LanguageId, NameId, SemanticTypeId, SemanticTypeSetId, SourceId, SourceSetId, TermTypeId,
};
pub use language::language_abbreviation;
pub use match_kind::MatchKind;
pub use statement::{AtomRef, Refusal, RelationKind, Statement, Succession};
