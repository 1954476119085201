//! How many of the concepts that an exact search finds the index finds too, and how many candidates that takes.
//!
//! Measured with texts like mentions: names of the index with letters exchanged, a word missing or a word of another name, or what the
//! caller gives. Invariant: what is measured are searches as they are served.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    ann::vectors::QueryVector,
    concepts::{Filter, FilterRequest},
    domain::NameId,
    index::{ConceptHit, Index, IndexError},
};
use crate::{cancel::Canceled, job::Job};

/// Concepts that are asked for.
pub(super) const NEAREST: usize = crate::ann::parameters::MEASURED_NEIGHBORS;
/// Values of `ef_search` that are tried, in this order.
const EF: [usize; 14] = [2 * NEAREST, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048];
/// Queries that are compared with a block of rows at once.
const TOGETHER: usize = 64;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// Texts that were searched for.
    pub queries: usize,
    /// Share of them whose best concept was found.
    pub at_1: f64,
    /// Share of the ten best concepts that were found.
    pub at_10: f64,
}

/// What is wanted of `ef_search`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// The fewest candidates that reach this recall, at 1 and at 10.
    Recall(f64),
    /// So many candidates.
    EfSearch(usize),
}

impl Index {
    /// `count` texts like mentions, the same for the same index: names of it, of which one lost a word, one has a word of another name, and
    /// one has two letters exchanged.
    pub fn sample_mentions(&self, count: usize) -> Vec<String> {
        let rows = self.vectors.len();
        let count = count.min(rows);
        let name = |i: usize| self.concepts.name_text(NameId::from_index((2 * i + 1) * rows / (2 * count)));
        (0..count).map(|i| changed(name(i), name((i + count / 2) % count), i)).collect()
    }

    /// Measures searches for `vectors`, one after another of norm 1, and from now on searches with the `ef_search` that was wanted.
    ///
    /// # Errors
    /// [`IndexError::Canceled`].
    pub fn tune(&mut self, vectors: &[f32], wanted: Wanted, job: Job<'_>) -> Result<Recall, IndexError> {
        let queries: Vec<&[f32]> = vectors.chunks_exact(self.vectors.dimensions()).collect();
        let everything = Filter::new(&FilterRequest::default(), &self.concepts);
        job.progress.stage("measuring recall", queries.len() as u64);
        let truth = queries.par_chunks(TOGETHER).map(|queries| {
            job.cancel.check()?;
            let vectors: Vec<QueryVector> = queries.iter().map(|query| QueryVector::new(query)).collect();
            let hits = self.scan(&vectors, NEAREST, &everything);
            job.progress.advance(queries.len() as u64);
            Ok(hits)
        });
        let truth = truth.collect::<Result<Vec<_>, Canceled>>()?.concat();
        let candidates = match wanted {
            Wanted::Recall(_) => &EF[..],
            Wanted::EfSearch(ef) => &[ef],
        };
        let mut recall = Recall { queries: queries.len(), at_1: 1.0, at_10: 1.0 };
        for &ef in candidates {
            job.cancel.check()?;
            self.set_ef_search(ef);
            let found = queries.par_iter().zip(&truth).map(|(query, truth)| {
                let hits = self.search(query, NEAREST, &everything);
                (right(&hits, truth, 1), truth.len().min(1), right(&hits, truth, NEAREST), truth.len().min(NEAREST))
            });
            let sum = found.reduce(Default::default, |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2, a.3 + b.3));
            let share = |right: usize, all: usize| if all > 0 { right as f64 / all as f64 } else { 1.0 };
            recall = Recall { at_1: share(sum.0, sum.1), at_10: share(sum.2, sum.3), ..recall };
            if matches!(wanted, Wanted::Recall(target) if recall.at_1 >= target && recall.at_10 >= target) {
                break;
            }
        }
        Ok(recall)
    }
}

/// How many of the `k` best of `hits` are as good as the `k` best of `truth`.
fn right(hits: &[ConceptHit], truth: &[ConceptHit], k: usize) -> usize {
    let worst = truth[..k.min(truth.len())].last().map_or(f32::INFINITY, |hit| hit.score);
    hits.iter().take(k).filter(|hit| hit.score >= worst).count()
}

/// `name` as somebody might write it who does not know it: a word is missing, or stands in `other`, or two letters are exchanged.
fn changed(name: &str, other: &str, i: usize) -> String {
    let mut words: Vec<String> = name.split_whitespace().map(str::to_owned).collect();
    let place = i / 3 % words.len().max(1);
    if i.is_multiple_of(3) && words.len() > 2 {
        words.remove(place);
    } else if i % 3 == 1
        && words.len() > 1
        && let Some(foreign) = other.split_whitespace().last()
    {
        words[place] = foreign.to_owned();
    } else if let Some(longest) = words.iter_mut().max_by_key(|word| word.chars().count()) {
        let mut letters: Vec<char> = longest.chars().collect();
        let places: Vec<usize> =
            (1..letters.len().saturating_sub(1)).filter(|&at| letters[at] != letters[at + 1]).collect();
        if !places.is_empty() {
            let at = places[i / 3 % places.len()];
            letters.swap(at, at + 1);
        }
        *longest = letters.into_iter().collect();
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_names_are_near_and_not_the_same() {
        let changed_attack = |i| changed("heart attack", "broken leg", i);
        assert_eq!(changed("acute myocardial infarction", "", 0), "myocardial infarction");
        assert_eq!(changed("acute myocardial infarction", "", 3), "acute infarction");
        assert_eq!([1, 4].map(changed_attack), ["leg attack", "heart leg"]);
        assert_eq!([2, 5].map(changed_attack), ["heart atatck", "heart attcak"]);
        assert_eq!([0, 1, 2].map(|i| changed("MI", "broken leg", i)), ["MI", "MI", "MI"]);
        for i in 0..200 {
            assert!(!changed("Läsion der äußeren Hülle", "öde", i).is_empty());
        }
    }
}
