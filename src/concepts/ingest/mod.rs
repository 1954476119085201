//! Builds a concept store from statements.
//!
//! Reading order: `collect` (statements become records in sorters), `assemble` (the stages of the
//! build), `merge` (records become concepts and atoms), then `codes`, `relations`, `history`,
//! `names` and `words` (each writes its columns), `word_search` (which reads the store that the
//! others wrote), and `replay` (an index becomes statements again).
//!
//! Sorting brings the records of one concept together; `records` reads them. Invariants: equal
//! sets of statements give equal files; memory does not grow with the number of atoms.

pub(crate) mod assemble;
pub(crate) mod codes;
pub(crate) mod collect;
pub(crate) mod history;
pub(crate) mod interner;
pub(crate) mod merge;
pub(crate) mod names;
pub(crate) mod records;
pub(crate) mod relations;
pub(crate) mod replay;
pub(crate) mod source_sets;
pub(crate) mod word_search;
pub(crate) mod words;
