//! Self-alignment training (SapBERT, Liu et al. 2020, arXiv 2010.11784) on a stock ONNX Runtime.
//!
//! Reading order, from names to a trained model:
//! - `pair_sampling` (samples pairs of names from a vocabulary) and `pairs` (reads a file of
//!   pairs),
//! - `settings` (the values that decide a run) and `schedule` (the learning rate of each step),
//! - `augment`, `packing` and `batches` (turn pairs into packed token ids),
//! - `bound_session` and `engine` (runs the graphs of [`crate::bert`]), `loss_scaling` (float16),
//! - `checkpoint`, `name_sample`, `retrieval` (held-out retrieval), `metrics` (`metrics.jsonl`),
//!   `tsne` and `report` (the HTML page),
//! - `run_config` (directory and intervals of a run) and `run` (the loop over the steps),
//! - `export` (the trained checkpoint).
//!
//! Invariant: settings, base, pairs and seed decide the result of a run. A run that was interrupted
//! and resumed gives the same result as one without an interruption.

mod augment;
mod batches;
mod bound_session;
mod checkpoint;
mod engine;
mod error;
mod export;
mod loss_scaling;
mod metrics;
mod name_sample;
mod packing;
mod pair_sampling;
mod pairs;
mod report;
mod retrieval;
mod run;
mod run_config;
mod schedule;
mod settings;
mod tsne;

pub use batches::TrainingBatch;
pub use engine::{Engine, EngineOptions, EngineState, StepOutcome};
pub use error::TrainError;
pub(crate) use export::{CONFIG_FILE, base_sha256, export_checkpoint, mix_with_base};
pub use packing::PackedNames;
pub(crate) use pair_sampling::{ConceptNames, PairGroups, PairSampler, SamplingOptions};
pub use pairs::{Pair, Pairs};
pub(crate) use run::TrainingRun;
pub(crate) use run_config::RunConfig;
pub use schedule::Decay;
pub(crate) use settings::TrainSettings;
pub use settings::{Arithmetic, LossName};
