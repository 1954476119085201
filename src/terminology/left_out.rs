//! The kinds of parts that several readers leave out, in the plural, as they are counted.
//!
//! Invariant: the words are for users; they are in `index.json` too.

pub(super) const BAD_NAMES: &str = "names of terms that cannot be used";
pub(super) const BAD_SYNONYMS: &str = "synonyms that cannot be used";
pub(super) const UNKNOWN_SCOPES: &str = "synonyms of an unknown scope";
pub(super) const UNKNOWN_LANGUAGES: &str = "names in an unknown language";
pub(super) const BAD_DEFINITIONS: &str = "definitions that cannot be used";
pub(super) const BAD_XREFS: &str = "cross-references that cannot be used";
pub(super) const BAD_RELATIONS: &str = "relations that cannot be used";
pub(super) const BAD_SUCCESSIONS: &str = "alternative ids and successors that cannot be used";
pub(super) const NAMELESS_TERMS: &str = "terms without a name";
pub(super) const FOREIGN_TERMS: &str = "anonymous terms, and terms whose IRI stands for no concept id";
pub(super) const OTHER_SCOPES: &str = "synonyms of other scopes (--synonym-scopes)";
pub(super) const DENIED_XREFS: &str = "cross-references that are not an identity";
pub(super) const UNQUALIFIED_XREFS: &str = "unqualified cross-references to CUIs (--merge-on equivalent)";
pub(super) const BAD_TYPES: &str = "semantic types that cannot be used";
