//! The beam search of a navigable graph (Malkov and Yashunin 2016, algorithm 2), over lists of one width.
//!
//! Both the search of an index and the insertion of a row while one is built are this. Invariants: a search that stays within some 16,000
//! rows allocates nothing once the scratch has grown; an edge that a damaged file puts outside the rows is no edge.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::ann::{
    kernel,
    vectors::{QueryVector, Rows},
};

/// What fills a list behind its last neighbor.
pub(crate) const NONE: u32 = u32::MAX;

/// A row and its score; greater is better, and of equal scores the lower row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scored(u64);

impl Scored {
    /// Both in one number that is ordered as they are.
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

/// The lowest level of a graph: for each row a list of its neighbors, `width` long and filled up with [`NONE`].
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub lists: &'a [u32],
    pub width: usize,
}

impl<'a> Ground<'a> {
    /// How many rows it has.
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

/// Rows that a search has seen: a bit a row where they are few, else a hash table with linear probing, which stays in the processor's caches
/// however many rows there are.
#[derive(Default)]
struct Seen {
    bits: Vec<u64>,
    slots: Vec<u32>,
    count: usize,
}

impl Seen {
    /// Slots that are kept from one search to the next.
    const KEPT: usize = 1 << 13;
    /// Rows for which there are bits: as much memory as the slots that are kept.
    const FEW: usize = 32 * Self::KEPT;

    /// Forgets all, for a search among so many rows.
    fn clear(&mut self, rows: usize) {
        self.bits.clear();
        if rows <= Self::FEW {
            self.bits.resize(rows.div_ceil(64), 0);
            self.count = 0;
            return;
        }
        if self.slots.len() > 8 * Self::KEPT || self.slots.is_empty() {
            self.slots = vec![NONE; Self::KEPT];
        } else if self.count > 0 {
            self.slots.fill(NONE);
        }
        self.count = 0;
    }

    /// Adds `row`; false if it was there.
    #[inline]
    fn insert(&mut self, row: u32) -> bool {
        if let Some(bits) = self.bits.get_mut(row as usize / 64) {
            let bit = 1 << (row % 64);
            let fresh = *bits & bit == 0;
            *bits |= bit;
            self.count += usize::from(fresh);
            return fresh;
        }
        if self.count * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = (row.wrapping_mul(0x9E37_79B1) >> 7) as usize & mask;
        while self.slots[slot] != NONE {
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
        let larger = vec![NONE; (self.slots.len() * 4).max(Self::KEPT)];
        self.count = 0;
        for row in std::mem::replace(&mut self.slots, larger) {
            if row != NONE {
                self.insert(row);
            }
        }
    }
}

/// Memory that a search needs and can be used again for the next.
#[derive(Default)]
pub(crate) struct Scratch {
    seen: Seen,
    frontier: BinaryHeap<Scored>,
    best: BinaryHeap<Reverse<Scored>>,
    fresh: Vec<u32>,
    found: Vec<Scored>,
}

impl Scratch {
    /// How many rows the last search compared.
    pub(crate) fn compared(&self) -> usize {
        self.seen.count
    }
}

/// The `ef` best rows that are found for `query` from `starts` on, best first; of them, only rows that `allowed` accepts are kept, the
/// others are passed through.
pub(crate) fn beam<'s>(
    ground: Ground,
    vectors: Rows,
    query: &QueryVector,
    starts: impl Iterator<Item = u32>,
    ef: usize,
    allowed: impl Fn(u32) -> bool,
    scratch: &'s mut Scratch,
) -> &'s mut [Scored] {
    let Scratch { seen, frontier, best, fresh, found } = scratch;
    seen.clear(ground.rows());
    frontier.clear();
    best.clear();
    fresh.clear();
    fresh.extend(starts.filter(|&row| seen.insert(row)));
    loop {
        for &row in &*fresh {
            let scored = Scored::new(vectors.score(row, query), row);
            let full = best.len() >= ef;
            if full && best.peek().is_some_and(|Reverse(worst)| scored < *worst) {
                continue;
            }
            frontier.push(scored);
            kernel::prefetch(ground.list(row));
            if allowed(row) {
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
        fresh.clear();
        for row in ground.neighbors(next.row()) {
            if seen.insert(row) {
                vectors.prefetch(row);
                fresh.push(row);
            }
        }
    }
    found.clear();
    found.extend(best.drain().map(|Reverse(scored)| scored));
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_ordered_and_come_back() {
        let scores = [-1.0, -0.5, -1e-9, -0.0, 0.0, 1e-9, 0.25, 1.0];
        for pair in scores.windows(2) {
            assert!(Scored::new(pair[0], 7) < Scored::new(pair[1], 7), "{pair:?}");
        }
        for score in scores {
            let scored = Scored::new(score, 123);
            assert_eq!((scored.score().to_bits(), scored.row()), (score.to_bits(), 123));
            assert!(Scored::new(score, 1) > Scored::new(score, 2), "of equal scores the lower row is better");
        }
    }

    #[test]
    fn rows_are_seen_once_however_many() {
        let mut seen = Seen::default();
        for step in [1, 41, 2] {
            seen.clear(100_000 * step);
            for row in (0..100_000).map(|i| (i * step) as u32) {
                assert!(seen.insert(row) && !seen.insert(row));
            }
            assert_eq!(seen.count, 100_000);
        }
        seen.clear(Seen::FEW + 1);
        assert_eq!(seen.slots.len(), Seen::KEPT, "memory of a large search is given back");
    }
}
