//! A training run: the loop over the steps, with held-out retrieval, checkpoints and the report.
//!
//! Invariant: the last checkpoint is complete, even after a crash, and a run that resumes from it
//! gives the result of a run without an interruption.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
    time::Instant,
};

use crate::train::{
    TrainError,
    batches::{self, BatchPlan, TrainingBatch},
    checkpoint::{self, Checkpoint},
    engine::{Engine, EngineOptions, StepOutcome},
    loss_scaling::LossScaling,
    metrics::{MetricsLog, MetricsRecord, StepRecord},
    name_sample::NameSample,
    packing::PackedNames,
    pairs::Pairs,
    report::{self, MapLayout, NameMap, TrainReport},
    retrieval,
    run_config::RunConfig,
    schedule::Schedule,
    settings::{Arithmetic, TrainSettings},
    tsne::{nearest_neighbor_agreement, tsne},
};
use crate::{
    bert::{BertConfig, Weights, optimizer::OptimizerSettings, training::StepOptions},
    cancel::Canceled,
    encoder::{BertTokenizer, Device, Runtime},
    files::StagedFile,
    job::Job,
};

/// Concepts of the report's map, if none are requested.
const MAP_CONCEPTS: usize = 12;
/// Names of each concept in the map.
const MAP_NAMES_PER_CONCEPT: usize = 16;
/// A model with a larger weight has diverged.
const MAX_ABS_WEIGHT: f32 = 1e4;

/// The inputs of a run.
pub(crate) struct TrainingRun<'a> {
    pub(crate) runtime: &'a Runtime,
    /// Architecture of the base.
    pub(crate) bert_config: &'a BertConfig,
    /// Weights of the base.
    pub(crate) base: &'a Weights,
    pub(crate) tokenizer: &'a BertTokenizer,
    pub(crate) pairs: &'a Pairs,
    /// Held-out pairs; `None` measures no retrieval.
    pub(crate) dev: Option<&'a Pairs>,
    pub(crate) settings: &'a TrainSettings,
    pub(crate) run_config: &'a RunConfig,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct TrainedModel {
    /// All parameters, in the order of [`crate::bert::weights::parameter_specs`].
    pub(crate) parameters: Vec<f32>,
    /// The device that computed the steps.
    pub(crate) device: Device,
    /// Path of the report.
    pub(crate) report: PathBuf,
}

/// The state of a run between two steps.
struct RunState<'a> {
    run: &'a TrainingRun<'a>,
    engine: Engine,
    metrics: MetricsLog,
    /// Names of held-out retrieval.
    held_out: Option<NameSample>,
    /// Names of the report's map.
    map_names: NameSample,
    /// Their map before training.
    map_before: MapLayout,
    loss_scaling: LossScaling,
    /// The step of the last checkpoint.
    saved_step: Option<u64>,
    _lock: File,
}

