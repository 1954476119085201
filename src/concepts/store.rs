//! The open concept store: columns on disk, mapped and never parsed.
//!
//! Concepts are sorted by id, atoms by concept with the preferred one first, codes by source,
//! distinct names by key. Atoms with equal keys share a name, even across concepts.
//! This file holds the columns; `view` reads them.
//!
//! Invariants: opening reads at most about two pages of each column, regardless of its size; a
//! contradiction in a damaged file reads as empty and causes no panic.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use roaring::RoaringBitmap;

use crate::{
    columns::mapped::{Column, Lists, Sections, Strings},
    concepts::{
        ConceptError,
        counts::{Counts, SourceEntry},
        names::NameTable,
        schema::{self, CONCEPTS_FILE, Edge, SuccessionStep},
        word_search::WordSearch,
    },
    domain::{CodeId, ConceptId, LanguageId, SemanticTypeId, SemanticTypeSetId, SourceId, SourceSetId, TermTypeId},
};

/// The concepts of an index, mapped. The columns are those of `schema` with the same names.
pub struct ConceptStore {
    /// Path of the section file, for errors.
    pub(super) path: PathBuf,
    pub(super) concept_ids: Strings,
    pub(super) concept_type_set: Column<SemanticTypeSetId>,
    pub(super) type_sets: Lists<SemanticTypeId>,
    pub(super) concept_atoms: Lists<SourceId>,
    pub(super) atom_names: Strings,
    pub(super) atom_term_type: Column<TermTypeId>,
    pub(super) atom_language: Column<LanguageId>,
    pub(super) atom_suppressed: Column<u8>,
    pub(super) atom_code: Column<CodeId>,
    pub(super) code_text: Strings,
    pub(super) code_source: Column<SourceId>,
    pub(super) code_concept: Column<ConceptId>,
    pub(super) code_asserted_by: Column<SourceSetId>,
    pub(super) concept_codes: Lists<CodeId>,
    pub(super) definition_text: Strings,
    pub(super) concept_definitions: Lists<SourceId>,
    pub(super) concept_edges: Lists<Edge>,
    pub(super) retired_ids: Strings,
    pub(super) retired_steps: Lists<SuccessionStep>,
    pub(super) successor_ids: Strings,
    pub(super) term_types: Strings,
    pub(super) languages: Strings,
    /// By `SourceId`.
    pub(super) sources: Vec<SourceEntry>,
    /// By `SourceId`, whether the source is hidden.
    pub(super) hidden: Vec<bool>,
    /// Names with an atom from a source that is not hidden; absent if no source is hidden.
    pub(super) visible_names: Option<Arc<RoaringBitmap>>,
    pub(super) names: NameTable,
    /// Absent in an index of an earlier version.
    pub(super) word_search: Option<WordSearch>,
}

impl ConceptStore {
    /// Maps the store in `dir`. `sources` and `counts` are those of the manifest.
    ///
    /// # Errors
    /// [`crate::columns::ColumnError::Damaged`] if a file contradicts itself or the counts.
    pub fn open(dir: &Path, sources: &[SourceEntry], counts: Counts) -> Result<Self, ConceptError> {
        let path = dir.join(CONCEPTS_FILE);
        let file = &Sections::open(&path)?;
        let (concepts, atoms) = (counts.concepts as usize, counts.atoms as usize);
        let code_source = schema::CODE_SOURCE.open(file)?;
        let codes = code_source.len();
        let store = Self {
            path,
            concept_ids: schema::CONCEPT_IDS.open(file)?,
            concept_type_set: schema::CONCEPT_TYPE_SET.open_counted(file, concepts)?,
            type_sets: schema::TYPE_SETS.open(file)?,
            concept_atoms: schema::CONCEPT_ATOMS.open(file)?,
            atom_names: schema::ATOM_NAMES.open(file)?,
            atom_term_type: schema::ATOM_TERM_TYPE.open_counted(file, atoms)?,
            atom_language: schema::ATOM_LANGUAGE.open_counted(file, atoms)?,
            atom_suppressed: schema::ATOM_SUPPRESSED.open_counted(file, atoms)?,
            atom_code: schema::ATOM_CODE.open_counted(file, atoms)?,
            code_text: schema::CODE_TEXT.open(file)?,
            code_concept: schema::CODE_CONCEPT.open_counted(file, codes)?,
            code_asserted_by: schema::CODE_ASSERTED_BY.open_counted(file, codes)?,
            code_source,
            concept_codes: schema::CONCEPT_CODES.open(file)?,
            definition_text: schema::DEFINITION_TEXT.open(file)?,
            concept_definitions: schema::CONCEPT_DEFINITIONS.open(file)?,
            concept_edges: schema::CONCEPT_EDGES.open(file)?,
            retired_ids: schema::RETIRED_IDS.open(file)?,
            retired_steps: schema::RETIRED_STEPS.open(file)?,
            successor_ids: schema::SUCCESSOR_IDS.open(file)?,
            term_types: schema::TERM_TYPES.open(file)?,
            languages: schema::LANGUAGES.open(file)?,
            sources: sources.to_vec(),
            hidden: vec![false; sources.len()],
            visible_names: None,
            names: NameTable::open(dir, sources.len(), counts.rows as usize)?,
            word_search: WordSearch::open(dir, counts.rows as usize)?,
        };
        let per_concept = [
            store.concept_ids.len(),
            store.concept_atoms.len(),
            store.concept_codes.len(),
            store.concept_definitions.len(),
            store.concept_edges.len(),
        ];
        let is_consistent = per_concept == [concepts; 5]
            && [store.atom_names.len(), store.concept_atoms.values().len()] == [atoms; 2]
            && store.code_text.len() == codes
            && store.definition_text.len() == store.concept_definitions.values().len()
            && store.retired_ids.len() == store.retired_steps.len();
        if is_consistent && concepts > 0 {
            Ok(store)
        } else {
            Err(file.damaged("its tables do not fit together").into())
        }
    }
}
