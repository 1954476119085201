//! A run: steps, held-out retrieval, checkpoints, and the model that comes of it.
//!
//! Its directory holds `run.json` (settings), `metrics.jsonl`, `report.html` and `checkpoints/`.
//!
//! Invariant: whatever ends a run, its last checkpoint is whole, and going on from it gives the run that was not ended.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use crate::cancel::Canceled;
use crate::train::{
    TrainError,
    batches::{self, Plan},
    checkpoint::{self, Checkpoint, Scaling},
    dev::Dev,
    engine::{Engine, EngineOptions},
    map::{neighbors_agree, tsne},
    metrics::{Metrics, Record, StepRecord},
    pairs::Pairs,
    report::{self, Map, Placed},
    schedule::Schedule,
    settings::{Arithmetic, SETTINGS, Settings},
};
use crate::{
    bert::{BertConfig, Weights, optimizer, training::StepOptions},
    encoder::{BertTokenizer, Device, Runtime},
    files::{StagedDir, StagedFile},
    job::Job,
};

const METRICS: &str = "metrics.jsonl";
const REPORT: &str = "report.html";
const CHECKPOINTS: &str = "checkpoints";
/// Factor of the loss in half precision at first, and steps after which it is doubled.
const LOSS_SCALE: f32 = 65_536.0;
const STEADY: u64 = 2_000;
/// Concepts of the map, and names of each.
const MAP: (usize, usize) = (12, 16);
/// No weight of a model that can be used is larger.
const ASTRAY: f32 = 1e4;

/// What a run is made of.
pub struct Run<'a> {
    pub runtime: &'a Runtime,
    pub config: &'a BertConfig,
    pub base: &'a Weights,
    pub tokens: &'a BertTokenizer,
    pub pairs: &'a Pairs,
    pub dev: Option<&'a Pairs>,
    pub settings: &'a Settings,
    /// How it goes, which decides nothing.
    pub conduct: &'a Conduct,
}

/// How a run goes.
#[derive(Clone, Debug)]
pub struct Conduct {
    /// The run's directory.
    pub dir: PathBuf,
    /// Name of the model.
    pub name: String,
    pub device: Device,
    pub threads: usize,
    /// Steps between two checkpoints, two measurements of held-out retrieval.
    pub save_every: u64,
    pub dev_every: u64,
    /// Checkpoints that are kept.
    pub keep: usize,
    /// Ids of the concepts that the report maps.
    pub map: Vec<String>,
    /// Go on with the run that is there.
    pub resume: bool,
    /// Begin anew where a run is.
    pub force: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct Trained {
    /// All parameters, as [`crate::bert::weights::parameter_specs`] lists them.
    pub parameters: Vec<f32>,
    pub device: Device,
    pub report: PathBuf,
}

impl Conduct {
    /// Whether a run may begin, or go on, there; nothing is changed.
    ///
    /// # Errors
    /// [`TrainError::Exists`] when something is there already, [`TrainError::NoRun`] when there is no run to go on with, and
    /// [`TrainError::Damaged`] or [`TrainError::OtherRun`] when it cannot be.
    pub fn check(&self, settings: &Settings) -> Result<(), TrainError> {
        if self.resume {
            let is_run = self.dir.join(SETTINGS).is_file();
            return if is_run { settings.check(&self.dir) } else { Err(TrainError::NoRun(self.dir.clone())) };
        }
        let is_run = Settings::read(&self.dir).is_ok();
        if self.dir.exists() && (!self.force || !is_run) {
            return Err(TrainError::Exists { path: self.dir.clone(), is_run });
        }
        Ok(())
    }

