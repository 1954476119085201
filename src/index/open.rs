//! An open index: its mapped files and the settings of its searches.
//!
//! [`search`](super::search) finds concepts, [`nearest`](super::nearest) rows, and
//! [`recall`](super::recall) measures both.

use std::{path::Path, sync::Mutex};

use super::{
    error::IndexError,
    layout::MANIFEST,
    manifest::{IndexManifest, check_model},
    references::ModelReference,
};
use crate::{
    ann::{beam::Scratch, graph::Graph, layout::GRAPH_FILE, vectors::Vectors},
    concepts::{ConceptStore, Repaired, repair::WordSense, schema::WORDS_FILE, words::WordIndex},
};

/// How often [`Index::open`] reads a directory that another process replaces meanwhile.
const MAX_OPEN_ATTEMPTS: usize = 3;

/// An open index.
///
/// The fields are visible in this module because the methods stand in several files: opening and
/// settings here, searches in `search.rs` and `nearest.rs`, measurements in `recall.rs`.
pub struct Index {
    pub(super) manifest: IndexManifest,
    pub(super) concepts: ConceptStore,
    pub(super) words: WordIndex,
    pub(super) vectors: Vectors,
    pub(super) graph: Graph,
    /// Candidates that a graph search considers.
    pub(super) ef_search: usize,
    /// Whether every search is an exact scan.
    pub(super) exact: bool,
    /// Memory of finished searches, for the next ones.
    pub(super) scratch_pool: Mutex<Vec<Scratch>>,
}

impl Index {
    /// Opens the index in `dir` after checking every file against the manifest, see
    /// [`IndexManifest::read`].
    ///
    /// # Errors
    /// [`IndexError`] names the file that is missing, damaged or of another version.
    pub fn open(dir: &Path) -> Result<Self, IndexError> {
        Self::open_with(dir, IndexManifest::read)
    }

    /// As [`open`](Self::open), without the calibration, see [`IndexManifest::read_uncalibrated`].
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_uncalibrated(dir: &Path) -> Result<Self, IndexError> {
        Self::open_with(dir, IndexManifest::read_uncalibrated)
    }

    fn open_with(dir: &Path, read: fn(&Path) -> Result<IndexManifest, IndexError>) -> Result<Self, IndexError> {
        // If the directory is replaced meanwhile, the files may belong to two indexes. The manifest
        // then differs before and after.
        for _ in 0..MAX_OPEN_ATTEMPTS {
            let before = std::fs::read(dir.join(MANIFEST)).ok();
            let opened = read(dir).and_then(|manifest| Self::open_files(dir, manifest));
            if std::fs::read(dir.join(MANIFEST)).ok() == before {
                return opened;
            }
        }
        let reason = format!("was replaced during each of {MAX_OPEN_ATTEMPTS} attempts to open the index: try again");
        Err(IndexError::Manifest { path: dir.join(MANIFEST), reason })
    }

    fn open_files(dir: &Path, manifest: IndexManifest) -> Result<Self, IndexError> {
        let concepts = ConceptStore::open(dir, &manifest.sources, manifest.counts)?;
        let words = WordIndex::open(&dir.join(WORDS_FILE))?;
        let rows = manifest.counts.rows as usize;
        let vectors = Vectors::open(dir, manifest.model.dimensions, rows, manifest.vectors)?;
        let graph = Graph::open(&dir.join(GRAPH_FILE), rows)?;
        let ef_search = manifest.graph.ef_search;
        let scratch_pool = Mutex::default();
        Ok(Self { manifest, concepts, words, vectors, graph, ef_search, exact: false, scratch_pool })
    }

    /// The manifest as it was at opening.
    pub fn manifest(&self) -> &IndexManifest {
        &self.manifest
    }

    /// Checks that `model` gives the vectors that the index has.
    ///
    /// # Errors
    /// [`IndexError::OtherModel`] when it does not.
    pub fn check_model(&self, model: &ModelReference) -> Result<(), IndexError> {
        check_model(&self.manifest.model, model)
    }

    /// The concepts and names.
    pub fn concepts(&self) -> &ConceptStore {
        &self.concepts
    }

    /// Hides sources, see [`ConceptStore::hide`].
    ///
    /// # Errors
    /// [`IndexError::Concepts`] when the index does not have a source.
    pub fn hide(&mut self, sources: &[String], ceiling: Option<u8>) -> Result<(), IndexError> {
        Ok(self.concepts.hide(sources, ceiling)?)
    }

    /// Number of candidates that a graph search considers.
    pub fn ef_search(&self) -> usize {
        self.ef_search
    }

    /// Sets the number of candidates.
    pub(super) fn set_ef_search(&mut self, ef: usize) {
        self.ef_search = ef;
    }

    /// Makes every search an exact scan.
    pub fn search_exactly(&mut self) {
        self.exact = true;
    }

    /// Whether every search is an exact scan.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The normalized `key` with its misspelled words repaired by words of visible names, the best
    /// repair first; empty if there is nothing to repair. Several repairs contradict each other.
    ///
    /// `is_word` returns whether the language has a word, and `is_name` whether a normalized text
    /// is a name that may be answered: see `concepts::repair`.
    pub fn repair(&self, key: &str, is_word: &dyn Fn(&str) -> bool, is_name: &dyn Fn(&str) -> bool) -> Vec<Repaired> {
        let is_visible = &|sources| self.concepts.is_any_source_visible(sources);
        self.words.repair(key, &WordSense { is_visible, is_word, is_name })
    }

    /// The number of distinct names with a word of a normalized text; `None` if no visible name has
    /// it.
    pub fn names_with_word(&self, word: &str) -> Option<u32> {
        self.words.word(word, &|sources| self.concepts.is_any_source_visible(sources))
    }

    /// Whether the normalized `key` has words of five letters or more and no visible name has any
    /// of them.
    pub fn has_only_unknown_words(&self, key: &str) -> bool {
        self.words.has_only_unknown_words(key, &|sources| self.concepts.is_any_source_visible(sources))
    }
}
