//! The index of a vocabulary: a directory with concepts, names, vectors and a graph, built once and
//! then opened read-only. This module joins [`concepts`](crate::concepts) and [`ann`](crate::ann).
//!
//! Reading order: `layout` (the files), `manifest`, `references` and `calibration` (`index.json`);
//! `open` and `search` (from a vector to concepts); `nearest` (from a vector to names); `build` and
//! `reuse` (`saplink index build`); `recall` (quality of the search, choice of `ef_search`);
//! `bench` (`saplink index bench`).
//!
//! Invariants: no file uses ONNX Runtime or HTTP; a search returns `k` distinct concepts if at
//! least `k` pass the filter.

pub mod bench;
mod build;
mod calibration;
mod error;
mod layout;
mod manifest;
mod nearest;
mod open;
mod recall;
mod references;
mod reuse;
mod search;

pub use build::{BuildOptions, BuiltIndex, build, measure_recall};
pub use calibration::{CALIBRATION_FILE, Calibration, CalibrationMetrics, MatchMetrics, ThresholdMetrics};
pub use error::IndexError;
pub use layout::MANIFEST;
pub use manifest::{IndexManifest, Recall};
pub use open::Index;
pub use recall::SearchTarget;
pub use references::{InputRecord, ModelReference};
pub use reuse::ReusableVectors;
pub use search::{ConceptHit, MAX_TIES};