impl TrainingRun<'_> {
    /// Trains from the beginning, or from the last checkpoint, until all steps are complete.
    ///
    /// # Errors
    /// [`TrainError`]; after [`TrainError::Canceled`] the run can resume from the checkpoint that
    /// the error names.
    pub(crate) fn train(&self, job: Job<'_>) -> Result<TrainedModel, TrainError> {
        let Self { settings, run_config, .. } = self;
        let mut state = self.start(job)?;
        let first = state.saved_step.unwrap_or(0);
        if state.saved_step.is_none() {
            state.evaluate(0, job)?;
        }
        let plan = settings.batch_plan();
        job.progress.stage("training", settings.steps - first);
        batches::with_batches(self.pairs, self.tokenizer, plan, first..settings.steps, |batches| {
            for step in first..settings.steps {
                if job.cancel.is_canceled() {
                    state.save(step)?;
                    state.write_report(job);
                    let saved = checkpoint::last_checkpoint_dir(&run_config.checkpoints_dir());
                    return Err(TrainError::Canceled { saved, source: Canceled });
                }
                state.step(step, plan, batches, job)?;
                let done = step + 1;
                // Before the checkpoint: if that cannot be written, a resumed run measures again.
                if done.is_multiple_of(run_config.dev_every) || done == settings.steps {
                    state.evaluate(done, job)?;
                }
                if done.is_multiple_of(run_config.save_every) || done == settings.steps {
                    state.save(done)?;
                    job.progress.message(&format!("checkpoint saved after {done} steps"));
                }
            }
            Ok(())
        })?;
        if first == settings.steps {
            // A resumed run without steps left: its report may be missing.
            state.write_report(job);
        }
        let (parameters, device) = (state.engine.state()?.parameters, state.engine.device());
        Ok(TrainedModel { parameters, device, report: run_config.report_path() })
    }

    /// Prepares everything that a run needs. Touches the directory of the run last, when nothing
    /// else can fail.
    fn start(&self, job: Job<'_>) -> Result<RunState<'_>, TrainError> {
        let Self { settings, run_config, .. } = self;
        let map_names = self.map_names()?;
        let held_out = self.dev.map(|pairs| NameSample::held_out(pairs, self.tokenizer, settings.seed)).transpose()?;
        let mut engine = Engine::new(self.runtime, self.bert_config, self.engine_options(), &self.base.flatten())?;
        // The map before training shows the base, also in a resumed run.
        let map_before = self.map_layout(&map_names, &mut engine)?;
        let lock = run_config.prepare_dir(settings)?;
        let last = Checkpoint::read_last(&run_config.checkpoints_dir(), self.bert_config)?;
        if let Some(last) = last.as_ref().filter(|last| last.step > settings.steps) {
            return Err(TrainError::Damaged {
                path: run_config.checkpoints_dir(),
                reason: format!("it has a checkpoint of step {}, but the run has {} steps", last.step, settings.steps),
            });
        }
        let saved_step = last.as_ref().map(|last| last.step);
        if run_config.resume {
            job.progress.message(&match saved_step {
                Some(step) => format!("resuming after {step} steps on {}", engine.device()),
                None => format!("there is no checkpoint yet: starting from the beginning on {}", engine.device()),
            });
        }
        let mut loss_scaling = LossScaling::initial();
        if let Some(last) = last {
            engine.restore(&last.state)?;
            loss_scaling = last.loss_scaling;
        }
        let metrics = MetricsLog::open(&run_config.metrics_path(), saved_step)?;
        Ok(RunState {
            run: self,
            engine,
            metrics,
            held_out,
            map_names,
            map_before,
            loss_scaling,
            saved_step,
            _lock: lock,
        })
    }

    /// The names of the report's map: of held-out concepts, if there are any.
    fn map_names(&self) -> Result<NameSample, TrainError> {
        let pairs = self.dev.unwrap_or(self.pairs);
        let ids = &self.run_config.map_concepts;
        let requested: Vec<u32> =
            (0..pairs.concepts() as u32).filter(|&c| ids.iter().any(|id| id == pairs.id(c))).collect();
        NameSample::of_concepts(pairs, self.tokenizer, &requested, MAP_CONCEPTS, MAP_NAMES_PER_CONCEPT)
    }

    fn engine_options(&self) -> EngineOptions {
        let Self { settings, run_config, .. } = self;
        let batch_names = 2 * settings.batch;
        EngineOptions {
            device: run_config.device,
            threads: run_config.threads,
            step: StepOptions {
                pooling: settings.pooling,
                loss: settings.loss.into(),
                miner_margin: settings.mining_margin,
                dropout: false,
                half: settings.arithmetic == Arithmetic::Fp16,
                frozen_layers: settings.frozen_layers,
            },
            dropout: settings.dropout,
            seed: settings.seed,
            max_names: settings.chunk.map_or(batch_names, |chunk| chunk.min(batch_names)),
            max_tokens: settings.max_tokens,
            chunked: settings.chunk.is_some(),
        }
    }

    /// The map of names as the engine embeds them now.
    fn map_layout(&self, names: &NameSample, engine: &mut Engine) -> Result<MapLayout, TrainError> {
        let vectors = engine.embed(&names.token_ids)?;
        let vectors: Vec<&[f32]> = vectors.chunks_exact(self.bert_config.hidden).collect();
        let concepts: Vec<usize> = names.concepts.iter().map(|&c| c as usize).collect();
        let agreement = nearest_neighbor_agreement(&vectors, &concepts);
        Ok(MapLayout { points: tsne(&vectors, self.settings.seed), agreement })
    }

    /// What AdamW does in `step`, which counts from 0.
    fn optimizer_settings(&self, step: u64, loss_scaling: &LossScaling) -> OptimizerSettings {
        let settings = self.settings;
        let schedule = Schedule {
            peak: settings.learning_rate,
            warm_up: settings.warm_up,
            decay: settings.decay,
            steps: settings.steps,
        };
        OptimizerSettings {
            learning_rate: schedule.rate(step),
            weight_decay: settings.weight_decay,
            step: loss_scaling.updates + 1,
            clip: settings.clip.unwrap_or(f32::INFINITY),
            loss_scale: if settings.arithmetic == Arithmetic::Fp16 { loss_scaling.loss_scale } else { 1.0 },
        }
    }
}

