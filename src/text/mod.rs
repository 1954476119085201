//! Normalizes names and mentions, and quotes values safely in messages.
//!
//! Names of an index and mentions of requests pass through the same two functions: [`clean`], whose
//! result the encoder reads, and [`normalize()`], whose result exact lookup compares. The file
//! `normalize` has a table of the steps; `entities` and `letters` serve both functions, `key` the
//! second one. At query time, [`word_variants`] gives other forms of the words of a key.
//!
//! Invariant: no function of this module reads a file or stores a text.

mod entities;
mod key;
mod letters;
mod normalize;
mod quoted;
mod roman;
mod variants;

pub use normalize::{NORMALIZATION_VERSION, clean, is_blank, normalize};
pub(crate) use quoted::quoted;
pub(crate) use roman::roman_value;
pub(crate) use variants::WordVariants;
pub use variants::{WordVariant, word_variants};
