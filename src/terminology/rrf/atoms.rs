//! The concept of each atom, which the rows of MRHIER need: they name a parent by its atom.

use std::fmt::Write;

use crate::terminology::rrf::fields::{aui_number, cui_number};

/// Maps AUIs to CUIs; takes eight bytes an atom.
#[derive(Default)]
pub(super) struct AtomConcepts {
    /// Numbers of AUI and CUI; sorted by [`AtomConcepts::sort`].
    pairs: Vec<(u32, u32)>,
    /// Number of lookups that found no atom.
    unknown: u64,
    /// The CUI of the last lookup.
    cui: String,
}

impl AtomConcepts {
    pub(super) fn add(&mut self, aui: &str, cui: &str) -> Result<(), &'static str> {
        self.pairs.push((aui_number(aui)?, cui_number(cui)?));
        Ok(())
    }

    /// Prepares for lookups; called after the last [`AtomConcepts::add`].
    pub(super) fn sort(&mut self) {
        self.pairs.sort_unstable();
    }

    /// The CUI of an atom, which [`aui_number`] identifies.
    pub(super) fn cui_of(&mut self, aui: u32) -> Option<&str> {
        let Ok(position) = self.pairs.binary_search_by_key(&aui, |(aui, _)| *aui) else {
            self.unknown += 1;
            return None;
        };
        self.cui.clear();
        // Writing to memory cannot fail.
        let _ = write!(self.cui, "C{:07}", self.pairs[position].1);
        Some(&self.cui)
    }

    /// Number of lookups that found no atom.
    pub(super) fn unknown(&self) -> u64 {
        self.unknown
    }
}
