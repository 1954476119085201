//! The exact search: every row that may pass is compared.
//!
//! Rows are taken in blocks, and each block is compared with every query while it is in the processor's caches. It is what recall
//! is measured against, and faster than the graph where few rows pass. Invariant: of all rows compared the best are kept, ties by row.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::ann::{
    beam::Scored,
    vectors::{QueryVector, Rows},
};

/// Rows of a block: some 100 KB of vectors.
const BLOCK: usize = 256;
/// Rows that are asked for ahead of the one that is compared.
const AHEAD: usize = 4;

/// The `keep` best of `rows` for each query, best first.
pub(crate) fn scan(
    vectors: Rows,
    queries: &[QueryVector],
    mut rows: impl Iterator<Item = u32>,
    keep: usize,
) -> Vec<Vec<Scored>> {
    let mut best: Vec<Best> = queries.iter().map(|_| Best::new(keep)).collect();
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        block.extend(rows.by_ref().take(BLOCK));
        if block.is_empty() {
            let best = best.into_iter().map(Best::sorted).zip(queries);
            let rescored = best.map(|(mut best, query)| {
                rescore(vectors, query, &mut best, keep);
                best
            });
            return rescored.collect();
        }
        for (query, best) in queries.iter().zip(&mut best) {
            for (i, &row) in block.iter().enumerate() {
                if let Some(&ahead) = block.get(i + AHEAD) {
                    vectors.prefetch(ahead);
                }
                best.offer(Scored::new(vectors.score(row, query), row));
            }
        }
    }
}

/// Rows that are rescored beside twice as many as are wanted: rounding exchanges rows that lie near each other.
const RESCORED: usize = 16;

/// Scores the best of `found`, from which `wanted` will be taken, with all that is kept of their vectors, orders them anew and gives them.
pub(crate) fn rescore<'a>(
    vectors: Rows,
    query: &QueryVector,
    found: &'a mut [Scored],
    wanted: usize,
) -> &'a mut [Scored] {
    let count = found.len().min(wanted.saturating_mul(2).saturating_add(RESCORED));
    let (best, _) = found.split_at_mut(count);
    best.iter().for_each(|scored| vectors.prefetch_residuals(scored.row()));
    best.iter_mut().for_each(|scored| *scored = Scored::new(vectors.fine_score(scored.row(), query), scored.row()));
    best.sort_unstable_by(|a, b| b.cmp(a));
    best
}

/// The best of what it was offered.
pub(crate) struct Best {
    keep: usize,
    worst: Option<Scored>,
    kept: BinaryHeap<Reverse<Scored>>,
}

impl Best {
    /// Keeps `keep`, at least 1.
    pub(crate) fn new(keep: usize) -> Self {
        Self { keep: keep.max(1), worst: None, kept: BinaryHeap::new() }
    }

    /// Keeps `scored` if it is good enough.
    #[inline]
    pub(crate) fn offer(&mut self, scored: Scored) {
        if self.worst.is_some_and(|worst| scored < worst) {
            return;
        }
        self.kept.push(Reverse(scored));
        if self.kept.len() > self.keep {
            self.kept.pop();
        }
        if self.kept.len() == self.keep {
            self.worst = self.kept.peek().map(|worst| worst.0);
        }
    }

    /// What was kept, best first.
    pub(crate) fn sorted(self) -> Vec<Scored> {
        self.kept.into_sorted_vec().into_iter().map(|Reverse(scored)| scored).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_with_the_lower_row_first() {
        let scores = [0.5, 0.9, 0.1, 0.9, 0.7, -0.3, 0.9];
        for keep in 1..=scores.len() + 1 {
            let mut best = Best::new(keep);
            let mut all: Vec<Scored> = (0..).zip(scores).map(|(row, score)| Scored::new(score, row)).collect();
            all.iter().for_each(|&scored| best.offer(scored));
            all.sort_unstable_by(|a, b| b.cmp(a));
            all.truncate(keep);
            assert_eq!(best.sorted(), all);
        }
    }
}
