//! Nearest names by row number, for evaluation rules that count names instead of concepts.
//!
//! Invariant: the graph is searched as an index is, with the same number of candidates; only the
//! step from rows to concepts is left out.

use std::{path::Path, sync::Arc};

use crate::ann::{
    AnnError, GraphParameters, VectorPrecision,
    beam::Scratch,
    builder,
    graph::Graph,
    layout::GRAPH_FILE,
    parameters::MIN_CANDIDATES,
    scan,
    vectors::{QuantizedVector, QueryVector, Vectors, VectorsWriter},
};
use crate::job::Job;

/// Vectors of names that belong to no index, with a graph over them.
pub struct NameGraph {
    vectors: Arc<Vectors>,
    graph: Graph,
    ef_search: usize,
}

impl NameGraph {
    /// Builds the graph in `dir`, which must exist as long as the graph is searched. `vectors` are
    /// rows of `dimensions` values and norm 1, one after another.
    ///
    /// # Errors
    /// [`AnnError`].
    pub fn build(
        dir: &Path,
        vectors: &[f32],
        dimensions: usize,
        parameters: &GraphParameters,
        job: Job<'_>,
    ) -> Result<Self, AnnError> {
        let rows = vectors.len() / dimensions;
        let mut writer = VectorsWriter::create(dir, dimensions, VectorPrecision::Int16)?;
        writer.push(&vectors.chunks_exact(dimensions).map(QuantizedVector::of).collect::<Vec<_>>())?;
        drop(writer);
        let vectors = Arc::new(Vectors::open(dir, dimensions, rows, VectorPrecision::Int16)?);
        let path = dir.join(GRAPH_FILE);
        builder::build(&vectors, parameters, job)?.write(&path)?;
        Ok(Self { vectors, graph: Graph::open(&path, rows)?, ef_search: parameters.ef_search })
    }

    /// The `k` rows nearest to `query`, best first, with their cosines; fewer if the search finds
    /// fewer.
    pub fn nearest(&self, query: &[f32], k: usize) -> Vec<(u32, f32)> {
        nearest_rows(&self.vectors, &self.graph, self.ef_search, query, k)
    }
}

/// At most `k` nearest rows with their cosines, best first; never more than the search has
/// candidates.
pub(crate) fn nearest_rows(
    vectors: &Vectors,
    graph: &Graph,
    ef_search: usize,
    query: &[f32],
    k: usize,
) -> Vec<(u32, f32)> {
    let query = QueryVector::new(query);
    let mut scratch = Scratch::default();
    let ef = ef_search.max(MIN_CANDIDATES);
    let candidates = graph.search(vectors.rows(), &query, &[], ef, |_| true, &mut scratch);
    let best = scan::rescore(vectors.rows(), &query, candidates, k);
    best.iter().take(k).map(|scored| (scored.row(), scored.score())).collect()
}
