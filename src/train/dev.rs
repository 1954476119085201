//! Retrieval among names of concepts that are held out of training.
//!
//! Invariant: a name never finds itself, and equal scores are counted against the model.

use std::{cmp::Reverse, collections::HashSet};

use rayon::prelude::*;

use crate::train::{TrainError, metrics::DevRecord, pairs::Pairs};
use crate::{encoder::BertTokenizer, random::Random, text};

/// Names that are compared with each other at most, sixteen million comparisons, and names of a concept.
const MOST: usize = 4096;
const MOST_OF_CONCEPT: usize = 64;

/// Names with their concepts.
#[derive(Default)]
pub(super) struct Dev {
    pub concepts: Vec<u32>,
    pub names: Vec<String>,
    pub ids: Vec<Vec<i64>>,
}

impl Dev {
    /// The names of held-out `pairs`; of too many, whole concepts by chance.
    ///
    /// # Errors
    /// [`TrainError::NothingHeldOut`] when no concept has two names that differ.
    pub(super) fn new(pairs: &Pairs, tokens: &BertTokenizer, seed: u64) -> Result<Self, TrainError> {
        let by_concept = ByConcept::new(pairs);
        let mut order: Vec<u32> = (0..pairs.concepts() as u32).collect();
        Random::of(&[seed, 2]).shuffle(&mut order);
        let mut dev = Self::default();
        for concept in order {
            let names = by_concept.names(concept, MOST_OF_CONCEPT);
            if names.len() > 1 && dev.names.len() + names.len() <= MOST {
                dev.take(concept, names, tokens)?;
            }
        }
        if dev.names.is_empty() { Err(TrainError::NothingHeldOut) } else { Ok(dev) }
    }

    /// Some names of some concepts: of those that are `asked` for, else of those with the most pairs.
    pub(super) fn of_concepts(
        pairs: &Pairs,
        tokens: &BertTokenizer,
        asked: &[u32],
        concepts: usize,
        names: usize,
    ) -> Result<Self, TrainError> {
        let by_concept = ByConcept::new(pairs);
        let mut order: Vec<u32> = (0..pairs.concepts() as u32).collect();
        order.sort_by_key(|&concept| Reverse(by_concept.pairs_of(concept).len()));
        let chosen = if asked.is_empty() { &order[..concepts.min(order.len())] } else { asked };
        let mut some = Self::default();
        for &concept in chosen {
            some.take(concept, by_concept.names(concept, names), tokens)?;
        }
        Ok(some)
    }

    fn take(&mut self, concept: u32, names: Vec<String>, tokens: &BertTokenizer) -> Result<(), TrainError> {
        for name in names {
            self.ids.push(tokens.ids(&name)?);
            self.names.push(name);
            self.concepts.push(concept);
        }
        Ok(())
    }

    /// What each name that is not alone finds among all others, by their vectors of length 1.
    pub(super) fn measure(&self, vectors: &[f32], step: u64) -> DevRecord {
        let names = self.names.len();
        let dimensions = vectors.len() / names.max(1);
        let row = |i: usize| &vectors[i * dimensions..][..dimensions];
        let better = |i: usize| {
            let scores: Vec<f32> = (0..names).map(|j| dot(row(i), row(j))).collect();
            let own = |j: &usize| *j != i && self.concepts[*j] == self.concepts[i];
            let best = (0..names).filter(own).map(|j| scores[j]).max_by(f32::total_cmp)?;
            // Concepts, not names, take the places before it.
            let ahead = |j: &usize| self.concepts[*j] != self.concepts[i] && scores[*j] >= best;
            let before: HashSet<u32> = (0..names).filter(ahead).map(|j| self.concepts[j]).collect();
            Some(before.len())
        };
        let ranks: Vec<usize> = (0..names).into_par_iter().filter_map(better).collect();
        let share = |k: usize| ranks.iter().filter(|&&rank| rank < k).count() as f64 / ranks.len().max(1) as f64;
        let (accuracy_at_1, accuracy_at_5) = (share(1), share(5));
        DevRecord { step, accuracy_at_1, accuracy_at_5, queries: ranks.len() as u64, names: names as u64 }
    }
}

/// Which pairs each concept has.
struct ByConcept<'a> {
    pairs: &'a Pairs,
    /// Numbers of pairs, concept by concept, and where each concept's end.
    numbers: Vec<u32>,
    ends: Vec<usize>,
}

impl<'a> ByConcept<'a> {
    fn new(pairs: &'a Pairs) -> Self {
        let mut numbers: Vec<u32> = (0..pairs.len() as u32).collect();
        numbers.sort_by_key(|&i| pairs.pair(i as usize).concept);
        let end = |concept: u32| numbers.partition_point(|&i| pairs.pair(i as usize).concept <= concept);
        let ends = (0..pairs.concepts() as u32).map(end).collect();
        Self { pairs, numbers, ends }
    }

    fn pairs_of(&self, concept: u32) -> &[u32] {
        let concept = concept as usize;
        let begin = concept.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.numbers[begin..self.ends[concept]]
    }

    /// The names of a concept that differ after normalization, as they are read.
    fn names(&self, concept: u32, most: usize) -> Vec<String> {
        let mut seen = HashSet::new();
        let names = self.pairs_of(concept).iter().flat_map(|&i| self.pairs.pair(i as usize).names);
        names.filter(|name| seen.insert(text::normalize(name))).take(most).map(text::clean).collect()
    }
}

/// In eight sums, which a processor adds side by side.
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
    fn ranks_are_of_concepts_and_ties_count_against() {
        let dev = Dev {
            concepts: vec![0, 0, 1, 1, 2],
            names: ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(),
            ids: vec![],
        };
        // a and b are near, c and d are not: c is nearer to a, d as near to e as to c.
        let vectors = [[1.0, 0.0], [0.98, 0.2], [0.9, 0.436], [0.0, 1.0], [-0.9, 0.436]].concat();
        let record = dev.measure(&vectors, 7);
        assert_eq!((record.step, record.queries, record.names), (7, 4, 5));
        // a finds b, b finds a; c finds a and b before d; d finds e no later than c; e has no other name.
        assert_eq!((record.accuracy_at_1, record.accuracy_at_5), (0.5, 1.0));
    }

    #[test]
    fn products_are_those_of_any_length() {
        for n in [1, 7, 8, 19, 384] {
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.3).cos()).collect();
            let plain: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert!((dot(&a, &b) - plain).abs() < 1e-4);
        }
    }
}
