//! `saplink train pairs`: samples pairs of names of the same concept and writes them.

use std::{
    io::{self, BufWriter},
    time::Instant,
};

use anyhow::{Context, Result};
use bytesize::ByteSize;
use indicatif::HumanCount;
use tempfile::TempDir;

use crate::commands::{
    common::{cannot_write, check_distinct, counted, create_output, open_index},
    progress_bars::{ProgressBars, elapsed, peak_memory},
    terminologies::{ingest, inputs, selection},
};
use crate::{
    cli::TrainPairsArgs,
    concepts::{ConceptStore, Selection},
    domain::ConceptId,
    index::Index,
    signals,
    terminology::Inputs,
    train::{ConceptNames, PairGroups, PairSampler, SamplingOptions, TrainError},
};

/// Neighbors of a concept that may fill its group.
const MAX_NEIGHBORS: usize = 48;

/// Runs the command.
pub(super) fn run(args: &TrainPairsArgs) -> Result<()> {
    let started = Instant::now();
    let bars = ProgressBars::new(signals::cancel_token()?);
    let read = inputs(&args.inputs, &args.selection);
    let read: Vec<_> = read.paths().map(|path| ("an input", path)).collect();
    check_distinct(&[("--out", args.out.as_deref()), ("--dev", args.dev.as_deref())], &read)?;
    // Staged first: a path that cannot be written fails before minutes of work.
    let mut out = args.out.as_deref().map(|path| create_output(path, args.force)).transpose()?;
    let mut dev = args.dev.as_deref().map(|path| create_output(path, args.force)).transpose()?;
    let (inputs, selection) = (inputs(&args.inputs, &args.selection), selection(&args.selection));
    let index = args.index.as_deref().map(open_index).transpose()?;
    let merged;
    let concepts = match &index {
        Some(index) if inputs.paths().next().is_none() => index.concepts(),
        _ => {
            merged = merge(&inputs, &selection, index.as_ref().map(Index::concepts), args.memory, &bars)?;
            &merged.concepts
        }
    };
    concepts.check_selection(&selection)?;
    let options = SamplingOptions {
        pairs_per_concept: args.pairs_per_concept,
        held_out: args.dev_concepts.unwrap_or(0),
        seed: args.seed,
    };
    let names = SelectedNames { concepts, selection: &selection };
    let sampler = PairSampler::new(&names, options, bars.job()).with_context(|| {
        let paths = inputs.paths().chain(args.index.as_deref());
        paths.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    })?;
    let held_out = dev.as_mut().map(|file| sampler.write_held_out(file, bars.job())).transpose()?;
    let neighbors = |concept| match &index {
        Some(index) if args.hard_negatives.is_some() => {
            index.confusable(ConceptId::new(concept), MAX_NEIGHBORS).into_iter().map(ConceptId::get).collect()
        }
        // --neighbors: the concepts that follow in the order of the ids.
        _ => (concept + 1..).take(MAX_NEIGHBORS).collect(),
    };
    let groups = args.hard_negatives.or(args.neighbors).map(|size| PairGroups { size, neighbors: &neighbors });
    let written = match &mut out {
        Some(file) => Some(sampler.write_training(file, groups, bars.job())?),
        None => print_training(&sampler, groups, &bars)?,
    };
    bars.finish();
    for (file, path) in [(out, &args.out), (dev, &args.dev)] {
        if let Some((file, path)) = file.zip(path.as_deref()) {
            file.commit().with_context(|| cannot_write(path))?;
        }
    }
    if let Some(written) = written {
        print_summary(&sampler, written, held_out, started);
    }
    Ok(())
}

/// Prints the numbers of written pairs and of their concepts to standard error.
fn print_summary(sampler: &PairSampler<SelectedNames>, written: u64, held_out: Option<u64>, started: Instant) {
    let training = counted(sampler.training_concepts() as u64, "concept");
    let single_name = HumanCount(sampler.single_name_concepts());
    let written = counted(written, "pair");
    eprintln!("  {written} of {training}; left out, with one name only: {single_name}");
    if let Some(pairs) = held_out {
        let concepts = counted(sampler.held_out_concepts() as u64, "concept");
        eprintln!("  held out: {} of {concepts}", counted(pairs, "pair"));
    }
    eprintln!("  done in {}{}", elapsed(started), peak_memory());
}

/// Concepts merged for this command, in a temporary directory.
struct MergedConcepts {
    concepts: ConceptStore,
    _dir: TempDir,
}

fn merge(
    inputs: &Inputs,
    selection: &Selection,
    index: Option<&ConceptStore>,
    memory: ByteSize,
    bars: &ProgressBars,
) -> Result<MergedConcepts> {
    let dir = tempfile::tempdir().context("cannot create a temporary directory for merging (see TMPDIR)")?;
    let (assembled, _) = ingest(inputs, selection, index, memory.as_u64(), dir.path(), bars)?;
    let concepts = ConceptStore::open(dir.path(), &assembled.sources, assembled.counts)?;
    Ok(MergedConcepts { concepts, _dir: dir })
}

/// The names of concepts that a selection takes.
struct SelectedNames<'a> {
    concepts: &'a ConceptStore,
    selection: &'a Selection,
}

impl ConceptNames for SelectedNames<'_> {
    fn concepts(&self) -> u32 {
        self.concepts.counts().concepts as u32
    }

    fn id(&self, concept: u32) -> &str {
        self.concepts.id(ConceptId::new(concept))
    }

    fn names(&self, concept: u32) -> impl Iterator<Item = &str> {
        self.concepts.selected_names(ConceptId::new(concept), self.selection)
    }
}

/// Writes the training pairs to standard output. Returns their number, or `None` if the reader
/// closed the pipe, which is no error (`| head`).
fn print_training(
    sampler: &PairSampler<SelectedNames>,
    groups: Option<PairGroups>,
    bars: &ProgressBars,
) -> Result<Option<u64>> {
    match sampler.write_training(&mut BufWriter::new(io::stdout().lock()), groups, bars.job()) {
        Err(TrainError::Io(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        result => Ok(Some(result?)),
    }
}
