//! `saplink eval`.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::commands::{cannot_write, load_encoder, model_of, name_of, print, progress::Bars, stage};
use crate::{
    ann::GraphParameters,
    cli::{AgainstArg, CompareArgs, EMBEDDED_MODEL, EvalArgs, EvalCommand, EvalRunArgs, GraphArgs},
    encoder::Runtime,
    eval::{self, Against, Dictionary, Fold, Options, Report, Score, Target, Wanted},
    files::FileSum,
    index::{Index, InputRecord},
    linker::Linker,
    signals,
};

/// Measures, calibrates or compares.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    match &args.command {
        Some(EvalCommand::Compare(args)) => compare(args),
        None if args.run.calibrate.calibrate => calibrate(&args.run),
        None => measure(&args.run),
    }
}

fn compare(args: &CompareArgs) -> Result<()> {
    let reports = [Report::read(&args.first)?, Report::read(&args.second)?];
    let names = [&args.first, &args.second].map(|path| path.display().to_string());
    let comparison = eval::compare([&reports[0], &reports[1]], names, 42)?;
    print(&if args.json { serde_json::to_string_pretty(&comparison)? + "\n" } else { comparison.table() })
}

fn measure(args: &EvalRunArgs) -> Result<()> {
    let bars = Bars::new(signals::cancel_token()?);
    let score = Score::from(args.score);
    ensure!(
        score == Score::Cosine || args.against == AgainstArg::Exact && args.index.is_none(),
        "--score dot: graphs and indexes compare by cosine; inner products are compared with --dictionary and --against exact"
    );
    let folds = folds(args)?;
    // Before minutes of work: a file that cannot be written.
    let (json, html) = (args.json.as_deref().map(stage).transpose()?, args.html.as_deref().map(stage).transpose()?);
    let options = Options {
        against: args.against.into(),
        score,
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
            eval::evaluate(&folds, &dictionary, &Target::Names(&encoder), &options, bars.job())
        }
        (None, Some(dir)) => {
            let linker = linker(args, dir, &runtime, options.against)?;
            let dictionary = Dictionary::of_index(linker.index());
            eval::evaluate(&folds, &dictionary, &Target::Index(&linker), &options, bars.job())
        }
        (None, None) => anyhow::bail!("--dictionary or --index says what mentions are looked up among"),
    }?;
    bars.finish();
    let json_text = serde_json::to_string(&report)? + "\n";
    for (file, path, text) in [(json, &args.json, json_text), (html, &args.html, report.page())] {
        if let Some((mut file, path)) = file.zip(path.as_deref()) {
            file.write_all(text.as_bytes()).and_then(|()| file.commit()).with_context(|| cannot_write(path))?;
        }
    }
    print(&report.table())
}

fn folds(args: &EvalRunArgs) -> Result<Vec<Fold>> {
    let wanted = Wanted::new(args.mentions.cometa.into(), args.mentions.documents.as_deref())?;
    let read = |path: &PathBuf| Ok(Fold::read(path, &wanted)?);
    args.mentions.mentions.iter().map(read).collect()
}

fn linker(args: &EvalRunArgs, dir: &Path, runtime: &Runtime, against: Against) -> Result<Linker> {
    let mut index = Index::open(dir)?;
    if against == Against::Exact {
        index.search_exactly();
    }
    let model = args.model.clone().unwrap_or_else(|| model_of(&index));
    Ok(Linker::new(load_encoder(runtime, &model, &args.run)?, index)?)
}

fn calibrate(args: &EvalRunArgs) -> Result<()> {
    let bars = Bars::new(signals::cancel_token()?);
    let folds = folds(args)?;
    let input = |path: &PathBuf| Ok(InputRecord { name: name_of(path)?, sum: FileSum::of(path)? });
    let inputs = args.mentions.mentions.iter().map(input).collect::<Result<_>>()?;
    let dir = args.index.as_deref().context("--calibrate needs --index")?;
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    // As it is served.
    let linker = linker(args, dir, &runtime, Against::Index)?;
    let samples = eval::samples(&folds, &linker, bars.job())?;
    bars.finish();
    let fitted = eval::fit(&samples, args.calibrate.method.into(), args.calibrate.nil_share, inputs);
    let table = fitted.table();
    if !args.calibrate.dry_run {
        let read = linker.index().manifest();
        let mut manifest = read.clone();
        manifest.set_calibration(fitted.calibration, fitted.nil_threshold);
        manifest.replace(dir, read).with_context(|| format!("cannot write to {}", dir.display()))?;
    }
    print(&table)
}
