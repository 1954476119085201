//! How fast and how well vectors are searched: builds a graph over vectors and measures searches of it against the truth.
//!
//! Vectors are read from a file, or made from those of an index: each lies between some that are neighbors there, so that they are
//! clustered as names are, in as many rows and dimensions as wanted. The truth is computed in float32, before anything is rounded.
//! Invariant: a vector depends on its number alone, so that none need be kept.

use std::{path::Path, sync::Arc, time::Instant};

use rayon::prelude::*;

use crate::{
    ann::{
        beam::{Ground, NONE, Scored, Scratch},
        builder,
        graph::{self, Graph, Level},
        hierarchy::{self, Hierarchy},
        kernel,
        layout::{GRAPH, SCALES, VECTORS},
        parameters::GraphParameters,
        scan::{Best, rescore, scan},
        vectors::{Kept, QueryVector, VectorPrecision, Vectors, VectorsWriter},
    },
    columns::mapped::MappedFile,
    concepts::{Selection, StoreSummary},
    index::{BuildOptions, Index, IndexError, ModelReference, Wanted, build, npy},
};
use crate::{job::Job, random::Random};

/// Nearest rows that recall is measured with.
const NEAREST: usize = 10;
/// Rows whose score comes this near the one that is to be reached are right too.
const TIE: f32 = 1e-6;
/// Rows that scans compare, about.
const SCANNED: usize = 200_000_000;
/// Queries that a thread holds against rows, and rows that it takes at a time.
const TOGETHER: usize = 64;
const FEW: usize = 16;
/// Rows that are made at once.
const BLOCK: usize = 1 << 14;

/// Where vectors of norm 1 come from.
pub enum Source {
    /// Rows of a file.
    File(npy::Rows),
    /// Made from the vectors of an index.
    Index { index: Box<Index>, dimensions: usize },
}

impl Source {
    /// Length of a vector.
    pub fn dimensions(&self) -> usize {
        match self {
            Self::File(rows) => rows.dimensions(),
            Self::Index { dimensions, .. } => *dimensions,
        }
    }

    /// Vector `number`, written to `out`.
    fn vector(&self, number: usize, out: &mut [f32]) {
        match self {
            Self::File(rows) => out.copy_from_slice(rows.row(number)),
            Self::Index { index, .. } => made(index, number as u64, out),
        }
        let norm = out.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        out.iter_mut().for_each(|v| *v /= norm);
    }

    /// The vectors of these numbers, one after another.
    fn vectors(&self, numbers: std::ops::Range<usize>) -> Vec<f32> {
        let dimensions = self.dimensions();
        let mut out = vec![0f32; numbers.len() * dimensions];
        out.par_chunks_exact_mut(dimensions).zip(numbers).for_each(|(out, number)| self.vector(number, out));
        out
    }
}

/// A vector between one of `index` and some neighbors of it, a little off; longer or shorter than those, its values are theirs again
/// with other signs.
fn made(index: &Index, number: u64, out: &mut [f32]) {
    let mut random = Random::new(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5EED);
    let vectors = index.vectors.rows();
    let first = (random.next() % index.vectors.len() as u64) as u32;
    let neighbors: Vec<u32> = index.graph.ground().neighbors(first).collect();
    let mut rows = vec![(first, 1.0)];
    for _ in 0..neighbors.len().min(3) {
        rows.push((neighbors[random.next() as usize % neighbors.len()], 0.5 * random.share()));
    }
    out.fill(0.0);
    for (row, weight) in rows {
        let (codes, weight) = (vectors.codes(row), weight * vectors.scale(row));
        out.iter_mut().zip(codes.iter().cycle()).for_each(|(value, &code)| *value += weight * f32::from(code));
    }
    let noise = 0.8 / (out.len() as f32).sqrt();
    for (j, value) in out.iter_mut().enumerate() {
        let sign = if (j / index.vectors.dimensions() * 31 + j).is_multiple_of(2) { 1.0 } else { -1.0 };
        *value = *value * sign + noise * (2.0 * random.share() - 1.0);
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct BenchOptions {
    /// Rows of the index.
    pub rows: usize,
    /// Vectors that are searched for; none of them is a row.
    pub queries: usize,
    pub vectors: VectorPrecision,
    pub graph: GraphParameters,
    /// Whether `hnsw_rs` also builds a graph over all rows, searches it itself, and ours searches the same graph.
    pub baseline: bool,
}

/// How searches with one setting went.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Measured {
    pub name: String,
    pub ef: usize,
    /// On one thread.
    pub queries_per_second: f64,
    pub p50_microseconds: f64,
    pub p99_microseconds: f64,
    pub recall_at_1: f64,
    pub recall_at_10: f64,
    /// Rows compared in a search, on average.
    pub compared: f64,
}

/// What was measured.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    pub rows: usize,
    pub dimensions: usize,
    pub queries: usize,
    /// Of a core, for each row.
    pub build_milliseconds_per_row: f64,
    pub build_seconds: f64,
    pub graph_bytes_per_row: f64,
    pub vector_bytes_per_row: f64,
    pub repaired: u64,
    pub searches: Vec<Measured>,
}

