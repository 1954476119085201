//! Runs `saplink link`: links the mentions of a file.
//!
//! Results go to a partial file beside the output, and a journal notes how much of it is complete.
//! A run that was killed at any moment can be resumed, and gives the same output as one that was
//! not.

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, Seek, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use indicatif::HumanCount;
use serde::{Deserialize, Serialize};

use crate::commands::{
    common::{cannot_write, create_output, default_model_dir, load_encoder, read_lexicon},
    progress_bars::{ProgressBars, elapsed},
};
use crate::{
    cancel::Canceled,
    cli::LinkArgs,
    corpus::{CorpusFormat, MentionColumns, PartialFormat, read_mentions, write_output},
    encoder::{EncoderError, Runtime},
    files::{FileSum, read_manifest, write_manifest},
    http::PendingResults,
    index::Index,
    linker::{LinkLimits, LinkService, Linker, MentionOptions},
    progress::Progress,
    signals,
};

/// Lines that are linked together; the journal is written after each such batch.
const BATCH_LINES: usize = 2048;
/// Version of [`Journal`] and of the partial file that it describes.
const JOURNAL_FORMAT: u32 = 3;

/// Notes how much of an input is linked, and with what: a run is resumed only with the same input,
/// model, index, lexicon and options.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Journal {
    format: u32,
    input: FileSum,
    /// Fingerprints of model and index, the sum of the lexicon, and the options.
    with: String,
    /// Lines of the input that are linked.
    lines: u64,
    /// Bytes of the partial file that hold their results.
    bytes: u64,
}

/// Links a file.
pub(super) fn run(args: &LinkArgs) -> Result<()> {
    let started = std::time::Instant::now();
    let cancel = signals::cancel_token()?;
    let bars = ProgressBars::new(cancel.clone());
    let (input, output) = (CorpusFormat::of(&args.input)?, CorpusFormat::of(&args.output)?);
    ensure!(
        args.force || !args.output.exists(),
        "{}: exists already (use --force to replace it)",
        args.output.display()
    );
    ensure!(
        !args.explain || output == CorpusFormat::Ndjson,
        "{}: a table has no room for explanations; write .ndjson or .jsonl, or leave out --explain",
        args.output.display()
    );
    let limits = LinkLimits { mention_bytes: args.max_mention_bytes, ..LinkLimits::default() };
    let service = LinkService::new(linker(args)?, limits);
    let defaults = service.defaults(options(args)).map_err(|error| anyhow!("{error}"))?;

    let mut partial = PartialOutput::open(args, fingerprint(args, service.linker())?, PartialFormat::of(output))?;
    let columns = MentionColumns { mention: args.column.clone(), id: args.id_column.clone() };
    let mentions = read_mentions(&args.input, input, &columns, limits, bars.job())?;
    let mut mentions = mentions.skip(partial.journal.lines as usize);
    loop {
        let lines = mentions.by_ref().take(BATCH_LINES).collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() {
            break;
        }
        let count = lines.len();
        let pending = PendingResults::of_lines(&service, &defaults, lines.into_iter().flatten());
        let results = match pending.link(&cancel) {
            Ok((results, _)) if !cancel.is_canceled() => results,
            Ok(_) | Err(EncoderError::Canceled(_)) => {
                eprintln!("  interrupted after {} lines; --resume continues", HumanCount(partial.journal.lines));
                return Err(Canceled.into());
            }
            Err(error) => return Err(error).with_context(|| format!("cannot link {}", args.input.display())),
        };
        partial.append(count, &partial.format.encode(&results)?)?;
        bars.rows_read(partial.journal.lines);
    }
    bars.finish();
    let lines = partial.journal.lines;
    partial.finish(&args.output, output)?;
    eprintln!("  {} lines linked in {}", HumanCount(lines), elapsed(started));
    Ok(())
}

fn linker(args: &LinkArgs) -> Result<Linker> {
    let index = Index::open(&args.index).with_context(|| format!("cannot open the index {}", args.index.display()))?;
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let model = args.model.clone().unwrap_or_else(|| default_model_dir(&index));
    let mut encoder = load_encoder(&runtime, &model, &args.run)?;
    encoder.enable_cache(args.cache.as_u64() as usize);
    Ok(Linker::new(encoder, index)?.with_lexicon(read_lexicon(args.lexicon.as_deref())?))
}

