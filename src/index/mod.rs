//! The index of concept names: built once, opened read-only, mapped.
//!
//! Reading order: `manifest` (what is in the directory), `mapped` (how columns lie on disk), `concepts` (everything but vectors), `filter`,
//! `words` and `spelling` (misspelt words); `kernel`, `vectors`, `beam`, `graph` and `scan` (search); `build`, `known`, `build_graph` and
//! `hierarchy` (how it comes to be); `recall`, `bench` and
//! `nearest` (how good it is), `calibration` (how likely its scores are right).
//!
//! Invariant: knows no ONNX Runtime and no HTTP. A search gives as many distinct concepts as were asked for, as long as that many pass the filter.

mod beam;
pub mod bench;
mod build;
mod build_graph;
mod calibration;
mod columns;
mod concepts;
mod filter;
mod graph;
mod hierarchy;
mod kernel;
mod known;
mod manifest;
mod mapped;
mod nearest;
mod npy;
mod recall;
mod scan;
mod source_sets;
mod spelling;
mod vectors;
mod words;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Mutex,
};

pub use build::{BuildOptions, Built, MENTIONS, build, measure};
pub use calibration::{Calibration, Measured, Method};
pub use concepts::{
    Assembled, AtomView, CodeView, Collector, ConceptNumber, Concepts, DefinitionView, Found, FoundBy, Page, Relation,
    Retired, Selection, Successor, Tally,
};
pub use filter::{Filter, FilterRequest};
pub use known::Known;
pub use manifest::{Counts, GraphParameters, IndexManifest, Input, MANIFEST, ModelReference, SourceEntry};
pub use nearest::NameGraph;
pub use recall::{Recall, Wanted};
pub use vectors::VectorPrecision;
pub use words::Repaired;

use self::{
    beam::{Scored, Scratch},
    graph::Graph,
    manifest::{GRAPH, WORDS},
    vectors::{QueryVector, Vectors},
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
    #[error(
        "the index was built with model {} ({}), the model loaded is {} ({}); build the index again or name the other model",
        index.name, index.fingerprint, loaded.name, loaded.fingerprint
    )]
    OtherModel { index: ModelReference, loaded: ModelReference },
    #[error("the graph of so many names takes {} MB of memory, and {} MB are allowed", megabytes(*needed), megabytes(*allowed))]
    Memory { needed: u64, allowed: u64 },
    #[error("{}: {} MB are needed and {} MB are free", path.display(), megabytes(*needed), megabytes(*free))]
    Space { path: PathBuf, needed: u64, free: u64 },
    #[error("there are {found} vectors where {wanted} are wanted")]
    TooFew { found: usize, wanted: usize },
    #[error("the names could not be embedded: {0}")]
    Embed(String),
    #[error("interrupted")]
    Interrupted,
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Rows that a search of the graph compares for each candidate that it looks at, about: `index bench` tells.
const COMPARED_PER_CANDIDATE: u64 = 12;
/// By how much codes alone may misjudge a cosine.
const ROUNDING: f32 = 1e-3;
/// How much cheaper a row is compared in a scan than in the graph, about.
const SCAN_ADVANTAGE: u64 = 4;

/// Candidates of a filtered search at least: its answers may lie anywhere, not only where the mention is.
const LEAST_FILTERED: usize = 256;
/// Rows that pass a filter which are compared to begin at the best of them, and how many those are.
const SPREAD: u32 = 512;
const STARTS: usize = 16;

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
    ef_search: usize,
    exact: bool,
    scratch: Mutex<Vec<Scratch>>,
}

