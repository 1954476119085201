//! Concepts with their atoms, codes, definitions, relations and history: as columns on disk, mapped and never parsed.
//!
//! Concepts are sorted by id, atoms by concept with the preferred one first, codes by source, rows by key. Names of one normalised
//! key share a row, whatever concepts they belong to. Reading order: this file (the columns), `view` (what is read from them),
//! `find` (names by their beginning and misspelt), `select` (names that are asked for), `collect`, `assemble`, `merge` and `rows`
//! (how they come to be), `succession` (for both), `retell` (how they become an input again).
//!
//! Invariants: opening touches a page or two of each column, whatever their size; what a damaged file says wrongly reads as empty and
//! never as a panic; of a hidden source nothing is read.

mod assemble;
mod collect;
mod find;
mod merge;
mod retell;
mod rows;
mod select;
mod succession;
mod view;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use roaring::RoaringBitmap;

pub use assemble::Assembled;
pub use collect::{Collector, Selection, Tally};
pub use find::{Found, FoundBy, Page};
pub use view::{AtomView, CodeView, DefinitionView, Relation, Retired, Successor};

use self::rows::Rows;
use super::{
    IndexError,
    manifest::{CONCEPTS, Counts, SourceEntry},
    mapped::{Column, Lists, Sections, Strings},
};

/// A concept's number in the index.
pub type ConceptNumber = u32;

/// A code that an atom does not have.
const NO_CODE: u32 = u32::MAX;

/// The concepts of an index, mapped.
pub struct Concepts {
    /// Of the file, for errors.
    path: PathBuf,
    ids: Strings,
    /// For each concept its set of semantic types.
    set: Column<u16>,
    /// Places in [`crate::domain::semantic_type::SEMANTIC_TYPES`].
    sets: Lists<u8>,
    /// For each concept its atoms, and of those the sources.
    atoms: Lists<u16>,
    names: Strings,
    atom_term: Column<u16>,
    atom_language: Column<u8>,
    atom_suppressed: Column<u8>,
    atom_code: Column<u32>,
    code_text: Strings,
    code_source: Column<u16>,
    code_concept: Column<u32>,
    /// For each code the set of sources that say that its concept has it.
    code_said_by: Column<u32>,
    /// For each concept its codes.
    codes: Lists<u32>,
    definition_text: Strings,
    definition_source: Lists<u16>,
    /// For each concept its relations.
    related: Lists<Edge>,
    retired: Strings,
    successors: Lists<Step>,
    successor_id: Strings,
    terms: Strings,
    languages: Strings,
    sources: Vec<SourceEntry>,
    /// By source.
    hidden: Vec<bool>,
    /// Rows that a source that is not hidden gives; absent when all are.
    visible: Option<Arc<RoaringBitmap>>,
    rows: Rows,
}

/// A relation of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Edge {
    to: u32,
    /// Place in [`Relation::ALL`].
    relation: u16,
    source: u16,
}

/// How a retired id goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Step {
    /// Place among the ids of successors.
    id: u32,
    /// Place in [`view::SUCCESSIONS`].
    kind: u16,
    source: u16,
}

impl Concepts {
    /// Maps the concepts in `dir`, whose sources and counts the manifest gives.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when a file is not what it should be.
    pub fn open(dir: &Path, sources: &[SourceEntry], counts: Counts) -> Result<Self, IndexError> {
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
        if fits && concepts > 0 { Ok(store) } else { Err(file.damaged("its tables do not fit together")) }
    }
}
