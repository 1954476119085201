//! The methods that rank the names of a dictionary for a text: string equality, character n-grams,
//! and an exact scan of embeddings.
//!
//! Invariant: names are ordered by score, those with equal scores by row; at most [`MAX_NAMES`].

use std::collections::HashMap;

use ndarray::{ArrayView2, s};
use rayon::prelude::*;

use crate::eval::dictionary::{DictConcept, Dictionary};

/// Maximum number of names that are ranked for a text.
pub(super) const MAX_NAMES: usize = 64;
/// Number of texts and of names in one product of matrices.
const TEXTS_PER_BLOCK: usize = 128;
const NAMES_PER_BLOCK: usize = 4096;
/// Lengths of n-grams, in letters.
const NGRAM_LENGTHS: std::ops::RangeInclusive<usize> = 1..=3;

/// A name that a method found for a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RankedName {
    /// Row of the name in the dictionary.
    pub(super) row: u32,
    pub(super) score: f32,
    /// The owners of the name in the order of an answer.
    pub(super) concepts: Vec<DictConcept>,
}

/// The names found for each text, best first.
pub(super) type Rankings = Vec<Vec<RankedName>>;

/// Rows of names with their scores for each text, best first.
pub(super) type RankedRows = Vec<Vec<(u32, f32)>>;

/// The names of rows with their owners.
pub(super) fn with_owners(dictionary: &Dictionary, rows: Vec<(u32, f32)>) -> Vec<RankedName> {
    let owners = |row: u32| dictionary.owners[row as usize].clone();
    rows.into_iter().map(|(row, score)| RankedName { row, score, concepts: owners(row) }).collect()
}

/// For each text the name that is equal to it.
pub(super) fn equal_names(dictionary: &Dictionary, texts: &[String]) -> Rankings {
    let rows: HashMap<&str, u32> = dictionary.names.iter().map(String::as_str).zip(0..).collect();
    let equal = |text: &String| rows.get(text.as_str()).map(|&row| (row, 1.0)).into_iter().collect();
    texts.iter().map(|text| with_owners(dictionary, equal(text))).collect()
}

/// Exact scan: for each text the names whose vectors have the greatest inner products with its
/// vector. Both matrices are row-major, with rows of length `dimensions`.
pub(super) fn nearest_names(names: &[f32], texts: &[f32], dimensions: usize) -> RankedRows {
    let Ok(names) = matrix_of(names, dimensions) else { return vec![] };
    let chunk = |texts: &[f32]| {
        let Ok(texts) = matrix_of(texts, dimensions) else { return vec![] };
        let mut best: Vec<Vec<(u32, f32)>> = vec![vec![]; texts.nrows()];
        for start in (0..names.nrows()).step_by(NAMES_PER_BLOCK) {
            let block = names.slice(s![start..(start + NAMES_PER_BLOCK).min(names.nrows()), ..]);
            let scores = texts.dot(&block.t());
            for (best, scores) in best.iter_mut().zip(scores.outer_iter()) {
                best.extend((start as u32..).zip(scores.iter().copied()));
                keep_best(best);
            }
        }
        best
    };
    texts.par_chunks(TEXTS_PER_BLOCK * dimensions).flat_map_iter(chunk).collect()
}

fn matrix_of(values: &[f32], dimensions: usize) -> Result<ArrayView2<'_, f32>, ndarray::ShapeError> {
    ArrayView2::from_shape((values.len() / dimensions.max(1), dimensions), values)
}

/// Sorts the best to the front and removes the others.
fn keep_best(scored: &mut Vec<(u32, f32)>) {
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if scored.len() > MAX_NAMES {
        scored.select_nth_unstable_by(MAX_NAMES, order);
        scored.truncate(MAX_NAMES);
    }
    scored.sort_unstable_by(order);
}

/// Inverted index of character n-grams, with tf-idf weights and vectors of length 1.
pub(super) struct NgramIndex {
    /// Number and inverse document frequency of each n-gram.
    weights: HashMap<Box<str>, (u32, f32)>,
    /// For each n-gram the rows that have it, and its component in their vectors.
    names: Vec<Vec<(u32, f32)>>,
    rows: usize,
}

