//! Builds the graph: `hnsw_rs` its hierarchy over a sample, and here its ground level over every row.
//!
//! Rows are inserted in batches: each row of a batch searches the graph as it was before the batch, all at once; then the edges are
//! set. So nothing is locked, threads cannot race, and the same rows give the same graph, bit for bit, on however many threads (as in
//! ParlayANN, Manohar et al. 2024). A row costs its list and a few bytes. Invariant: every row can be reached from the entry.

use std::{collections::VecDeque, sync::Arc};

use rayon::prelude::*;

use crate::{
    ann::AnnError,
    ann::{
        beam::{Ground, NONE, Scored, Scratch, beam},
        graph::{Level, descend},
        hierarchy::{self, Hierarchy},
        parameters::GraphParameters,
        vectors::{QueryVector, Rows, Vectors},
    },
};
use crate::{cancel::Canceled, job::Job};

/// Of so many rows one is in the hierarchy.
pub(crate) const SAMPLE: usize = 64;
/// A batch is at most this share of the rows that are there, since its rows do not see each other ..
const BATCH_SHARE: usize = 50;
/// .. and at most this many, for the memory that it takes.
const BATCH_ROWS: usize = 1 << 14;
/// Rows more alike than this are taken as the same: an edge to one of them is an edge to all.
const SAME: f32 = 0.999_999;
/// Bytes of memory that a row takes while building, beside its list.
const ROW_BYTES: u64 = 16;

/// A built graph.
pub(crate) struct Built {
    /// The lists of the ground level, one after another.
    pub lists: Vec<u32>,
    pub width: usize,
    /// The levels above it, from the lowest.
    pub levels: Vec<Level>,
    pub entry: u32,
    /// Rows that had to be connected afterwards.
    pub repaired: u64,
}

/// Bytes of memory that building a graph over `rows` rows takes, beside the mapped vectors.
pub(crate) fn memory(rows: u64, parameters: &GraphParameters) -> u64 {
    let (list, in_hierarchy) = (8 * parameters.m as u64, 500 + 125 * parameters.m as u64);
    rows * (list + ROW_BYTES) + rows.div_ceil(SAMPLE as u64) * in_hierarchy
}

/// Builds the graph over `vectors`.
///
/// # Errors
/// [`AnnError::Canceled`].
pub(crate) fn build(vectors: &Arc<Vectors>, parameters: &GraphParameters, job: Job<'_>) -> Result<Built, AnnError> {
    let rows = u32::try_from(vectors.len()).ok().filter(|&rows| rows < NONE);
    let rows = rows.ok_or(AnnError::TooLarge("4 billion rows"))?;
    job.progress.stage("building the graph", rows.into());
    // Rows beside each other are alike: they are inserted in an order that has nothing to do with it.
    let mut order: Vec<u32> = (0..rows).collect();
    order.sort_by_cached_key(|&row| scatter(row));
    let (sample, others) = order.split_at(order.len().div_ceil(SAMPLE));
    let Hierarchy { levels, entry } = hierarchy::build(vectors, sample, parameters, job)?;
    let width = 2 * parameters.m;
    let mut lists = vec![NONE; rows as usize * width];
    for (&row, neighbors) in levels[0].nodes.iter().zip(&levels[0].neighbors) {
        fill(&mut lists[row as usize * width..][..width], neighbors);
    }
    let mut builder =
        Builder { vectors: vectors.rows(), levels: &levels, entry, ef: parameters.ef_construction, lists, width };
    builder.insert(sample.len(), others, job)?;
    let repaired = builder.connect(job)?;
    let lists = builder.lists;
    Ok(Built { lists, width, levels, entry, repaired })
}

/// A number for each row, as if by chance (the finisher of MurmurHash3).
fn scatter(row: u32) -> u32 {
    let mut x = row ^ 0x5EED;
    x = (x ^ x >> 16).wrapping_mul(0x85EB_CA6B);
    x = (x ^ x >> 13).wrapping_mul(0xC2B2_AE35);
    x ^ x >> 16
}

/// Makes `list` one of these neighbors.
pub(crate) fn fill(list: &mut [u32], neighbors: &[u32]) {
    list.fill(NONE);
    list.iter_mut().zip(neighbors).for_each(|(place, &neighbor)| *place = neighbor);
}

struct Builder<'a> {
    vectors: Rows<'a>,
    levels: &'a [Level],
    entry: u32,
    ef: usize,
    lists: Vec<u32>,
    width: usize,
}

/// What a thread uses for a run of rows.
#[derive(Default)]
struct Desk {
    scratch: Scratch,
    query: QueryVector,
    other: QueryVector,
}

