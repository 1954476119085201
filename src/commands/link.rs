//! `saplink link`.

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, Seek, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use indicatif::HumanCount;
use serde::{Deserialize, Serialize};

use crate::commands::{
    common::{cannot_write, create_output, default_model_dir, load_encoder},
    progress_bars::{ProgressBars, elapsed},
};
use crate::{
    cancel::Canceled,
    cli::LinkArgs,
    concepts::FilterRequest,
    corpus::{self, Columns, Format},
    encoder::Runtime,
    files::{FileSum, read_manifest, write_manifest},
    http::{Limits, LineLinker},
    index::Index,
    linker::Linker,
    progress::Progress,
    signals,
};

/// Mentions that are linked between two looks at the clock and the disk.
const TOGETHER: usize = 2048;
const FORMAT: u32 = 1;

/// What was done of a file, and with what: a run goes on where nothing else has changed.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Journal {
    format: u32,
    input: FileSum,
    /// Model, index and settings.
    with: String,
    /// Lines of the input that are linked, and bytes of their answers.
    lines: u64,
    bytes: u64,
}

/// Links a file.
pub(super) fn run(args: &LinkArgs) -> Result<()> {
    let started = std::time::Instant::now();
    let interrupt = signals::cancel_token()?;
    let (bars, gone) = (ProgressBars::new(interrupt.clone()), interrupt);
    let (input, output) = (Format::of(&args.input)?, Format::of(&args.output)?);
    ensure!(args.force || !args.output.exists(), "{}: is there already (--force replaces it)", args.output.display());
    let linker = Arc::new(linker(args)?);
    let with = format!(
        "{} {} {:?}",
        linker.encoder().manifest().fingerprint(),
        linker.index().manifest().fingerprint(),
        (
            args.top_k,
            args.min_score,
            &args.semantic_types,
            &args.semantic_groups,
            &args.sources,
            &args.column,
            &args.id_column
        )
    );
    let limits = Limits { mention_bytes: args.max_mention_bytes, ..Limits::default() };
    let filter = FilterRequest {
        semantic_types: args.semantic_types.clone(),
        semantic_groups: args.semantic_groups.clone(),
        sources: args.sources.clone(),
    };
    let lines = LineLinker::new(linker, limits, args.top_k, args.min_score, filter)
        .map_err(|problem| anyhow!("{}: {}", problem.field.unwrap_or_default(), problem.detail))?;

    let mut partial = Partial::open(args, with)?;
    let columns = Columns { mention: args.column.clone(), id: args.id_column.clone() };
    let mut records = corpus::records(&args.input, input, &columns, bars.job())?.skip(partial.journal.lines as usize);
    loop {
        let some = records.by_ref().take(TOGETHER).collect::<Result<Vec<_>, _>>()?;
        if some.is_empty() {
            break;
        }
        let answers = lines.answer(&some, partial.journal.lines as usize, &gone);
        if gone.is_canceled() {
            eprintln!("  interrupted after {} lines; --resume goes on", HumanCount(partial.journal.lines));
            return Err(Canceled.into());
        }
        let answers = answers.map_err(|problem| anyhow!("{}: {}", args.input.display(), problem.detail))?;
        partial.add(some.len(), &answers)?;
        bars.rows_read(partial.journal.lines);
    }
    bars.finish();
    let done = partial.journal.lines;
    partial.finish(&args.output, output)?;
    eprintln!("  {} lines linked in {}", HumanCount(done), elapsed(started));
    Ok(())
}

fn linker(args: &LinkArgs) -> Result<Linker> {
    let index = Index::open(&args.index).with_context(|| format!("cannot open the index {}", args.index.display()))?;
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let model = args.model.clone().unwrap_or_else(|| default_model_dir(&index));
    let mut encoder = load_encoder(&runtime, &model, &args.run)?;
    encoder.enable_cache(args.cache.as_u64() as usize);
    Ok(Linker::new(encoder, index)?)
}

/// The answers that are there so far, beside the file that they will be.
struct Partial {
    path: PathBuf,
    journal_path: PathBuf,
    answers: File,
    journal: Journal,
}

impl Partial {
    /// Begins, or goes on with what is there.
    fn open(args: &LinkArgs, with: String) -> Result<Self> {
        let beside = |end: &str| {
            let mut name = args.output.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        };
        let (path, journal_path) = (beside(".partial"), beside(".partial.json"));
        let input = FileSum::of(&args.input)?;
        let journal = if args.resume && journal_path.exists() {
            let there: Journal = read_manifest(&journal_path, FORMAT)
                .map_err(|reason| anyhow!("{}: {reason}", journal_path.display()))?;
            ensure!(
                there.input == input,
                "{}: is not the file that {} was begun with",
                args.input.display(),
                path.display()
            );
            ensure!(there.with == with, "{}: was begun with another model, index or other options", path.display());
            there
        } else {
            Journal { format: FORMAT, input, with, lines: 0, bytes: 0 }
        };
        let mut options = OpenOptions::new();
        let mut answers =
            options.create(true).write(true).truncate(false).open(&path).with_context(|| cannot_write(&path))?;
        if answers.metadata()?.len() < journal.bytes {
            bail!("{}: is shorter than its journal says; begin anew without --resume", path.display());
        }
        // What was written after the journal is written again.
        answers
            .set_len(journal.bytes)
            .and_then(|()| answers.seek(std::io::SeekFrom::End(0)))
            .with_context(|| cannot_write(&path))?;
        Ok(Self { path, journal_path, answers, journal })
    }

    fn add(&mut self, lines: usize, answers: &[u8]) -> Result<()> {
        self.answers
            .write_all(answers)
            .and_then(|()| self.answers.sync_data())
            .with_context(|| cannot_write(&self.path))?;
        self.journal.lines += lines as u64;
        self.journal.bytes += answers.len() as u64;
        let next = self.journal_path.with_extension("json.next");
        write_manifest(&next, &self.journal)
            .and_then(|()| std::fs::rename(&next, &self.journal_path))
            .with_context(|| cannot_write(&self.journal_path))
    }

    /// Makes what is wanted of it, and leaves nothing beside it.
    fn finish(self, output: &Path, format: Format) -> Result<()> {
        let gzip = output.extension().is_some_and(|end| end.eq_ignore_ascii_case("gz"));
        let mut file = create_output(output)?;
        let answers = BufReader::new(fs_err::File::open(&self.path)?);
        corpus::write(answers, format, gzip, &mut file)
            .and_then(|()| file.commit())
            .with_context(|| cannot_write(output))?;
        for path in [&self.path, &self.journal_path] {
            // The answers are in their place; what is left beside them does no harm.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}
