//! `saplink train run`.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use indicatif::HumanCount;

use crate::commands::{
    common::dir_name,
    progress_bars::{ProgressBars, elapsed, peak_memory},
};
use crate::{
    bert::{self, BertConfig, Pooling, Precision, Weights},
    cli::TrainRunArgs,
    encoder::{self, BertTokenizer, ImportOptions, Runtime},
    files::StagedDir,
    signals,
    train::{self, Conduct, Pairs, Run, Settings, TrainError},
};

/// Trains, and makes models of what was learned.
pub(super) fn run(args: &TrainRunArgs) -> Result<()> {
    let started = Instant::now();
    let bars = ProgressBars::new(signals::cancel_token()?);
    // Before hours of work: whatever could be wrong.
    let (int8, run_dir) = outputs(args)?;
    let (config, base) = load(&args.base)?;
    check_limits(args, &config)?;
    let tokens = BertTokenizer::of_checkpoint(&args.base, config.vocab, args.max_tokens)
        .with_context(|| format!("cannot read the tokenizer of {}", args.base.display()))?;
    let pairs = Pairs::read(&args.pairs).context("cannot read the pairs")?;
    let dev = args.dev.as_deref().map(Pairs::read).transpose().context("cannot read the held-out pairs")?;
    for id in &args.map {
        let source = dev.as_ref().unwrap_or(&pairs);
        ensure!((0..source.concepts() as u32).any(|c| source.id(c) == id), "--map {id}: there are no pairs of it");
    }
    let settings = settings(args, &pairs, dev.as_ref())?;
    let conduct = conduct(args, run_dir)?;
    conduct.check(&settings)?;
    let runtime = Runtime::load(args.onnxruntime.as_deref())?;
    eprintln!("  ONNX Runtime in {} {}", runtime.path().display(), runtime.training_api_note());
    eprintln!(
        "  {} pairs of {} concepts, {} steps of {} pairs",
        HumanCount(pairs.len() as u64),
        HumanCount(pairs.concepts() as u64),
        HumanCount(settings.steps),
        settings.batch
    );
    let run = Run {
        runtime: &runtime,
        config: &config,
        base: &base,
        tokens: &tokens,
        pairs: &pairs,
        dev: dev.as_ref(),
        settings: &settings,
        conduct: &conduct,
    };
    let trained = run.train(bars.job()).inspect_err(|e| {
        bars.abandon();
        if let TrainError::Canceled { saved: Some(path), .. } = e {
            eprintln!("  saved in {}: the same command with --resume goes on from it", path.display());
        }
    });
    let trained = trained.with_context(|| format!("cannot train {}", args.base.display()))?;
    bars.finish();
    let parameters = train::mixed(&trained.parameters, &base.flatten(), args.mix_base as f32);
    write_models(args, &runtime, &config, &parameters, &int8).context(
        "cannot write the model; nothing of the training is lost: the same command with --resume --force writes it",
    )?;
    eprintln!("  {} (float32), {} (int8); report: {}", args.out.display(), int8.display(), trained.report.display());
    eprintln!("  trained on {} in {}{}", trained.device, elapsed(started), peak_memory());
    Ok(())
}

/// The directories beside that of the model, after finding out whether all can be written.
fn outputs(args: &TrainRunArgs) -> Result<(PathBuf, PathBuf)> {
    let (int8, run) = (beside(&args.out, "-int8")?, beside(&args.out, "-run")?);
    for dir in [&args.out, &int8] {
        StagedDir::check(dir, encoder::MODEL_MANIFEST, args.force).context("cannot write the model")?;
        StagedDir::check_writable(dir).context("cannot write the model")?;
    }
    if let Some(dir) = &args.export_hf {
        ensure!(![&args.out, &int8, &run].contains(&dir), "--export-hf {}: is written already", dir.display());
        StagedDir::check(dir, train::CONFIG, false).context("cannot write the checkpoint")?;
        StagedDir::check_writable(dir).context("cannot write the checkpoint")?;
    }
    Ok((int8, run))
}

