//! The error type of this module.

use std::path::PathBuf;

use crate::{bert::BertError, cancel::Canceled, encoder::EncoderError, files::StageError};

/// Why pairs could not be sampled or a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file could not be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A line of a pairs file is not a pair.
    #[error("{}:{line}: {reason}", path.display())]
    Pair {
        /// The pairs file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with the line; never quotes a name.
        reason: String,
    },
    /// A pairs file cannot be trained on.
    #[error("{}: {reason}", path.display())]
    Pairs {
        /// The pairs file.
        path: PathBuf,
        /// What is wrong with the file.
        reason: String,
    },
    /// The vocabulary gives no pair.
    #[error("no concept has two names that differ: there is nothing to learn from")]
    NoPairs,
    /// The vocabulary gives pairs of one concept only.
    #[error("only one concept has names that differ: training needs at least two such concepts")]
    OneConcept,
    /// Too few concepts stay for training.
    #[error(
        "{paired} concepts have names that differ, and {held_out} of them are to be held out: \
         training needs at least two of the others"
    )]
    HeldOut {
        /// Concepts with two or more distinct names.
        paired: usize,
        /// Concepts to hold out.
        held_out: usize,
    },
    /// A file of a run cannot be used.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The held-out pairs give no query.
    #[error("no held-out concept has two names that differ")]
    NothingHeldOut,
    /// Another process holds the lock of the run's directory.
    #[error("{}: another process is working on this run", .0.display())]
    Busy(PathBuf),
    /// The last checkpoint is damaged.
    #[error(
        "{reason}; remove {}; the run then resumes from the previous checkpoint, or starts again",
        path.display()
    )]
    Checkpoint {
        /// Directory of the checkpoint.
        path: PathBuf,
        /// What is wrong, with the name of the file.
        reason: String,
    },
    /// A checkpoint could not be written.
    #[error("cannot write {}: {reason}; earlier checkpoints are intact", path.display())]
    Save {
        /// Directory of the checkpoint.
        path: PathBuf,
        /// The error of the system.
        reason: String,
    },
    /// The directory of a new run exists.
    #[error("{}: {}", path.display(), match is_run {
        true => "a run exists already (--resume continues it, --force replaces it)",
        false => "exists already and is not a run",
    })]
    Exists {
        /// Directory of the run.
        path: PathBuf,
        /// Whether the directory is a run that could be resumed or replaced.
        is_run: bool,
    },
    /// The directory to resume in is not a run.
    #[error("{}: there is no run to resume", .0.display())]
    NoRun(PathBuf),
    /// A run can only be resumed with the settings that it was started with.
    #[error("{}: the run was started with {name} {then}, not {now}", path.display())]
    OtherRun {
        /// `run.json` of the run.
        path: PathBuf,
        /// The first setting that differs.
        name: String,
        /// Its value in `run.json`.
        then: String,
        /// Its value on the command line.
        now: String,
    },
    /// Training cannot continue from the values of this step.
    #[error(
        "the loss, the gradient or a weight is not usable (not finite, or too large) in step {step}; \
         start again with a lower --learning-rate or with --clip; {}",
        match checkpoint {
            Some(path) => format!("the last good checkpoint is {}", path.display()),
            None => "no checkpoint was written before".into(),
        }
    )]
    Diverged {
        /// The step, from 1.
        step: u64,
        /// Directory of the last checkpoint, if there is one.
        checkpoint: Option<PathBuf>,
    },
    /// ONNX Runtime failed; the message is its own.
    #[error("training failed: {0}")]
    Engine(String),
    /// The tokenizer, or ONNX Runtime before training.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The checkpoint of the base.
    #[error(transparent)]
    Bert(#[from] BertError),
    /// A directory or file could not be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The caller canceled the run.
    #[error("interrupted")]
    Canceled {
        /// The checkpoint to resume from, if one was written.
        saved: Option<PathBuf>,
        /// The signal of the cancel token.
        source: Canceled,
    },
}

impl From<Canceled> for TrainError {
    fn from(source: Canceled) -> Self {
        Self::Canceled { saved: None, source }
    }
}
