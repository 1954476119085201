//! Section files: named columns that are written once, mapped read-only and never parsed.
//!
//! Reading order: `mapped` (the file format and how columns are read), `writer` (how large columns
//! are written), `spec` (name and element type of a column, shared by writer and reader),
//! `automaton` (memory-mapped finite-state transducers). Invariant: a damaged file gives an error
//! or empty values, never a panic.

pub(crate) mod automaton;
mod error;
pub(crate) mod mapped;
pub(crate) mod spec;
pub(crate) mod writer;

pub use error::ColumnError;
