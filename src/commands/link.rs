//! Runs `saplink link`: links the mentions of a file.
//!
//! Results go to a partial file beside the output, and a journal notes how much of it is complete.
//! A run that was killed at any moment can be resumed, and gives the same output as one that was
//! not. Results for standard output are written as they come.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::commands::{
    common::{check_distinct, counted, default_model_dir, load_encoder, open_index, read_lexicon},
    link_output::{Journal, LinkOutput, PartialFile, partial_format, standard_output},
    progress_bars::{ProgressBars, elapsed},
};
use crate::{
    cancel::{CancelToken, Canceled},
    cli::LinkArgs,
    corpus::{
        CorpusFormat, LinkedRow, MentionColumns, MentionFile, MentionRow, PartialFormat, output_names, read_mentions,
    },
    domain::semantic_type,
    encoder::{EncoderError, Runtime},
    files::FileSum,
    http::PendingResults,
    linker::{FieldError, LinkDefaults, LinkLimits, LinkService, Linker, MentionOptions},
    progress::Progress,
    signals,
};

/// Lines that are linked together; the journal is written after each such batch.
const BATCH_LINES: usize = 512;

/// Links a file.
pub(super) fn run(args: &LinkArgs) -> Result<()> {
    let started = std::time::Instant::now();
    let cancel = signals::cancel_token()?;
    let bars = ProgressBars::new(cancel.clone());
    let (input, output) = formats(args)?;
    if let Some(input) = named(&args.input) {
        check_distinct(&[("--output", named(&args.output))], &[("--input", input)])?;
    }
    // Locked before the model is loaded: a second run for the same output is refused at once.
    let partial = named(&args.output).map(|path| PartialFile::lock(path, args.force)).transpose()?;
    let limits = LinkLimits { mention_bytes: args.max_mention_bytes.as_u64() as usize, ..LinkLimits::default() };
    let service = LinkService::new(linker(args)?, limits);
    let defaults = service.defaults(options(args)).map_err(|error| option_error(&error))?;
    let columns = MentionColumns { mention: args.column.clone(), id: args.id_column.clone() };
    let MentionFile { other_columns, rows } = read_mentions(named(&args.input), input, &columns, limits, bars.job())?;
    let other_columns = output_names(other_columns);
    let (format, header) = partial_format(output, &other_columns)?;
    let mut link_output = match partial {
        Some(mut partial) => {
            // A pipe can be read once only.
            let sum = named(&args.input).filter(|path| path.is_file()).map(FileSum::of).transpose()?;
            let journal = Journal::new(sum, fingerprint(args, output, service.linker())?);
            partial.begin(journal, args.resume, &args.input, &header)?;
            LinkOutput::File(Box::new(partial))
        }
        None => standard_output(&header)?,
    };
    let run = LinkRun { args, service, defaults, format, other_columns, cancel, bars: &bars };
    let ending = run.link_all(rows, &mut link_output)?;
    bars.finish();
    let lines = link_output.lines();
    if let LinkOutput::File(partial) = link_output {
        partial.finish(output, args.force)?;
    }
    match ending {
        Ending::Complete { errors: 0 } => eprintln!("  {} linked in {}", counted(lines, "line"), elapsed(started)),
        Ending::Complete { errors } => eprintln!(
            "  {} linked in {}; of those of this run, {} with an error (field or column `error`)",
            counted(lines, "line"),
            elapsed(started),
            counted(errors, "line")
        ),
        Ending::ReaderLeft => eprintln!("  the reader of standard output left before the end"),
    }
    Ok(())
}

/// The path of an input or output; absent for `-`, the standard one.
fn named(path: &Path) -> Option<&Path> {
    Some(path).filter(|path| path.as_os_str() != "-")
}

/// The formats of input and output, after a check of the options that depend on them.
fn formats(args: &LinkArgs) -> Result<(CorpusFormat, CorpusFormat)> {
    let format = |path: &Path, given: Option<CorpusFormat>, option: &str| match (given, named(path)) {
        (Some(CorpusFormat::Parquet), None) => {
            bail!("{option} - cannot be Parquet; name a file, or use lines or a table of text")
        }
        (Some(format), _) => Ok(format),
        (None, Some(path)) => Ok(CorpusFormat::of(path)?),
        (None, None) => Ok(CorpusFormat::Ndjson),
    };
    let input = format(&args.input, args.input_format, "--input")?;
    let output = format(&args.output, args.output_format, "--output")?;
    ensure!(
        !args.resume
            || named(&args.input).is_some_and(|input| !input.exists() || input.is_file())
                && named(&args.output).is_some(),
        "--resume needs files: what came from a pipe or went to standard output is not kept"
    );
    ensure!(
        !args.explain || output == CorpusFormat::Ndjson,
        "{}: a table has no room for explanations; write .ndjson or .jsonl, or leave out --explain",
        args.output.display()
    );
    Ok((input, output))
}

