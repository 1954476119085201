//! A sample of names with their concepts and token ids, sampled from pairs, for held-out retrieval
//! and for the report's map.
//!
//! Invariant: the sample depends only on the pairs, the limits and the seed.

use std::{cmp::Reverse, collections::HashSet};

use crate::train::{TrainError, pairs::Pairs};
use crate::{encoder::BertTokenizer, random::Random, text};

/// Names of held-out retrieval, which compares each with every other: 16 million comparisons.
const MAX_HELD_OUT_NAMES: usize = 4096;
/// Names of one concept in held-out retrieval.
const MAX_NAMES_PER_CONCEPT: usize = 64;
/// Separates the random numbers of the sample from others of the same seed.
const HELD_OUT_STREAM: u64 = 2;

/// Names, one entry of each field a name.
#[derive(Default)]
pub(super) struct NameSample {
    /// Number of the concept in the pairs file.
    pub(super) concepts: Vec<u32>,
    pub(super) names: Vec<String>,
    pub(super) token_ids: Vec<Vec<i64>>,
}

impl NameSample {
    /// The names of held-out `pairs`. If they are too many, whole concepts are left out at random.
    ///
    /// # Errors
    /// [`TrainError::NothingHeldOut`] when no concept has two names that differ.
    pub(super) fn held_out(pairs: &Pairs, tokenizer: &BertTokenizer, seed: u64) -> Result<Self, TrainError> {
        let by_concept = PairsByConcept::new(pairs);
        let mut order: Vec<u32> = (0..pairs.concepts() as u32).collect();
        Random::from_seeds(&[seed, HELD_OUT_STREAM]).shuffle(&mut order);
        let mut sample = Self::default();
        for concept in order {
            let names = by_concept.names(concept, MAX_NAMES_PER_CONCEPT);
            if names.len() > 1 && sample.names.len() + names.len() <= MAX_HELD_OUT_NAMES {
                sample.add(concept, names, tokenizer)?;
            }
        }
        if sample.names.is_empty() { Err(TrainError::NothingHeldOut) } else { Ok(sample) }
    }

    /// The first `max_names` names of each concept in `requested`; if that is empty, of the
    /// `max_concepts` concepts with the most pairs.
    pub(super) fn of_concepts(
        pairs: &Pairs,
        tokenizer: &BertTokenizer,
        requested: &[u32],
        max_concepts: usize,
        max_names: usize,
    ) -> Result<Self, TrainError> {
        let by_concept = PairsByConcept::new(pairs);
        let mut order: Vec<u32> = (0..pairs.concepts() as u32).collect();
        order.sort_by_key(|&concept| Reverse(by_concept.pairs_of(concept).len()));
        let chosen = if requested.is_empty() { &order[..max_concepts.min(order.len())] } else { requested };
        let mut sample = Self::default();
        for &concept in chosen {
            sample.add(concept, by_concept.names(concept, max_names), tokenizer)?;
        }
        Ok(sample)
    }

    fn add(&mut self, concept: u32, names: Vec<String>, tokenizer: &BertTokenizer) -> Result<(), TrainError> {
        for name in names {
            self.token_ids.push(tokenizer.ids(&name)?);
            self.names.push(name);
            self.concepts.push(concept);
        }
        Ok(())
    }
}

/// The pairs of each concept.
struct PairsByConcept<'a> {
    pairs: &'a Pairs,
    /// Positions of the pairs in the file, concept by concept.
    positions: Vec<u32>,
    /// For each concept the end of its part of `positions`.
    ends: Vec<usize>,
}

impl<'a> PairsByConcept<'a> {
    fn new(pairs: &'a Pairs) -> Self {
        let mut positions: Vec<u32> = (0..pairs.len() as u32).collect();
        positions.sort_by_key(|&i| pairs.pair(i as usize).concept);
        let end = |concept: u32| positions.partition_point(|&i| pairs.pair(i as usize).concept <= concept);
        let ends = (0..pairs.concepts() as u32).map(end).collect();
        Self { pairs, positions, ends }
    }

    fn pairs_of(&self, concept: u32) -> &[u32] {
        let concept = concept as usize;
        let begin = concept.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.positions[begin..self.ends[concept]]
    }

    /// At most `max_names` names of a concept that differ after normalization, as the model reads
    /// them.
    fn names(&self, concept: u32, max_names: usize) -> Vec<String> {
        let mut seen = HashSet::new();
        let names = self.pairs_of(concept).iter().flat_map(|&i| self.pairs.pair(i as usize).names);
        names.filter(|name| seen.insert(text::normalize(name))).take(max_names).map(text::clean).collect()
    }
}
