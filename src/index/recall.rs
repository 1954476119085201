//! Measures the recall of the graph search against an exact scan, and chooses `ef_search` from the
//! result.
//!
//! The queries are texts of the caller, or names of the index that were changed: two letters
//! exchanged, a word missing, or a word replaced by one of another name. Invariant: the measured
//! searches are the searches that the service runs.

use rayon::prelude::*;

use super::{error::IndexError, manifest::Recall, open::Index, search::ConceptHit};
use crate::{
    ann::{
        parameters::{MEASURED_NEIGHBORS, MIN_CANDIDATES},
        vectors::QueryVector,
    },
    cancel::Canceled,
    concepts::{Filter, FilterRequest},
    domain::NameId,
    job::Job,
};

/// Values of `ef_search` that are tried, in this order.
const EF_VALUES: [usize; 14] = [MIN_CANDIDATES, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048];
/// Queries that one exact scan compares with each block of rows.
const QUERIES_PER_SCAN: usize = 64;

/// How `ef_search` is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SearchTarget {
    /// The fewest candidates that reach this recall, 0 to 1, at 1 and at 10.
    Recall(f64),
    /// This number of candidates.
    EfSearch(usize),
}

/// Results of some queries that are as good as the exact results.
#[derive(Clone, Copy, Default)]
struct RightResults {
    right_at_1: usize,
    of_1: usize,
    right_at_10: usize,
    of_10: usize,
}

impl RightResults {
    fn of_query(hits: &[ConceptHit], truth: &[ConceptHit]) -> Self {
        Self {
            right_at_1: right(hits, truth, 1),
            of_1: truth.len().min(1),
            right_at_10: right(hits, truth, MEASURED_NEIGHBORS),
            of_10: truth.len().min(MEASURED_NEIGHBORS),
        }
    }

    fn add(self, other: Self) -> Self {
        Self {
            right_at_1: self.right_at_1 + other.right_at_1,
            of_1: self.of_1 + other.of_1,
            right_at_10: self.right_at_10 + other.right_at_10,
            of_10: self.of_10 + other.of_10,
        }
    }

    fn recall(self, queries: usize) -> Recall {
        let share = |right: usize, all: usize| if all > 0 { right as f64 / all as f64 } else { 1.0 };
        Recall { queries, at_1: share(self.right_at_1, self.of_1), at_10: share(self.right_at_10, self.of_10) }
    }
}

impl Index {
    /// At most `count` texts like mentions, always the same for the same index: names from all over
    /// the index with two letters exchanged, a word missing, or a word of another name.
    pub fn sample_mentions(&self, count: usize) -> Vec<String> {
        let rows = self.vectors.len();
        let count = count.min(rows);
        let name = |i: usize| self.concepts.name_text(NameId::from_index((2 * i + 1) * rows / (2 * count)));
        (0..count).map(|i| like_a_mention(name(i), name((i + count / 2) % count), i)).collect()
    }

    /// Sets `ef_search` as `target` says, and returns the recall that it gives. `vectors` are the
    /// queries, of norm 1, one after another.
    ///
    /// # Errors
    /// [`IndexError::Canceled`].
    pub fn tune_ef_search(
        &mut self,
        vectors: &[f32],
        target: SearchTarget,
        job: Job<'_>,
    ) -> Result<Recall, IndexError> {
        let queries: Vec<&[f32]> = vectors.chunks_exact(self.vectors.dimensions()).collect();
        let no_filter = Filter::new(&FilterRequest::default(), &self.concepts);
        job.progress.stage("measuring recall", queries.len() as u64);
        let truth = queries.par_chunks(QUERIES_PER_SCAN).map(|queries| {
            job.cancel.check()?;
            let vectors: Vec<QueryVector> = queries.iter().map(|query| QueryVector::new(query)).collect();
            let hits = self.scan(&vectors, MEASURED_NEIGHBORS, &no_filter);
            job.progress.advance(queries.len() as u64);
            Ok(hits)
        });
        let truth = truth.collect::<Result<Vec<_>, Canceled>>()?.concat();
        let ef_values = match target {
            SearchTarget::Recall(_) => &EF_VALUES[..],
            SearchTarget::EfSearch(ef) => &[ef],
        };
        let mut recall = RightResults::default().recall(queries.len());
        for &ef in ef_values {
            job.cancel.check()?;
            self.set_ef_search(ef);
            let results = queries.par_iter().zip(&truth).map(|(query, truth)| {
                RightResults::of_query(&self.search(query, MEASURED_NEIGHBORS, &no_filter), truth)
            });
            recall = results.reduce(RightResults::default, RightResults::add).recall(queries.len());
            if matches!(target, SearchTarget::Recall(min) if recall.at_1 >= min && recall.at_10 >= min) {
                break;
            }
        }
        Ok(recall)
    }
}

/// How many of the first `k` hits score at least as high as the last of the first `k` of `truth`.
fn right(hits: &[ConceptHit], truth: &[ConceptHit], k: usize) -> usize {
    let worst = truth[..k.min(truth.len())].last().map_or(f32::INFINITY, |hit| hit.score);
    hits.iter().take(k).filter(|hit| hit.score >= worst).count()
}

/// `name` with one change: a word is missing, a word is replaced by one of `other`, or two letters
/// of the longest word are exchanged. The number `i` chooses the change.
fn like_a_mention(name: &str, other: &str, i: usize) -> String {
    let mut words: Vec<String> = name.split_whitespace().map(str::to_owned).collect();
    let position = i / 3 % words.len().max(1);
    if i.is_multiple_of(3) && words.len() > 2 {
        words.remove(position);
    } else if i % 3 == 1
        && words.len() > 1
        && let Some(other_word) = other.split_whitespace().last()
    {
        words[position] = other_word.to_owned();
    } else if let Some(longest) = words.iter_mut().max_by_key(|word| word.chars().count()) {
        let mut letters: Vec<char> = longest.chars().collect();
        let exchangeable: Vec<usize> =
            (1..letters.len().saturating_sub(1)).filter(|&at| letters[at] != letters[at + 1]).collect();
        if !exchangeable.is_empty() {
            let at = exchangeable[i / 3 % exchangeable.len()];
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
    fn changed_names_are_near_the_name() {
        let attack = |i| like_a_mention("heart attack", "broken leg", i);
        assert_eq!(like_a_mention("acute myocardial infarction", "", 0), "myocardial infarction");
        assert_eq!(like_a_mention("acute myocardial infarction", "", 3), "acute infarction");
        assert_eq!([1, 4].map(attack), ["leg attack", "heart leg"]);
        assert_eq!([2, 5].map(attack), ["heart atatck", "heart attcak"]);
        assert_eq!([0, 1, 2].map(|i| like_a_mention("MI", "broken leg", i)), ["MI", "MI", "MI"]);
        for i in 0..200 {
            assert!(!like_a_mention("Läsion der äußeren Hülle", "öde", i).is_empty());
        }
    }
}