impl Index {
    /// Opens the index in `dir` after comparing every part of it with the manifest, see [`IndexManifest::read`].
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
        let vectors = Vectors::open(dir, manifest.model.dimensions, rows, manifest.vectors)?;
        let graph = Graph::open(&dir.join(GRAPH), rows)?;
        let ef_search = manifest.graph.ef_search;
        Ok(Self { manifest, concepts, words, vectors, graph, ef_search, exact: false, scratch: Mutex::default() })
    }

    /// What it holds and was made of.
    pub fn manifest(&self) -> &IndexManifest {
        &self.manifest
    }

    /// Whether `model` is the one whose vectors it holds.
    ///
    /// # Errors
    /// [`IndexError::OtherModel`] when it is not.
    pub fn check_model(&self, model: &ModelReference) -> Result<(), IndexError> {
        self.manifest.model.check(model)
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

    /// How many candidates searches look at.
    pub fn ef_search(&self) -> usize {
        self.ef_search
    }

    /// From now on searches look at `ef` candidates.
    fn set_ef_search(&mut self, ef: usize) {
        self.ef_search = ef;
    }

    /// From now on every search compares every row that passes.
    pub fn search_exactly(&mut self) {
        self.exact = true;
    }

    /// Whether every search does.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// A normalised `key` with its unknown words repaired, by the words of names that may be shown; none if there is nothing to repair.
    pub fn repair(&self, key: &str) -> Option<Repaired> {
        self.words.repair(key, &|sources| self.concepts.shows_word(sources))
    }

    /// Whether a normalised `key` has words of five letters and more, and none of them stands in a name that may be shown.
    pub fn is_foreign(&self, key: &str) -> bool {
        self.words.is_foreign(key, &|sources| self.concepts.shows_word(sources))
    }

    /// The `k` concepts that pass `filter` and have the names nearest to `query`, a vector of norm 1: best first, of equal
    /// scores the one with the lower id. Fewer only if fewer pass; more only if more share the best score, up to [`MOST_TIES`]. `k` is at least 1.
    pub fn search(&self, query: &[f32], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        debug_assert_eq!(query.len(), self.vectors.dimensions());
        let (query, k) = (QueryVector::new(query), k.max(1));
        let least = if self.is_narrow(filter) { LEAST_FILTERED.max(k.saturating_mul(8)) } else { k.saturating_mul(2) };
        // What was measured is what is served, however few concepts are asked for.
        let mut ef = self.ef_search.max(least).max(2 * recall::NEAREST);
        if self.exact || self.is_scanned_sooner(filter.passing(), ef) {
            return self.scan_one(query, k, filter);
        }
        let mut scratch = self.scratch.lock().unwrap_or_else(|e| e.into_inner()).pop().unwrap_or_default();
        let starts = self.starts(&query, filter);
        let hits = loop {
            if ef >= filter.passing() {
                break self.scan_one(query, k, filter);
            }
            let allowed = |row| filter.passes(&self.concepts, row);
            let found = self.graph.search(self.vectors.rows(), &query, &starts, ef, allowed, &mut scratch);
            // A few of them mostly are as many concepts as are wanted; else all are scored anew.
            let hits = [k, usize::MAX].into_iter().find_map(|wanted| {
                let hits = self.hits(scan::rescore(self.vectors.rows(), &query, found, wanted), k, filter);
                (hits.len() >= k).then_some(hits)
            });
            if let Some(hits) = hits {
                break hits;
            }
            ef = ef.saturating_mul(4);
        };
        self.scratch.lock().unwrap_or_else(|e| e.into_inner()).push(scratch);
        hits
    }

    /// At most `k` concepts whose names are the nearest to the preferred name of `concept`, without those that own one of its names too.
    pub fn confusable(&self, concept: ConceptNumber, k: usize) -> Vec<ConceptNumber> {
        let concepts = &self.concepts;
        let row_of = |name: &str| concepts.row(&crate::text::key(name));
        let Some(row) = row_of(concepts.preferred(concept)) else { return vec![] };
        let owners = |row| concepts.row_atoms(row).iter().map(|&atom| concepts.concept_of(atom));
        let rows: HashSet<u32> = concepts.atoms(concept).filter_map(|atom| row_of(concepts.atom(atom).name)).collect();
        let alike: HashSet<ConceptNumber> = rows.into_iter().flat_map(owners).collect();
        let vector = self.vector(row);
        let everything = Filter::new(&FilterRequest::default(), concepts);
        let hits = self.search(&vector, k + alike.len(), &everything).into_iter().map(|hit| hit.concept);
        hits.filter(|concept| !alike.contains(concept)).take(k).collect()
    }

    /// Whether a filter leaves so much out that where a mention is there may be nothing that passes.
    fn is_narrow(&self, filter: &Filter) -> bool {
        filter.passing() < self.vectors.len() / 10 * 9
    }

    /// The nearest of some rows that pass a narrow filter.
    fn starts(&self, query: &QueryVector, filter: &Filter) -> Vec<u32> {
        if !self.is_narrow(filter) {
            return vec![];
        }
        let mut best = scan::scan(self.vectors.rows(), std::slice::from_ref(query), filter.spread(SPREAD), STARTS);
        best.pop().unwrap_or_default().into_iter().map(|scored| scored.row()).collect()
    }

    /// Whether comparing all rows that pass takes less than a search of the graph, which has to look at the more rows the
    /// fewer of them pass.
    fn is_scanned_sooner(&self, passing: usize, ef: usize) -> bool {
        let (passing, rows) = (passing as u64, self.vectors.len() as u64);
        let compared = (SCAN_ADVANTAGE * COMPARED_PER_CANDIDATE).saturating_mul(ef as u64);
        passing * passing <= compared.saturating_mul(rows)
    }

    /// As [`Index::search`], comparing every row that passes: what its recall is measured against.
    pub fn search_exact(&self, query: &[f32], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        self.scan_one(QueryVector::new(query), k.max(1), filter)
    }

    fn scan_one(&self, query: QueryVector, k: usize, filter: &Filter) -> Vec<ConceptHit> {
        self.scan(&[query], k, filter).pop().unwrap_or_default()
    }

    /// The `k` best concepts for each query, of all rows that pass.
    fn scan(&self, queries: &[QueryVector], k: usize, filter: &Filter) -> Vec<Vec<ConceptHit>> {
        let rows = self.vectors.len();
        let best = |queries, keep| scan::scan(self.vectors.rows(), queries, filter.rows(0..rows as u32), keep);
        // A concept may own many of the nearest rows; more of them are looked for when that was too few.
        let first = k.saturating_mul(16).max(256);
        let hits = best(queries, first).into_iter().zip(queries).map(|(mut found, query)| {
            let mut keep = first;
            loop {
                let hits = self.hits(&found, k, filter);
                let settled =
                    hits.len() >= k && found.last().is_some_and(|last| last.score() + ROUNDING < hits[k - 1].score);
                if settled || found.len() < keep {
                    return hits;
                }
                keep = keep.saturating_mul(16);
                found = best(std::slice::from_ref(query), keep).pop().unwrap_or_default();
            }
        });
        hits.collect()
    }

    /// The first `k` distinct concepts of `rows`, which are ordered from the best, and more if they tie for the first place.
    fn hits(&self, rows: &[Scored], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        let (mut hits, mut seen) = (Vec::<ConceptHit>::new(), HashSet::new());
        let most = k.max(MOST_TIES);
        for scored in rows {
            let (score, row) = (scored.score(), scored.row());
            if hits.len() >= most || hits.len() >= k && hits[k - 1].score > score {
                break;
            }
            // Only what a damaged file says is no number.
            if !score.is_finite() {
                continue;
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
