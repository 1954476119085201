//! A mention that is valid, with the options that apply to it.
//!
//! Invariant: a query borrows the text and the filter, so that making one copies neither.

use crate::{concepts::Filter, linker::mention::LinkOptions};

/// A mention with its effective options.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The mention as it was written.
    pub text: &'a str,
    /// Number of candidates wanted, at least 1.
    pub top_k: usize,
    /// Candidates with a lower score are left out.
    pub min_score: Option<f32>,
    /// The concepts and names that may be answered.
    pub filter: &'a Filter,
    /// Whether to use readings, repair words, and explain the answer.
    pub options: LinkOptions,
}
