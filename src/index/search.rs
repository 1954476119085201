//! Searches of an open index with filters.
//!
//! A search uses one of two methods. The graph search considers `ef` candidates that pass the
//! filter; if they belong to fewer than `k` concepts, it considers more. The exact scan compares
//! every row that passes the filter; a search uses it when few rows pass, and when the candidates
//! would be all of them. Invariants: every result passes the filter; a search returns `k` concepts
//! if at least `k` pass.

use std::collections::HashSet;

use super::open::Index;
use crate::{
    ann::{
        beam::{Scored, Scratch},
        parameters::MIN_CANDIDATES,
        scan,
        vectors::QueryVector,
    },
    concepts::{Filter, FilterRequest},
    domain::{AtomId, ConceptId, NameId},
    text,
};

/// Approximate number of rows that a graph search compares per candidate; `saplink index bench`
/// measures it.
const COMPARED_ROWS_PER_CANDIDATE: u64 = 12;
/// Approximate cost of comparing a row in the graph, relative to a scan.
const SCAN_SPEEDUP: u64 = 4;
/// Largest error of a cosine from codes alone.
const CODE_ERROR: f32 = 1e-3;

/// Minimum number of candidates of a search with a narrow filter, whose results may be far from the
/// query.
const MIN_NARROW_CANDIDATES: usize = 256;
/// Rows, spread over all that pass a narrow filter, that are compared to find start rows.
const START_SAMPLE: u32 = 512;
/// Start rows of a search with a narrow filter, in addition to those of the graph.
const START_ROWS: usize = 16;
/// Factor by which the number of candidates grows when they belong to too few concepts.
const CANDIDATE_GROWTH: usize = 4;

/// Rows that the first pass of a scan returns per requested concept, and the minimum number; a
/// concept may own many of the nearest rows.
const SCAN_ROWS_PER_CONCEPT: usize = 16;
const MIN_SCAN_ROWS: usize = 256;

/// Largest number of results when more than `k` concepts tie for the best score.
pub const MAX_TIES: usize = 1000;

/// A concept that a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConceptHit {
    /// The concept.
    pub concept: ConceptId,
    /// The atom through which the concept was found.
    pub atom: AtomId,
    /// The name of this atom.
    pub name: NameId,
    /// Cosine of the row and the query.
    pub score: f32,
}

impl Index {
    /// The `k` concepts (at least 1) that pass `filter` and whose names are nearest to `query`, a
    /// vector of norm 1.
    ///
    /// Best first; of equal scores, the concept with the lower id comes first. There are fewer than
    /// `k` only if fewer pass, and more only if more tie for the best score, up to [`MAX_TIES`].
    pub fn search(&self, query: &[f32], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        debug_assert_eq!(query.len(), self.vectors.dimensions());
        let (query, k) = (QueryVector::new(query), k.max(1));
        let ef = self.candidates(k, filter);
        if self.exact || self.is_scan_cheaper(filter.passing_count(), ef) {
            return self.scan_one(query, k, filter);
        }
        let mut scratch = self.take_scratch();
        let hits = self.search_graph(&query, k, ef, filter, &mut scratch);
        self.return_scratch(scratch);
        hits.unwrap_or_else(|| self.scan_one(query, k, filter))
    }

    /// As [`Index::search`], but always by an exact scan. Recall is measured against it.
    pub fn search_exact(&self, query: &[f32], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        self.scan_one(QueryVector::new(query), k.max(1), filter)
    }

    /// At most `k` concepts whose names are nearest to the preferred name of `concept`, without
    /// those that share a name with it.
    pub fn confusable(&self, concept: ConceptId, k: usize) -> Vec<ConceptId> {
        let concepts = &self.concepts;
        let name_id = |name: &str| concepts.name_id(&text::normalize(name));
        let Some(preferred) = name_id(concepts.preferred_name(concept)) else { return vec![] };
        let owners = |name| concepts.atoms_of_name(name).iter().map(|&atom| concepts.concept_of_atom(atom));
        let names: HashSet<NameId> =
            concepts.atoms(concept).filter_map(|atom| name_id(concepts.atom(atom).name)).collect();
        let with_shared_name: HashSet<ConceptId> = names.into_iter().flat_map(owners).collect();
        let vector = self.vector(preferred);
        let no_filter = Filter::new(&FilterRequest::default(), concepts);
        let hits = self.search(&vector, k + with_shared_name.len(), &no_filter).into_iter().map(|hit| hit.concept);
        hits.filter(|concept| !with_shared_name.contains(concept)).take(k).collect()
    }

