//! The index of concept names: built once, opened read-only, mapped.
//!
//! Reading order: `manifest` (what is in the directory), `mapped` (how columns lie on disk), `concepts` (everything but vectors), `filter`,
//! `words` and `spelling` (misspelt words), `vectors`, `graph` (search), `build` and `build_graph` (how it comes to be).
//!
//! Invariant: knows no ONNX Runtime and no HTTP. A search gives as many distinct concepts as were asked for, as long as that many pass the filter.

mod build;
mod build_graph;
mod columns;
mod concepts;
mod filter;
mod graph;
mod kernel;
mod manifest;
mod mapped;
mod source_sets;
mod spelling;
mod vectors;
mod words;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Mutex,
};

pub use build::{BuildOptions, build};
pub use concepts::{
    Assembled, AtomView, CodeView, Collector, ConceptNumber, Concepts, DefinitionView, Found, FoundBy, Page, Relation,
    Retired, Selection, Successor, Tally,
};
pub use filter::{Filter, FilterRequest};
pub use manifest::{Counts, GraphParameters, IndexManifest, Input, MANIFEST, ModelReference, SourceEntry};
pub use words::Repaired;

use self::{
    graph::{Graph, Scored, Scratch},
    manifest::{GRAPH, VECTORS, WORDS},
    vectors::Vectors,
    words::Words,
};
use crate::files::{StageError, SumError};

/// Why an index could not be built or opened.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    File(#[from] SumError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("{}: {reason}", path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error("{}: damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "no name was taken; left out were {suppressed} that are suppressed and {other_type} of concepts without a semantic type that was asked \
         for (ontologies give none)"
    )]
    Empty { suppressed: u64, other_type: u64 },
    #[error("no name is from source {0}, which is asked for")]
    UnusedSource(String),
    #[error("no name is in language {0}, which is asked for")]
    UnusedLanguage(String),
    #[error("the index has no source {0:?}; `saplink index info` lists its sources")]
    UnknownSource(String),
    #[error("too large for an index: more than {0}")]
    TooLarge(&'static str),
    #[error("the names could not be embedded: {0}")]
    Embed(String),
    #[error("interrupted")]
    Interrupted,
}

/// Below this share of allowed rows a filtered search scans them: the graph would mostly visit rows that do not pass.
const SCAN_BELOW: f64 = 0.1;

/// Concepts that share the best score beyond which no more are given.
pub const MOST_TIES: usize = 1000;

/// A concept that a search found, through which of its atoms, and its cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConceptHit {
    pub concept: ConceptNumber,
    pub atom: u32,
    pub row: u32,
    pub score: f32,
}

/// An open index.
pub struct Index {
    manifest: IndexManifest,
    concepts: Concepts,
    words: Words,
    vectors: Vectors,
    graph: Graph,
    scratch: Mutex<Vec<Scratch>>,
}

impl Index {
    /// Opens the index in `dir` after checking every part of it.
    ///
    /// # Errors
    /// [`IndexError`] names the file that is missing, damaged or of another version.
    pub fn open(dir: &Path) -> Result<Self, IndexError> {
        // A directory that is replaced while it is read gives parts of two: the manifest says so at the end.
        for _ in 0..3 {
            let before = std::fs::read(dir.join(MANIFEST)).ok();
            let opened = Self::open_parts(dir);
            if std::fs::read(dir.join(MANIFEST)).ok() == before {
                return opened;
            }
        }
        let reason = "it is being replaced again and again".into();
        Err(IndexError::Manifest { path: dir.join(MANIFEST), reason })
    }

    fn open_parts(dir: &Path) -> Result<Self, IndexError> {
        let manifest = IndexManifest::read(dir)?;
        let concepts = Concepts::open(dir, &manifest.sources, manifest.counts)?;
        let words = Words::open(&dir.join(WORDS))?;
        let rows = manifest.counts.rows as usize;
        let vectors = Vectors::open(&dir.join(VECTORS), manifest.model.dimensions, rows)?;
        let graph = Graph::open(&dir.join(GRAPH), rows)?;
        Ok(Self { manifest, concepts, words, vectors, graph, scratch: Mutex::default() })
    }

    /// What it holds and was made of.
    pub fn manifest(&self) -> &IndexManifest {
        &self.manifest
    }

    /// Its concepts and names.
    pub fn concepts(&self) -> &Concepts {
        &self.concepts
    }

    /// Hides sources, see [`Concepts::hide`].
    ///
    /// # Errors
    /// [`IndexError::UnknownSource`].
    pub fn hide(&mut self, sources: &[String], ceiling: Option<u8>) -> Result<(), IndexError> {
        self.concepts.hide(sources, ceiling)
    }

    /// A normalised `key` with its unknown words repaired, by the words of names that may be shown; none if there is nothing to repair.
    pub fn repair(&self, key: &str) -> Option<Repaired> {
        self.words.repair(key, &|sources| self.concepts.shows_word(sources))
    }

    /// The `k` concepts that pass `filter` and have the names nearest to `query`, a vector of norm 1: best first, of equal
    /// scores the one with the lower id. Fewer only if fewer pass; more only if more share the best score, up to [`MOST_TIES`]. `k` is at least 1.
    pub fn search(&self, query: &[f32], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        debug_assert_eq!(query.len(), self.vectors.dimensions());
        let k = k.max(1);
        if (filter.passing() as f64) < self.vectors.len() as f64 * SCAN_BELOW {
            return self.search_exact(query, k, filter);
        }
        let mut scratch = self.scratch.lock().unwrap_or_else(|e| e.into_inner()).pop().unwrap_or_default();
        let mut ef = self.manifest.graph.ef_search.max(k);
        let hits = loop {
            if ef >= filter.passing() {
                break self.search_exact(query, k, filter);
            }
            let found =
                self.graph.search(&self.vectors, query, ef, |row| filter.passes(&self.concepts, row), &mut scratch);
            let hits = self.hits(&found, k, filter);
            if hits.len() >= k {
                break hits;
            }
            ef = ef.saturating_mul(4);
        };
        self.scratch.lock().unwrap_or_else(|e| e.into_inner()).push(scratch);
        hits
    }

    /// As [`Index::search`], comparing every row: what its recall is measured against.
    pub fn search_exact(&self, query: &[f32], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        let rows = filter.rows(0..self.vectors.len() as u32);
        let mut scored: Vec<Scored> = rows.map(|row| Scored { score: self.vectors.score(row, query), row }).collect();
        scored.sort_unstable_by(|a, b| b.cmp(a));
        self.hits(&scored, k, filter)
    }

    /// The first `k` distinct concepts of `rows`, which are ordered from the best, and more if they tie for the first place.
    fn hits(&self, rows: &[Scored], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        let (mut hits, mut seen) = (Vec::<ConceptHit>::new(), HashSet::new());
        let most = k.max(MOST_TIES);
        for &Scored { score, row } in rows {
            if hits.len() >= most || hits.len() >= k && hits[k - 1].score > score {
                break;
            }
            for (concept, atom) in filter.concepts_of(&self.concepts, row).take(most) {
                if seen.insert(concept) {
                    hits.push(ConceptHit { concept, atom, row, score });
                }
            }
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.concept.cmp(&b.concept)));
        let best = hits.first().map_or(0.0, |hit| hit.score);
        let ties = hits.iter().take_while(|hit| hit.score == best).count();
        hits.truncate(k.max(ties));
        hits
    }
}
