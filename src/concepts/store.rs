//! Concepts with their atoms, codes, definitions, relations and history: as columns on disk, mapped and never parsed.
//!
//! Concepts are sorted by id, atoms by concept with the preferred one first, codes by source, rows by key. Names of one normalized
//! key share a row, whatever concepts they belong to. Reading order: this file (the columns), `view` (what is read from them),
//! `find` (names by their beginning and misspelled), `select` (names that are asked for), `collect`, `assemble`, `merge` and `rows`
//! (how they come to be), `succession` (for both), `retell` (how they become an input again).
//!
//! Invariants: opening touches a page or two of each column, whatever their size; what a damaged file says wrongly reads as empty and
//! never as a panic; of a hidden source nothing is read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use roaring::RoaringBitmap;

use crate::concepts::names::Rows;
use crate::{
    columns::mapped::{Column, Lists, Sections, Strings},
    concepts::ConceptError,
    concepts::{
        counts::{Counts, SourceEntry},
        schema::{CONCEPTS, Edge, Step},
    },
};

/// A concept's number in the index.
pub type ConceptNumber = u32;

/// The concepts of an index, mapped.
pub struct Concepts {
    /// Of the file, for errors.
    pub(super) path: PathBuf,
    pub(super) ids: Strings,
    /// For each concept its set of semantic types.
    pub(super) set: Column<u16>,
    /// Places in [`crate::domain::semantic_type::SEMANTIC_TYPES`].
    pub(super) sets: Lists<u8>,
    /// For each concept its atoms, and of those the sources.
    pub(super) atoms: Lists<u16>,
    pub(super) names: Strings,
    pub(super) atom_term: Column<u16>,
    pub(super) atom_language: Column<u8>,
    pub(super) atom_suppressed: Column<u8>,
    pub(super) atom_code: Column<u32>,
    pub(super) code_text: Strings,
    pub(super) code_source: Column<u16>,
    pub(super) code_concept: Column<u32>,
    /// For each code the set of sources that say that its concept has it.
    pub(super) code_said_by: Column<u32>,
    /// For each concept its codes.
    pub(super) codes: Lists<u32>,
    pub(super) definition_text: Strings,
    pub(super) definition_source: Lists<u16>,
    /// For each concept its relations.
    pub(super) related: Lists<Edge>,
    pub(super) retired: Strings,
    pub(super) successors: Lists<Step>,
    pub(super) successor_id: Strings,
    pub(super) terms: Strings,
    pub(super) languages: Strings,
    pub(super) sources: Vec<SourceEntry>,
    /// By source.
    pub(super) hidden: Vec<bool>,
    /// Rows that a source that is not hidden gives; absent when all are.
    pub(super) visible: Option<Arc<RoaringBitmap>>,
    pub(super) rows: Rows,
}

impl Concepts {
    /// Maps the concepts in `dir`, whose sources and counts the manifest gives.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when a file is not what it should be.
    pub fn open(dir: &Path, sources: &[SourceEntry], counts: Counts) -> Result<Self, ConceptError> {
        let path = dir.join(CONCEPTS);
        let file = Sections::open(&path)?;
        let (concepts, atoms) = (counts.concepts as usize, counts.atoms as usize);
        let code_source: Column<u16> = file.column("code.source")?;
        let codes = code_source.len();
        let store = Self {
            path,
            ids: file.strings("id")?,
            set: file.counted("concept.set", concepts)?,
            sets: file.lists("set.types", "set.ends")?,
            atoms: file.lists("atom.source", "concept.aends")?,
            names: file.strings("name")?,
            atom_term: file.counted("atom.term", atoms)?,
            atom_language: file.counted("atom.language", atoms)?,
            atom_suppressed: file.counted("atom.suppressed", atoms)?,
            atom_code: file.counted("atom.code", atoms)?,
            code_text: file.strings("code")?,
            code_concept: file.counted("code.concept", codes)?,
            code_said_by: file.counted("code.said", codes)?,
            code_source,
            codes: file.lists("concept.codes", "concept.cends")?,
            definition_text: file.strings("def")?,
            definition_source: file.lists("def.source", "concept.dends")?,
            related: file.lists("edge", "concept.eends")?,
            retired: file.strings("old")?,
            successors: file.lists("old.steps", "old.sends")?,
            successor_id: file.strings("new")?,
            terms: file.strings("term")?,
            languages: file.strings("language")?,
            sources: sources.to_vec(),
            hidden: vec![false; sources.len()],
            visible: None,
            rows: Rows::open(dir, sources.len(), counts.rows as usize)?,
        };
        let lengths =
            [store.ids.len(), store.atoms.len(), store.codes.len(), store.definition_source.len(), store.related.len()];
        let fits = lengths == [concepts; 5]
            && [store.names.len(), store.atoms.values()] == [atoms; 2]
            && store.code_text.len() == codes
            && store.definition_text.len() == store.definition_source.values()
            && store.retired.len() == store.successors.len();
        if fits && concepts > 0 { Ok(store) } else { Err(file.damaged("its tables do not fit together").into()) }
    }
}