impl Builder<'_> {
    fn ground(&self) -> Ground<'_> {
        Ground { lists: &self.lists, width: self.width }
    }

    /// Inserts `rows` beside those `present`.
    fn insert(&mut self, mut present: usize, mut rows: &[u32], job: Job<'_>) -> Result<(), AnnError> {
        while !rows.is_empty() {
            let batch;
            (batch, rows) = rows.split_at((present / BATCH_SHARE).clamp(1, BATCH_ROWS).min(rows.len()));
            let neighbors = batch.par_iter().map_init(Desk::default, |desk, &row| {
                job.cancel.check()?;
                let Desk { scratch, query, other } = desk;
                self.vectors.load(row, query);
                let near = self.near(query, self.ef, scratch);
                Ok(select(self.vectors, near, self.width, other))
            });
            let neighbors = neighbors.collect::<Result<Vec<_>, Canceled>>()?;
            let mut edges: Vec<(u32, u32)> = vec![];
            for (&row, near) in batch.iter().zip(&neighbors) {
                fill(&mut self.lists[row as usize * self.width..][..self.width], near);
                edges.extend(near.iter().map(|&neighbor| (neighbor, row)));
            }
            edges.par_sort_unstable();
            let relinked = edges.par_chunk_by(|a, b| a.0 == b.0).map_init(Desk::default, |desk, edges| {
                let row = edges[0].0;
                (row, self.relinked(row, edges.iter().map(|edge| edge.1), desk))
            });
            for (row, list) in relinked.collect::<Vec<_>>() {
                fill(&mut self.lists[row as usize * self.width..][..self.width], &list);
            }
            present += batch.len();
            job.progress.advance(batch.len() as u64);
        }
        Ok(())
    }

    /// The rows nearest to `query`, best first.
    fn near<'s>(&self, query: &QueryVector, ef: usize, scratch: &'s mut Scratch) -> &'s [Scored] {
        let mut nearest = Scored::new(self.vectors.score(self.entry, query), self.entry);
        for level in self.levels.iter().rev() {
            nearest = descend(|row| level.of(row), self.vectors, query, nearest);
        }
        beam(self.ground(), self.vectors, query, [nearest.row(), self.entry].into_iter(), ef, |_| true, scratch)
    }

    /// The list of `row` with edges to `others` added: all of them if there is room, else the best of all.
    fn relinked(&self, row: u32, others: impl Iterator<Item = u32>, desk: &mut Desk) -> Vec<u32> {
        let list: Vec<u32> = self.ground().neighbors(row).chain(others).collect();
        if list.len() <= self.width {
            return list;
        }
        self.vectors.load(row, &mut desk.query);
        list.iter().for_each(|&other| self.vectors.prefetch(other));
        let mut scored: Vec<Scored> =
            list.iter().map(|&other| Scored::new(self.vectors.score(other, &desk.query), other)).collect();
        scored.sort_unstable_by(|a, b| b.cmp(a));
        select(self.vectors, &scored, self.width, &mut desk.other)
    }

    /// Gives every row that the entry does not reach an edge from a near row that it does reach; how many there were.
    fn connect(&mut self, job: Job<'_>) -> Result<u64, AnnError> {
        let mut reached = vec![false; self.ground().rows()];
        spread(self.ground(), self.entry, &mut reached);
        let (mut desk, mut repaired) = (Desk::default(), 0);
        for row in 0..reached.len() as u32 {
            if reached[row as usize] {
                continue;
            }
            job.cancel.check()?;
            self.vectors.load(row, &mut desk.query);
            let has_room = |&from: &u32| self.ground().neighbors(from).count() < self.width;
            let near = [64, 1024, usize::MAX].into_iter().find_map(|ef| {
                let near = self.near(&desk.query, ef.min(reached.len()), &mut desk.scratch).iter();
                near.map(|scored| scored.row()).filter(|&from| reached[from as usize]).find(has_room)
            });
            // Where nothing that is reached has room, which a list of 2 M neighbors never was, there is still the entry's.
            let from = near.unwrap_or(self.entry);
            let end = self.ground().neighbors(from).count().min(self.width - 1);
            self.lists[from as usize * self.width + end] = row;
            repaired += 1;
            spread(self.ground(), row, &mut reached);
        }
        Ok(repaired)
    }
}

/// Of `near`, best first, at most `most` that lie in different directions: each is nearer to the row than to any taken before it
/// (Malkov and Yashunin 2016, algorithm 4).
fn select(vectors: Rows, near: &[Scored], most: usize, other: &mut QueryVector) -> Vec<u32> {
    let mut taken: Vec<u32> = vec![];
    for scored in near {
        vectors.load(scored.row(), other);
        // Rounded to int8 a row is not exactly as long as another.
        let same = SAME * vectors.score(scored.row(), other);
        let apart = |&row: &u32| {
            let alike = vectors.score(row, other);
            alike <= scored.score() && alike < same
        };
        if taken.iter().all(apart) {
            taken.push(scored.row());
            if taken.len() == most {
                break;
            }
        }
    }
    taken
}