impl RunState<'_> {
    /// Trains on the next batch and records the step.
    fn step(
        &mut self,
        step: u64,
        plan: BatchPlan,
        batches: &Receiver<Result<TrainingBatch, TrainError>>,
        job: Job<'_>,
    ) -> Result<(), TrainError> {
        let started = Instant::now();
        let batch = batches.recv().map_err(|_| TrainError::Engine("the thread that makes batches ended".into()))??;
        let waited = started.elapsed().as_secs_f64();
        let half = self.run.settings.arithmetic == Arithmetic::Fp16;
        let optimizer = self.run.optimizer_settings(step, &self.loss_scaling);
        let outcome = self.engine.step(&batch, &optimizer)?;
        let finite = outcome.gradient_norm.is_finite();
        // In float16 an overflow is normal as long as the loss scale can still fall.
        if !outcome.loss.is_finite() || !(finite || half && optimizer.loss_scale > 1.0) {
            return Err(self.diverged(step + 1));
        }
        self.loss_scaling.update(finite);
        let StepOutcome { loss, positives, negatives, gradient_norm } = outcome;
        let sum = |count: fn(&PackedNames) -> usize| batch.chunks.iter().map(count).sum::<usize>() as u64;
        let seconds = started.elapsed().as_secs_f64();
        let record = StepRecord {
            step: step + 1,
            epoch: (step + 1) as f64 / plan.steps_per_epoch(self.run.pairs.len()) as f64,
            loss,
            learning_rate: optimizer.learning_rate,
            positives,
            negatives,
            gradient_norm: finite.then_some(gradient_norm),
            loss_scale: half.then_some(optimizer.loss_scale),
            pairs: batch.pairs as u64,
            tokens: sum(|packed| packed.token_count),
            rows: sum(PackedNames::rows),
            seconds,
            waited,
        };
        let speed = record.pairs as f64 / seconds;
        job.progress
            .status(&format!("loss {loss:.4}, {positives} positives, {negatives} negatives, {speed:.0} pairs/s"));
        job.progress.advance(1);
        self.metrics.push(&MetricsRecord::Step(record))
    }

    fn diverged(&self, step: u64) -> TrainError {
        let checkpoint = checkpoint::last_checkpoint_dir(&self.run.run_config.checkpoints_dir());
        TrainError::Diverged { step, checkpoint }
    }

    /// Writes a checkpoint after `step` steps, unless it exists.
    fn save(&mut self, step: u64) -> Result<(), TrainError> {
        if self.saved_step == Some(step) {
            return Ok(());
        }
        let state = self.engine.state()?;
        // A step that diverges shows in its weights first, and in the loss of the next step only.
        if state.parameters.iter().any(|weight| !weight.is_finite() || weight.abs() > MAX_ABS_WEIGHT) {
            return Err(self.diverged(step));
        }
        let TrainingRun { run_config, bert_config, .. } = self.run;
        let checkpoint = Checkpoint { step, loss_scaling: self.loss_scaling, state };
        self.metrics.sync()?;
        checkpoint.write(&run_config.checkpoints_dir(), bert_config, run_config.keep_checkpoints)?;
        self.saved_step = Some(step);
        Ok(())
    }

    /// Measures held-out retrieval, if there are held-out pairs, and writes the report.
    fn evaluate(&mut self, step: u64, job: Job<'_>) -> Result<(), TrainError> {
        if let Some(held_out) = &self.held_out {
            let vectors = self.engine.embed(&held_out.token_ids)?;
            let record = retrieval::measure(&held_out.concepts, &vectors, step);
            job.progress.message(&format!(
                "after {step} steps: held-out accuracy at 1 {:.1} %, at 5 {:.1} % ({} names)",
                100.0 * record.accuracy_at_1,
                100.0 * record.accuracy_at_5,
                record.queries
            ));
            self.metrics.push(&MetricsRecord::Dev(record))?;
        }
        self.write_report(job);
        Ok(())
    }

    /// Writes the report. If that fails, training continues.
    fn write_report(&mut self, job: Job<'_>) {
        let path = self.run.run_config.report_path();
        if let Err(e) = self.try_write_report(&path) {
            job.progress.message(&format!("cannot write {}: {e}; training continues", path.display()));
        }
    }

    fn try_write_report(&mut self, path: &Path) -> Result<(), TrainError> {
        let TrainingRun { run_config, settings, .. } = self.run;
        let map_after = self.run.map_layout(&self.map_names, &mut self.engine)?;
        let (titles, names) = map_labels(&self.map_names);
        let page = report::render(&TrainReport {
            model_name: &run_config.model_name,
            settings: &settings.fields(),
            records: &self.metrics.read()?,
            total_steps: settings.steps,
            map: Some(NameMap { concepts: &titles, names: &names, before: &self.map_before, after: &map_after }),
        });
        let mut file = StagedFile::create(path, true)?;
        file.write_all(page.as_bytes())?;
        Ok(file.commit()?)
    }
}

/// The title of each concept of the map, which is its first name, and for each name the position of
/// its concept among the titles.
fn map_labels(sample: &NameSample) -> (Vec<String>, Vec<(usize, String)>) {
    let mut concepts = sample.concepts.clone();
    concepts.dedup();
    let names = || sample.concepts.iter().zip(&sample.names);
    let first_name = |concept: &u32| names().find(|(other, _)| *other == concept).map(|(_, name)| name.clone());
    let titles = concepts.iter().filter_map(first_name).collect();
    let position = |concept: &u32| concepts.iter().position(|other| other == concept).unwrap_or(0);
    let names = names().map(|(concept, name)| (position(concept), name.clone())).collect();
    (titles, names)
}
