//! `saplink train run`: trains a checkpoint on pairs and writes the model.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, anyhow, ensure};
use indicatif::HumanCount;

use crate::commands::{
    common::dir_name,
    progress_bars::{ProgressBars, elapsed, peak_memory},
};
use crate::{
    bert::{self, BertConfig, Precision, Weights},
    cli::TrainRunArgs,
    encoder::{self, BertTokenizer, ImportOptions, Runtime},
    files::{StageError, StagedDir},
    signals,
    train::{
        CONFIG_FILE, Pairs, RunConfig, TrainError, TrainSettings, TrainingRun, base_sha256, export_checkpoint,
        mix_with_base,
    },
};

/// Concepts that the report's map can show; [`TrainRunArgs::map`] is limited to this number.
const MAX_MAP_CONCEPTS: usize = 12;

/// Runs the command.
pub(super) fn run(args: &TrainRunArgs) -> Result<()> {
    let started = Instant::now();
    let bars = ProgressBars::new(signals::cancel_token()?);
    // All checks come first: training may take hours.
    let (int8, run_dir) = output_dirs(args)?;
    let (bert_config, base) = load_base(&args.base)?;
    check_limits(args, &bert_config)?;
    let tokenizer = BertTokenizer::of_checkpoint(&args.base, bert_config.vocab, args.max_tokens)
        .with_context(|| format!("cannot read the tokenizer of {}", args.base.display()))?;
    let pairs = Pairs::read(&args.pairs).context("cannot read the pairs")?;
    let dev = args.dev.as_deref().map(Pairs::read).transpose().context("cannot read the held-out pairs")?;
    check_map(args, dev.as_ref().unwrap_or(&pairs))?;
    let settings = settings(args, &pairs, dev.as_ref())?;
    let run_config = run_config(args, run_dir)?;
    run_config.check(&settings)?;
    let runtime = Runtime::load(args.onnxruntime.as_deref())?;
    eprintln!("  ONNX Runtime in {} {}", runtime.path().display(), runtime.training_api_note());
    eprintln!(
        "  {} pairs of {} concepts, {} steps of {} pairs",
        HumanCount(pairs.len() as u64),
        HumanCount(pairs.concepts() as u64),
        HumanCount(settings.steps),
        settings.batch
    );
    let run = TrainingRun {
        runtime: &runtime,
        bert_config: &bert_config,
        base: &base,
        tokenizer: &tokenizer,
        pairs: &pairs,
        dev: dev.as_ref(),
        settings: &settings,
        run_config: &run_config,
    };
    let trained = run.train(bars.job()).inspect_err(|e| {
        bars.abandon();
        if let TrainError::Canceled { saved: Some(path), .. } = e {
            eprintln!("  saved {}: the same command with --resume continues from it", path.display());
        }
    });
    let trained = trained.with_context(|| format!("cannot train {}", args.base.display()))?;
    bars.finish();
    let parameters = mix_with_base(&trained.parameters, &base.flatten(), args.mix_base as f32);
    write_models(args, &runtime, &bert_config, &parameters, &int8).context(
        "cannot write the model; the training is not lost: the same command with --resume --force writes it",
    )?;
    eprintln!("  {} (float32), {} (int8); report: {}", args.out.display(), int8.display(), trained.report.display());
    eprintln!("  trained on {} in {}{}", trained.device, elapsed(started), peak_memory());
    Ok(())
}

/// The directories of the int8 model and of the run, both beside `--out`, after a check that every
/// output can be written.
fn output_dirs(args: &TrainRunArgs) -> Result<(PathBuf, PathBuf)> {
    let (int8, run) = (sibling(&args.out, "-int8")?, sibling(&args.out, "-run")?);
    for dir in [&args.out, &int8] {
        StagedDir::check(dir, encoder::MODEL_MANIFEST, args.force).context("cannot write the model")?;
        StagedDir::check_writable(dir).context("cannot write the model")?;
    }
    if let Some(dir) = &args.export_hf {
        ensure!(
            ![&args.out, &int8, &run].contains(&dir),
            "--export-hf {}: another output has this name",
            dir.display()
        );
        // --force does not reach a checkpoint, which may be of another program.
        StagedDir::check(dir, CONFIG_FILE, false).map_err(|error| match error {
            StageError::Exists(_) | StageError::Foreign { .. } => {
                anyhow!("--export-hf {}: exists already; name a new or an empty directory", dir.display())
            }
            error => anyhow::Error::from(error).context("cannot write the checkpoint"),
        })?;
        StagedDir::check_writable(dir).context("cannot write the checkpoint")?;
    }
    Ok((int8, run))
}

