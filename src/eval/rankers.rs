//! What finds names for mentions: equality, character n-grams, embeddings compared with every name or searched in a graph, and the linker
//! that is served.
//!
//! Invariant: best first, of equal scores the name that stands first; at most [`NAMES`] names.

use std::collections::HashMap;

use ndarray::{ArrayView2, s};
use rayon::prelude::*;

use crate::eval::dictionary::{Concept, Dictionary};

/// Names that are found for a text at most.
pub const NAMES: usize = 64;
/// Texts and names that are compared with each other at once.
const TEXTS: usize = 128;
const BLOCK: usize = 4096;
/// Lengths of n-grams.
const GRAMS: std::ops::RangeInclusive<usize> = 1..=3;

/// A name that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub row: u32,
    pub score: f32,
    /// Its owners, the one that would be answered first.
    pub concepts: Vec<Concept>,
}

/// The names found for each text.
pub(super) type Ranking = Vec<Vec<Found>>;

/// Rows as found names.
pub(super) fn found(dictionary: &Dictionary, rows: Vec<(u32, f32)>) -> Vec<Found> {
    let owners = |row: u32| dictionary.owners[row as usize].clone();
    rows.into_iter().map(|(row, score)| Found { row, score, concepts: owners(row) }).collect()
}

/// Names that are equal to the text.
pub(super) fn equal(dictionary: &Dictionary, texts: &[String]) -> Ranking {
    let rows: HashMap<&str, u32> = dictionary.names.iter().map(String::as_str).zip(0..).collect();
    let equal = |text: &String| rows.get(text.as_str()).map(|&row| (row, 1.0)).into_iter().collect();
    texts.iter().map(|text| found(dictionary, equal(text))).collect()
}

/// Names whose vectors have the greatest inner product with the text's, all compared. Both matrices have a row of `dimensions` a text.
pub(super) fn nearest(names: &[f32], texts: &[f32], dimensions: usize) -> Vec<Vec<(u32, f32)>> {
    let Ok(names) = matrix_of(names, dimensions) else { return vec![] };
    let chunk = |texts: &[f32]| {
        let Ok(texts) = matrix_of(texts, dimensions) else { return vec![] };
        let mut best: Vec<Vec<(u32, f32)>> = vec![vec![]; texts.nrows()];
        for start in (0..names.nrows()).step_by(BLOCK) {
            let block = names.slice(s![start..(start + BLOCK).min(names.nrows()), ..]);
            let scores = texts.dot(&block.t());
            for (best, scores) in best.iter_mut().zip(scores.outer_iter()) {
                best.extend((start as u32..).zip(scores.iter().copied()));
                keep_best(best);
            }
        }
        best
    };
    texts.par_chunks(TEXTS * dimensions).flat_map_iter(chunk).collect()
}

fn matrix_of(values: &[f32], dimensions: usize) -> Result<ArrayView2<'_, f32>, ndarray::ShapeError> {
    ArrayView2::from_shape((values.len() / dimensions.max(1), dimensions), values)
}

/// Leaves the best, in their order.
fn keep_best(scored: &mut Vec<(u32, f32)>) {
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if scored.len() > NAMES {
        scored.select_nth_unstable_by(NAMES, order);
        scored.truncate(NAMES);
    }
    scored.sort_unstable_by(order);
}

/// Character n-grams of 1 to 3 letters, weighted by how rare they are (tf-idf, vectors of length 1).
pub(super) struct Grams {
    weights: HashMap<Box<str>, (u32, f32)>,
    /// For each n-gram the names that have it, and its part in them.
    names: Vec<Vec<(u32, f32)>>,
    rows: usize,
}

impl Grams {
    /// Counts the n-grams of `names`.
    pub(super) fn new(names: &[String]) -> Self {
        let counts: Vec<HashMap<&str, u32>> = names.par_iter().map(|name| count(name)).collect();
        let mut weights: HashMap<Box<str>, (u32, f32)> = HashMap::new();
        for gram in counts.iter().flat_map(|counts| counts.keys()) {
            match weights.get_mut(*gram) {
                Some((_, names)) => *names += 1.0,
                None => drop(weights.insert((*gram).into(), (weights.len() as u32, 1.0))),
            }
        }
        for (_, weight) in weights.values_mut() {
            *weight = ((1.0 + names.len() as f32) / (1.0 + *weight)).ln() + 1.0;
        }
        let mut grams = Self { names: vec![vec![]; weights.len()], weights, rows: names.len() };
        for (row, counts) in (0..).zip(&counts) {
            for (gram, part) in grams.vector(counts) {
                grams.names[gram as usize].push((row, part));
            }
        }
        grams
    }

