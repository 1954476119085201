//! Builds a graph over vectors and measures searches of it against the exact result, which is
//! computed in float32 before any rounding.

use std::{path::Path, sync::Arc, time::Instant};

use rayon::prelude::*;

use super::{
    npy,
    queries::{MEASURED_EF, QuerySet, SearchMeasurement},
    source::VectorSource,
};
use crate::{
    ann::{
        beam::{BaseLayer, Scored},
        builder,
        graph::{self, Graph},
        hierarchy::{self, Hierarchy},
        kernel,
        layout::GRAPH_FILE,
        parameters::{GraphParameters, MEASURED_NEIGHBORS},
        scan::TopK,
        vectors::{QuantizedVector, VectorPrecision, Vectors, VectorsWriter},
    },
    index::error::IndexError,
    job::Job,
};

/// Rows that are computed at once.
const ROWS_AT_ONCE: usize = 1 << 14;
/// Queries and rows that a thread compares at a time for the exact result; so few rows stay in the
/// processor's caches for all of these queries.
const QUERY_TILE: usize = 64;
const ROW_TILE: usize = 16;

/// Options of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct BenchOptions {
    /// Rows of the graph.
    pub rows: usize,
    /// Number of queries; they are other vectors than the rows.
    pub queries: usize,
    /// Precision of the stored vectors.
    pub vectors: VectorPrecision,
    /// Parameters of the graph.
    pub graph: GraphParameters,
    /// Whether `hnsw_rs` also builds a graph over all rows, which its own search and that of
    /// saplink then search.
    pub baseline: bool,
}

/// The result of a measurement.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SearchBenchReport {
    /// Rows of the graph.
    pub rows: usize,
    /// Number of values in a vector.
    pub dimensions: usize,
    /// Number of queries.
    pub queries: usize,
    /// Processor time of the build for each row, on all cores together.
    pub build_milliseconds_per_row: f64,
    /// Time of the build.
    pub build_seconds: f64,
    /// Size of the graph on disk for each row.
    pub graph_bytes_per_row: f64,
    /// Size of the vectors on disk for each row.
    pub vector_bytes_per_row: f64,
    /// Rows that no path reached and that were connected afterwards.
    pub repaired: u64,
    /// One entry for each kind of search and `ef`.
    pub searches: Vec<SearchMeasurement>,
}

/// Builds a graph in `dir` and measures it. If `save` is set, `dir` also gets the rows, queries and
/// exact results as `base.npy`, `queries.npy` and `truth.npy`.
///
/// # Errors
/// [`IndexError`]; [`IndexError::TooFewVectors`] when the source has fewer than `rows + queries`
/// vectors.
pub fn run(
    source: &VectorSource,
    options: &BenchOptions,
    dir: &Path,
    save: bool,
    job: Job<'_>,
) -> Result<SearchBenchReport, IndexError> {
    let (rows, dimensions) = (options.rows, source.dimensions());
    let needed = rows.saturating_add(options.queries);
    if let Some(found) = source.rows().filter(|&found| found < needed) {
        return Err(IndexError::TooFewVectors { found, needed });
    }
    let queries = source.vectors(rows..rows + options.queries);
    let truth = write_vectors(source, &queries, options, dir, save, job)?;
    let vectors = Arc::new(Vectors::open(dir, dimensions, rows, options.vectors)?);

    let (started, cpu_started) = (Instant::now(), cpu_seconds());
    let built = builder::build(&vectors, &options.graph, job)?;
    let (build_seconds, build_cpu_seconds) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu_started);
    let path = dir.join(GRAPH_FILE);
    built.write(&path)?;
    let graph_bytes = fs_err::metadata(&path)?.len();
    let repaired = built.repaired;
    drop(built);

    let set = QuerySet { source, queries: &queries, truth: &truth, rows };
    let mut searches = set.measure_graph("saplink", &vectors, &Graph::open(&path, rows)?);
    searches.push(set.measure_scan(&vectors));
    if options.baseline {
        searches.extend(measure_baseline(&set, &vectors, &options.graph, dir, job)?);
    }
    Ok(SearchBenchReport {
        rows,
        dimensions,
        queries: options.queries,
        build_milliseconds_per_row: build_cpu_seconds * 1e3 / rows as f64,
        build_seconds,
        graph_bytes_per_row: graph_bytes as f64 / rows as f64,
        vector_bytes_per_row: (dimensions * options.vectors.bytes() + 4) as f64,
        repaired,
        searches,
    })
}

