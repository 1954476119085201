//! Runs `saplink eval`: measures, compares, calibrates, and measures trust.

use std::{io::Write, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::{
    ann::GraphParameters,
    cli::{CompareArgs, EMBEDDED_MODEL, EvalArgs, EvalCommand, EvalMeasureArgs, GraphArgs, InferenceArgs, TrustArgs},
    commands::{
        common::{
            cannot_write, check_distinct, create_output, default_model_dir, load_encoder, manifest_input, open_index,
            print_stdout,
        },
        progress_bars::ProgressBars,
    },
    encoder::Runtime,
    eval::{
        self, CalibrationOptions, Dictionary, EvalOptions, EvalReport, EvalTarget, Fold, MentionFileOptions,
        SearchMode, Similarity, TrustLists,
    },
    files::StagedFile,
    index::Index,
    linker::Linker,
    signals,
};

/// Seed of the bootstrap of `eval compare`.
const COMPARE_SEED: u64 = 42;

/// Runs the subcommand, or measures or calibrates.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    match &args.command {
        Some(EvalCommand::Compare(args)) => compare(args),
        Some(EvalCommand::Trust(args)) => trust(args),
        None if args.measure.calibrate.calibrate => calibrate(&args.measure),
        None => measure(&args.measure),
    }
}

fn compare(args: &CompareArgs) -> Result<()> {
    let reports = [EvalReport::read(&args.first)?, EvalReport::read(&args.second)?];
    let names = [&args.first, &args.second].map(|path| path.display().to_string());
    let comparison = eval::compare([&reports[0], &reports[1]], names, COMPARE_SEED)?;
    print_stdout(&if args.json { serde_json::to_string_pretty(&comparison)? + "\n" } else { comparison.table() })
}

fn measure(args: &EvalMeasureArgs) -> Result<()> {
    let bars = ProgressBars::new(signals::cancel_token()?);
    ensure!(
        args.score == Similarity::Cosine || args.against == SearchMode::Exact && args.index.is_none(),
        "--score dot needs --dictionary and --against exact: graphs and indexes compare by cosine"
    );
    let folds = read_folds(args)?;
    let outputs = ReportFiles::create(args.json.as_deref(), args.html.as_deref(), args.force, &read_files(args))?;
    let options = EvalOptions {
        mode: args.against,
        similarity: args.score,
        only_covered: args.covered,
        baselines: !args.no_baselines,
        examples: args.examples,
        graph: GraphParameters { ef_search: args.ef_search.into(), ..GraphArgs::default().parameters(None) },
        seed: args.seed,
    };
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let report = match (&args.dictionary, &args.index) {
        (Some(path), _) => {
            let dictionary = Dictionary::read(path)?;
            let model = args.model.clone().unwrap_or_else(|| EMBEDDED_MODEL.into());
            let encoder = load_encoder(&runtime, &model, &args.run)?;
            eval::evaluate(&folds, &dictionary, &EvalTarget::Dictionary(&encoder), &options, bars.job())
        }
        (None, Some(dir)) => {
            let linker = load_linker(open_index(dir)?, args.model.as_deref(), &args.run, &runtime, options.mode)?;
            let dictionary = Dictionary::of_index(linker.index());
            eval::evaluate(&folds, &dictionary, &EvalTarget::Index(&linker), &options, bars.job())
        }
        (None, None) => bail!("give --dictionary or --index"),
    }?;
    bars.finish();
    outputs.write(&report, || report.page())?;
    print_stdout(&report.table())
}

fn trust(args: &TrustArgs) -> Result<()> {
    let bars = ProgressBars::new(signals::cancel_token()?);
    let lists = TrustLists::read(&args.words, &args.terms, &args.known, args.opposites.as_deref())?;
    let inputs = [("--words", &args.words), ("--terms", &args.terms), ("--known", &args.known)];
    let inputs = inputs.into_iter().chain(args.opposites.iter().map(|path| ("--opposites", path)));
    let inputs: Vec<_> = inputs.map(|(option, path)| (option, path.as_path())).collect();
    let outputs = ReportFiles::create(args.json.as_deref(), args.html.as_deref(), args.force, &inputs)?;
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let linker = load_linker(open_index(&args.index)?, args.model.as_deref(), &args.run, &runtime, SearchMode::Graph)?;
    let report = eval::measure_trust(&lists, &linker, args.examples, bars.job())?;
    bars.finish();
    outputs.write(&report, || report.page())?;
    print_stdout(&report.table())
}