    /// The `k` best concepts for each query, by an exact scan.
    pub(super) fn scan(&self, queries: &[QueryVector], k: usize, filter: &Filter) -> Vec<Vec<ConceptHit>> {
        let all = NameId::new(0)..NameId::from_index(self.vectors.len());
        let passing_rows = || filter.names_in(all.clone()).map(NameId::get);
        let best_rows = |queries, count| scan::scan(self.vectors.rows(), queries, passing_rows(), count);
        let first_count = k.saturating_mul(SCAN_ROWS_PER_CONCEPT).max(MIN_SCAN_ROWS);
        let hits = best_rows(queries, first_count).into_iter().zip(queries).map(|(mut found, query)| {
            let mut count = first_count;
            loop {
                let hits = self.distinct_concepts(&found, k, filter);
                // A row that the first pass dropped can have a better score, by at most the error
                // of its codes.
                let is_certain =
                    hits.len() >= k && found.last().is_some_and(|last| last.score() + CODE_ERROR < hits[k - 1].score);
                if is_certain || found.len() < count {
                    return hits;
                }
                count = count.saturating_mul(SCAN_ROWS_PER_CONCEPT);
                found = best_rows(std::slice::from_ref(query), count).pop().unwrap_or_default();
            }
        });
        hits.collect()
    }

    fn scan_one(&self, query: QueryVector, k: usize, filter: &Filter) -> Vec<ConceptHit> {
        self.scan(&[query], k, filter).pop().unwrap_or_default()
    }

    /// The result of a graph search that begins with `ef` candidates; `None` if only a scan can
    /// find `k` concepts.
    fn search_graph(
        &self,
        query: &QueryVector,
        k: usize,
        mut ef: usize,
        filter: &Filter,
        scratch: &mut Scratch,
    ) -> Option<Vec<ConceptHit>> {
        let vectors = self.vectors.rows();
        let start_rows = self.start_rows(query, filter);
        while ef < filter.passing_count() {
            let passes = |row| filter.passes(&self.concepts, NameId::new(row));
            let candidates = self.graph.search(vectors, query, &start_rows, ef, passes, scratch);
            // The best rows usually belong to k concepts; otherwise all candidates are rescored.
            for rescored in [k, usize::MAX] {
                let rows = scan::rescore(vectors, query, candidates, rescored);
                let hits = self.distinct_concepts(rows, k, filter);
                if hits.len() >= k {
                    return Some(hits);
                }
            }
            ef = ef.saturating_mul(CANDIDATE_GROWTH);
        }
        None
    }

    /// Number of candidates with which a search for `k` concepts begins. Never below the number
    /// that recall is measured with, even for `k` = 1.
    fn candidates(&self, k: usize, filter: &Filter) -> usize {
        let min =
            if self.is_narrow(filter) { k.saturating_mul(8).max(MIN_NARROW_CANDIDATES) } else { k.saturating_mul(2) };
        self.ef_search.max(min).max(MIN_CANDIDATES)
    }

    /// Whether fewer than nine of ten rows pass: then possibly none near the query does.
    fn is_narrow(&self, filter: &Filter) -> bool {
        filter.passing_count() < self.vectors.len() / 10 * 9
    }

    /// The rows nearest to the query among a sample of those that pass a narrow filter; none for a
    /// wide filter.
    fn start_rows(&self, query: &QueryVector, filter: &Filter) -> Vec<u32> {
        if !self.is_narrow(filter) {
            return vec![];
        }
        let sample = filter.sample(START_SAMPLE).map(NameId::get);
        let mut nearest = scan::scan(self.vectors.rows(), std::slice::from_ref(query), sample, START_ROWS);
        nearest.pop().unwrap_or_default().into_iter().map(|scored| scored.row()).collect()
    }

    /// Whether a scan of the `passing` rows costs less than a graph search, which visits the more
    /// rows the fewer of them pass: about `ef * COMPARED_ROWS_PER_CANDIDATE * rows / passing`.
    fn is_scan_cheaper(&self, passing: usize, ef: usize) -> bool {
        let (passing, rows) = (passing as u64, self.vectors.len() as u64);
        let compared = (SCAN_SPEEDUP * COMPARED_ROWS_PER_CANDIDATE).saturating_mul(ef as u64);
        passing * passing <= compared.saturating_mul(rows)
    }

    /// The first `k` distinct concepts of `rows`, which are best first, and those that tie for the
    /// first position.
    fn distinct_concepts(&self, rows: &[Scored], k: usize, filter: &Filter) -> Vec<ConceptHit> {
        let (mut hits, mut seen) = (Vec::<ConceptHit>::new(), HashSet::new());
        let max = k.max(MAX_TIES);
        for scored in rows {
            let (score, row) = (scored.score(), NameId::new(scored.row()));
            if hits.len() >= max || hits.len() >= k && hits[k - 1].score > score {
                break;
            }
            // Only a damaged file gives such a score.
            if !score.is_finite() {
                continue;
            }
            for (concept, atom) in filter.concepts_of(&self.concepts, row).take(max) {
                if seen.insert(concept) {
                    hits.push(ConceptHit { concept, atom, name: row, score });
                }
            }
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.concept.cmp(&b.concept)));
        let best = hits.first().map_or(0.0, |hit| hit.score);
        let ties = hits.iter().take_while(|hit| hit.score == best).count();
        hits.truncate(k.max(ties));
        hits
    }

    fn take_scratch(&self) -> Scratch {
        self.scratch_pool.lock().unwrap_or_else(|e| e.into_inner()).pop().unwrap_or_default()
    }

    fn return_scratch(&self, scratch: Scratch) {
        self.scratch_pool.lock().unwrap_or_else(|e| e.into_inner()).push(scratch);
    }
}
