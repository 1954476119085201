//! Runs `saplink eval`: measures, compares and calibrates.

use std::{io::Write, path::Path};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    ann::GraphParameters,
    cli::{CompareArgs, EMBEDDED_MODEL, EvalArgs, EvalCommand, EvalMeasureArgs, GraphArgs},
    commands::{
        common::{cannot_write, create_output, default_model_dir, load_encoder, manifest_input, print_stdout},
        progress_bars::ProgressBars,
    },
    encoder::Runtime,
    eval::{self, Dictionary, EvalOptions, EvalReport, EvalTarget, Fold, MentionFileOptions, SearchMode, Similarity},
    index::Index,
    linker::Linker,
    signals,
};

/// Seed of the bootstrap of `eval compare`.
const COMPARE_SEED: u64 = 42;

/// Measures, calibrates or compares.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    match &args.command {
        Some(EvalCommand::Compare(args)) => compare(args),
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
    let json = args.json.as_deref().map(create_output).transpose()?;
    let html = args.html.as_deref().map(create_output).transpose()?;
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
            let linker = load_linker(args, dir, &runtime, options.mode)?;
            let dictionary = Dictionary::of_index(linker.index());
            eval::evaluate(&folds, &dictionary, &EvalTarget::Index(&linker), &options, bars.job())
        }
        (None, None) => bail!("give --dictionary or --index"),
    }?;
    bars.finish();
    let json_text = serde_json::to_string(&report)? + "\n";
    for (file, path, text) in [(json, &args.json, json_text), (html, &args.html, report.page())] {
        if let Some((mut file, path)) = file.zip(path.as_deref()) {
            file.write_all(text.as_bytes()).and_then(|()| file.commit()).with_context(|| cannot_write(path))?;
        }
    }
    print_stdout(&report.table())
}

fn read_folds(args: &EvalMeasureArgs) -> Result<Vec<Fold>> {
    let options = MentionFileOptions::new(args.mentions.cometa, args.mentions.documents.as_deref())?;
    args.mentions.mentions.iter().map(|path| Ok(Fold::read(path, &options)?)).collect()
}

/// Loads an index and its model. With [`SearchMode::Exact`] the linker does not search the graph.
fn load_linker(args: &EvalMeasureArgs, dir: &Path, runtime: &Runtime, mode: SearchMode) -> Result<Linker> {
    let mut index = Index::open(dir)?;
    if mode == SearchMode::Exact {
        index.search_exactly();
    }
    let model = args.model.clone().unwrap_or_else(|| default_model_dir(&index));
    Ok(Linker::new(load_encoder(runtime, &model, &args.run)?, index)?)
}

fn calibrate(args: &EvalMeasureArgs) -> Result<()> {
    let bars = ProgressBars::new(signals::cancel_token()?);
    let folds = read_folds(args)?;
    let inputs = args.mentions.mentions.iter().map(|path| manifest_input(path)).collect::<Result<_>>()?;
    let dir = args.index.as_deref().context("--calibrate needs --index")?;
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    // The service searches the graph, so the calibration does too.
    let linker = load_linker(args, dir, &runtime, SearchMode::Graph)?;
    let samples = eval::calibration_samples(&folds, &linker, bars.job())?;
    bars.finish();
    let fitted = eval::fit_calibration(&samples, args.calibrate.method, args.calibrate.nil_share, inputs);
    let table = fitted.table();
    if !args.calibrate.dry_run {
        let old = linker.index().manifest();
        let mut manifest = old.clone();
        manifest.set_calibration(fitted.calibration, fitted.nil_threshold);
        manifest.replace(dir, old).with_context(|| format!("cannot write to {}", dir.display()))?;
    }
    print_stdout(&table)
}
