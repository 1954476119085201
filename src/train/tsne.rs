//! A map of vectors: points of the plane, such that near vectors become near points.
//!
//! Exact t-SNE (van der Maaten and Hinton 2008, "Visualizing data using t-SNE"), whose time is
//! quadratic in the number of vectors, so use it for a few hundred at most.
//!
//! Invariant: the same vectors and seed give the same points, and every point is finite.

use crate::random::Random;

/// Maximum perplexity: the effective number of neighbors of a point.
const MAX_PERPLEXITY: f64 = 30.0;
/// Steps of gradient descent.
const ITERATIONS: usize = 1000;
/// First iterations, in which attraction is multiplied by [`EARLY_EXAGGERATION`].
const EARLY_ITERATIONS: usize = 250;
const EARLY_EXAGGERATION: f64 = 12.0;
const LEARNING_RATE: f64 = 50.0;
/// Smallest affinity, which keeps logarithms and quotients finite.
const MIN_AFFINITY: f64 = 1e-12;

/// A point for each of `vectors`, which are of length 1.
pub(super) fn tsne(vectors: &[impl AsRef<[f32]>], seed: u64) -> Vec<[f32; 2]> {
    let n = vectors.len();
    let affinities = affinities(vectors);
    let mut random = Random::new(seed);
    let mut points: Vec<[f64; 2]> = (0..n).map(|_| [0; 2].map(|_| f64::from(random.fraction() - 0.5) * 1e-3)).collect();
    let (mut velocities, mut gains) = (vec![[0.0; 2]; n], vec![[1.0; 2]; n]);
    for iteration in 0..ITERATIONS {
        let (momentum, attraction) = if iteration < EARLY_ITERATIONS { (0.5, EARLY_EXAGGERATION) } else { (0.8, 1.0) };
        for (i, slope) in gradient(&points, &affinities, attraction).into_iter().enumerate() {
            for axis in 0..2 {
                let (slope, velocity, gain) = (slope[axis], &mut velocities[i][axis], &mut gains[i][axis]);
                *gain = if slope * *velocity < 0.0 { *gain + 0.2 } else { f64::max(*gain * 0.8, 0.01) };
                *velocity = momentum * *velocity - LEARNING_RATE * *gain * slope;
                points[i][axis] += *velocity;
            }
        }
        center(&mut points);
    }
    points.into_iter().map(|point| point.map(|x| x as f32)).collect()
}

/// Share of `vectors`, of length 1, whose nearest other vector has the same concept. If several are
/// equally near, each counts for its part.
pub(super) fn nearest_neighbor_agreement(vectors: &[impl AsRef<[f32]>], concepts: &[usize]) -> f64 {
    let share = |i: usize| {
        let (mut nearest, mut same, mut ties) = (f64::NEG_INFINITY, 0, 0);
        for j in (0..vectors.len()).filter(|&j| j != i) {
            let cosine = cosine(vectors[i].as_ref(), vectors[j].as_ref());
            if cosine > nearest {
                (nearest, same, ties) = (cosine, 0, 0);
            }
            if cosine == nearest {
                same += usize::from(concepts[i] == concepts[j]);
                ties += 1;
            }
        }
        same as f64 / ties.max(1) as f64
    };
    (0..vectors.len()).map(share).sum::<f64>() / vectors.len().max(1) as f64
}

/// Joint affinities p_ij of `vectors` (section 2), `[n, n]` row by row; their sum is 1.
fn affinities(vectors: &[impl AsRef<[f32]>]) -> Vec<f64> {
    let n = vectors.len();
    let perplexity = (n.saturating_sub(1) as f64 / 3.0).clamp(1.0, MAX_PERPLEXITY);
    let rows: Vec<f64> = (0..n)
        .flat_map(|i| {
            let distances: Vec<f64> =
                vectors.iter().map(|other| distance(vectors[i].as_ref(), other.as_ref())).collect();
            conditional_affinities(&distances, i, perplexity)
        })
        .collect();
    let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    pairs.map(|(i, j)| ((rows[i * n + j] + rows[j * n + i]) / (2 * n) as f64).max(MIN_AFFINITY)).collect()
}