    /// Makes the run's directory, unless it is there to go on in; gives a lock on it, which ends with the process.
    fn prepare(&self, settings: &Settings) -> Result<File, TrainError> {
        let lock = |dir: &Path| -> Result<File, TrainError> {
            let file = File::open(dir.join(SETTINGS))?;
            file.try_lock().map_err(|_| TrainError::Busy(dir.into()))?;
            Ok(file)
        };
        self.check(settings)?;
        if !self.resume {
            // Not from under a process that is at work on it.
            let _old = self.dir.exists().then(|| lock(&self.dir)).transpose()?;
            let staged = StagedDir::create(&self.dir, SETTINGS, self.force)?;
            fs_err::create_dir(staged.path().join(CHECKPOINTS))?;
            settings.write(staged.path())?;
            staged.commit()?;
        }
        let lock = lock(&self.dir)?;
        checkpoint::clean(&self.checkpoints())?;
        Ok(lock)
    }

    fn checkpoints(&self) -> PathBuf {
        self.dir.join(CHECKPOINTS)
    }
}

/// The state of a run that is going on.
struct Going<'a> {
    run: &'a Run<'a>,
    engine: Engine,
    metrics: Metrics,
    dev: Option<Dev>,
    /// Names of the report's map, and their places before training.
    mapped: Dev,
    before: Placed,
    scaling: Scaling,
    saved: Option<u64>,
    _lock: File,
}

impl Run<'_> {
    /// Trains from the beginning, or from the last checkpoint, until all steps are done.
    ///
    /// # Errors
    /// [`TrainError`]; after [`TrainError::Canceled`] the run can be gone on with from the checkpoint that is named.
    pub fn train(&self, job: Job<'_>) -> Result<Trained, TrainError> {
        let Self { settings, conduct, .. } = self;
        let mut going = self.begin(job)?;
        let first = going.saved.unwrap_or(0);
        if going.saved.is_none() {
            going.look(0, job)?;
        }
        let plan = settings.plan();
        job.progress.stage("training", settings.steps - first);
        batches::with_batches(self.pairs, self.tokens, plan, first..settings.steps, |batches| {
            for step in first..settings.steps {
                if job.cancel.is_canceled() {
                    going.save(step)?;
                    going.report(job);
                    return Err(TrainError::Canceled {
                        saved: checkpoint::newest(&conduct.checkpoints()),
                        source: Canceled,
                    });
                }
                going.step(step, plan, batches, job)?;
                let done = step + 1;
                // A measurement belongs to what the checkpoint holds, and is made again if that was not written.
                if done.is_multiple_of(conduct.dev_every) || done == settings.steps {
                    going.look(done, job)?;
                }
                if done.is_multiple_of(conduct.save_every) || done == settings.steps {
                    going.save(done)?;
                    job.progress.message(&format!("saved after {done} steps"));
                }
            }
            Ok(())
        })?;
        if first == settings.steps {
            // Nothing was left to do but, perhaps, this.
            going.report(job);
        }
        let report = conduct.dir.join(REPORT);
        Ok(Trained { parameters: going.engine.state()?.parameters, device: going.engine.device(), report })
    }

    /// Everything that a run needs; its directory is made, or touched, when nothing else can fail any more.
    fn begin(&self, job: Job<'_>) -> Result<Going<'_>, TrainError> {
        let Self { settings, conduct, .. } = self;
        let source = self.dev.unwrap_or(self.pairs);
        let asked: Vec<u32> =
            (0..source.concepts() as u32).filter(|&c| conduct.map.iter().any(|id| id == source.id(c))).collect();
        let mapped = Dev::of_concepts(source, self.tokens, &asked, MAP.0, MAP.1)?;
        let dev = self.dev.map(|pairs| Dev::new(pairs, self.tokens, settings.seed)).transpose()?;
        let mut engine = Engine::new(self.runtime, self.config, self.engine_options(), &self.base.flatten())?;
        // The base is what it was, also in a run that is gone on with.
        let before = self.placed(&mapped, &mut engine)?;
        let lock = conduct.prepare(settings)?;
        let last = Checkpoint::last(&conduct.checkpoints(), self.config)?;
        if let Some(last) = last.as_ref().filter(|last| last.step > settings.steps) {
            let path = conduct.checkpoints();
            return Err(TrainError::Damaged {
                path,
                reason: format!("a run of {} steps has none of step {}", settings.steps, last.step),
            });
        }
        let saved = last.as_ref().map(|last| last.step);
        if conduct.resume {
            job.progress.message(&match saved {
                Some(step) => format!("going on after {step} steps on {}", engine.device()),
                None => format!("there is no checkpoint yet: beginning on {}", engine.device()),
            });
        }
        let mut scaling = Scaling { loss_scale: LOSS_SCALE, steady: 0, updates: 0 };
        if let Some(last) = last {
            engine.restore(&last.state)?;
            scaling = last.scaling;
        }
        let metrics = Metrics::open(&conduct.dir.join(METRICS), saved)?;
        Ok(Going { run: self, engine, metrics, dev, mapped, before, scaling, saved, _lock: lock })
    }

    fn engine_options(&self) -> EngineOptions {
        let Self { settings, conduct, .. } = self;
        let names = 2 * settings.batch;
        EngineOptions {
            device: conduct.device,
            threads: conduct.threads,
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
            names: settings.chunk.map_or(names, |chunk| chunk.min(names)),
            max_tokens: settings.max_tokens,
            chunks: settings.chunk.is_some(),
        }
    }

    /// Where the names of the map lie, as the engine sees them now.
    fn placed(&self, mapped: &Dev, engine: &mut Engine) -> Result<Placed, TrainError> {
        let vectors = engine.vectors(&mapped.ids)?;
        let rows: Vec<&[f32]> = vectors.chunks_exact(self.config.hidden).collect();
        let concepts: Vec<usize> = mapped.concepts.iter().map(|&c| c as usize).collect();
        Ok(Placed { points: tsne(&rows, self.settings.seed), agree: neighbors_agree(&rows, &concepts) })
    }
}