/// Checks options against the size of the base.
fn check_limits(args: &TrainRunArgs, config: &BertConfig) -> Result<()> {
    ensure!(
        (3..=config.positions).contains(&args.max_tokens),
        "--max-tokens {} must be between 3 and the {} positions of the base",
        args.max_tokens,
        config.positions
    );
    ensure!(
        args.freeze.is_none_or(|frozen| frozen < config.layers),
        "--freeze must leave at least one of the base's {} layers to train",
        config.layers
    );
    Ok(())
}

/// Checks that `--map` names concepts of the pairs from which the map takes its names.
fn check_map(args: &TrainRunArgs, pairs: &Pairs) -> Result<()> {
    ensure!(args.map.len() <= MAX_MAP_CONCEPTS, "--map takes at most {MAX_MAP_CONCEPTS} concepts");
    for id in &args.map {
        let is_known = (0..pairs.concepts() as u32).any(|concept| pairs.id(concept) == id);
        ensure!(is_known, "--map {id}: no pair has this concept");
    }
    Ok(())
}

/// Reads the base. An ONNX graph is refused, since its weights have no names.
fn load_base(base: &Path) -> Result<(BertConfig, Weights)> {
    ensure!(base.is_dir(), "--base {}: is not a directory", base.display());
    ensure!(
        bert::checkpoint::weight_file(base).is_ok() || !base.join("model.onnx").is_file(),
        "--base {}: is an ONNX graph and cannot be trained, since its weights have no names; \
         use the checkpoint from which it was made (model.safetensors or pytorch_model.bin)",
        base.display()
    );
    bert::load(base).with_context(|| format!("cannot read the base {}", base.display()))
}

/// The settings of the run, with the checksums of its inputs.
fn settings(args: &TrainRunArgs, pairs: &Pairs, dev: Option<&Pairs>) -> Result<TrainSettings> {
    let batch = args.batch.min(pairs.len());
    let steps = args.steps.unwrap_or((pairs.len() / batch).max(1) * args.epochs) as u64;
    ensure!(args.warm_up <= steps, "--warm-up {} is more than the {steps} steps of the run", args.warm_up);
    ensure!(args.dropout < 1.0, "--dropout must be below 1");
    Ok(TrainSettings {
        base: base_sha256(&args.base)?,
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

fn run_config(args: &TrainRunArgs, dir: PathBuf) -> Result<RunConfig> {
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    Ok(RunConfig {
        dir,
        model_name: dir_name(&args.out)?,
        device: args.device,
        threads: args.threads.unwrap_or(cores),
        save_every: args.save_every as u64,
        dev_every: args.dev_every as u64,
        keep_checkpoints: args.keep,
        map_concepts: args.map.clone(),
        resume: args.resume,
        force: args.force,
    })
}

/// The directory beside `dir` with its name and a suffix.
fn sibling(dir: &Path, suffix: &str) -> Result<PathBuf> {
    Ok(dir.with_file_name(dir_name(dir)? + suffix))
}

/// Exports the parameters as a checkpoint, imports that as float32 and int8 models, and writes it
/// to `--export-hf` too.
fn write_models(
    args: &TrainRunArgs,
    runtime: &Runtime,
    config: &BertConfig,
    parameters: &[f32],
    int8: &Path,
) -> Result<()> {
    let dir = tempfile::tempdir().context("cannot create a temporary directory for the checkpoint (see TMPDIR)")?;
    let checkpoint = dir.path().join("checkpoint");
    export_checkpoint(&args.base, config, parameters, &checkpoint)?;
    for (out, precision) in [(args.out.as_path(), Precision::Fp32), (int8, Precision::Int8)] {
        let options = ImportOptions {
            from: checkpoint.clone(),
            out: out.into(),
            name: dir_name(out)?,
            pooling: args.pooling,
            precision,
            max_tokens: args.max_tokens,
            letter_case: None,
            force: args.force,
        };
        encoder::import(runtime, &options)?;
    }
    args.export_hf.iter().try_for_each(|out| Ok(export_checkpoint(&args.base, config, parameters, out)?))
}
