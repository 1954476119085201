//! The concept store: concepts with their names, codes, definitions, relations and history.
//!
//! It does not depend on vectors; `index` combines both. Reading order: `schema` (files and
//! columns), `store` (the open store), `view` (what is read from it), `names` (distinct names and
//! their bitmaps), `filter`, `word_search` and `lookup` (which names and concepts a request gets),
//! `words` (the words of names), `spelling`, `affixes`, `repair` and `lexicon` (repair of
//! misspelled words), `ingest` (how statements become a store).
//!
//! Invariant: reading does not depend on `ingest`, and no answer contains data of a hidden source.

pub(crate) mod affixes;
pub(crate) mod counts;
mod error;
pub(crate) mod filter;
pub(crate) mod ingest;
mod lexicon;
pub(crate) mod lookup;
pub(crate) mod names;
pub(crate) mod repair;
pub(crate) mod schema;
pub(crate) mod selection;
pub(crate) mod spelling;
pub(crate) mod store;
pub(crate) mod succession;
pub(crate) mod view;
pub(crate) mod word_search;
pub(crate) mod words;

pub use counts::{Counts, SourceEntry};
pub use error::ConceptError;
pub use filter::{Filter, FilterRequest};
pub(crate) use ingest::word_search::write_word_search;
pub use ingest::{
    assemble::StoreSummary,
    collect::{NameTally, StatementCollector},
};
pub use lexicon::{Lexicon, LexiconError, is_english_word, is_medical_word};
pub use lookup::{FoundBy, FoundConcept, FoundPage};
pub use repair::Repaired;
pub use schema::Relation;
pub use selection::Selection;
pub use store::ConceptStore;
pub use view::{AtomView, CodeRef, DefinitionRef, Retired, Successor};