/// Whether the base is large enough for what is asked of it.
fn check_limits(args: &TrainRunArgs, config: &BertConfig) -> Result<()> {
    ensure!(
        (3..=config.positions).contains(&args.max_tokens),
        "--max-tokens {} must be between 3 and the {} positions of the base",
        args.max_tokens,
        config.positions
    );
    ensure!(
        args.freeze.is_none_or(|frozen| frozen < config.layers),
        "--freeze must leave one of the base's {} layers to learn",
        config.layers
    );
    ensure!(args.map.len() <= 12, "--map takes 12 concepts at most");
    Ok(())
}

/// Reads the base, which must have its weights by name.
fn load(base: &Path) -> Result<(BertConfig, Weights)> {
    ensure!(base.is_dir(), "--base {}: is not a directory", base.display());
    ensure!(
        bert::checkpoint::weight_file(base).is_ok() || !base.join("model.onnx").is_file(),
        "--base {}: is an ONNX graph, whose weights have no names to be trained by; name the checkpoint that it was made from, with its \
         model.safetensors or pytorch_model.bin",
        base.display()
    );
    bert::load(base).with_context(|| format!("cannot read the base {}", base.display()))
}

fn settings(args: &TrainRunArgs, pairs: &Pairs, dev: Option<&Pairs>) -> Result<Settings> {
    let batch = args.batch.min(pairs.len());
    let steps = args.steps.unwrap_or((pairs.len() / batch).max(1) * args.epochs) as u64;
    ensure!(args.warm_up <= steps, "--warm-up {} is more than the run's {steps} steps", args.warm_up);
    ensure!(args.dropout < 1.0, "--dropout must be below 1");
    Ok(Settings {
        base: train::sha256_of(&args.base)?,
        pairs: pairs.sha256(),
        dev: dev.map(Pairs::sha256),
        steps,
        batch,
        chunk: args.chunk,
        group: args.group,
        augment: args.augment as f32,
        pooling: args.pooling,
        max_tokens: args.max_tokens,
        loss: args.loss,
        mining_margin: (!args.no_mining).then_some(args.mining_margin),
        learning_rate: args.learning_rate,
        warm_up: args.warm_up,
        decay: args.decay,
        weight_decay: args.weight_decay as f32,
        clip: args.clip,
        dropout: args.dropout as f32,
        frozen_layers: args.freeze,
        arithmetic: args.arithmetic,
        seed: args.seed,
    })
}

fn conduct(args: &TrainRunArgs, dir: PathBuf) -> Result<Conduct> {
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    Ok(Conduct {
        dir,
        name: dir_name(&args.out)?,
        device: args.device,
        threads: args.threads.unwrap_or(cores),
        save_every: args.save_every as u64,
        dev_every: args.dev_every as u64,
        keep: args.keep,
        map: args.map.clone(),
        resume: args.resume,
        force: args.force,
    })
}

/// The directory of this name and ending.
fn beside(dir: &Path, ending: &str) -> Result<PathBuf> {
    Ok(dir.with_file_name(dir_name(dir)? + ending))
}

/// The model directories, imported from the checkpoint of what was learned, and that.
fn write_models(
    args: &TrainRunArgs,
    runtime: &Runtime,
    config: &BertConfig,
    parameters: &[f32],
    int8: &Path,
) -> Result<()> {
    let dir = tempfile::tempdir().context("a temporary directory is needed (TMPDIR)")?;
    let checkpoint = dir.path().join("checkpoint");
    train::export(&args.base, config, parameters, &checkpoint)?;
    for (out, precision) in [(args.out.as_path(), Precision::Fp32), (int8, Precision::Int8)] {
        let options = ImportOptions {
            from: checkpoint.clone(),
            out: out.into(),
            name: dir_name(out)?,
            pooling: Pooling::from(args.pooling),
            precision,
            max_tokens: args.max_tokens,
            force: args.force,
        };
        encoder::import(runtime, &options)?;
    }
    args.export_hf.iter().try_for_each(|out| Ok(train::export(&args.base, config, parameters, out)?))
}
