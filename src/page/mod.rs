//! Parts of the HTML reports: templates, number formats, and the shared style sheet.
//!
//! Invariant: a page needs no other file.

mod numbers;
mod template;

pub(crate) use numbers::{count, duration, grouped, number, percent, scientific};
pub(crate) use template::{escaped, fill};
