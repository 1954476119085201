//! How many concepts, names and sources there are.

use serde::{Deserialize, Serialize};

/// How many of each there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub concepts: u64,
    /// Names as the sources give them.
    pub atoms: u64,
    /// Distinct names after normalization: the vectors.
    pub rows: u64,
}

/// A source vocabulary: what gives names, codes, definitions or relations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// Its abbreviation (SAB).
    pub source: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// UMLS restriction level (SRL), 0 to 4, or 9; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction_level: Option<u8>,
    /// Languages (LAT) of its names.
    pub languages: Vec<String>,
    /// Concepts that have a name from it.
    pub concepts: u64,
    pub atoms: u64,
    /// Codes of concepts in it.
    pub codes: u64,
}
