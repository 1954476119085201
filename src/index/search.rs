//! Searches of an open index.

use std::{collections::HashSet, path::Path, sync::Mutex};

use super::{
    error::IndexError,
    manifest::{IndexManifest, MANIFEST, ModelReference},
    recall::NEAREST,
};
use crate::{
    ann::{
        beam::{Scored, Scratch},
        graph::Graph,
        layout::GRAPH,
        scan,
        vectors::{QueryVector, Vectors},
    },
    concepts::{ConceptNumber, Concepts, Filter, FilterRequest, Repaired, schema::WORDS, words::Words},
};

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
    pub(super) manifest: IndexManifest,
    pub(super) concepts: Concepts,
    pub(super) words: Words,
    pub(super) vectors: Vectors,
    pub(super) graph: Graph,
    pub(super) ef_search: usize,
    pub(super) exact: bool,
    pub(super) scratch: Mutex<Vec<Scratch>>,
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
        Ok(self.concepts.hide(sources, ceiling)?)
    }

    /// How many candidates searches look at.
    pub fn ef_search(&self) -> usize {
        self.ef_search
    }

    /// From now on searches look at `ef` candidates.
    pub(super) fn set_ef_search(&mut self, ef: usize) {
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

    /// A normalized `key` with its unknown words repaired, by the words of names that may be shown; none if there is nothing to repair.
    pub fn repair(&self, key: &str) -> Option<Repaired> {
        self.words.repair(key, &|sources| self.concepts.shows_word(sources))
    }

    /// Whether a normalized `key` has words of five letters and more, and none of them stands in a name that may be shown.
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
        let mut ef = self.ef_search.max(least).max(2 * NEAREST);
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
        let row_of = |name: &str| concepts.row(&crate::text::normalize(name));
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
    pub(super) fn scan(&self, queries: &[QueryVector], k: usize, filter: &Filter) -> Vec<Vec<ConceptHit>> {
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
