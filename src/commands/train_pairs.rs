//! `saplink train pairs`.

use std::{
    io::{self, BufWriter},
    path::PathBuf,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use bytesize::ByteSize;
use indicatif::HumanCount;
use tempfile::TempDir;

use crate::commands::{
    common::{cannot_write, create_output},
    progress_bars::{ProgressBars, elapsed, peak_memory},
    terminologies::{ingest, inputs, selection},
};
use crate::{
    cli::TrainPairsArgs,
    concepts::{Concepts, Selection},
    index::Index,
    signals,
    terminology::Inputs,
    train::{DrawOptions, Drawing, Groups, TrainError, Vocabulary},
};

/// Concepts that are looked at to fill a group, beside the one that it begins with.
const NEAR: usize = 48;

/// Draws pairs and writes them.
pub(super) fn run(args: &TrainPairsArgs) -> Result<()> {
    let started = Instant::now();
    let bars = ProgressBars::new(signals::cancel_token()?);
    let absolute = |path: &Option<PathBuf>| path.as_ref().map(std::path::absolute).transpose();
    let (out, dev) = (absolute(&args.out)?, absolute(&args.dev)?);
    ensure!(out.is_none() || out != dev, "--out and --dev name the same file");
    // Before minutes of work: a file that cannot be written.
    let mut out = args.out.as_deref().map(create_output).transpose()?;
    let mut dev = args.dev.as_deref().map(create_output).transpose()?;
    let (inputs, selection) = (inputs(&args.inputs, &args.selection), selection(&args.selection));
    let index = args.index.as_deref().map(Index::open).transpose()?;
    let merged;
    let concepts = match &index {
        Some(index) if inputs.paths().next().is_none() => index.concepts(),
        _ => {
            merged = merge(&inputs, &selection, index.as_ref().map(Index::concepts), args.memory, &bars)?;
            &merged.concepts
        }
    };
    concepts.check(&selection)?;
    let options = DrawOptions {
        pairs_per_concept: args.pairs_per_concept,
        held_out: args.dev_concepts.unwrap_or(0),
        seed: args.seed,
    };
    let vocabulary = Selected { concepts, selection: &selection };
    let drawing = Drawing::new(&vocabulary, options, bars.job()).with_context(|| {
        let paths = inputs.paths().chain(args.index.as_deref());
        paths.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    })?;
    let held_out = dev.as_mut().map(|file| drawing.write_held_out(file, bars.job())).transpose()?;
    let near = |concept| match &index {
        Some(index) if args.hard_negatives.is_some() => index.confusable(concept, NEAR),
        _ => (concept + 1..).take(NEAR).collect(),
    };
    let groups = args.hard_negatives.or(args.neighbors).map(|size| Groups { size, near: &near });
    let written = match &mut out {
        Some(file) => Some(drawing.write_training(file, groups, bars.job())?),
        None => print_pairs(&drawing, groups, &bars)?,
    };
    bars.finish();
    for (file, path) in [(out, &args.out), (dev, &args.dev)] {
        if let Some((file, path)) = file.zip(path.as_deref()) {
            file.commit().with_context(|| cannot_write(path))?;
        }
    }
    let Some(written) = written else { return Ok(()) };
    let (training, alone) = (HumanCount(drawing.training() as u64), HumanCount(drawing.alone()));
    eprintln!("  {} pairs of {training} concepts; left out, with one name: {alone}", HumanCount(written));
    if let Some(pairs) = held_out {
        eprintln!("  held out: {} pairs of {} concepts", HumanCount(pairs), HumanCount(drawing.held_out() as u64));
    }
    eprintln!("  drawn in {}{}", elapsed(started), peak_memory());
    Ok(())
}

/// Concepts that were merged for this command alone.
struct Merged {
    concepts: Concepts,
    _dir: TempDir,
}

fn merge(
    inputs: &Inputs,
    selection: &Selection,
    index: Option<&Concepts>,
    memory: ByteSize,
    bars: &ProgressBars,
) -> Result<Merged> {
    let dir = tempfile::tempdir().context("merging needs a temporary directory (TMPDIR)")?;
    let (assembled, _) = ingest(inputs, selection, index, memory.as_u64(), dir.path(), bars)?;
    let concepts = Concepts::open(dir.path(), &assembled.sources, assembled.counts)?;
    Ok(Merged { concepts, _dir: dir })
}

/// What a selection takes of concepts.
struct Selected<'a> {
    concepts: &'a Concepts,
    selection: &'a Selection,
}

impl Vocabulary for Selected<'_> {
    fn concepts(&self) -> u32 {
        self.concepts.counts().concepts as u32
    }

    fn id(&self, concept: u32) -> &str {
        self.concepts.id(concept)
    }

    fn names(&self, concept: u32) -> impl Iterator<Item = &str> {
        self.concepts.names(concept, self.selection)
    }
}

/// Writes the pairs to learn from to standard output; gives how many they are, or nothing if the reader has seen enough of them.
fn print_pairs(drawing: &Drawing<Selected>, groups: Option<Groups>, bars: &ProgressBars) -> Result<Option<u64>> {
    match drawing.write_training(&mut BufWriter::new(io::stdout().lock()), groups, bars.job()) {
        Err(TrainError::Io(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        outcome => Ok(Some(outcome?)),
    }
}
