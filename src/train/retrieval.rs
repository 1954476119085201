//! Held-out retrieval: whether the nearest other name of a name has the same concept.
//!
//! Invariant: a name never finds itself, and equal scores count against the model.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::train::metrics::DevRecord;

/// Measures retrieval among names after `step` steps: `vectors` are of length 1, `[names,
/// dimensions]`, and `concepts` is the concept of each name. A name without another name of its
/// concept is no query.
pub(super) fn measure(concepts: &[u32], vectors: &[f32], step: u64) -> DevRecord {
    let names = concepts.len();
    let dimensions = vectors.len() / names.max(1);
    let vector = |i: usize| &vectors[i * dimensions..][..dimensions];
    let rank = |i: usize| {
        let scores: Vec<f32> = (0..names).map(|j| dot(vector(i), vector(j))).collect();
        let is_right = |j: &usize| *j != i && concepts[*j] == concepts[i];
        let best_right = (0..names).filter(is_right).map(|j| scores[j]).max_by(f32::total_cmp)?;
        // The rank counts concepts, not names.
        let is_ahead = |j: &usize| concepts[*j] != concepts[i] && scores[*j] >= best_right;
        let ahead: HashSet<u32> = (0..names).filter(is_ahead).map(|j| concepts[j]).collect();
        Some(ahead.len())
    };
    let ranks: Vec<usize> = (0..names).into_par_iter().filter_map(rank).collect();
    let accuracy_at = |k: usize| ranks.iter().filter(|&&rank| rank < k).count() as f64 / ranks.len().max(1) as f64;
    DevRecord {
        step,
        accuracy_at_1: accuracy_at(1),
        accuracy_at_5: accuracy_at(5),
        queries: ranks.len() as u64,
        names: names as u64,
    }
}

/// Inner product in eight partial sums, which the compiler vectorizes.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (a, b) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.0.iter().zip(b.0) {
        (0..8).for_each(|i| sums[i] += a[i] * b[i]);
    }
    sums.iter().sum::<f32>() + a.1.iter().zip(b.1).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_concepts_and_ties_count_against_the_model() {
        // Names a and b of concept 0, c and d of 1, e of 2. a and b are near each other, c and d
        // are not: c is nearer to a; d is as near to e as to c.
        let concepts = [0, 0, 1, 1, 2];
        let vectors = [[1.0, 0.0], [0.98, 0.2], [0.9, 0.436], [0.0, 1.0], [-0.9, 0.436]].concat();
        let record = measure(&concepts, &vectors, 7);
        assert_eq!((record.step, record.queries, record.names), (7, 4, 5));
        // a finds b and b finds a; c finds a and b before d; d ties between c and e; e is no query.
        assert_eq!((record.accuracy_at_1, record.accuracy_at_5), (0.5, 1.0));
    }

    #[test]
    fn inner_products_are_right_for_any_length() {
        for n in [1, 7, 8, 19, 384] {
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.3).cos()).collect();
            let expected: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert!((dot(&a, &b) - expected).abs() < 1e-4);
        }
    }
}
