//! How well mentions are linked: what anybody can measure again.
//!
//! Reading order: `mentions` and `dictionary` (what is read), `rankers` (what finds names), `metrics` and `errors` (how right that is),
//! `run` (all of it), `report` (what people and programs read), `compare` (two reports), `calibrate` (scores to probabilities).
//!
//! Invariant: the rule of the SapBERT paper and the strict rule stand beside each other, and beside every figure stands what was counted.

mod calibrate;
mod compare;
mod dictionary;
mod errors;
mod mentions;
mod metrics;
mod rankers;
mod report;
mod run;

use std::path::PathBuf;

pub use calibrate::{Bin, Fitted, Sample, fit};
pub use compare::{Comparison, compare};
pub use dictionary::Dictionary;
pub use errors::Kind;
pub use mentions::{Cometa, Fold, Mention, Wanted};
pub use metrics::{Figure, Figures, Outcome, Paired};
pub use rankers::NAMES;
pub use report::{DictionaryEntry, Example, FoldEntry, Group, ModelEntry, RecallEntry, Report, System, TypeEntry};
pub use run::{Against, Options, Score, Target, evaluate, samples};

use crate::{ann::AnnError, cancel::Canceled, encoder::EncoderError, index::IndexError};

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{}:{line}: {reason}", path.display())]
    Line { path: PathBuf, line: usize, reason: String },
    #[error(
        "none of the {mentions} mentions of {} has an id that the dictionary has, such as {gold}; those of the dictionary are such as {known}",
        path.display()
    )]
    NothingCovered { path: PathBuf, mentions: usize, gold: String, known: String },
    #[error("{0}")]
    Compare(String),
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Ann(#[from] AnnError),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}
