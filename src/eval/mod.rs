//! Measures how well mentions are linked, compares two measurements, and calibrates an index.
//!
//! Reading order: `options` (what to measure), `mentions` and `dictionary` (inputs), `missing` (ids
//! that only one of the two has), `rankers`
//! (the methods that find names), `metrics` and `error_kind` (how right they are), `linking` (the
//! linker on many texts), `breakdown` and `systems` (one method measured), `run` (all of it),
//! `report`, `tables` and `html` (the result), `compare` (two reports), `calibrate` (features to
//! probabilities), `trust` (how far answers can be trusted), `calibration_page` (both as pages).
//!
//! Invariant: a report states the results by the rule of the SapBERT paper and by the strict rule,
//! and the number of mentions behind each figure.

mod breakdown;
mod calibrate;
mod calibration_page;
mod compare;
mod dictionary;
mod error;
mod error_kind;
mod html;
mod linking;
mod mentions;
mod metrics;
mod missing;
mod options;
mod rankers;
mod report;
mod run;
mod systems;
mod tables;
mod trust;

pub use calibrate::{CalibrationOptions, CalibrationSample, FittedCalibration, ReliabilityBin, fit_calibration};
pub use calibration_page::CalibrationReport;
pub use compare::{Comparison, SystemComparison, TypeComparison, compare};
pub use dictionary::Dictionary;
pub use error::EvalError;
pub use error_kind::LinkingErrorKind;
pub use linking::calibration_samples;
pub use mentions::{CometaColumn, Fold, LabeledMention, MentionFileOptions};
pub use metrics::{AccuracyMetrics, Estimate, GoldRanks, PairedComparison};
pub use missing::MissingIds;
pub use options::{EvalOptions, EvalTarget, SearchMode, Similarity};
pub use report::{
    DictionaryEntry, ErrorExample, ErrorGroup, EvalReport, FoldEntry, ModelEntry, RecallEntry, SystemEntry, TypeEntry,
};
pub use run::evaluate;
pub use trust::{
    CutoffShares, KnownFigures, ListEntry, ListedMention, MentionList, OppositeFigures, PoolFigures, PrecisionPoint,
    Share, TrustExample, TrustLists, TrustReport, UnknownFigures, measure_trust,
};
