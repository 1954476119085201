//! `saplink index bench`.

use std::{fmt::Write as _, path::Path, time::Instant};

use anyhow::{Context, Result};
use indicatif::HumanCount;

use crate::commands::{
    print,
    progress::{Bars, peak_memory, since},
};
use crate::{
    cli::BenchArgs,
    files::write_manifest,
    index::{
        Index,
        bench::{self, BenchOptions, SearchBenchReport, VectorSource},
    },
    signals,
};

/// Rows that are made when nothing is said.
const ROWS: usize = 200_000;

/// Measures, prints a table, and leaves everything in `--out`.
pub(super) fn run(args: &BenchArgs) -> Result<()> {
    let started = Instant::now();
    let bars = Bars::new(signals::cancel_token()?);
    let (source, most) = match &args.vectors {
        Some(path) => {
            let source = VectorSource::open(path)?;
            let most = source.rows().unwrap_or(usize::MAX).saturating_sub(args.queries);
            (source, most)
        }
        None => {
            let index = Index::open(&args.index)?;
            let dimensions = args.dimensions.unwrap_or(index.manifest().model.dimensions);
            (VectorSource::Index { index: Box::new(index), dimensions }, u32::MAX as usize)
        }
    };
    let rows = args.rows.unwrap_or(most.min(ROWS));
    let options = BenchOptions {
        rows,
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
            let dir = tempfile::tempdir().context("measuring needs a temporary directory (TMPDIR)")?;
            bench::run(&source, &options, Path::new(dir.path()), false, bars.job())?
        }
    };
    bars.finish();
    print(&describe(&report))?;
    eprintln!("  measured in {}{}", since(started), peak_memory());
    Ok(())
}

fn describe(report: &SearchBenchReport) -> String {
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
        "built in {:.1} s, {:.2} ms of a core a row; {:.0} bytes of graph and {:.0} of vectors a row",
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
    for m in &report.searches {
        let _ = writeln!(
            text,
            "{:28} {:>5} {:>10.0} {:>8.0} {:>8.0} {:>8.4} {:>9.4} {:>9.0}",
            m.name,
            m.ef,
            m.queries_per_second,
            m.p50_microseconds,
            m.p99_microseconds,
            m.recall_at_1,
            m.recall_at_10,
            m.compared
        );
    }
    text
}
