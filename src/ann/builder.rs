//! Builds the graph: `hnsw_rs` builds the upper layers over a sample; this file builds the base
//! layer.
//!
//! Rows are inserted in batches. All rows of a batch search the graph as it was before the batch,
//! in parallel; then their edges are added. So no locks are needed, threads cannot race, and the
//! same rows give the same graph, bit for bit, on any number of threads (as in ParlayANN, Manohar
//! et al. 2024). The memory per row is its neighbor list and a few bytes. Invariant: every row can
//! be reached from the entry row.

use std::{collections::VecDeque, path::Path, sync::Arc};

use rayon::prelude::*;

use crate::{
    ann::AnnError,
    ann::{
        beam::{BaseLayer, NO_ROW, Scored, Scratch, beam_search},
        graph::{self, UpperLayer, descend},
        hierarchy::{self, Hierarchy},
        parameters::GraphParameters,
        vectors::{QueryVector, VectorRows, Vectors},
    },
};
use crate::{cancel::Canceled, job::Job};

/// One row in `SAMPLE` also enters the upper layers.
pub(crate) const SAMPLE: usize = 64;
/// Minimum number of rows in the graph for each row of a batch. The bound limits the share of rows
/// that cannot become neighbors of each other.
const GRAPH_ROWS_PER_BATCH_ROW: usize = 50;
/// Maximum number of rows in a batch; bounds the memory for its edges.
const MAX_BATCH_ROWS: usize = 1 << 14;
/// Rows with a higher cosine count as equal: an edge to one of them serves for all.
const DUPLICATE_COSINE: f32 = 0.999_999;
/// Bytes of memory for each row during the build, besides its neighbor list.
const ROW_BYTES: u64 = 16;
/// Numbers of candidates (`ef`), tried in this order, of the search for a reached row that gets an
/// edge to an unreached row.
const CONNECT_CANDIDATES: [usize; 3] = [64, 1024, usize::MAX];

/// A graph in memory.
pub(crate) struct BuiltGraph {
    /// The neighbor lists of the base layer, one after another, see [`BaseLayer`].
    pub lists: Vec<u32>,
    /// Length of each neighbor list.
    pub width: usize,
    /// The layers above the base layer, from the lowest.
    pub upper_layers: Vec<UpperLayer>,
    /// The row at which searches begin.
    pub entry: u32,
    /// Rows that no path reached and that were connected afterwards.
    pub repaired: u64,
}

impl BuiltGraph {
    /// The base layer.
    pub(crate) fn base_layer(&self) -> BaseLayer<'_> {
        BaseLayer { lists: &self.lists, width: self.width }
    }

    /// Writes the graph to a new file.
    ///
    /// # Errors
    /// [`AnnError::Io`].
    pub(crate) fn write(&self, path: &Path) -> Result<(), AnnError> {
        graph::write(path, self.base_layer(), &self.upper_layers, self.entry)
    }
}

/// Bytes of memory that the build of a graph over `rows` rows takes, besides the mapped vectors.
pub(crate) fn memory_bytes(rows: u64, parameters: &GraphParameters) -> u64 {
    let (list, in_upper_layers) = (8 * parameters.m as u64, 500 + 125 * parameters.m as u64);
    rows * (list + ROW_BYTES) + rows.div_ceil(SAMPLE as u64) * in_upper_layers
}

/// Builds the graph over `vectors`.
///
/// # Errors
/// [`AnnError::Canceled`]; [`AnnError::TooLarge`].
pub(crate) fn build(
    vectors: &Arc<Vectors>,
    parameters: &GraphParameters,
    job: Job<'_>,
) -> Result<BuiltGraph, AnnError> {
    let rows = u32::try_from(vectors.len()).ok().filter(|&rows| rows < NO_ROW);
    let rows = rows.ok_or(AnnError::TooLarge("4 billion rows"))?;
    job.progress.stage("building the graph", rows.into());
    // Neighboring rows have similar names; a pseudorandom order separates them.
    let mut order: Vec<u32> = (0..rows).collect();
    order.sort_by_cached_key(|&row| hash(row));
    let (sample, others) = order.split_at(order.len().div_ceil(SAMPLE));
    let Hierarchy { layers: upper_layers, entry } = hierarchy::build(vectors, sample, parameters, job)?;
    let width = 2 * parameters.m;
    let lists = lists_of_layer(&upper_layers[0], rows as usize, width);
    let mut builder = Builder {
        vectors: vectors.rows(),
        upper_layers: &upper_layers,
        entry,
        ef: parameters.ef_construction,
        lists,
        width,
    };
    builder.insert(sample.len(), others, job)?;
    let repaired = builder.connect_unreached(job)?;
    let lists = builder.lists;
    Ok(BuiltGraph { lists, width, upper_layers, entry, repaired })
}

