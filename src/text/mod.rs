//! Normalizes names and mentions, and quotes values safely in messages.
//!
//! Names of an index and mentions of requests pass through the same two functions: [`clean`], whose
//! result the encoder reads, and [`normalize()`], whose result exact lookup compares. The file
//! `normalize` has a table of the steps.
//!
//! Invariant: no function of this module reads a file or stores a text.

mod normalize;
mod quoted;

pub use normalize::{NORMALIZATION_VERSION, clean, is_blank, normalize};
pub(crate) use quoted::quoted;
