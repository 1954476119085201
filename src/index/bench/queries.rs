//! Runs queries through one kind of search and measures speed and recall.

use std::time::Instant;

use super::source::VectorSource;
use crate::ann::{
    beam::{Scored, Scratch},
    graph::Graph,
    kernel,
    parameters::MEASURED_NEIGHBORS,
    scan::{rescore, scan},
    vectors::{QueryVector, Vectors},
};

/// Values of `ef` that are measured.
pub(super) const MEASURED_EF: [usize; 9] = [16, 24, 32, 48, 64, 96, 128, 192, 256];
/// Runs of the same queries; the fastest counts.
const RUNS: usize = 3;
/// Tolerance: a row also counts as right if its exact score is at most this much below the required
/// score.
const TIE: f32 = 1e-6;
/// Approximate number of rows that all exact scans of a measurement compare together. Exact scans
/// are slow and take equal time, so few are enough.
const SCANNED_ROWS: usize = 200_000_000;
/// Minimum number of exact scans of a measurement.
const MIN_SCANS: usize = 10;

/// Speed and recall of one kind of search.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SearchMeasurement {
    /// The kind of search, such as `saplink` or `exact`.
    pub name: String,
    /// Candidates of the graph search; 0 for an exact scan.
    pub ef: usize,
    /// Searches per second on one thread.
    pub queries_per_second: f64,
    /// Median time of a search.
    pub p50_microseconds: f64,
    /// Time that 99 of 100 searches do not exceed.
    pub p99_microseconds: f64,
    /// Share of the queries whose nearest row was found, 0 to 1.
    pub recall_at_1: f64,
    /// Share of the ten nearest rows of each query that were found, 0 to 1.
    pub recall_at_10: f64,
    /// Rows that a search compared on average; 0 if unknown.
    pub compared: f64,
}

/// The queries of a measurement with their exact results.
pub(super) struct QuerySet<'a> {
    /// The source of the rows.
    pub source: &'a VectorSource,
    /// The queries, one after another.
    pub queries: &'a [f32],
    /// The nearest rows of each query, best first, computed in float32.
    pub truth: &'a [Vec<Scored>],
    /// Number of rows.
    pub rows: usize,
}

/// What the queries of one run gave.
struct QueryRun {
    microseconds: Vec<f64>,
    /// Rows that each query found, best first.
    found: Vec<Vec<u32>>,
    /// Rows that all queries compared.
    compared: usize,
}

impl QuerySet<'_> {
    /// Measures the search of `graph` with every value of [`MEASURED_EF`].
    pub(super) fn measure_graph(&self, name: &str, vectors: &Vectors, graph: &Graph) -> Vec<SearchMeasurement> {
        let mut scratch = Scratch::default();
        let measurements = MEASURED_EF.iter().map(|&ef| {
            self.measure(name, ef, |query| {
                let query = QueryVector::new(query);
                let found = graph.search(vectors.rows(), &query, &[], ef, |_| true, &mut scratch);
                rescore(vectors.rows(), &query, found, MEASURED_NEIGHBORS);
                (found.iter().take(MEASURED_NEIGHBORS).map(|s| s.row()).collect(), scratch.compared())
            })
        });
        measurements.collect()
    }

    /// Measures the exact scan with some of the queries.
    pub(super) fn measure_scan(&self, vectors: &Vectors) -> SearchMeasurement {
        let count = (SCANNED_ROWS / self.rows).max(MIN_SCANS).min(self.truth.len());
        self.measure_first(count, "exact", 0, |query| {
            let best = scan(vectors.rows(), &[QueryVector::new(query)], 0..self.rows as u32, 4 * MEASURED_NEIGHBORS);
            (best[0].iter().take(MEASURED_NEIGHBORS).map(|s| s.row()).collect(), self.rows)
        })
    }

    /// Measures `search`, which returns the rows it found, best first, and the number of rows that
    /// it compared.
    pub(super) fn measure(
        &self,
        name: &str,
        ef: usize,
        search: impl FnMut(&[f32]) -> (Vec<u32>, usize),
    ) -> SearchMeasurement {
        self.measure_first(self.truth.len(), name, ef, search)
    }

    /// As [`QuerySet::measure`], with the first `count` queries.
    fn measure_first(
        &self,
        count: usize,
        name: &str,
        ef: usize,
        mut search: impl FnMut(&[f32]) -> (Vec<u32>, usize),
    ) -> SearchMeasurement {
        let total = |run: &QueryRun| run.microseconds.iter().sum::<f64>();
        let mut fastest = self.run(count, &mut search);
        for _ in 1..RUNS {
            let run = self.run(count, &mut search);
            if total(&run) < total(&fastest) {
                fastest = run;
            }
        }
        let total = total(&fastest);
        let QueryRun { microseconds: mut times, found, compared } = fastest;
        times.sort_unstable_by(f64::total_cmp);
        let quantile = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let (recall_at_1, recall_at_10) = self.recall(&found);
        SearchMeasurement {
            name: name.into(),
            ef,
            queries_per_second: count as f64 / total * 1e6,
            p50_microseconds: quantile(0.5),
            p99_microseconds: quantile(0.99),
            recall_at_1,
            recall_at_10,
            compared: compared as f64 / count as f64,
        }
    }

    /// Runs the first `count` queries, one after another on this thread.
    fn run(&self, count: usize, search: &mut impl FnMut(&[f32]) -> (Vec<u32>, usize)) -> QueryRun {
        let mut run = QueryRun { microseconds: vec![], found: vec![], compared: 0 };
        for query in self.queries.chunks_exact(self.source.dimensions()).take(count) {
            let started = Instant::now();
            let (rows, compared) = search(query);
            run.microseconds.push(started.elapsed().as_secs_f64() * 1e6);
            run.compared += compared;
            run.found.push(rows);
        }
        run
    }

    /// Recall at 1 and at 10 of the rows that the first queries found. A row is right if its exact
    /// score reaches that of the last row of the truth: rows can tie.
    fn recall(&self, found: &[Vec<u32>]) -> (f64, f64) {
        let dimensions = self.source.dimensions();
        let (mut right_at_1, mut right_at_10, mut of_10) = (0, 0, 0);
        let mut vector = vec![0f32; dimensions];
        for ((query, truth), found) in self.queries.chunks_exact(dimensions).zip(self.truth).zip(found) {
            let mut is_right = |row: u32, worst: Option<&Scored>| {
                self.source.vector(row as usize, &mut vector);
                worst.is_some_and(|worst| kernel::dot_f32(&vector, query) >= worst.score() - TIE)
            };
            right_at_1 += usize::from(found.first().is_some_and(|&row| is_right(row, truth.first())));
            right_at_10 += found.iter().take(truth.len()).filter(|&&row| is_right(row, truth.last())).count();
            of_10 += truth.len();
        }
        (right_at_1 as f64 / found.len() as f64, right_at_10 as f64 / of_10 as f64)
    }
}
