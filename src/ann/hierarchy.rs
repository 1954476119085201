//! The upper levels of the graph: `hnsw_rs` builds a graph over a sample of the rows, and it is taken out as flat levels.
//!
//! A point of `hnsw_rs` holds a row number, and its distance looks the row up: the vectors are not copied. It needs some 2,200 bytes a
//! point, which a sample can afford. Its own dump and search are not used. Invariants: the only place that knows `hnsw_rs`; the same rows
//! give the same levels, since they are inserted one by one.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use hnsw_rs::{anndists::dist::distances::Distance, hnsw::Hnsw};

use crate::job::Job;
use crate::{
    ann::AnnError,
    ann::{
        graph::Level,
        kernel,
        parameters::GraphParameters,
        vectors::{QueryVector, Vectors},
    },
};

/// Points between two looks at whether to stop.
const CHUNK: usize = 1000;
/// Levels that `hnsw_rs` may use; a point is on level 15 with probability 16^-15.
const MOST_LEVELS: usize = 16;

struct RowDistance(Arc<Vectors>);

thread_local! {
    static ROW: RefCell<QueryVector> = RefCell::default();
}

impl Distance<u32> for RowDistance {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        // hnsw_rs wants distances that are not negative; rounding may bring 1 - cosine just below.
        let score = ROW.with_borrow_mut(|row| {
            let rows = self.0.rows();
            rows.load(a[0], row);
            rows.score(b[0], row)
        });
        (1.0 - score).max(0.0)
    }
}

/// Levels from the lowest, which holds the whole sample, and a row of the highest.
pub(crate) struct Hierarchy {
    pub levels: Vec<Level>,
    pub entry: u32,
}

/// Builds the graph over `sample`, rows of `vectors` in the order in which they are inserted.
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
    let hnsw = Hnsw::new(parameters.m, sample.len(), MOST_LEVELS, parameters.ef_construction, distance);
    let points: Vec<[u32; 1]> = sample.iter().map(|&row| [row]).collect();
    for chunk in points.chunks(CHUNK) {
        job.cancel.check()?;
        chunk.iter().for_each(|point| hnsw.insert_slice((point, point[0] as usize)));
        job.progress.advance(chunk.len() as u64);
    }
    Ok(flatten(&hnsw))
}

/// Builds `hnsw_rs`'s own graph over all of `vectors` in float32, with all threads, and gives `each` its own search, for the `nearest` rows
/// to a query, and the levels of the graph.
///
/// # Errors
/// [`AnnError::Canceled`].
pub(crate) fn baseline<T>(
    vectors: &[f32],
    dimensions: usize,
    nearest: usize,
    parameters: &GraphParameters,
    job: Job<'_>,
    each: impl FnOnce(&dyn Fn(&[f32], usize) -> Vec<u32>, Hierarchy) -> T,
) -> Result<T, AnnError> {
    let rows = vectors.len() / dimensions;
    job.progress.stage("building the graph of hnsw_rs", rows as u64);
    let hnsw = Hnsw::new(parameters.m, rows, MOST_LEVELS, parameters.ef_construction, Cosine);
    let points: Vec<(&[f32], usize)> = vectors.chunks_exact(dimensions).zip(0..).collect();
    for chunk in points.chunks(CHUNK) {
        job.cancel.check()?;
        hnsw.parallel_insert_slice(&chunk.to_vec());
        job.progress.advance(chunk.len() as u64);
    }
    let search = |query: &[f32], ef| -> Vec<u32> {
        hnsw.search(query, nearest, ef).into_iter().map(|found| found.d_id as u32).collect()
    };
    Ok(each(&search, flatten(&hnsw)))
}

/// One less the inner product of vectors of norm 1.
struct Cosine;

impl Distance<f32> for Cosine {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - kernel::dot_f32(a, b)).max(0.0)
    }
}

fn flatten<T: Clone + Send + Sync, D: Distance<T> + Send + Sync>(hnsw: &Hnsw<'_, T, D>) -> Hierarchy {
    let points = hnsw.get_point_indexation();
    let top = usize::from(points.get_max_level_observed());
    let mut level_of: HashMap<u32, usize> = HashMap::new();
    let mut lists: Vec<HashMap<u32, Vec<u32>>> = vec![HashMap::new(); top + 1];
    for layer in 0..=top {
        for point in points.get_layer_iterator(layer) {
            let row = point.get_origin_id() as u32;
            level_of.insert(row, usize::from(point.get_point_id().0));
            for (l, neighbors) in point.get_neighborhood_id().into_iter().enumerate().take(layer + 1) {
                lists[l].insert(row, neighbors.iter().map(|n| n.d_id as u32).collect());
            }
        }
    }
    let levels: Vec<Level> = lists
        .into_iter()
        .enumerate()
        .map(|(l, mut lists)| {
            let on_level = |row: &u32| level_of.get(row).is_some_and(|&level| level >= l);
            let mut nodes: Vec<u32> = level_of.keys().copied().filter(on_level).collect();
            nodes.sort_unstable();
            let list = |row| lists.remove(row).unwrap_or_default().into_iter().filter(on_level).collect();
            let neighbors = nodes.iter().map(list).collect();
            Level { nodes, neighbors }
        })
        .collect();
    let entry = levels.last().and_then(|top| top.nodes.first().copied()).unwrap_or(0);
    Hierarchy { levels, entry }
}
