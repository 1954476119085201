//! Beam search of a navigable graph (Malkov and Yashunin 2016, algorithm 2) over the base layer.
//!
//! The search of an index and the insertion of a row by the builder both use it. Invariants: a
//! search that visits at most about 16,000 rows allocates nothing once the scratch memory has
//! grown; a neighbor number that is no row ends its list (only a damaged file has one).

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::ann::{
    kernel,
    vectors::{QueryVector, VectorRows},
};

/// Fills a neighbor list behind its last neighbor: no row has this number.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// A row and its score, in one number. The order is by score; of two equal scores, that of the
/// lower row is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scored(u64);

impl Scored {
    /// Packs a score and a row.
    #[inline]
    pub(crate) fn new(score: f32, row: u32) -> Self {
        let bits = score.to_bits();
        let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        Self(u64::from(ordered) << 32 | u64::from(!row))
    }

    /// The score.
    #[inline]
    pub(crate) fn score(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        f32::from_bits(if ordered >> 31 == 1 { ordered ^ 1 << 31 } else { !ordered })
    }

    /// The row.
    #[inline]
    pub(crate) fn row(self) -> u32 {
        !(self.0 as u32)
    }
}

/// The base layer of a graph, which has every row.
#[derive(Clone, Copy)]
pub(crate) struct BaseLayer<'a> {
    /// For each row a list of `width` neighbors, filled up with [`NO_ROW`].
    pub lists: &'a [u32],
    /// Length of each list.
    pub width: usize,
}

impl<'a> BaseLayer<'a> {
    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.lists.len() / self.width
    }

    /// The neighbors of a row.
    #[inline]
    pub(crate) fn neighbors(&self, row: u32) -> impl Iterator<Item = u32> + use<'a> {
        let rows = self.rows() as u32;
        self.list(row).iter().copied().take_while(move |&neighbor| neighbor < rows)
    }

    #[inline]
    fn list(&self, row: u32) -> &'a [u32] {
        &self.lists[row as usize * self.width..][..self.width]
    }
}

/// The set of rows that a search has seen. Small graphs use one bit for each row. Large graphs use
/// a hash table with linear probing, which stays in the processor's caches at any number of rows.
#[derive(Default)]
struct Seen {
    bits: Vec<u64>,
    slots: Vec<u32>,
    count: usize,
}

impl Seen {
    /// Slots of the hash table at the beginning of a search.
    const INITIAL_SLOTS: usize = 1 << 13;
    /// Largest graph that uses bits: they take as much memory as the initial slots.
    const MAX_BIT_ROWS: usize = 32 * Self::INITIAL_SLOTS;

    /// Empties the set for a search among `rows` rows, and frees the table of a very large search.
    fn clear(&mut self, rows: usize) {
        self.bits.clear();
        if rows <= Self::MAX_BIT_ROWS {
            self.bits.resize(rows.div_ceil(64), 0);
            self.count = 0;
            return;
        }
        if self.slots.len() > 8 * Self::INITIAL_SLOTS || self.slots.is_empty() {
            self.slots = vec![NO_ROW; Self::INITIAL_SLOTS];
        } else if self.count > 0 {
            self.slots.fill(NO_ROW);
        }
        self.count = 0;
    }

    /// Adds `row`; false if the set had it.
    #[inline]
    fn insert(&mut self, row: u32) -> bool {
        if let Some(bits) = self.bits.get_mut(row as usize / 64) {
            let bit = 1 << (row % 64);
            let added = *bits & bit == 0;
            *bits |= bit;
            self.count += usize::from(added);
            return added;
        }
        if self.count * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = (row.wrapping_mul(0x9E37_79B1) >> 7) as usize & mask;
        while self.slots[slot] != NO_ROW {
            if self.slots[slot] == row {
                return false;
            }
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = row;
        self.count += 1;
        true
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![NO_ROW; (self.slots.len() * 4).max(Self::INITIAL_SLOTS)];
        self.count = 0;
        for row in std::mem::replace(&mut self.slots, larger) {
            if row != NO_ROW {
                self.insert(row);
            }
        }
    }
}

/// Memory of a search, used again by the next one.
#[derive(Default)]
pub(crate) struct Scratch {
    seen: Seen,
    frontier: BinaryHeap<Scored>,
    best: BinaryHeap<Reverse<Scored>>,
    unseen: Vec<u32>,
    results: Vec<Scored>,
}

impl Scratch {
    /// Number of rows that the last search compared with its query.
    pub(crate) fn compared(&self) -> usize {
        self.seen.count
    }
}

/// The `ef` best rows that a search from `start_rows` finds for `query`, best first.
///
/// Only rows that `passes` accepts are results; the search still follows the neighbors of the
/// others.
pub(crate) fn beam_search<'s>(
    layer: BaseLayer,
    vectors: VectorRows,
    query: &QueryVector,
    start_rows: impl Iterator<Item = u32>,
    ef: usize,
    passes: impl Fn(u32) -> bool,
    scratch: &'s mut Scratch,
) -> &'s mut [Scored] {
    let Scratch { seen, frontier, best, unseen, results } = scratch;
    seen.clear(layer.rows());
    frontier.clear();
    best.clear();
    unseen.clear();
    unseen.extend(start_rows.filter(|&row| seen.insert(row)));
    loop {
        for &row in &*unseen {
            let scored = Scored::new(vectors.score(row, query), row);
            let full = best.len() >= ef;
            if full && best.peek().is_some_and(|Reverse(worst)| scored < *worst) {
                continue;
            }
            frontier.push(scored);
            kernel::prefetch(layer.list(row));
            if passes(row) {
                if full {
                    best.pop();
                }
                best.push(Reverse(scored));
            }
        }
        let Some(next) = frontier.pop() else { break };
        if best.len() >= ef && best.peek().is_some_and(|Reverse(worst)| next < *worst) {
            break;
        }
        unseen.clear();
        for row in layer.neighbors(next.row()) {
            if seen.insert(row) {
                vectors.prefetch(row);
                unseen.push(row);
            }
        }
    }
    results.clear();
    results.extend(best.drain().map(|Reverse(scored)| scored));
    results.sort_unstable_by(|a, b| b.cmp(a));
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_keep_their_order_and_unpack_exactly() {
        let scores = [-1.0, -0.5, -1e-9, -0.0, 0.0, 1e-9, 0.25, 1.0];
        for pair in scores.windows(2) {
            assert!(Scored::new(pair[0], 7) < Scored::new(pair[1], 7), "{pair:?}");
        }
        for score in scores {
            let scored = Scored::new(score, 123);
            assert_eq!((scored.score().to_bits(), scored.row()), (score.to_bits(), 123));
            assert!(
                Scored::new(score, 1) > Scored::new(score, 2),
                "of two equal scores, that of the lower row is greater"
            );
        }
    }

    #[test]
    fn rows_are_seen_once_at_any_number_of_rows() {
        let mut seen = Seen::default();
        for step in [1, 41, 2] {
            seen.clear(100_000 * step);
            for row in (0..100_000).map(|i| (i * step) as u32) {
                assert!(seen.insert(row) && !seen.insert(row));
            }
            assert_eq!(seen.count, 100_000);
        }
        seen.clear(Seen::MAX_BIT_ROWS + 1);
        assert_eq!(seen.slots.len(), Seen::INITIAL_SLOTS, "the table of a large search is freed");
    }
}
