//! A UMLS release in Rich Release Format (UMLS Reference Manual, chapter "Metathesaurus - Rich
//! Release Format").
//!
//! Reading order: `release` (where the files of a release are), `read` (reads them one after the
//! other), `rows` (the statement of each kind of row), and its helpers `fields` (checked fields),
//! `sources` (facts about each source) and `atoms` (the concept of each atom).
//!
//! Invariant: a row emits at most one statement. From one file to the next, the reader stores only
//! facts about sources and, when MRHIER is read, the concept of each atom.

mod atoms;
mod fields;
mod read;
mod release;
mod rows;
mod sources;
#[cfg(test)]
mod tests;

pub use read::read_umls;
pub use release::{RrfFile, UmlsRelease};
pub use rows::UmlsReader;
