//! Reads the terminologies that the command line names, and merges them into concepts.
//!
//! Invariant: `index build` and `train pairs` read, select and merge names in the same way.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use indicatif::HumanCount;

use crate::{
    cli::{SelectionArgs, TerminologyArgs},
    commands::{common::sum_of_kind, progress_bars::ProgressBars},
    concepts::{ConceptStore, NameTally, Selection, StatementCollector, StoreSummary},
    domain::curie::source_abbreviation,
    files::input::InputFile,
    terminology::{Dialect, Inputs, ReadSummary},
};

/// Maximum number of faults that an error repeats.
const MAX_FAULTS: usize = 10;

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
    let (mut left_out, mut merged, mut faults) = (BTreeMap::new(), BTreeMap::new(), vec![]);
    let mut input_done = |input: &InputFile, summary: &ReadSummary| {
        bars.finish();
        summary.notes.iter().for_each(|note| eprintln!("  {note}"));
        faults.extend(summary.notes.iter().take(MAX_FAULTS - faults.len()).cloned());
        add_counts(&mut left_out, &summary.left_out);
        add_counts(&mut merged, &summary.merged);
        let counts: Vec<_> = summary.left_out.iter().map(|(kind, count)| sum_of_kind((kind, *count))).collect();
        if !counts.is_empty() {
            eprintln!("  {}: left out: {}", input.path.display(), counts.join("; "));
        }
        files.extend(input.parts.clone());
    };
    inputs.read(&is_selected, &mut |statement| collector.collect(statement), bars.job(), &mut input_done)?;
    let assembled = collector.assemble(dir, bars.job());
    // If no name is left, the faults of the files are the likely reason.
    let mut assembled = if faults.is_empty() {
        assembled?
    } else {
        assembled.with_context(|| format!("after {}", faults.join("; ")))?
    };
    bars.finish();
    eprintln!("{}", names_summary(&assembled.tally));
    add_counts(&mut assembled.left_out, &left_out);
    add_counts(&mut assembled.merged, &merged);
    Ok((assembled, files))
}

/// Adds counts by reason to others.
pub(super) fn add_counts<K: ToString>(to: &mut BTreeMap<String, u64>, counts: &BTreeMap<K, u64>) {
    counts.iter().for_each(|(reason, count)| *to.entry(reason.to_string()).or_default() += count);
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
        merge_on: selection.merge_on,
        id_prefix: selection.id_prefix.clone(),
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
        sources: list(&args.sources).iter().map(|name| source_abbreviation(name).to_owned()).collect(),
        semantic_types: args.semantic_types.iter().flat_map(|types| &types.0).cloned().collect(),
        semantic_groups: args.semantic_groups.clone(),
        include_suppressed: args.include_suppressed,
        numeric_names: args.numeric_names,
        max_names_per_concept: args.max_names_per_concept,
    }
}

/// How many names were taken and left out, and why.
fn names_summary(tally: &NameTally) -> String {
    let mut text = format!("  names taken: {}", HumanCount(tally.taken));
    let left_out: Vec<_> = tally.left_out().map(sum_of_kind).collect();
    if !left_out.is_empty() {
        let _ = write!(text, "; left out: {}", left_out.join("; "));
    }
    text
}