/// The options for mentions without options of their own.
fn options(args: &LinkArgs) -> MentionOptions {
    let nonempty = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    MentionOptions {
        top_k: args.top_k,
        min_score: args.min_score,
        semantic_types: nonempty(&args.semantic_types),
        semantic_groups: nonempty(&args.semantic_groups),
        sources: nonempty(&args.sources),
        readings: args.no_readings.then_some(false),
        spelling: args.no_spelling.then_some(false),
        explain: args.explain.then_some(true),
    }
}

/// Identifies model, index, lexicon and options in the journal.
fn fingerprint(args: &LinkArgs, linker: &Linker) -> Result<String> {
    let lexicon = args.lexicon.as_deref().map(FileSum::of).transpose()?;
    Ok(format!(
        "{} {} {:?}",
        linker.encoder().manifest().fingerprint(),
        linker.index().manifest().fingerprint(),
        (
            args.top_k,
            args.min_score,
            &args.semantic_types,
            &args.semantic_groups,
            &args.sources,
            (args.no_readings, args.no_spelling, args.explain),
            &args.column,
            &args.id_column,
            lexicon,
        )
    ))
}

/// The results so far, in a file beside the output, and their journal.
struct PartialOutput {
    path: PathBuf,
    journal_path: PathBuf,
    format: PartialFormat,
    file: File,
    journal: Journal,
}

impl PartialOutput {
    /// Begins a partial file, or continues the one that an earlier run left.
    fn open(args: &LinkArgs, with: String, format: PartialFormat) -> Result<Self> {
        let beside = |ending: &str| {
            let mut name = args.output.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let (path, journal_path) = (beside(".partial"), beside(".partial.json"));
        let input = FileSum::of(&args.input)?;
        let mut journal = Journal { format: JOURNAL_FORMAT, input, with, lines: 0, bytes: 0 };
        if args.resume && journal_path.exists() {
            let earlier: Journal = read_manifest(&journal_path, JOURNAL_FORMAT)
                .map_err(|reason| anyhow!("{}: {reason}; leave out --resume to start again", journal_path.display()))?;
            ensure!(
                earlier.input == journal.input,
                "{}: differs from the input of the earlier run {}; leave out --resume to start again",
                args.input.display(),
                path.display()
            );
            let same = earlier.with == journal.with;
            ensure!(
                same,
                "{}: belongs to a run with another model, index or other options; repeat them, or leave out --resume to start again",
                path.display()
            );
            journal = earlier;
        }
        let mut options = OpenOptions::new();
        let mut file =
            options.create(true).write(true).truncate(false).open(&path).with_context(|| cannot_write(&path))?;
        if file.metadata()?.len() < journal.bytes {
            bail!("{}: is shorter than its journal notes; begin again without --resume", path.display());
        }
        // Results behind the length that the journal states are discarded and written again.
        file.set_len(journal.bytes)
            .and_then(|()| file.seek(std::io::SeekFrom::End(0)))
            .with_context(|| cannot_write(&path))?;
        if journal.bytes == 0 {
            let header = format.header()?;
            file.write_all(&header).with_context(|| cannot_write(&path))?;
            journal.bytes = header.len() as u64;
        }
        Ok(Self { path, journal_path, format, file, journal })
    }

    /// Appends the results of `lines` more lines and notes them in the journal.
    fn append(&mut self, lines: usize, results: &[u8]) -> Result<()> {
        self.file.write_all(results).and_then(|()| self.file.sync_data()).with_context(|| cannot_write(&self.path))?;
        self.journal.lines += lines as u64;
        self.journal.bytes += results.len() as u64;
        let next = self.journal_path.with_extension("json.next");
        write_manifest(&next, &self.journal)
            .and_then(|()| std::fs::rename(&next, &self.journal_path))
            .with_context(|| cannot_write(&self.journal_path))
    }

    /// Writes the output and removes the partial file and the journal.
    fn finish(self, output: &Path, format: CorpusFormat) -> Result<()> {
        let gzip = output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
        let mut file = create_output(output)?;
        let partial = BufReader::new(fs_err::File::open(&self.path)?);
        write_output(partial, format, gzip, &mut file)
            .and_then(|()| file.commit())
            .with_context(|| cannot_write(output))?;
        for path in [&self.path, &self.journal_path] {
            // The output is complete: files that stay beside it do no harm.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}
