//! Builds the graph with `hnsw_rs` and takes it out as flat levels.
//!
//! A point of `hnsw_rs` holds a row number, and its distance looks the row up: the vectors are not copied. Its own dump and
//! search are not used. Invariant: the only place that knows `hnsw_rs`.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use hnsw_rs::{anndists::dist::distances::Distance, hnsw::Hnsw};

use super::{
    IndexError,
    graph::{Level, Scored},
    manifest::GraphParameters,
    vectors::Vectors,
};
use crate::progress::Progress;

/// Points between two looks at whether to stop.
const CHUNK: usize = 1000;
/// Rows up to which points are inserted one by one: the same names then give the same graph, bit for bit. Beyond, threads race and
/// two builds differ a little.
const ONE_BY_ONE: u32 = 50_000;
/// Levels that `hnsw_rs` may use; a point is on level 15 with probability 16^-15.
const MOST_LEVELS: usize = 16;

struct RowDistance(Arc<Vectors>);

impl Distance<u32> for RowDistance {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        // hnsw_rs wants distances that are not negative; rounding may bring 1 - cosine just below.
        (1.0 - self.0.score(a[0], self.0.row(b[0]))).max(0.0)
    }
}

/// A built graph: its entry point, its levels from the lowest, and how many rows had to be connected afterwards.
pub struct Built {
    pub entry: u32,
    pub levels: Vec<Level>,
    pub repaired: u64,
}

/// Builds the graph over `vectors`.
///
/// # Errors
/// [`IndexError::Interrupted`].
pub fn build(
    vectors: &Arc<Vectors>,
    parameters: &GraphParameters,
    progress: &dyn Progress,
) -> Result<Built, IndexError> {
    let rows = u32::try_from(vectors.len()).map_err(|_| IndexError::TooLarge("4 billion rows"))?;
    progress.stage("building the graph", rows.into());
    let distance = RowDistance(vectors.clone());
    let hnsw = Hnsw::new(parameters.m, rows as usize, MOST_LEVELS, parameters.ef_construction, distance);
    let points: Vec<[u32; 1]> = (0..rows).map(|row| [row]).collect();
    // The first point alone, so that those inserted side by side find an entry point.
    let (first, others) = points.split_at(1.min(points.len()));
    for chunk in std::iter::once(first).chain(others.chunks(CHUNK)) {
        if progress.interrupted() {
            return Err(IndexError::Interrupted);
        }
        let batch: Vec<(&[u32], usize)> = chunk.iter().map(|row| (&row[..], row[0] as usize)).collect();
        if rows <= ONE_BY_ONE {
            batch.iter().for_each(|&point| hnsw.insert_slice(point));
        } else {
            hnsw.parallel_insert_slice(&batch);
        }
        progress.advance(chunk.len() as u64);
    }
    let mut levels = flatten(&hnsw, rows);
    let entry = levels.last().and_then(|top| top.nodes.first().copied()).unwrap_or(0);
    let repaired = connect(&mut levels[0], entry, vectors);
    Ok(Built { entry, levels, repaired })
}

fn flatten(hnsw: &Hnsw<'_, u32, RowDistance>, rows: u32) -> Vec<Level> {
    let points = hnsw.get_point_indexation();
    let top = usize::from(points.get_max_level_observed());
    let mut level_of = vec![0u8; rows as usize];
    let mut lists: Vec<HashMap<u32, Vec<u32>>> = vec![HashMap::new(); top + 1];
    for layer in 0..=top {
        for point in points.get_layer_iterator(layer) {
            let row = point.get_origin_id() as u32;
            level_of[row as usize] = point.get_point_id().0;
            for (l, neighbours) in point.get_neighborhood_id().into_iter().enumerate().take(layer + 1) {
                lists[l].insert(row, neighbours.iter().map(|n| n.d_id as u32).collect());
            }
        }
    }
    let levels = lists.into_iter().enumerate().map(|(l, mut lists)| {
        let nodes: Vec<u32> = (0..rows).filter(|&r| usize::from(level_of[r as usize]) >= l).collect();
        let on_level = |row: &u32| usize::from(level_of[*row as usize]) >= l;
        let list = |row| lists.remove(&row).unwrap_or_default().into_iter().filter(on_level).collect();
        let neighbours = nodes.iter().copied().map(list).collect();
        Level { nodes, neighbours }
    });
    levels.collect()
}

/// Gives every row that the entry point does not reach an edge from its nearest row that it does reach.
fn connect(level: &mut Level, entry: u32, vectors: &Vectors) -> u64 {
    let rows = level.nodes.len() as u32;
    let mut reached = vec![false; rows as usize];
    let mut repaired = 0;
    spread(level, entry, &mut reached);
    for row in 0..rows {
        if reached[row as usize] {
            continue;
        }
        let score = |other| Scored { score: vectors.score(other, vectors.row(row)), row: other };
        let nearest = (0..rows).filter(|&r| reached[r as usize]).map(score).max();
        if let Some(nearest) = nearest {
            level.neighbours[nearest.row as usize].push(row);
            repaired += 1;
            spread(level, row, &mut reached);
        }
    }
    repaired
}

fn spread(level: &Level, from: u32, reached: &mut [bool]) {
    reached[from as usize] = true;
    let mut queue = VecDeque::from([from]);
    while let Some(row) = queue.pop_front() {
        for &next in &level.neighbours[row as usize] {
            if !std::mem::replace(&mut reached[next as usize], true) {
                queue.push_back(next);
            }
        }
    }
}