/// Builds the graph in `dir` and measures it. Vectors, queries and truth are left there as `base.npy`, `queries.npy` and `truth.npy` if
/// `keep`.
///
/// # Errors
/// [`IndexError`]; [`IndexError::TooFew`] when there are not as many vectors.
pub fn run(
    source: &Source,
    options: &BenchOptions,
    dir: &Path,
    keep: bool,
    job: Job<'_>,
) -> Result<Report, IndexError> {
    let (rows, dimensions) = (options.rows, source.dimensions());
    let wanted = rows.saturating_add(options.queries);
    match source {
        Source::File(rows) if rows.len() < wanted => return Err(IndexError::TooFew { found: rows.len(), wanted }),
        _ => {}
    }
    let queries = source.vectors(rows..rows + options.queries);
    let mut truth: Vec<Best> = (0..options.queries).map(|_| Best::new(NEAREST)).collect();
    let mut writer = VectorsWriter::create(dir, dimensions, options.vectors)?;
    let mut kept = if keep { Some(npy::Writer::create(&dir.join("base.npy"), rows, dimensions)?) } else { None };
    job.progress.stage("making vectors and the truth", rows as u64);
    for start in (0..rows).step_by(BLOCK) {
        let end = rows.min(start + BLOCK);
        let block = source.vectors(start..end);
        let stored: Vec<Kept> = block.par_chunks_exact(dimensions).map(Kept::of).collect();
        writer.push(&stored)?;
        if let Some(file) = &mut kept {
            file.push(&block)?;
        }
        truth.par_chunks_mut(TOGETHER).zip(queries.par_chunks(TOGETHER * dimensions)).for_each(|(truth, queries)| {
            // A few rows at a time, which stay in the processor's caches for all queries.
            for (rows, vectors) in (start as u32..).step_by(FEW).zip(block.chunks(FEW * dimensions)) {
                for (best, query) in truth.iter_mut().zip(queries.chunks_exact(dimensions)) {
                    for (row, vector) in (rows..).zip(vectors.chunks_exact(dimensions)) {
                        best.offer(Scored::new(kernel::dot_f32(vector, query), row));
                    }
                }
            }
        });
        job.progress.advance((end - start) as u64);
        job.cancel.check()?;
    }
    drop(writer);
    let truth: Vec<Vec<Scored>> = truth.into_iter().map(Best::sorted).collect();
    if let Some(file) = kept {
        file.finish()?;
        npy::write(&dir.join("queries.npy"), options.queries, &queries)?;
        let nearest: Vec<i32> = truth.iter().flat_map(|t| t.iter().map(|s| s.row() as i32)).collect();
        npy::write(&dir.join("truth.npy"), options.queries, &nearest)?;
    }
    let vectors = Arc::new(Vectors::open(dir, dimensions, rows, options.vectors)?);
    let judge = Judge { source, queries: &queries, truth: &truth, rows };

    let (started, cpu) = (Instant::now(), cpu_seconds());
    let built = builder::build(&vectors, &options.graph, job)?;
    let (build_seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let path = dir.join(GRAPH);
    graph::write(&path, Ground { lists: &built.lists, width: built.width }, &built.levels, built.entry)?;
    let graph_bytes = fs_err::metadata(&path)?.len();
    let repaired = built.repaired;
    drop(built);
    let graph = Graph::open(&path, rows)?;
    let mut scratch = Scratch::default();
    let mut ours = |name: &str, graph: &Graph, searches: &mut Vec<Measured>| {
        for ef in EF {
            searches.push(judge.measure(name, ef, |query| {
                let query = QueryVector::new(query);
                let found = graph.search(vectors.rows(), &query, &[], ef, |_| true, &mut scratch);
                rescore(vectors.rows(), &query, found, NEAREST);
                (found.iter().take(NEAREST).map(|s| s.row()).collect(), scratch.compared())
            }));
        }
    };
    let mut searches = vec![];
    ours("saplink", &graph, &mut searches);
    searches.push(judge.measure("exact", 0, |query| {
        let best = scan(vectors.rows(), &[QueryVector::new(query)], 0..rows as u32, 4 * NEAREST);
        (best[0].iter().take(NEAREST).map(|s| s.row()).collect(), rows)
    }));
    if options.baseline {
        let base = source.vectors(0..rows);
        let path = dir.join("baseline.bin");
        let measure = |search: &dyn Fn(&[f32], usize) -> Vec<u32>, Hierarchy { levels, entry }| {
            for ef in EF {
                searches.push(judge.measure("hnsw_rs", ef, |query| (search(query, ef), 0)));
            }
            let width = 2 * options.graph.m;
            let mut lists = vec![NONE; rows * width];
            for (&row, neighbors) in levels[0].nodes.iter().zip(&levels[0].neighbors) {
                builder::fill(&mut lists[row as usize * width..][..width], neighbors);
            }
            graph::write(&path, Ground { lists: &lists, width }, &levels[1..], entry)?;
            ours("saplink, graph of hnsw_rs", &Graph::open(&path, rows)?, &mut searches);
            Ok::<_, IndexError>(())
        };
        hierarchy::baseline(&base, dimensions, NEAREST, &options.graph, job, measure)??;
    }
    Ok(Report {
        rows,
        dimensions,
        queries: options.queries,
        build_milliseconds_per_row: cpu * 1e3 / rows as f64,
        build_seconds,
        graph_bytes_per_row: graph_bytes as f64 / rows as f64,
        vector_bytes_per_row: (dimensions * options.vectors.bytes() + 4) as f64,
        repaired,
        searches,
    })
}

/// Candidates that are tried.
const EF: [usize; 9] = [16, 24, 32, 48, 64, 96, 128, 192, 256];

/// What searches are held against.
struct Judge<'a> {
    source: &'a Source,
    queries: &'a [f32],
    truth: &'a [Vec<Scored>],
    rows: usize,
}

