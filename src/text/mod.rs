//! Text of names and mentions: normalization, and safe quotation in messages.
//!
//! Names of an index and mentions of requests take the same way through [`clean`] (the encoder
//! reads the result) and [`normalize()`] (exact lookup compares the result); the file `normalize`
//! has a table of the steps.
//!
//! Invariant: no function of this module reads files, and none keeps a text.

mod normalize;
mod quoted;

pub use normalize::{NORMALIZATION_VERSION, clean, is_blank, normalize};
pub(crate) use quoted::quoted;
