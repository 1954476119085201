//! Reads the terminologies that the command line names, and merges them into concepts.
//!
//! Invariant: `index build` and `train pairs` read, select and merge names in the same way.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Result;
use indicatif::HumanCount;

use crate::{
    cli::{SelectionArgs, TerminologyArgs},
    commands::progress_bars::ProgressBars,
    concepts::{ConceptStore, NameTally, Selection, StatementCollector, StoreSummary},
    files::input::InputFile,
    terminology::{Dialect, Inputs, ReadSummary},
};

/// Reads the concepts of `base`, if there is one, and then `inputs`, and assembles all in `dir`.
/// Returns the files that were read too. Sorting takes about a quarter of `memory` bytes.
pub(super) fn ingest(
    inputs: &Inputs,
    selection: &Selection,
    base: Option<&ConceptStore>,
    memory: u64,
    dir: &Path,
    bars: &ProgressBars,
) -> Result<(StoreSummary, Vec<PathBuf>)> {
    let is_selected = |language: &str, source: &str| selection.takes(language, source);
    let mut collector = StatementCollector::with_memory(dir, selection.clone(), memory);
    if let Some(base) = base {
        collector.collect_store(base, bars.job())?;
    }
    let mut files = vec![];
    let mut input_done = |input: &InputFile, summary: &ReadSummary| {
        bars.finish();
        summary.notes.iter().for_each(|note| eprintln!("  {note}"));
        if summary.bad > 0 {
            eprintln!(
                "  {}: {} bad rows were left out, wholly or in part",
                input.path.display(),
                HumanCount(summary.bad)
            );
        }
        files.extend(input.parts.clone());
    };
    inputs.read(&is_selected, &mut |statement| collector.collect(statement), bars.job(), &mut input_done)?;
    let assembled = collector.assemble(dir, bars.job())?;
    bars.finish();
    eprintln!("{}", names_summary(&assembled.tally));
    Ok((assembled, files))
}

/// The terminologies to read.
pub(super) fn inputs(args: &TerminologyArgs, selection: &SelectionArgs) -> Inputs {
    let table = |dialect| move |path: &PathBuf| (path.clone(), dialect);
    let tables = args.tsv.iter().map(table(Dialect::Tabs)).chain(args.csv.iter().map(table(Dialect::Commas)));
    Inputs {
        umls: args.umls.clone(),
        obo: args.obo.clone(),
        obograph: args.obograph.clone(),
        sssom: args.sssom.clone(),
        tables: tables.collect(),
        scopes: selection.synonym_scopes.clone(),
        bad_rows: selection.max_bad_rows,
    }
}

/// The concepts and names to take from them.
pub(super) fn selection(args: &SelectionArgs) -> Selection {
    let list = |values: &[String]| -> Vec<String> {
        values.iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
    };
    Selection {
        languages: list(&args.languages),
        sources: list(&args.sources),
        semantic_types: args.semantic_types.clone(),
        semantic_groups: args.semantic_groups.clone(),
        include_suppressed: args.include_suppressed,
        numeric_names: args.numeric_names,
        max_names_per_concept: args.max_names_per_concept,
    }
}

/// How many names were taken and left out, and why.
fn names_summary(tally: &NameTally) -> String {
    let mut text = format!("  names taken: {}", HumanCount(tally.taken));
    for (count, reason) in [
        (tally.other_language, "in other languages"),
        (tally.other_source, "from other sources"),
        (tally.suppressed, "suppressed"),
        (tally.numeric, "without a letter"),
        (tally.other_type, "of other semantic types"),
        (tally.surplus, "beyond --max-names-per-concept"),
        (tally.repeated, "repeated"),
    ] {
        if count > 0 {
            let _ = write!(text, "; left out, {reason}: {}", HumanCount(count));
        }
    }
    text
}
