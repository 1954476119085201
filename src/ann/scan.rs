//! Exact scan: compares every row that passes with every query.
//!
//! Recall is measured against it, and it is faster than the graph if few rows pass. The scan takes
//! rows in blocks and compares each block with every query while the block is in the processor's
//! caches. Invariant: the result has the best of all compared rows; of two equal scores the lower
//! row comes first.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::ann::{
    beam::Scored,
    vectors::{QueryVector, VectorRows},
};

/// Rows of a block: about 100 KB of codes.
const SCAN_CHUNK_ROWS: usize = 256;
/// Rows between the row that is compared and the row that is prefetched.
const PREFETCH_DISTANCE: usize = 4;

/// The `k` best of `rows` for each query, best first, scored with residuals.
pub(crate) fn scan(
    vectors: VectorRows,
    queries: &[QueryVector],
    mut rows: impl Iterator<Item = u32>,
    k: usize,
) -> Vec<Vec<Scored>> {
    let mut best: Vec<TopK> = queries.iter().map(|_| TopK::new(k)).collect();
    let mut block = Vec::with_capacity(SCAN_CHUNK_ROWS);
    loop {
        block.clear();
        block.extend(rows.by_ref().take(SCAN_CHUNK_ROWS));
        if block.is_empty() {
            let best = best.into_iter().map(TopK::into_sorted).zip(queries);
            let rescored = best.map(|(mut best, query)| {
                rescore(vectors, query, &mut best, k);
                best
            });
            return rescored.collect();
        }
        for (query, best) in queries.iter().zip(&mut best) {
            for (i, &row) in block.iter().enumerate() {
                if let Some(&next) = block.get(i + PREFETCH_DISTANCE) {
                    vectors.prefetch(next);
                }
                best.offer(Scored::new(vectors.score(row, query), row));
            }
        }
    }
}

/// Rows that are rescored in addition to twice the number of results, since codes alone can order
/// rows of nearly equal scores wrongly.
const EXTRA_RESCORED: usize = 16;

/// Scores the best of `candidates`, which are ordered, again with residuals, and returns these in
/// their new order. The caller takes about `k` of them.
pub(crate) fn rescore<'a>(
    vectors: VectorRows,
    query: &QueryVector,
    candidates: &'a mut [Scored],
    k: usize,
) -> &'a mut [Scored] {
    let count = candidates.len().min(k.saturating_mul(2).saturating_add(EXTRA_RESCORED));
    let (best, _) = candidates.split_at_mut(count);
    best.iter().for_each(|scored| vectors.prefetch_residuals(scored.row()));
    best.iter_mut().for_each(|scored| *scored = Scored::new(vectors.fine_score(scored.row(), query), scored.row()));
    best.sort_unstable_by(|a, b| b.cmp(a));
    best
}

/// Keeps the `k` best of the scores that it was offered.
pub(crate) struct TopK {
    k: usize,
    /// The worst score in the heap once the heap is full.
    worst: Option<Scored>,
    heap: BinaryHeap<Reverse<Scored>>,
}

impl TopK {
    /// An empty collection of `k` scores, at least 1.
    pub(crate) fn new(k: usize) -> Self {
        Self { k: k.max(1), worst: None, heap: BinaryHeap::new() }
    }

    /// Keeps `scored` if it is one of the `k` best so far.
    #[inline]
    pub(crate) fn offer(&mut self, scored: Scored) {
        if self.worst.is_some_and(|worst| scored < worst) {
            return;
        }
        self.heap.push(Reverse(scored));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if self.heap.len() == self.k {
            self.worst = self.heap.peek().map(|worst| worst.0);
        }
    }

    /// The best scores in descending order.
    pub(crate) fn into_sorted(self) -> Vec<Scored> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(scored)| scored).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_k_keeps_the_best_and_orders_equal_scores_by_row() {
        let scores = [0.5, 0.9, 0.1, 0.9, 0.7, -0.3, 0.9];
        for k in 1..=scores.len() + 1 {
            let mut best = TopK::new(k);
            let mut all: Vec<Scored> = (0..).zip(scores).map(|(row, score)| Scored::new(score, row)).collect();
            all.iter().for_each(|&scored| best.offer(scored));
            all.sort_unstable_by(|a, b| b.cmp(a));
            all.truncate(k);
            assert_eq!(best.into_sorted(), all);
        }
    }
}