type Batches = std::sync::mpsc::Receiver<Result<batches::Batch, TrainError>>;

impl Going<'_> {
    fn step(&mut self, step: u64, plan: Plan, batches: &Batches, job: Job<'_>) -> Result<(), TrainError> {
        let settings = self.run.settings;
        let started = Instant::now();
        let batch = batches.recv().map_err(|_| TrainError::Engine("there is no further batch".into()))??;
        let waited = started.elapsed().as_secs_f64();
        let half = settings.arithmetic == Arithmetic::Fp16;
        let loss_scale = if half { self.scaling.loss_scale } else { 1.0 };
        let schedule = Schedule {
            peak: settings.learning_rate,
            warm_up: settings.warm_up,
            decay: settings.decay,
            steps: settings.steps,
        };
        let learning_rate = schedule.rate(step);
        let outcome = self.engine.step(
            &batch,
            &optimizer::OptimizerSettings {
                learning_rate,
                weight_decay: settings.weight_decay,
                step: self.scaling.updates + 1,
                clip: settings.clip.unwrap_or(f32::INFINITY),
                loss_scale,
            },
        )?;
        let finite = outcome.gradient_norm.is_finite();
        if !outcome.loss.is_finite() || !(finite || half && loss_scale > 1.0) {
            return Err(self.diverged(step + 1));
        }
        self.scaling.follow(finite);
        let seconds = started.elapsed().as_secs_f64();
        let sum = |of: fn(&batches::Packed) -> usize| batch.chunks.iter().map(of).sum::<usize>() as u64;
        let record = StepRecord {
            step: step + 1,
            epoch: (step + 1) as f64 / plan.steps_of_epoch(self.run.pairs.len()) as f64,
            loss: outcome.loss,
            learning_rate,
            positives: outcome.positives,
            negatives: outcome.negatives,
            gradient_norm: Some(outcome.gradient_norm).filter(|norm| norm.is_finite()),
            loss_scale: half.then_some(loss_scale),
            pairs: batch.pairs as u64,
            tokens: sum(|packed| packed.real),
            rows: sum(batches::Packed::rows),
            seconds,
            waited,
        };
        let speed = record.pairs as f64 / seconds;
        job.progress.status(&format!(
            "loss {:.4}, {} + {} mined, {speed:.0} pairs/s",
            record.loss, record.positives, record.negatives
        ));
        job.progress.advance(1);
        self.metrics.push(&Record::Step(record))
    }

    fn diverged(&self, step: u64) -> TrainError {
        TrainError::Diverged { step, checkpoint: checkpoint::newest(&self.run.conduct.checkpoints()) }
    }

    /// Writes a checkpoint of what is done, unless there is one.
    fn save(&mut self, step: u64) -> Result<(), TrainError> {
        if self.saved == Some(step) {
            return Ok(());
        }
        let state = self.engine.state()?;
        // A step that went astray shows in its weights first, and in the loss of the next.
        if state.parameters.iter().any(|weight| !weight.is_finite() || weight.abs() > ASTRAY) {
            return Err(self.diverged(step));
        }
        let checkpoint = Checkpoint { step, scaling: self.scaling, state };
        self.metrics.sync()?;
        checkpoint.write(&self.run.conduct.checkpoints(), self.run.config, self.run.conduct.keep)?;
        self.saved = Some(step);
        Ok(())
    }

    /// Measures held-out retrieval, where there is any, and writes the report.
    fn look(&mut self, step: u64, job: Job<'_>) -> Result<(), TrainError> {
        if let Some(dev) = &self.dev {
            let record = dev.measure(&self.engine.vectors(&dev.ids)?, step);
            job.progress.message(&format!(
                "after {step} steps: {:.1} % of {} held-out names find their concept first, {:.1} % among five",
                100.0 * record.accuracy_at_1,
                record.queries,
                100.0 * record.accuracy_at_5
            ));
            self.metrics.push(&Record::Dev(record))?;
        }
        self.report(job);
        Ok(())
    }

    /// Writes the report. Training does not end because that fails.
    fn report(&mut self, job: Job<'_>) {
        let path = self.run.conduct.dir.join(REPORT);
        if let Err(e) = self.try_report(&path) {
            job.progress.message(&format!("{} was not written: {e}", path.display()));
        }
    }

    fn try_report(&mut self, path: &Path) -> Result<(), TrainError> {
        let Run { conduct, settings, .. } = self.run;
        let mut concepts = self.mapped.concepts.clone();
        concepts.dedup();
        // A concept is shown under its first name.
        let mapped = || self.mapped.concepts.iter().zip(&self.mapped.names);
        let first = |concept: &u32| mapped().find(|(other, _)| *other == concept).map(|(_, name)| name.clone());
        let titles: Vec<String> = concepts.iter().filter_map(first).collect();
        let place = |concept: &u32| concepts.iter().position(|other| other == concept).unwrap_or(0);
        let names: Vec<(usize, String)> = mapped().map(|(concept, name)| (place(concept), name.clone())).collect();
        let after = self.run.placed(&self.mapped, &mut self.engine)?;
        let page = report::render(&report::Report {
            name: &conduct.name,
            settings: &settings.fields(),
            records: &self.metrics.read()?,
            steps: settings.steps,
            map: Some(Map { concepts: &titles, names: &names, before: &self.before, after: &after }),
        });
        let mut file = StagedFile::create(path)?;
        file.write_all(page.as_bytes())?;
        Ok(file.commit()?)
    }
}

impl Scaling {
    /// After a step whose gradient was `finite` or not: the loss scale falls when it was too large, and rises now and then.
    fn follow(&mut self, finite: bool) {
        if !finite {
            (self.loss_scale, self.steady) = ((self.loss_scale / 2.0).max(1.0), 0);
            return;
        }
        self.steady += 1;
        self.updates += 1;
        if self.steady.is_multiple_of(STEADY) {
            self.loss_scale *= 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_scale_falls_at_once_and_rises_slowly() {
        let mut scaling = Scaling { loss_scale: 4.0, steady: 10, updates: 10 };
        (0..3).for_each(|_| scaling.follow(false));
        assert_eq!(scaling, Scaling { loss_scale: 1.0, steady: 0, updates: 10 });
        (0..STEADY).for_each(|_| scaling.follow(true));
        assert_eq!((scaling.loss_scale, scaling.updates), (2.0, 10 + STEADY));
    }
}