/// Writes the rows to the vector files of `dir`, and returns the nearest rows of each query, best
/// first.
fn write_vectors(
    source: &VectorSource,
    queries: &[f32],
    options: &BenchOptions,
    dir: &Path,
    save: bool,
    job: Job<'_>,
) -> Result<Vec<Vec<Scored>>, IndexError> {
    let (rows, dimensions) = (options.rows, source.dimensions());
    let mut nearest: Vec<TopK> = (0..options.queries).map(|_| TopK::new(MEASURED_NEIGHBORS)).collect();
    let mut writer = VectorsWriter::create(dir, dimensions, options.vectors)?;
    let mut saved = if save { Some(npy::NpyWriter::create(&dir.join("base.npy"), rows, dimensions)?) } else { None };
    job.progress.stage("computing vectors and exact results", rows as u64);
    for start in (0..rows).step_by(ROWS_AT_ONCE) {
        let end = rows.min(start + ROWS_AT_ONCE);
        let block = source.vectors(start..end);
        let quantized: Vec<QuantizedVector> = block.par_chunks_exact(dimensions).map(QuantizedVector::of).collect();
        writer.push(&quantized)?;
        if let Some(file) = &mut saved {
            file.push(&block)?;
        }
        let tiles = nearest.par_chunks_mut(QUERY_TILE).zip(queries.par_chunks(QUERY_TILE * dimensions));
        tiles.for_each(|(nearest, queries)| offer_rows(nearest, queries, &block, start as u32, dimensions));
        job.progress.advance((end - start) as u64);
        job.cancel.check()?;
    }
    let truth: Vec<Vec<Scored>> = nearest.into_iter().map(TopK::into_sorted).collect();
    if let Some(file) = saved {
        file.finish()?;
        npy::write(&dir.join("queries.npy"), options.queries, queries)?;
        let rows: Vec<i32> = truth.iter().flat_map(|t| t.iter().map(|s| s.row() as i32)).collect();
        npy::write(&dir.join("truth.npy"), options.queries, &rows)?;
    }
    Ok(truth)
}

/// Compares the rows of `block`, numbered from `first_row`, with some queries.
fn offer_rows(nearest: &mut [TopK], queries: &[f32], block: &[f32], first_row: u32, dimensions: usize) {
    for (tile_row, tile) in (first_row..).step_by(ROW_TILE).zip(block.chunks(ROW_TILE * dimensions)) {
        for (nearest, query) in nearest.iter_mut().zip(queries.chunks_exact(dimensions)) {
            for (row, vector) in (tile_row..).zip(tile.chunks_exact(dimensions)) {
                nearest.offer(Scored::new(kernel::dot_f32(vector, query), row));
            }
        }
    }
}

/// Measures a graph that `hnsw_rs` builds over all rows: with its own search, and with that of
/// saplink.
fn measure_baseline(
    set: &QuerySet,
    vectors: &Vectors,
    parameters: &GraphParameters,
    dir: &Path,
    job: Job<'_>,
) -> Result<Vec<SearchMeasurement>, IndexError> {
    let rows = set.source.vectors(0..set.rows);
    let path = dir.join("baseline.bin");
    let width = 2 * parameters.m;
    let measure = |search: &dyn Fn(&[f32], usize) -> Vec<u32>, Hierarchy { layers, entry }| {
        let of_hnsw_rs = MEASURED_EF.iter().map(|&ef| set.measure("hnsw_rs", ef, |query| (search(query, ef), 0)));
        let mut searches: Vec<SearchMeasurement> = of_hnsw_rs.collect();
        let lists = builder::lists_of_layer(&layers[0], set.rows, width);
        graph::write(&path, BaseLayer { lists: &lists, width }, &layers[1..], entry)?;
        searches.extend(set.measure_graph("saplink, graph of hnsw_rs", vectors, &Graph::open(&path, set.rows)?));
        Ok(searches)
    };
    hierarchy::baseline(&rows, set.source.dimensions(), MEASURED_NEIGHBORS, parameters, job, measure)?
}

/// Processor time of this process so far, on all threads.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
