//! A map of an embedding space: vectors as places in the plane, near ones near each other.
//!
//! Exact t-SNE (van der Maaten and Hinton 2008, "Visualizing data using t-SNE"), for some hundred vectors. Invariant: the same vectors
//! and seed give the same map, and every place is finite.

use crate::random::Random;

/// Neighbors that a place is to have at most, more or less.
const PERPLEXITY: f64 = 30.0;
/// Moves of all places.
const MOVES: usize = 1000;
/// Moves at the beginning during which neighbors attract each other [`EXAGGERATION`] times as much.
const EARLY: usize = 250;
const EXAGGERATION: f64 = 12.0;
/// How far a place goes for its gradient.
const RATE: f64 = 50.0;
/// Share of pairs that are no neighbors at all, so that its logarithm and quotients are finite.
const LEAST: f64 = 1e-12;

/// Places of `vectors`, which are of norm 1.
pub(super) fn tsne(vectors: &[impl AsRef<[f32]>], seed: u64) -> Vec<[f32; 2]> {
    let n = vectors.len();
    let near = neighbors(vectors);
    let mut random = Random::new(seed);
    let mut places: Vec<[f64; 2]> = (0..n).map(|_| [0; 2].map(|_| f64::from(random.share() - 0.5) * 1e-3)).collect();
    let (mut speeds, mut gains) = (vec![[0.0; 2]; n], vec![[1.0; 2]; n]);
    for step in 0..MOVES {
        let (momentum, attraction) = if step < EARLY { (0.5, EXAGGERATION) } else { (0.8, 1.0) };
        for (i, slope) in slopes(&places, &near, attraction).into_iter().enumerate() {
            for axis in 0..2 {
                let (slope, speed, gain) = (slope[axis], &mut speeds[i][axis], &mut gains[i][axis]);
                *gain = if slope * *speed < 0.0 { *gain + 0.2 } else { f64::max(*gain * 0.8, 0.01) };
                *speed = momentum * *speed - RATE * *gain * slope;
                places[i][axis] += *speed;
            }
        }
        center(&mut places);
    }
    places.into_iter().map(|place| place.map(|at| at as f32)).collect()
}

/// Share of `vectors`, of norm 1, whose nearest other one is of the same concept; where several are equally near, each counts in part.
pub(super) fn neighbors_agree(vectors: &[impl AsRef<[f32]>], concepts: &[usize]) -> f64 {
    let share = |i: usize| {
        let (mut nearest, mut same, mut all) = (f64::NEG_INFINITY, 0, 0);
        for j in (0..vectors.len()).filter(|&j| j != i) {
            let cosine = cosine(vectors[i].as_ref(), vectors[j].as_ref());
            if cosine > nearest {
                (nearest, same, all) = (cosine, 0, 0);
            }
            if cosine == nearest {
                same += usize::from(concepts[i] == concepts[j]);
                all += 1;
            }
        }
        same as f64 / all.max(1) as f64
    };
    (0..vectors.len()).map(share).sum::<f64>() / vectors.len().max(1) as f64
}

/// How much each two of `vectors` are neighbors; row by row, in sum 1.
fn neighbors(vectors: &[impl AsRef<[f32]>]) -> Vec<f64> {
    let n = vectors.len();
    let perplexity = (n.saturating_sub(1) as f64 / 3.0).clamp(1.0, PERPLEXITY);
    let rows: Vec<f64> = (0..n)
        .flat_map(|i| {
            let distances: Vec<f64> =
                vectors.iter().map(|other| distance(vectors[i].as_ref(), other.as_ref())).collect();
            row(&distances, i, perplexity)
        })
        .collect();
    let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    pairs.map(|(i, j)| ((rows[i * n + j] + rows[j * n + i]) / (2 * n) as f64).max(LEAST)).collect()
}

