//! Runs `saplink index bench`: measures the speed and recall of searches.

use std::{fmt::Write as _, path::Path, time::Instant};

use anyhow::{Context, Result};
use indicatif::HumanCount;

use crate::{
    cli::IndexBenchArgs,
    commands::{
        common::{open_index, print_stdout},
        progress_bars::{ProgressBars, elapsed, peak_memory},
    },
    files::write_manifest,
    index::bench::{self, BenchOptions, SearchBenchReport, VectorSource},
    signals,
};

/// Rows of the graph if `--rows` is not given.
const DEFAULT_ROWS: usize = 200_000;

/// Measures, prints a table, and writes the vectors and the report into `--out` if it is given.
pub(super) fn run(args: &IndexBenchArgs) -> Result<()> {
    let started = Instant::now();
    let bars = ProgressBars::new(signals::cancel_token()?);
    let (source, max_rows) = match &args.vectors {
        Some(path) => {
            let source = VectorSource::open(path)?;
            let max_rows = source.rows().unwrap_or(usize::MAX).saturating_sub(args.queries);
            (source, max_rows)
        }
        None => {
            let index = open_index(&args.index)?;
            let dimensions = args.dimensions.unwrap_or(index.manifest().model.dimensions);
            (VectorSource::Index { index: Box::new(index), dimensions }, u32::MAX as usize)
        }
    };
    let options = BenchOptions {
        rows: args.rows.unwrap_or(max_rows.min(DEFAULT_ROWS)),
        queries: args.queries,
        vectors: args.graph.precision(None),
        graph: args.graph.parameters(None),
        baseline: args.baseline,
    };
    let report = match &args.out {
        Some(dir) => {
            fs_err::create_dir_all(dir)?;
            let report = bench::run(&source, &options, dir, true, bars.job())?;
            write_manifest(&dir.join("ours.json"), &report)?;
            report
        }
        None => {
            let dir = tempfile::tempdir().context("index bench needs a temporary directory (TMPDIR)")?;
            bench::run(&source, &options, Path::new(dir.path()), false, bars.job())?
        }
    };
    bars.finish();
    print_stdout(&table(&report))?;
    eprintln!("  measured in {}{}", elapsed(started), peak_memory());
    Ok(())
}

fn table(report: &SearchBenchReport) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} rows of {} dimensions, {} queries",
        HumanCount(report.rows as u64),
        report.dimensions,
        report.queries
    );
    let _ = writeln!(
        text,
        "built in {:.1} s, {:.2} ms of one core per row; per row {:.0} bytes of graph and {:.0} of vectors",
        report.build_seconds,
        report.build_milliseconds_per_row,
        report.graph_bytes_per_row,
        report.vector_bytes_per_row
    );
    let _ = writeln!(
        text,
        "{:28} {:>5} {:>10} {:>8} {:>8} {:>8} {:>9} {:>9}",
        "", "ef", "queries/s", "p50 us", "p99 us", "recall@1", "recall@10", "compared"
    );
    for search in &report.searches {
        let _ = writeln!(
            text,
            "{:28} {:>5} {:>10.0} {:>8.0} {:>8.0} {:>8.4} {:>9.4} {:>9.0}",
            search.name,
            search.ef,
            search.queries_per_second,
            search.p50_microseconds,
            search.p99_microseconds,
            search.recall_at_1,
            search.recall_at_10,
            search.compared
        );
    }
    text
}