/// A pseudorandom number for each row (the finalizer of MurmurHash3), which gives the order of
/// insertion.
fn hash(row: u32) -> u32 {
    let mut x = row ^ 0x5EED;
    x = (x ^ x >> 16).wrapping_mul(0x85EB_CA6B);
    x = (x ^ x >> 13).wrapping_mul(0xC2B2_AE35);
    x ^ x >> 16
}

/// Neighbor lists of a base layer of `rows` rows that has the edges of `layer` and no others.
pub(crate) fn lists_of_layer(layer: &UpperLayer, rows: usize, width: usize) -> Vec<u32> {
    let mut lists = vec![NO_ROW; rows * width];
    for (&row, neighbors) in layer.nodes.iter().zip(&layer.neighbors) {
        set_neighbors(&mut lists[row as usize * width..][..width], neighbors);
    }
    lists
}

/// Sets the neighbors of one list.
fn set_neighbors(list: &mut [u32], neighbors: &[u32]) {
    list.fill(NO_ROW);
    list.iter_mut().zip(neighbors).for_each(|(slot, &neighbor)| *slot = neighbor);
}

/// A graph while rows are inserted.
struct Builder<'a> {
    vectors: VectorRows<'a>,
    upper_layers: &'a [UpperLayer],
    entry: u32,
    /// Candidates for the neighbors of a row (`ef_construction`).
    ef: usize,
    lists: Vec<u32>,
    width: usize,
}

/// Memory of one thread, used again for each of its rows.
#[derive(Default)]
struct BuildScratch {
    search: Scratch,
    query: QueryVector,
    other: QueryVector,
}

