//! Self-alignment pretraining (SapBERT, Liu et al. 2020, arXiv 2010.11784) on a stock ONNX Runtime.
//!
//! Reading order: `drawing` and `pairs` (what is learned from), `settings` (what decides a run), `augment` (names as others might write them), `batches` (pairs to packed token ids), `engine` (the
//! graphs of [`crate::bert`] at work), `checkpoint`, `dev` (held-out retrieval), `metrics`, `map` and `report` (what people look at),
//! `run` (the loop over steps), `export` (the model that comes of it).
//!
//! Invariant: a run is decided by its settings, its base, its pairs and its seed; ended and resumed it is the same run.

mod augment;
mod batches;
mod checkpoint;
mod dev;
mod engine;
mod export;
mod map;
mod metrics;
mod pair_sampling;
mod pairs;
mod report;
mod run;
mod schedule;
mod settings;

use std::path::PathBuf;

pub use batches::{Batch, Packed, Plan};
pub use engine::{Engine, EngineOptions, Outcome, State};
pub use export::{CONFIG, export, mixed, sha256_of};
pub use metrics::{DevRecord, Record, StepRecord};
pub use pair_sampling::{DrawOptions, Drawing, Groups, Vocabulary};
pub use pairs::{Pair, Pairs};
pub use run::{Conduct, Run, Trained};
pub use schedule::{Decay, Schedule};
pub use settings::{Arithmetic, LossName, Settings};

use crate::{bert::BertError, cancel::Canceled, encoder::EncoderError, files::StageError};

/// Why nothing could be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{}:{line}: {reason}", path.display())]
    Pair { path: PathBuf, line: usize, reason: String },
    #[error("{}: {reason}", path.display())]
    Pairs { path: PathBuf, reason: String },
    #[error("no concept has two names that differ: there is nothing to learn from")]
    NoPairs,
    #[error("one concept alone has names that differ: training needs names of two concepts at least")]
    OneConcept,
    #[error(
        "{paired} concepts have names that differ, and {held_out} of them are to be held out: training needs names of two concepts at least"
    )]
    HeldOut { paired: usize, held_out: usize },
    #[error("{}: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("no concept that is held out has two names that differ")]
    NothingHeldOut,
    #[error("{}: another process is at work on this run", .0.display())]
    Busy(PathBuf),
    #[error("{reason}; remove {} to go on from the checkpoint before it, or else from the beginning", path.display())]
    Checkpoint { path: PathBuf, reason: String },
    #[error("{}: could not be written: {reason}; the checkpoints before it are still there", path.display())]
    Save { path: PathBuf, reason: String },
    #[error("{}: {}", path.display(), if *is_run { "a run is there already (--resume goes on with it, --force begins anew)" } else { "is there already and is no run" })]
    Exists { path: PathBuf, is_run: bool },
    #[error("{}: there is no run to go on with", .0.display())]
    NoRun(PathBuf),
    #[error("{}: the run was begun with {name} {then}, not {now}", path.display())]
    OtherRun { path: PathBuf, name: String, then: String, now: String },
    #[error("the loss, its gradient or a weight is no usable number in step {step}; begin anew with a lower --learning-rate or with --clip; {}", match checkpoint {
        Some(path) => format!("the last good checkpoint is {}", path.display()),
        None => "no checkpoint was written before".into(),
    })]
    Diverged { step: u64, checkpoint: Option<PathBuf> },
    #[error("training failed: {0}")]
    Engine(String),
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    #[error(transparent)]
    Bert(#[from] BertError),
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The caller canceled the run.
    #[error("interrupted")]
    Canceled {
        /// The checkpoint to resume from, if one was written.
        saved: Option<PathBuf>,
        source: Canceled,
    },
}

impl From<Canceled> for TrainError {
    fn from(source: Canceled) -> Self {
        Self::Canceled { saved: None, source }
    }
}