impl Judge<'_> {
    /// Runs queries through `search`, one after another, which gives the best rows and how many were compared. Of three runs the
    /// fastest counts.
    fn measure(&self, name: &str, ef: usize, mut search: impl FnMut(&[f32]) -> (Vec<u32>, usize)) -> Measured {
        let dimensions = self.source.dimensions();
        // A scan of everything is slow, and takes as long for each query.
        let all = self.truth.len();
        let count = if ef == 0 { (SCANNED / self.rows).max(10).min(all) } else { all };
        let queries = || self.queries.chunks_exact(dimensions).take(count);
        let mut runs: Vec<Vec<f64>> = vec![];
        let (mut compared, mut found) = (0, vec![]);
        for _ in 0..3 {
            (compared, found) = (0, vec![]);
            let run = queries().map(|query| {
                let started = Instant::now();
                let (rows, n) = search(query);
                let time = started.elapsed().as_secs_f64() * 1e6;
                compared += n;
                found.push(rows);
                time
            });
            runs.push(run.collect());
        }
        let total = |run: &Vec<f64>| run.iter().sum::<f64>();
        let mut times = runs.into_iter().min_by(|a, b| total(a).total_cmp(&total(b))).unwrap_or_default();
        let total = total(&times);
        times.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let (mut right_1, mut right, mut all) = (0, 0, 0);
        let mut vector = vec![0f32; dimensions];
        for ((query, truth), found) in queries().zip(self.truth).zip(&found) {
            let mut is_right = |row: u32, worst: Option<&Scored>| {
                self.source.vector(row as usize, &mut vector);
                worst.is_some_and(|worst| kernel::dot_f32(&vector, query) >= worst.score() - TIE)
            };
            right_1 += usize::from(found.first().is_some_and(|&row| is_right(row, truth.first())));
            right += found.iter().take(truth.len()).filter(|&&row| is_right(row, truth.last())).count();
            all += truth.len();
        }
        Measured {
            name: name.into(),
            ef,
            queries_per_second: count as f64 / total * 1e6,
            p50_microseconds: at(0.5),
            p99_microseconds: at(0.99),
            recall_at_1: right_1 as f64 / count as f64,
            recall_at_10: right as f64 / all as f64,
            compared: compared as f64 / count as f64,
        }
    }
}

/// Completes the index whose concepts were assembled in `dir` with vectors of zeros and a graph without edges on the ground, as long as
/// real ones: to measure what opening it costs, which reads neither.
///
/// # Errors
/// What the disk says.
pub fn hollow(dir: &Path, assembled: StoreSummary, selection: Selection, dimensions: usize) -> Result<(), IndexError> {
    let rows = assembled.counts.rows as usize;
    fs_err::File::create(dir.join(VECTORS))?.set_len((rows * dimensions) as u64)?;
    fs_err::write(dir.join(SCALES), vec![0; rows * size_of::<f32>()])?;
    let nodes: Vec<u32> = (0..rows as u32).step_by(builder::SAMPLE).collect();
    let neighbors = vec![nodes[..nodes.len().min(24)].to_vec(); nodes.len()];
    let graph = GraphParameters { m: 16, ef_construction: 200, ef_search: 64, repaired: 0 };
    let lists = vec![NONE; rows * 2 * graph.m];
    let ground = Ground { lists: &lists, width: 2 * graph.m };
    graph::write(&dir.join(GRAPH), ground, &[Level { nodes, neighbors }], 0)?;
    let options = BuildOptions {
        name: "hollow".into(),
        model: ModelReference { name: "none".into(), fingerprint: "0".into(), dimensions },
        vectors: VectorPrecision::Int8,
        graph,
        wanted: Wanted::EfSearch(graph.ef_search),
        nil_threshold: 0.75,
        selection,
        inputs: vec![],
        memory: u64::MAX,
    };
    build::manifest(dir, assembled, &options, 0)?.write(dir)
}

/// Processor time that this process took, on all its threads.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Opens a file of vectors.
///
/// # Errors
/// [`IndexError::Damaged`] when it is none.
pub fn open(path: &Path) -> Result<npy::Rows, IndexError> {
    npy::Rows::open(MappedFile::open(path)?)
}
