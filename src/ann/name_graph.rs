//! The nearest names, whoever owns them: what accuracy is measured with by rules that count names.
//!
//! Invariant: the search is the one that is served, but for what it makes of rows.

use std::{path::Path, sync::Arc};

use crate::ann::{
    AnnError, GraphParameters, VectorPrecision,
    beam::{Ground, Scratch},
    builder,
    graph::{self, Graph},
    layout::GRAPH,
    parameters::MEASURED_NEIGHBORS,
    scan,
    vectors::{Kept, QueryVector, Vectors, VectorsWriter},
};
use crate::job::Job;

/// Vectors of names that belong to no index, with a graph over them.
pub struct NameGraph {
    vectors: Arc<Vectors>,
    graph: Graph,
    ef_search: usize,
}

impl NameGraph {
    /// Builds the graph in `dir`, which is to stay as long as it is searched. `vectors` are rows of `dimensions` and norm 1.
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
        writer.push(&vectors.chunks_exact(dimensions).map(Kept::of).collect::<Vec<_>>())?;
        drop(writer);
        let vectors = Arc::new(Vectors::open(dir, dimensions, rows, VectorPrecision::Int16)?);
        let built = builder::build(&vectors, parameters, job)?;
        let path = dir.join(GRAPH);
        graph::write(&path, Ground { lists: &built.lists, width: built.width }, &built.levels, built.entry)?;
        Ok(Self { vectors, graph: Graph::open(&path, rows)?, ef_search: parameters.ef_search })
    }

    /// The `k` nearest rows, or fewer, that a search finds, best first, with their cosines.
    pub fn nearest(&self, query: &[f32], k: usize) -> Vec<(u32, f32)> {
        nearest(&self.vectors, &self.graph, self.ef_search, query, k)
    }
}

/// Candidates that a search looks at: what [`Index::search`] takes for few concepts.
fn served(ef: usize) -> usize {
    ef.max(2 * MEASURED_NEIGHBORS)
}

/// At most `k`, and no more than are looked at.
pub(crate) fn nearest(vectors: &Vectors, graph: &Graph, ef: usize, query: &[f32], k: usize) -> Vec<(u32, f32)> {
    let query = QueryVector::new(query);
    let mut scratch = Scratch::default();
    let found = graph.search(vectors.rows(), &query, &[], served(ef), |_| true, &mut scratch);
    let best = scan::rescore(vectors.rows(), &query, found, k);
    best.iter().take(k).map(|scored| (scored.row(), scored.score())).collect()
}
