//! Numbers of concepts, names and sources, as the manifest states them.

use serde::{Deserialize, Serialize};

/// The size of a concept store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Concepts.
    pub concepts: u64,
    /// Atoms: names as the sources give them.
    pub atoms: u64,
    /// Distinct names after normalization; an index has one vector for each.
    pub rows: u64,
}

/// A source vocabulary: a terminology that gives names, codes, definitions or relations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// Abbreviation (SAB).
    pub source: String,
    /// Full name; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Version; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// UMLS restriction level (SRL), 0 to 4, or 9; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction_level: Option<u8>,
    /// Languages (LAT) of its atoms.
    pub languages: Vec<String>,
    /// Concepts with an atom from it.
    pub concepts: u64,
    /// Atoms from it.
    pub atoms: u64,
    /// Codes in it.
    pub codes: u64,
}