impl Builder<'_> {
    fn base_layer(&self) -> BaseLayer<'_> {
        BaseLayer { lists: &self.lists, width: self.width }
    }

    /// Inserts `rows` into the graph, which has `inserted` rows.
    fn insert(&mut self, mut inserted: usize, mut rows: &[u32], job: Job<'_>) -> Result<(), AnnError> {
        while !rows.is_empty() {
            let batch;
            let batch_rows = (inserted / GRAPH_ROWS_PER_BATCH_ROW).clamp(1, MAX_BATCH_ROWS).min(rows.len());
            (batch, rows) = rows.split_at(batch_rows);
            let neighbors = batch.par_iter().map_init(BuildScratch::default, |scratch, &row| {
                job.cancel.check()?;
                let BuildScratch { search, query, other } = scratch;
                self.vectors.load(row, query);
                let nearest = self.nearest(query, self.ef, search);
                Ok(select_neighbors(self.vectors, nearest, self.width, other))
            });
            let neighbors = neighbors.collect::<Result<Vec<_>, Canceled>>()?;
            let mut back_edges: Vec<(u32, u32)> = vec![];
            for (&row, neighbors) in batch.iter().zip(&neighbors) {
                self.set_neighbors(row, neighbors);
                back_edges.extend(neighbors.iter().map(|&neighbor| (neighbor, row)));
            }
            back_edges.par_sort_unstable();
            let by_row = back_edges.par_chunk_by(|a, b| a.0 == b.0);
            let extended = by_row.map_init(BuildScratch::default, |scratch, edges| {
                let row = edges[0].0;
                (row, self.extended_list(row, edges.iter().map(|edge| edge.1), scratch))
            });
            for (row, list) in extended.collect::<Vec<_>>() {
                self.set_neighbors(row, &list);
            }
            inserted += batch.len();
            job.progress.advance(batch.len() as u64);
        }
        Ok(())
    }

    fn set_neighbors(&mut self, row: u32, neighbors: &[u32]) {
        set_neighbors(&mut self.lists[row as usize * self.width..][..self.width], neighbors);
    }

    /// At most `ef` rows nearest to `query`, best first.
    fn nearest<'s>(&self, query: &QueryVector, ef: usize, scratch: &'s mut Scratch) -> &'s [Scored] {
        let mut nearest = Scored::new(self.vectors.score(self.entry, query), self.entry);
        for layer in self.upper_layers.iter().rev() {
            nearest = descend(|row| layer.neighbors_of(row), self.vectors, query, nearest);
        }
        let start_rows = [nearest.row(), self.entry].into_iter();
        beam_search(self.base_layer(), self.vectors, query, start_rows, ef, |_| true, scratch)
    }

    /// The neighbors of `row` and `others`: all of them if the list can hold them, otherwise a
    /// selection.
    fn extended_list(&self, row: u32, others: impl Iterator<Item = u32>, scratch: &mut BuildScratch) -> Vec<u32> {
        let list: Vec<u32> = self.base_layer().neighbors(row).chain(others).collect();
        if list.len() <= self.width {
            return list;
        }
        self.vectors.load(row, &mut scratch.query);
        list.iter().for_each(|&other| self.vectors.prefetch(other));
        let mut scored: Vec<Scored> =
            list.iter().map(|&other| Scored::new(self.vectors.score(other, &scratch.query), other)).collect();
        scored.sort_unstable_by(|a, b| b.cmp(a));
        select_neighbors(self.vectors, &scored, self.width, &mut scratch.other)
    }

    /// Gives every row that no path from the entry reaches an edge from a near row that is reached.
    /// Returns the number of such rows.
    fn connect_unreached(&mut self, job: Job<'_>) -> Result<u64, AnnError> {
        let mut reached = vec![false; self.base_layer().rows()];
        mark_reached(self.base_layer(), self.entry, &mut reached);
        let (mut scratch, mut repaired) = (BuildScratch::default(), 0);
        for row in 0..reached.len() as u32 {
            if reached[row as usize] {
                continue;
            }
            job.cancel.check()?;
            self.vectors.load(row, &mut scratch.query);
            let has_free_slot = |&from: &u32| self.base_layer().neighbors(from).count() < self.width;
            let near = CONNECT_CANDIDATES.into_iter().find_map(|ef| {
                let nearest = self.nearest(&scratch.query, ef.min(reached.len()), &mut scratch.search).iter();
                nearest.map(|scored| scored.row()).filter(|&from| reached[from as usize]).find(has_free_slot)
            });
            // If no reached row has a free slot (not seen with lists of 2 M neighbors), the last
            // neighbor of the entry row is replaced.
            let from = near.unwrap_or(self.entry);
            let end = self.base_layer().neighbors(from).count().min(self.width - 1);
            self.lists[from as usize * self.width + end] = row;
            repaired += 1;
            mark_reached(self.base_layer(), row, &mut reached);
        }
        Ok(repaired)
    }
}

/// Selects at most `max` of `nearest`, which are best first, so that they lie in different
/// directions: each is nearer to the row than to any neighbor selected before it (Malkov and
/// Yashunin 2016, algorithm 4).
fn select_neighbors(vectors: VectorRows, nearest: &[Scored], max: usize, other: &mut QueryVector) -> Vec<u32> {
    let mut selected: Vec<u32> = vec![];
    for scored in nearest {
        vectors.load(scored.row(), other);
        // The norm of a row is not exactly 1 after rounding, so that the limit is relative to it.
        let duplicate = DUPLICATE_COSINE * vectors.score(scored.row(), other);
        let is_apart = |&row: &u32| {
            let cosine = vectors.score(row, other);
            cosine <= scored.score() && cosine < duplicate
        };
        if selected.iter().all(is_apart) {
            selected.push(scored.row());
            if selected.len() == max {
                break;
            }
        }
    }
    selected
}