    /// The vector of a text, by n-grams that names have; its length is 1.
    fn vector(&self, counts: &HashMap<&str, u32>) -> Vec<(u32, f32)> {
        let weighted =
            counts.iter().filter_map(|(gram, &count)| self.weights.get(*gram).map(|(i, w)| (*i, count as f32 * w)));
        let mut parts: Vec<(u32, f32)> = weighted.collect();
        // In one order, so that sums are the same each time.
        parts.sort_unstable_by_key(|part| part.0);
        let length = parts.iter().map(|part| part.1 * part.1).sum::<f32>().sqrt();
        parts.iter_mut().for_each(|part| part.1 /= length.max(f32::MIN_POSITIVE));
        parts
    }

    /// The names whose vectors have the greatest cosine with each text's.
    pub(super) fn rank(&self, texts: &[String]) -> Vec<Vec<(u32, f32)>> {
        let one = |scores: &mut Vec<f32>, text: &String| {
            scores.clear();
            scores.resize(self.rows, 0.0);
            for (gram, part) in self.vector(&count(text)) {
                for &(row, weight) in &self.names[gram as usize] {
                    scores[row as usize] += part * weight;
                }
            }
            let mut best: Vec<(u32, f32)> = (0..).zip(scores.iter().copied()).filter(|scored| scored.1 > 0.0).collect();
            keep_best(&mut best);
            best
        };
        texts.par_iter().map_init(Vec::new, one).collect()
    }
}

/// The n-grams of a text, white space being one space.
fn count(text: &str) -> HashMap<&str, u32> {
    let mut edges: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    edges.push(text.len());
    let mut counts = HashMap::new();
    for length in GRAMS {
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
    fn all_names_are_compared_and_the_first_of_equals_wins() {
        let mut random = Random::new(3);
        let mut vectors: Vec<f32> = (0..5000 * 4).map(|_| random.share() - 0.5).collect();
        let texts: Vec<f32> = (0..300 * 4).map(|_| random.share() - 0.5).collect();
        vectors.extend_from_within(..40);
        let ranked = nearest(&vectors, &texts, 4);
        assert_eq!(ranked.len(), 300);
        for (text, ranked) in texts.chunks(4).zip(&ranked) {
            let dot = |name: &[f32]| name.iter().zip(text).map(|(a, b)| a * b).sum::<f32>();
            let mut all: Vec<(u32, f32)> = (0..).zip(vectors.chunks(4).map(dot)).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            assert_eq!(ranked.len(), NAMES);
            assert!(ranked.iter().zip(&all).all(|(a, b)| (a.1 - b.1).abs() < 1e-5));
            assert!(ranked.windows(2).all(|two| two[0].1 > two[1].1 || two[0].0 < two[1].0));
        }
    }

    /// What an independent implementation (scikit-learn's TfidfVectorizer, char, 1 to 3) gives.
    #[test]
    fn grams_are_weighted_as_elsewhere() {
        let grams = Grams::new(&names(&["heart attack", "heart failure", "broken leg"]));
        let ranked = grams.rank(&names(&["heart atack", "leg", "\u{4e2d}"]));
        let shown: Vec<Vec<(u32, f32)>> =
            ranked.iter().map(|r| r.iter().map(|&(n, s)| (n, (s * 1e4).round() / 1e4)).collect()).collect();
        assert_eq!(shown[0], GRAMS_OF_ATTACK);
        assert_eq!(shown[1], GRAMS_OF_LEG);
        assert!(shown[2].is_empty());
    }

    const GRAMS_OF_ATTACK: [(u32, f32); 3] = [(0, 0.9411), (1, 0.449), (2, 0.0803)];
    const GRAMS_OF_LEG: [(u32, f32); 3] = [(2, 0.4827), (1, 0.106), (0, 0.0283)];
}
