//! HTML pages for people: templates, numbers as text, and the style sheet that the reports share.
//!
//! Invariant: a page needs no other file.

mod numbers;
mod template;

pub(crate) use numbers::{count, duration, grouped, number, percent, scientific};
pub(crate) use template::{escaped, fill};