impl NgramIndex {
    /// Indexes `names`.
    pub(super) fn new(names: &[String]) -> Self {
        let counts: Vec<HashMap<&str, u32>> = names.par_iter().map(|name| count(name)).collect();
        let mut weights: HashMap<Box<str>, (u32, f32)> = HashMap::new();
        for ngram in counts.iter().flat_map(|counts| counts.keys()) {
            match weights.get_mut(*ngram) {
                Some((_, names)) => *names += 1.0,
                None => drop(weights.insert((*ngram).into(), (weights.len() as u32, 1.0))),
            }
        }
        for (_, weight) in weights.values_mut() {
            *weight = ((1.0 + names.len() as f32) / (1.0 + *weight)).ln() + 1.0;
        }
        let mut index = Self { names: vec![vec![]; weights.len()], weights, rows: names.len() };
        for (row, counts) in (0..).zip(&counts) {
            for (ngram, component) in index.vector(counts) {
                index.names[ngram as usize].push((row, component));
            }
        }
        index
    }

    /// The vector of a text: number and component of each n-gram that occurs in a name; length 1.
    fn vector(&self, counts: &HashMap<&str, u32>) -> Vec<(u32, f32)> {
        let weighted =
            counts.iter().filter_map(|(ngram, &count)| self.weights.get(*ngram).map(|(i, w)| (*i, count as f32 * w)));
        let mut components: Vec<(u32, f32)> = weighted.collect();
        // A fixed order of summation gives the same sums each time.
        components.sort_unstable_by_key(|component| component.0);
        let length = components.iter().map(|component| component.1 * component.1).sum::<f32>().sqrt();
        components.iter_mut().for_each(|component| component.1 /= length.max(f32::MIN_POSITIVE));
        components
    }

    /// For each text the names whose vectors have the greatest cosines with its vector.
    pub(super) fn rank(&self, texts: &[String]) -> RankedRows {
        let rank_text = |scores: &mut Vec<f32>, text: &String| {
            scores.clear();
            scores.resize(self.rows, 0.0);
            for (ngram, component) in self.vector(&count(text)) {
                for &(row, weight) in &self.names[ngram as usize] {
                    scores[row as usize] += component * weight;
                }
            }
            let mut best: Vec<(u32, f32)> = (0..).zip(scores.iter().copied()).filter(|scored| scored.1 > 0.0).collect();
            keep_best(&mut best);
            best
        };
        texts.par_iter().map_init(Vec::new, rank_text).collect()
    }
}

/// How often each n-gram occurs in a text.
fn count(text: &str) -> HashMap<&str, u32> {
    let mut edges: Vec<usize> = text.char_indices().map(|(offset, _)| offset).collect();
    edges.push(text.len());
    let mut counts = HashMap::new();
    for length in NGRAM_LENGTHS {
        for edges in edges.windows(length + 1) {
            *counts.entry(&text[edges[0]..edges[length]]).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_exact_scan_compares_all_names_and_orders_ties_by_row() {
        let mut random = Random::new(3);
        let mut vectors: Vec<f32> = (0..5000 * 4).map(|_| random.fraction() - 0.5).collect();
        let texts: Vec<f32> = (0..300 * 4).map(|_| random.fraction() - 0.5).collect();
        vectors.extend_from_within(..40);
        let ranked = nearest_names(&vectors, &texts, 4);
        assert_eq!(ranked.len(), 300);
        for (text, ranked) in texts.chunks(4).zip(&ranked) {
            let dot = |name: &[f32]| name.iter().zip(text).map(|(a, b)| a * b).sum::<f32>();
            let mut all: Vec<(u32, f32)> = (0..).zip(vectors.chunks(4).map(dot)).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            assert_eq!(ranked.len(), MAX_NAMES);
            assert!(ranked.iter().zip(&all).all(|(a, b)| (a.1 - b.1).abs() < 1e-5));
            assert!(ranked.windows(2).all(|two| two[0].1 > two[1].1 || two[0].0 < two[1].0));
        }
    }

    /// The expected values are those of scikit-learn: `TfidfVectorizer(analyzer="char",
    /// ngram_range=(1, 3))`.
    #[test]
    fn cosines_of_ngrams_are_those_of_scikit_learn() {
        let index = NgramIndex::new(&names(&["heart attack", "heart failure", "broken leg"]));
        let ranked = index.rank(&names(&["heart atack", "leg", "\u{4e2d}"]));
        let shown: Vec<Vec<(u32, f32)>> =
            ranked.iter().map(|r| r.iter().map(|&(n, s)| (n, (s * 1e4).round() / 1e4)).collect()).collect();
        assert_eq!(shown[0], NGRAMS_OF_ATTACK);
        assert_eq!(shown[1], NGRAMS_OF_LEG);
        assert!(shown[2].is_empty());
    }

    const NGRAMS_OF_ATTACK: [(u32, f32); 3] = [(0, 0.9411), (1, 0.449), (2, 0.0803)];
    const NGRAMS_OF_LEG: [(u32, f32); 3] = [(2, 0.4827), (1, 0.106), (0, 0.0283)];
}
