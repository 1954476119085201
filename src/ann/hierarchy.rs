//! The upper layers of the graph: `hnsw_rs` builds them over a sample of the rows.
//!
//! A point of `hnsw_rs` is a row number, and the distance function reads the vector of the row, so
//! that vectors are not copied. A point takes about 2,200 bytes: acceptable for a sample, too much
//! for all rows. The result is copied into flat layers; saplink uses neither the search nor the
//! file format of `hnsw_rs`, except in [`baseline`]. Invariants: no other file uses `hnsw_rs`; the
//! same rows give the same layers, since they are inserted one by one.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use hnsw_rs::{anndists::dist::distances::Distance, hnsw::Hnsw};

use crate::job::Job;
use crate::{
    ann::AnnError,
    ann::{
        graph::UpperLayer,
        kernel,
        parameters::GraphParameters,
        vectors::{QueryVector, Vectors},
    },
};

/// Points that are inserted between two checks for cancellation.
const POINTS_PER_CHECK: usize = 1000;
/// Layers that `hnsw_rs` may use; with M = 16 a point is on layer 15 with probability 16^-15.
const MAX_LAYERS: usize = 16;

/// 1 minus the cosine of two rows.
struct RowDistance(Arc<Vectors>);

thread_local! {
    /// Memory for one row, used again by each comparison of a thread.
    static ROW: RefCell<QueryVector> = RefCell::default();
}

impl Distance<u32> for RowDistance {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        // hnsw_rs refuses negative distances; rounding can bring 1 - cosine just below zero.
        let score = ROW.with_borrow_mut(|row| {
            let rows = self.0.rows();
            rows.load(a[0], row);
            rows.score(b[0], row)
        });
        (1.0 - score).max(0.0)
    }
}

/// A graph of `hnsw_rs` as flat layers.
pub(crate) struct Hierarchy {
    /// From the lowest, which has every point.
    pub layers: Vec<UpperLayer>,
    /// A row of the highest layer, at which searches begin.
    pub entry: u32,
}

/// Builds the layers over `sample`: rows of `vectors`, in the order in which they are inserted.
///
/// # Errors
/// [`AnnError::Canceled`].
pub(crate) fn build(
    vectors: &Arc<Vectors>,
    sample: &[u32],
    parameters: &GraphParameters,
    job: Job<'_>,
) -> Result<Hierarchy, AnnError> {
    let distance = RowDistance(vectors.clone());
    let hnsw = Hnsw::new(parameters.m, sample.len(), MAX_LAYERS, parameters.ef_construction, distance);
    let points: Vec<[u32; 1]> = sample.iter().map(|&row| [row]).collect();
    for chunk in points.chunks(POINTS_PER_CHECK) {
        job.cancel.check()?;
        chunk.iter().for_each(|point| hnsw.insert_slice((point, point[0] as usize)));
        job.progress.advance(chunk.len() as u64);
    }
    Ok(flatten(&hnsw))
}

/// Builds a graph of `hnsw_rs` over all of `vectors` in float32, on all threads, as a baseline.
///
/// `measure` gets the search of `hnsw_rs` (query and `ef` to the `k` nearest rows) and the layers
/// of its graph.
///
/// # Errors
/// [`AnnError::Canceled`].
pub(crate) fn baseline<T>(
    vectors: &[f32],
    dimensions: usize,
    k: usize,
    parameters: &GraphParameters,
    job: Job<'_>,
    measure: impl FnOnce(&dyn Fn(&[f32], usize) -> Vec<u32>, Hierarchy) -> T,
) -> Result<T, AnnError> {
    let rows = vectors.len() / dimensions;
    job.progress.stage("building the graph of hnsw_rs", rows as u64);
    let hnsw = Hnsw::new(parameters.m, rows, MAX_LAYERS, parameters.ef_construction, Cosine);
    let points: Vec<(&[f32], usize)> = vectors.chunks_exact(dimensions).zip(0..).collect();
    for chunk in points.chunks(POINTS_PER_CHECK) {
        job.cancel.check()?;
        hnsw.parallel_insert_slice(&chunk.to_vec());
        job.progress.advance(chunk.len() as u64);
    }
    let search = |query: &[f32], ef| -> Vec<u32> {
        hnsw.search(query, k, ef).into_iter().map(|found| found.d_id as u32).collect()
    };
    Ok(measure(&search, flatten(&hnsw)))
}

/// 1 minus the inner product of two vectors of norm 1.
struct Cosine;

impl Distance<f32> for Cosine {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - kernel::dot_f32(a, b)).max(0.0)
    }
}

/// Copies a graph of `hnsw_rs` into flat layers.
fn flatten<T: Clone + Send + Sync, D: Distance<T> + Send + Sync>(hnsw: &Hnsw<'_, T, D>) -> Hierarchy {
    let points = hnsw.get_point_indexation();
    let top = usize::from(points.get_max_level_observed());
    let mut top_layer_of: HashMap<u32, usize> = HashMap::new();
    let mut lists: Vec<HashMap<u32, Vec<u32>>> = vec![HashMap::new(); top + 1];
    for layer in 0..=top {
        for point in points.get_layer_iterator(layer) {
            let row = point.get_origin_id() as u32;
            top_layer_of.insert(row, usize::from(point.get_point_id().0));
            for (l, neighbors) in point.get_neighborhood_id().into_iter().enumerate().take(layer + 1) {
                lists[l].insert(row, neighbors.iter().map(|n| n.d_id as u32).collect());
            }
        }
    }
    let layers: Vec<UpperLayer> = lists
        .into_iter()
        .enumerate()
        .map(|(l, mut lists)| {
            let on_layer = |row: &u32| top_layer_of.get(row).is_some_and(|&top| top >= l);
            let mut nodes: Vec<u32> = top_layer_of.keys().copied().filter(on_layer).collect();
            nodes.sort_unstable();
            let list = |row| lists.remove(row).unwrap_or_default().into_iter().filter(on_layer).collect();
            let neighbors = nodes.iter().map(list).collect();
            UpperLayer { nodes, neighbors }
        })
        .collect();
    let entry = layers.last().and_then(|top| top.nodes.first().copied()).unwrap_or(0);
    Hierarchy { layers, entry }
}