/// Conditional affinities p_j|i of point `i` by the squared distances of all points to it. The
/// width of the Gaussian is found by bisection, such that the affinities have this perplexity.
fn conditional_affinities(distances: &[f64], i: usize, perplexity: f64) -> Vec<f64> {
    let others = || distances.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, &distance)| distance);
    let nearest = others().fold(f64::INFINITY, f64::min);
    let (mut precision, mut low, mut high) = (1.0, 0.0, f64::INFINITY);
    for _ in 0..60 {
        let (mut sum, mut mean) = (0.0, 0.0);
        for excess in others().map(|distance| distance - nearest) {
            let weight = (-precision * excess).exp();
            sum += weight;
            mean += weight * precision * excess;
        }
        if sum.ln() + mean / sum > perplexity.ln() {
            low = precision;
        } else {
            high = precision;
        }
        precision = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * precision };
    }
    let weight = |j: usize| if j == i { 0.0 } else { (-precision * (distances[j] - nearest)).exp() };
    let weights: Vec<f64> = (0..distances.len()).map(weight).collect();
    let sum = weights.iter().sum::<f64>().max(MIN_AFFINITY);
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// The gradient of the Kullback-Leibler divergence between the affinities and those of the points
/// (equation 5), with the affinities multiplied by `attraction`.
fn gradient(points: &[[f64; 2]], affinities: &[f64], attraction: f64) -> Vec<[f64; 2]> {
    let n = points.len();
    let difference = |i: usize, j: usize| [points[i][0] - points[j][0], points[i][1] - points[j][1]];
    let kernel = |[x, y]: [f64; 2]| 1.0 / (1.0 + x * x + y * y);
    let pairs = || (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    let sum = 2.0 * pairs().map(|(i, j)| kernel(difference(i, j))).sum::<f64>();
    let mut gradient = vec![[0.0; 2]; n];
    for (i, j) in pairs() {
        let difference = difference(i, j);
        let closeness = kernel(difference);
        let pull = 4.0 * (attraction * affinities[i * n + j] - closeness / sum) * closeness;
        for axis in 0..2 {
            gradient[i][axis] += pull * difference[axis];
            gradient[j][axis] -= pull * difference[axis];
        }
    }
    gradient
}

/// Moves all points such that their mean is the origin.
fn center(points: &mut [[f64; 2]]) {
    for axis in 0..2 {
        let mean = points.iter().map(|point| point[axis]).sum::<f64>() / points.len() as f64;
        points.iter_mut().for_each(|point| point[axis] -= mean);
    }
}

/// Squared distance of two vectors of length 1; the largest possible one if a value is not finite.
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

    /// `each` vectors around each of `clusters` axes, and their concepts.
    fn clusters(clusters: usize, each: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let mut random = Random::new(7);
        let mut vector = |axis: usize| {
            let mut vector: Vec<f32> = (0..16).map(|_| 0.1 * (random.fraction() - 0.5)).collect();
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
        let points = tsne(&vectors, 1);
        let distance = |i: usize, j: usize| (points[i][0] - points[j][0]).hypot(points[i][1] - points[j][1]);
        for i in 0..points.len() {
            let others = (0..points.len()).filter(|&j| j != i);
            let nearest = others.min_by(|&a, &b| distance(i, a).total_cmp(&distance(i, b)));
            assert_eq!(concepts[nearest.unwrap()], concepts[i]);
        }
        let mean = |same: bool| {
            let pairs = (0..points.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
            let distances: Vec<f32> =
                pairs.filter(|&(i, j)| (concepts[i] == concepts[j]) == same).map(|(i, j)| distance(i, j)).collect();
            distances.iter().sum::<f32>() / distances.len() as f32
        };
        assert!(mean(false) > 2.0 * mean(true), "{} {}", mean(false), mean(true));
    }

    #[test]
    fn points_depend_on_the_vectors_and_the_seed_only() {
        let (vectors, _) = clusters(3, 5);
        assert_eq!(tsne(&vectors, 1), tsne(&vectors, 1));
        assert_ne!(tsne(&vectors, 1), tsne(&vectors, 2));
    }

    #[test]
    fn every_point_is_finite() {
        let check = |vectors: &[Vec<f32>]| {
            let points = tsne(vectors, 1);
            assert_eq!(points.len(), vectors.len());
            assert!(points.iter().flatten().all(|x| x.is_finite() && x.abs() < 1e6), "{points:?}");
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
    fn nearest_neighbors_agree_in_clusters_and_in_part_where_all_are_equal() {
        let (vectors, concepts) = clusters(3, 4);
        assert_eq!(nearest_neighbor_agreement(&vectors, &concepts), 1.0);
        assert_eq!(nearest_neighbor_agreement(&clusters(3, 1).0, &[0, 1, 2]), 0.0);
        let equal = vec![vec![0.6_f32, 0.8]; 5];
        assert!((nearest_neighbor_agreement(&equal, &[0, 0, 0, 1, 1]) - 0.4).abs() < 1e-9);
        assert_eq!(nearest_neighbor_agreement(&equal[..1], &[0]), 0.0);
        assert_eq!(nearest_neighbor_agreement(&equal[..0], &[]), 0.0);
    }
}
