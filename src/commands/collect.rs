//! Terminologies, as the command line names them, to concepts in a directory.
//!
//! Invariant: whatever a command makes of names, they were read, selected and merged in the same way.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Result;
use indicatif::HumanCount;

use crate::commands::progress::Bars;
use crate::{
    cli::{InputArgs, ScopeArg, SelectionArgs},
    concepts::{Assembled, Collector, Concepts, Selection, Tally},
    files::input::InputFile,
    terminology::{Dialect, Inputs, ReadSummary, Scope},
};

/// Reads `inputs`, after `index` if there is one, and assembles their concepts in `dir`; gives the files that were read too. Sorting
/// takes about a quarter of `memory` bytes.
pub(super) fn collect(
    inputs: &Inputs,
    selection: &Selection,
    index: Option<&Concepts>,
    memory: u64,
    dir: &Path,
    bars: &Bars,
) -> Result<(Assembled, Vec<PathBuf>)> {
    let keep = |language: &str, source: &str| selection.takes(language, source);
    let mut collector = Collector::with_memory(dir, selection.clone(), memory);
    if let Some(index) = index {
        collector.take_index(index, bars.job())?;
    }
    let mut files = vec![];
    let mut done = |input: &InputFile, summary: &ReadSummary| {
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
    inputs.read(&keep, &mut |statement| collector.take(statement), bars.job(), &mut done)?;
    let assembled = collector.assemble(dir, bars.job())?;
    bars.finish();
    eprintln!("{}", left_out(&assembled.tally));
    Ok((assembled, files))
}

/// The terminologies that are named.
pub(super) fn inputs(args: &InputArgs, selection: &SelectionArgs) -> Inputs {
    let table = |dialect| move |path: &PathBuf| (path.clone(), dialect);
    let tabs = args.tsv.iter().map(table(Dialect::Tabs));
    Inputs {
        umls: args.umls.clone(),
        obo: args.obo.clone(),
        obograph: args.obograph.clone(),
        sssom: args.sssom.clone(),
        tables: tabs.chain(args.csv.iter().map(table(Dialect::Commas))).collect(),
        scopes: selection.synonym_scopes.iter().map(|&scope| scope.into()).collect(),
        bad_rows: selection.max_bad_rows,
    }
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Exact => Self::Exact,
            ScopeArg::Broad => Self::Broad,
            ScopeArg::Narrow => Self::Narrow,
            ScopeArg::Related => Self::Related,
        }
    }
}

/// What is asked for of them.
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
        max_names_per_concept: args.max_names_per_concept,
    }
}

/// What became of the names that were read.
fn left_out(tally: &Tally) -> String {
    let mut text = format!("  names taken: {}", HumanCount(tally.taken));
    for (count, why) in [
        (tally.other_language, "in other languages"),
        (tally.other_source, "from other sources"),
        (tally.suppressed, "suppressed"),
        (tally.other_type, "of other semantic types"),
        (tally.surplus, "beyond --max-names-per-concept"),
        (tally.repeated, "repeated"),
    ] {
        if count > 0 {
            let _ = write!(text, "; left out, {why}: {}", HumanCount(count));
        }
    }
    text
}