fn linker(args: &LinkArgs) -> Result<Linker> {
    let index = open_index(&args.index)?;
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
        semantic_types: nonempty(&semantic_type::join_names(&args.semantic_types)),
        semantic_groups: nonempty(&args.semantic_groups),
        sources: nonempty(&args.sources),
        readings: args.no_readings.then_some(false),
        spelling: args.no_spelling.then_some(false),
        explain: args.explain.then_some(true),
    }
}

/// The error of an option, by its name on the command line.
fn option_error(error: &FieldError) -> anyhow::Error {
    let option = error.field.as_str().replace('_', "-");
    let entry = error.entry.map_or(String::new(), |entry| format!("value {}: ", entry + 1));
    anyhow!("--{option}: {entry}{}", error.fault)
}

/// Identifies model, index, lexicon and options in the journal.
fn fingerprint(args: &LinkArgs, output: CorpusFormat, linker: &Linker) -> Result<String> {
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
            (args.no_readings, args.no_spelling, args.explain, args.max_mention_bytes.as_u64()),
            (&args.column, &args.id_column, args.input_format, output),
            lexicon,
        )
    ))
}

/// How a run that was not interrupted ended.
enum Ending {
    /// All lines are linked; so many of those of this run have an error.
    Complete { errors: u64 },
    /// The reader of standard output has left.
    ReaderLeft,
}

/// What the rows of an input are linked with.
struct LinkRun<'a> {
    args: &'a LinkArgs,
    service: LinkService,
    defaults: LinkDefaults,
    format: PartialFormat,
    other_columns: Vec<String>,
    cancel: CancelToken,
    bars: &'a ProgressBars,
}

impl LinkRun<'_> {
    /// Links the rows that `output` does not have yet.
    fn link_all(
        &self,
        rows: impl Iterator<Item = Result<Option<MentionRow>, crate::corpus::CorpusError>>,
        output: &mut LinkOutput,
    ) -> Result<Ending> {
        let mut rows = rows.skip(output.lines() as usize);
        let mut errors = 0;
        loop {
            let batch = rows.by_ref().take(BATCH_LINES).collect::<Result<Vec<_>, _>>()?;
            if batch.is_empty() {
                return Ok(Ending::Complete { errors });
            }
            let count = batch.len();
            let Some(linked) = self.link(batch)? else {
                let is_kept =
                    named(&self.args.input).is_some_and(Path::is_file) && matches!(output, LinkOutput::File(_));
                let hint = if is_kept && output.lines() > 0 { "; --resume continues" } else { "" };
                self.bars.abandon();
                eprintln!("  interrupted after {}{hint}", counted(output.lines(), "line"));
                return Err(Canceled.into());
            };
            errors += linked.iter().filter(|row| row.result.error.is_some()).count() as u64;
            if !output.append(count, &self.format.encode(&linked, &self.other_columns)?)? {
                return Ok(Ending::ReaderLeft);
            }
            self.bars.rows_read(output.lines());
        }
    }

    /// The results of a batch; none if the run was interrupted.
    fn link(&self, batch: Vec<Option<MentionRow>>) -> Result<Option<Vec<LinkedRow>>> {
        let (mentions, other): (Vec<_>, Vec<_>) =
            batch.into_iter().flatten().map(|row| (row.mention, row.other)).unzip();
        let pending = PendingResults::of_lines(&self.service, &self.defaults, mentions);
        match pending.link(&self.cancel) {
            Ok((results, _)) if !self.cancel.is_canceled() => {
                let row = |(result, other)| LinkedRow { result, other };
                Ok(Some(results.into_iter().zip(other).map(row).collect()))
            }
            Ok(_) | Err(EncoderError::Canceled(_)) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot link {}", self.args.input.display())),
        }
    }
}