/// How much those at `distances` are neighbors of the one at place `i`, so widely that they count as `perplexity` equal ones.
fn row(distances: &[f64], i: usize, perplexity: f64) -> Vec<f64> {
    let others = || distances.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, &distance)| distance);
    let nearest = others().fold(f64::INFINITY, f64::min);
    let (mut narrow, mut low, mut high) = (1.0, 0.0, f64::INFINITY);
    for _ in 0..60 {
        let (mut sum, mut mean) = (0.0, 0.0);
        for further in others().map(|distance| distance - nearest) {
            let weight = (-narrow * further).exp();
            sum += weight;
            mean += weight * narrow * further;
        }
        if sum.ln() + mean / sum > perplexity.ln() {
            low = narrow;
        } else {
            high = narrow;
        }
        narrow = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * narrow };
    }
    let weight = |j: usize| if j == i { 0.0 } else { (-narrow * (distances[j] - nearest)).exp() };
    let weights: Vec<f64> = (0..distances.len()).map(weight).collect();
    let sum = weights.iter().sum::<f64>().max(LEAST);
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Where each place should not go: the gradient of the divergence between how near places are and how near they should be.
fn slopes(places: &[[f64; 2]], near: &[f64], attraction: f64) -> Vec<[f64; 2]> {
    let n = places.len();
    let apart = |i: usize, j: usize| [places[i][0] - places[j][0], places[i][1] - places[j][1]];
    let closeness = |[x, y]: [f64; 2]| 1.0 / (1.0 + x * x + y * y);
    let pairs = || (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    let sum = 2.0 * pairs().map(|(i, j)| closeness(apart(i, j))).sum::<f64>();
    let mut slopes = vec![[0.0; 2]; n];
    for (i, j) in pairs() {
        let apart = apart(i, j);
        let close = closeness(apart);
        let pull = 4.0 * (attraction * near[i * n + j] - close / sum) * close;
        for axis in 0..2 {
            slopes[i][axis] += pull * apart[axis];
            slopes[j][axis] -= pull * apart[axis];
        }
    }
    slopes
}

/// Moves all places together so that their mean is the origin.
fn center(places: &mut [[f64; 2]]) {
    for axis in 0..2 {
        let mean = places.iter().map(|place| place[axis]).sum::<f64>() / places.len() as f64;
        places.iter_mut().for_each(|place| place[axis] -= mean);
    }
}

/// Squared distance of two vectors of norm 1; the largest there is when a vector is none.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let distance = 2.0 - 2.0 * cosine(a, b);
    if distance.is_finite() { distance.max(0.0) } else { 4.0 }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `each` vectors about each of `clusters` axes.
    fn clusters(clusters: usize, each: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let mut random = Random::new(7);
        let mut vector = |axis: usize| {
            let mut vector: Vec<f32> = (0..16).map(|_| 0.1 * (random.share() - 0.5)).collect();
            vector[axis] += 1.0;
            let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            vector.into_iter().map(|x| x / norm).collect()
        };
        let concepts: Vec<usize> = (0..clusters * each).map(|i| i / each).collect();
        (concepts.iter().map(|&concept| vector(concept)).collect(), concepts)
    }

    #[test]
    fn clusters_stay_apart() {
        let (vectors, concepts) = clusters(4, 12);
        let places = tsne(&vectors, 1);
        let apart = |i: usize, j: usize| (places[i][0] - places[j][0]).hypot(places[i][1] - places[j][1]);
        for i in 0..places.len() {
            let nearest = (0..places.len()).filter(|&j| j != i).min_by(|&a, &b| apart(i, a).total_cmp(&apart(i, b)));
            assert_eq!(concepts[nearest.unwrap()], concepts[i]);
        }
        let mean = |same: bool| {
            let pairs = (0..places.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
            let apart: Vec<f32> =
                pairs.filter(|&(i, j)| (concepts[i] == concepts[j]) == same).map(|(i, j)| apart(i, j)).collect();
            apart.iter().sum::<f32>() / apart.len() as f32
        };
        assert!(mean(false) > 2.0 * mean(true), "{} {}", mean(false), mean(true));
    }

    #[test]
    fn maps_differ_by_seed_only() {
        let (vectors, _) = clusters(3, 5);
        assert_eq!(tsne(&vectors, 1), tsne(&vectors, 1));
        assert_ne!(tsne(&vectors, 1), tsne(&vectors, 2));
    }

    #[test]
    fn every_place_is_finite() {
        let check = |vectors: &[Vec<f32>]| {
            let places = tsne(vectors, 1);
            assert_eq!(places.len(), vectors.len());
            assert!(places.iter().flatten().all(|at| at.is_finite() && at.abs() < 1e6), "{places:?}");
        };
        for n in 0..6 {
            check(&clusters(1, n).0);
            check(&vec![vec![1.0, 0.0]; n]);
            check(&clusters(n, 1).0);
        }
        check(&vec![vec![0.6, 0.8]; 40]);
        check(&[vec![1.0, 0.0], vec![-1.0, 0.0], vec![1.0, 0.0], vec![-1.0, 0.0]]);
        check(&[vec![f32::NAN; 2], vec![1.0, 0.0], vec![0.0, 1.0], vec![f32::INFINITY, 0.0]]);
    }

    #[test]
    fn neighbors_agree_in_clusters_and_by_chance_where_all_are_equal() {
        let (vectors, concepts) = clusters(3, 4);
        assert_eq!(neighbors_agree(&vectors, &concepts), 1.0);
        assert_eq!(neighbors_agree(&clusters(3, 1).0, &[0, 1, 2]), 0.0);
        let equal = vec![vec![0.6_f32, 0.8]; 5];
        assert!((neighbors_agree(&equal, &[0, 0, 0, 1, 1]) - 0.4).abs() < 1e-9);
        assert_eq!(neighbors_agree(&equal[..1], &[0]), 0.0);
        assert_eq!(neighbors_agree(&equal[..0], &[]), 0.0);
    }
}
