//! Looks concepts up by what their names are, begin with, or are nearly.
//!
//! Results come as a sequence that a page is cut from: concepts that own the name, then those with names that begin with it in the order
//! of their keys, then those with misspelled names, the nearest first. A concept comes once, by the first of these. Invariant: the
//! same request gives the same sequence.

use std::collections::HashSet;

use crate::concepts::store::{ConceptNumber, Concepts};
use crate::{
    concepts::{
        filter::Filter,
        spelling::{LONGEST, Near, edits},
    },
    text,
};

/// Letters from which on a name may be misspelled by one edit, and by two.
const ONE_EDIT: usize = 4;
const TWO_EDITS: usize = 10;

/// How a name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// It is the name, after normalization.
    Name,
    /// It begins the name.
    Prefix,
    /// It is the name but for so many edits: letters inserted, left out, replaced, or exchanged with their neighbor.
    Spelling(u8),
}

/// A concept that was found, and through which of its atoms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub concept: ConceptNumber,
    pub atom: u32,
    pub by: FoundBy,
}

/// A page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub found: Vec<Found>,
    /// Whether there is more beyond it.
    pub more: bool,
}

/// Cuts a page out of a sequence of concepts that may repeat.
struct Cutter {
    seen: HashSet<ConceptNumber>,
    skip: usize,
    limit: usize,
    page: Page,
}

impl Cutter {
    /// Takes the next of the sequence; false when the page is complete.
    fn take(&mut self, found: Found) -> bool {
        if self.seen.insert(found.concept) && self.seen.len() > self.skip {
            self.page.more = self.page.found.len() == self.limit;
            if !self.page.more {
                self.page.found.push(found);
            }
        }
        !self.page.more
    }
}

impl Concepts {
    /// The concepts from `offset` on, at most `limit`, whose names are, begin with or nearly are `query`.
    pub fn find(&self, query: &str, filter: &Filter, offset: usize, limit: usize) -> Page {
        let key = text::normalize(query);
        let mut cutter = Cutter { seen: HashSet::new(), skip: offset, limit, page: Page::default() };
        if !key.is_empty() {
            self.sequence(&key, filter, &mut |found| cutter.take(found));
        }
        cutter.page
    }

    /// Hands the sequence to `take` until it has enough.
    fn sequence(&self, key: &str, filter: &Filter, take: &mut dyn FnMut(Found) -> bool) {
        let named = self.row(key);
        let mut all_of = |row: u32, by: FoundBy| {
            filter.concepts_of(self, row).all(|(concept, atom)| take(Found { concept, atom, by }))
        };
        if named.is_some_and(|row| !all_of(row, FoundBy::Name)) {
            return;
        }
        let begun = filter.rows(self.rows.beginning(key)).filter(|row| Some(*row) != named);
        for row in begun {
            if !all_of(row, FoundBy::Prefix) {
                return;
            }
        }
        for (edits, row) in self.misspelled(key) {
            if filter.passes(self, row) && !all_of(row, FoundBy::Spelling(edits as u8)) {
                return;
            }
        }
    }

    /// The rows whose keys are nearly `key`, which they share the first letter with, with the edits between them: nearest first.
    fn misspelled(&self, key: &str) -> Vec<(usize, u32)> {
        let most = match key.chars().count() {
            ..ONE_EDIT => return vec![],
            ONE_EDIT..TWO_EDITS => 1,
            TWO_EDITS.. => 2,
        };
        if key.len() >= LONGEST {
            return vec![];
        }
        let mut near = vec![];
        self.rows.search(Near::new(key, most), |found, row| {
            let distance = edits(key, found);
            if (1..=most).contains(&distance) && !found.starts_with(key) {
                near.push((distance, row));
            }
        });
        near.sort_unstable();
        near
    }
}