/// The files of a report. They are created before the work, so that a path that cannot be written
/// is refused at once.
struct ReportFiles<'a> {
    json: Option<(StagedFile, &'a Path)>,
    html: Option<(StagedFile, &'a Path)>,
}

impl<'a> ReportFiles<'a> {
    fn create(json: Option<&'a Path>, html: Option<&'a Path>, force: bool, inputs: &[(&str, &Path)]) -> Result<Self> {
        check_distinct(&[("--json", json), ("--html", html)], inputs)?;
        let create = |path: Option<&'a Path>| {
            path.map(|path| Ok::<_, anyhow::Error>((create_output(path, force)?, path))).transpose()
        };
        Ok(Self { json: create(json)?, html: create(html)? })
    }

    fn write(self, report: &impl Serialize, page: impl FnOnce() -> String) -> Result<()> {
        let write = |(mut file, path): (StagedFile, &Path), text: String| {
            file.write_all(text.as_bytes()).and_then(|()| file.commit()).with_context(|| cannot_write(path))
        };
        if let Some(json) = self.json {
            write(json, serde_json::to_string(report)? + "\n")?;
        }
        self.html.map_or(Ok(()), |html| write(html, page()))
    }
}

/// The files that a measurement reads, with their options.
fn read_files(args: &EvalMeasureArgs) -> Vec<(&'static str, &Path)> {
    let mentions = args.mentions.mentions.iter().map(|path| ("--mentions", path));
    let documents = args.mentions.documents.iter().map(|path| ("--documents", path));
    let dictionary = args.dictionary.iter().map(|path| ("--dictionary", path));
    mentions.chain(documents).chain(dictionary).map(|(option, path)| (option, path.as_path())).collect()
}

fn read_folds(args: &EvalMeasureArgs) -> Result<Vec<Fold>> {
    let options = MentionFileOptions::new(args.mentions.cometa, args.mentions.documents.as_deref())?;
    args.mentions.mentions.iter().map(|path| Ok(Fold::read(path, &options)?)).collect()
}

/// Loads the model of an index. With [`SearchMode::Exact`] the linker does not search the graph.
fn load_linker(
    mut index: Index,
    model: Option<&Path>,
    run: &InferenceArgs,
    runtime: &Runtime,
    mode: SearchMode,
) -> Result<Linker> {
    if mode == SearchMode::Exact {
        index.search_exactly();
    }
    let model = model.map_or_else(|| default_model_dir(&index), Path::to_owned);
    Ok(Linker::new(load_encoder(runtime, &model, run)?, index)?)
}

fn calibrate(args: &EvalMeasureArgs) -> Result<()> {
    let bars = ProgressBars::new(signals::cancel_token()?);
    let folds = read_folds(args)?;
    let inputs = args.mentions.mentions.iter().map(|path| manifest_input(path)).collect::<Result<_>>()?;
    let dir = args.index.as_deref().context("--calibrate needs --index")?;
    let mut files = read_files(args);
    let outputs = ReportFiles::create(args.json.as_deref(), args.html.as_deref(), args.force, &files)?;
    if let Some(path) = &args.calibrate.out {
        files.extend(
            [("--json", &args.json), ("--html", &args.html)]
                .into_iter()
                .filter_map(|(option, path)| Some((option, path.as_deref()?))),
        );
        check_distinct(&[("--out", Some(path))], &files)?;
        StagedFile::check(path, args.force)?;
    }
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    // The service searches the graph, so the calibration does too.
    let index = Index::open_uncalibrated(dir)?;
    let linker = load_linker(index, args.model.as_deref(), &args.run, &runtime, SearchMode::Graph)?;
    let samples = eval::calibration_samples(&folds, &linker, bars.job())?;
    bars.finish();
    let options = CalibrationOptions {
        nil_share: args.calibrate.nil_share,
        precision: args.calibrate.precision,
        few_mentions: args.calibrate.few_mentions,
    };
    let fitted = eval::fit_calibration(&samples, &options, inputs)?;
    if let Some(path) = &args.calibrate.out {
        fitted.calibration.write(path).with_context(|| cannot_write(path))?;
    } else if !args.calibrate.dry_run {
        let manifest = linker.index().manifest();
        let write = manifest.replace_calibration(dir, fitted.calibration.clone());
        write.with_context(|| format!("cannot write to {}", dir.display()))?;
    }
    let name = &linker.index().manifest().name;
    outputs.write(&fitted.report(name), || fitted.page(name))?;
    print_stdout(&fitted.table())
}