fn spread(ground: Ground, from: u32, reached: &mut [bool]) {
    reached[from as usize] = true;
    let mut queue = VecDeque::from([from]);
    while let Some(row) = queue.pop_front() {
        for next in ground.neighbors(row) {
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
            graph::{self, Graph},
            scan::scan,
            vectors::{Kept, VectorsWriter},
        },
        job::Job,
    };

    const DIMENSIONS: usize = 24;

    /// Rows around some centers; every `twins`th is the same as the one before it.
    fn vectors(dir: &std::path::Path, rows: usize, twins: usize) -> Arc<Vectors> {
        let value = |x: u32| scatter(x) as f32 / u32::MAX as f32 - 0.5;
        let row = |i: usize| -> Vec<f32> {
            let i = if i % twins == twins - 1 { i - 1 } else { i } as u32;
            let values = (0..DIMENSIONS as u32).map(|d| value(i % 97 * 64 + d) + 0.6 * value((i + 1000) * 64 + d));
            let values: Vec<f32> = values.collect();
            let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
            values.iter().map(|v| v / norm).collect()
        };
        let kept: Vec<Kept> = (0..rows).map(|i| Kept::of(&row(i))).collect();
        let mut writer = VectorsWriter::create(dir, DIMENSIONS, VectorPrecision::Int8).unwrap();
        writer.push(&kept).unwrap();
        Arc::new(Vectors::open(dir, DIMENSIONS, rows, VectorPrecision::Int8).unwrap())
    }

    const PARAMETERS: GraphParameters = GraphParameters { m: 8, ef_construction: 60, ef_search: 1, repaired: 0 };

    fn assert_whole(built: &Built, rows: usize) {
        let ground = Ground { lists: &built.lists, width: built.width };
        let mut reached = vec![false; rows];
        spread(ground, built.entry, &mut reached);
        assert!(reached.iter().all(|&reached| reached), "every row can be reached");
        for row in 0..rows as u32 {
            let mut list: Vec<u32> = ground.neighbors(row).collect();
            assert!(!list.contains(&row), "no row is its own neighbor");
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), ground.neighbors(row).count(), "no neighbor is there twice");
        }
    }

    #[test]
    fn the_same_rows_give_the_same_graph_on_any_number_of_threads() {
        let dir = tempfile::tempdir().unwrap();
        let vectors = vectors(dir.path(), 3000, 10);
        let build = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| build(&vectors, &PARAMETERS, Job::silent()).unwrap())
        };
        let (one, several) = (build(1), build(7));
        assert!(one.lists == several.lists && one.levels == several.levels && one.entry == several.entry);
        assert_whole(&one, 3000);
    }

    #[test]
    fn few_rows_and_many_that_are_the_same_are_found() {
        // Of 600 rows in the last case, 597 are one.
        for (rows, twins) in [(1, 10), (2, 10), (3, 2), (70, 10), (2000, 2), (600, 601)] {
            let dir = tempfile::tempdir().unwrap();
            let vectors = if twins < 600 {
                vectors(dir.path(), rows, twins)
            } else {
                let mut writer = VectorsWriter::create(dir.path(), DIMENSIONS, VectorPrecision::Int8).unwrap();
                let value = |i: usize, d: usize| if i < 597 { 1.0 + d as f32 * 0.37 } else { (i * d % 7) as f32 - 2.0 };
                let row = |i: usize| -> Vec<f32> {
                    let values: Vec<f32> = (0..DIMENSIONS).map(|d| value(i, d)).collect();
                    let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
                    values.iter().map(|v| v / norm).collect()
                };
                let kept: Vec<Kept> = (0..rows).map(|i| Kept::of(&row(i))).collect();
                writer.push(&kept).unwrap();
                Arc::new(Vectors::open(dir.path(), DIMENSIONS, rows, VectorPrecision::Int8).unwrap())
            };
            let built = build(&vectors, &PARAMETERS, Job::silent()).unwrap();
            assert_whole(&built, rows);
            let path = dir.path().join("graph");
            graph::write(&path, Ground { lists: &built.lists, width: built.width }, &built.levels, built.entry)
                .unwrap();
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
            assert!(right as f64 >= 0.99 * rows as f64, "{rows} rows, {twins}: {right}");
        }
    }

    #[test]
    fn memory_is_what_the_parts_take() {
        let (lists, sample) = (4 * 32 * 1_000_000, 15_625 * 2500);
        assert_eq!(memory(1_000_000, &GraphParameters { m: 16, ..PARAMETERS }), lists + 16_000_000 + sample);
    }
}
