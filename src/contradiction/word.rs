//! A word of an analyzed text, with what denies it.
//!
//! Invariant: positions are those of words of the normalized text.

use std::ops::Range;

use super::table;

/// A word that takes part in a comparison.
pub(super) struct Word {
    /// The word with folded spelling: "hyperkalemia" for "hyperkalaemia", "fever" for "febrile".
    pub(super) text: String,
    /// The words of the normalized text that it stands for: "post operative" are two.
    pub(super) source: Range<usize>,
    /// The words of the normalized text that deny it: "no" in "no fever". Empty if it denies itself
    /// ("mrsa-"), absent if nothing denies it.
    pub(super) denial: Option<Range<usize>>,
    /// Whether it has no meaning of its own.
    pub(super) is_stop: bool,
}

impl Word {
    /// Whether the text denies it.
    pub(super) const fn is_denied(&self) -> bool {
        self.denial.is_some()
    }

    /// Whether a denial says nothing of it alone: "disease".
    pub(super) fn is_never_denied(&self) -> bool {
        table::NEVER_DENIED.contains(&self.text.trim_end_matches('-'))
    }
}
