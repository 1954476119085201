//! The index of concept names: built once, opened read-only, mapped.
//!
//! Reading order: `manifest` (what is in the directory), `mapped` (how columns lie on disk), `concepts` (everything but vectors), `filter`,
//! `words` and `spelling` (misspelled words); `kernel`, `vectors`, `beam`, `graph` and `scan` (search); `build`, `known`, `build_graph` and
//! `hierarchy` (how it comes to be); `recall`, `bench` and
//! `nearest` (how good it is), `calibration` (how likely its scores are right).
//!
//! Invariant: knows no ONNX Runtime and no HTTP. A search gives as many distinct concepts as were asked for, as long as that many pass the filter.

pub mod bench;
mod build;
mod calibration;
mod error;
mod manifest;
mod nearest;
mod npy;
mod recall;
mod reuse;
mod search;

pub use build::{BuildOptions, Built, MENTIONS, build, measure};
pub use calibration::{Calibration, Measured, Method};
pub use error::IndexError;
pub use manifest::{IndexManifest, Input, MANIFEST, ModelReference};
pub use recall::{Recall, Wanted};
pub use reuse::Known;
pub use search::{ConceptHit, Index, MOST_TIES};