/// Marks `from` and every row that a path from it reaches through rows that were not marked.
fn mark_reached(layer: BaseLayer, from: u32, reached: &mut [bool]) {
    reached[from as usize] = true;
    let mut queue = VecDeque::from([from]);
    while let Some(row) = queue.pop_front() {
        for next in layer.neighbors(row) {
            if !std::mem::replace(&mut reached[next as usize], true) {
                queue.push_back(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ann::{
            VectorPrecision,
            graph::Graph,
            scan::scan,
            vectors::{QuantizedVector, VectorsWriter},
        },
        job::Job,
    };

    const DIMENSIONS: usize = 24;

    /// Writes `rows` as vectors of norm 1.
    fn write_vectors(dir: &Path, rows: usize, values: impl Fn(usize) -> Vec<f32>) -> Arc<Vectors> {
        let row = |i: usize| {
            let values = values(i);
            let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
            values.iter().map(|v| v / norm).collect::<Vec<f32>>()
        };
        let quantized: Vec<QuantizedVector> = (0..rows).map(|i| QuantizedVector::of(&row(i))).collect();
        let mut writer = VectorsWriter::create(dir, DIMENSIONS, VectorPrecision::Int8).unwrap();
        writer.push(&quantized).unwrap();
        Arc::new(Vectors::open(dir, DIMENSIONS, rows, VectorPrecision::Int8).unwrap())
    }

    /// Rows around some centers; every `twin_interval`th row equals the one before it.
    fn vectors(dir: &Path, rows: usize, twin_interval: usize) -> Arc<Vectors> {
        let value = |x: u32| hash(x) as f32 / u32::MAX as f32 - 0.5;
        write_vectors(dir, rows, |i| {
            let i = if i % twin_interval == twin_interval - 1 { i - 1 } else { i } as u32;
            let values = (0..DIMENSIONS as u32).map(|d| value(i % 97 * 64 + d) + 0.6 * value((i + 1000) * 64 + d));
            values.collect()
        })
    }

    /// Rows of which the first `equal` are the same.
    fn mostly_equal_vectors(dir: &Path, rows: usize, equal: usize) -> Arc<Vectors> {
        let value = |i: usize, d: usize| if i < equal { 1.0 + d as f32 * 0.37 } else { (i * d % 7) as f32 - 2.0 };
        write_vectors(dir, rows, |i| (0..DIMENSIONS).map(|d| value(i, d)).collect())
    }

    const PARAMETERS: GraphParameters = GraphParameters { m: 8, ef_construction: 60, ef_search: 1, repaired: 0 };

    fn assert_connected(built: &BuiltGraph, rows: usize) {
        let layer = built.base_layer();
        let mut reached = vec![false; rows];
        mark_reached(layer, built.entry, &mut reached);
        assert!(reached.iter().all(|&reached| reached), "every row can be reached");
        for row in 0..rows as u32 {
            let mut list: Vec<u32> = layer.neighbors(row).collect();
            assert!(!list.contains(&row), "no row is its own neighbor");
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), layer.neighbors(row).count(), "no list has a neighbor twice");
        }
    }

    #[test]
    fn graph_is_the_same_on_any_number_of_threads() {
        let dir = tempfile::tempdir().unwrap();
        let vectors = vectors(dir.path(), 3000, 10);
        let build = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| build(&vectors, &PARAMETERS, Job::silent()).unwrap())
        };
        let (one, several) = (build(1), build(7));
        assert!(one.lists == several.lists && one.upper_layers == several.upper_layers && one.entry == several.entry);
        assert_connected(&one, 3000);
    }

    #[test]
    fn searches_find_rows_of_tiny_graphs_and_of_duplicates() {
        // In the last case, 597 of the 600 rows are equal.
        for (rows, twin_interval) in [(1, 10), (2, 10), (3, 2), (70, 10), (2000, 2), (600, 601)] {
            let dir = tempfile::tempdir().unwrap();
            let vectors = if twin_interval < 600 {
                vectors(dir.path(), rows, twin_interval)
            } else {
                mostly_equal_vectors(dir.path(), rows, 597)
            };
            let built = build(&vectors, &PARAMETERS, Job::silent()).unwrap();
            assert_connected(&built, rows);
            let path = dir.path().join("graph");
            built.write(&path).unwrap();
            let graph = Graph::open(&path, rows).unwrap();
            let mut scratch = Scratch::default();
            let mut right = 0;
            for row in 0..rows as u32 {
                let mut query = QueryVector::default();
                vectors.rows().load(row, &mut query);
                let found = graph.search(vectors.rows(), &query, &[], 40, |_| true, &mut scratch);
                let best = scan(vectors.rows(), std::slice::from_ref(&query), 0..rows as u32, 1)[0][0];
                right += usize::from(found[0].score() == vectors.rows().score(best.row(), &query));
            }
            assert!(right as f64 >= 0.99 * rows as f64, "{rows} rows, {twin_interval}: {right}");
        }
    }

    #[test]
    fn memory_is_the_sum_of_lists_and_upper_layers() {
        let (lists, sample) = (4 * 32 * 1_000_000, 15_625 * 2500);
        assert_eq!(memory_bytes(1_000_000, &GraphParameters { m: 16, ..PARAMETERS }), lists + 16_000_000 + sample);
    }
}
