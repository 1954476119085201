//! Fits the logistic model by Newton's method with a ridge.
//!
//! Invariant: the fit is deterministic; a weight whose best value has the sign against the meaning
//! of its feature is 0.

use crate::confidence::{
    feature::{Direction, Feature, FeatureValues},
    model::{ConfidenceModel, sigmoid},
};

/// Weight of the ridge, in samples: that of a normal prior with the variance 3. It keeps weights
/// finite when features separate right from wrong.
const RIDGE: f64 = 0.3;
/// Maximum number of steps of Newton's method.
const MAX_STEPS: usize = 60;
/// Steps end when no weight changes by more.
const TOLERANCE: f64 = 1e-7;
/// Largest change of a weight in one step.
const MAX_CHANGE: f64 = 4.0;
/// Number of parameters: the offset and the weights.
const SIZE: usize = Feature::COUNT + 1;

/// A candidate whose truth is known.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Its features.
    pub values: FeatureValues,
    /// Whether it is right.
    pub right: bool,
    /// Weight of the sample, at least 0.
    pub weight: f64,
}

/// The model that fits `samples` best.
pub fn fit(samples: &[Sample]) -> ConfidenceModel {
    let mut active = [true; SIZE];
    loop {
        let parameters = newton(samples, &active);
        let wrong: Vec<usize> = (1..SIZE).filter(|&i| active[i] && has_wrong_sign(i, parameters[i])).collect();
        if wrong.is_empty() {
            let weights = Feature::ALL.into_iter().zip(&parameters[1..]).filter(|(_, weight)| **weight != 0.0);
            return ConfidenceModel {
                offset: parameters[0] as f32,
                weights: weights.map(|(feature, &weight)| (feature, weight as f32)).collect(),
            };
        }
        wrong.into_iter().for_each(|i| active[i] = false);
    }
}

fn has_wrong_sign(parameter: usize, weight: f64) -> bool {
    match Feature::ALL[parameter - 1].direction() {
        Direction::Raises => weight < 0.0,
        Direction::Lowers => weight > 0.0,
        Direction::Either => false,
    }
}

/// The offset and the weights that fit best among those with 0 where `active` is false.
fn newton(samples: &[Sample], active: &[bool; SIZE]) -> [f64; SIZE] {
    let total: f64 = samples.iter().map(|sample| sample.weight).sum();
    let ridge = RIDGE * total.max(f64::MIN_POSITIVE) / samples.len().max(1) as f64;
    let mut parameters = [0.0; SIZE];
    for _ in 0..MAX_STEPS {
        let mut gradient = [0.0; SIZE];
        let mut hessian = [[0.0; SIZE]; SIZE];
        for sample in samples {
            add_sample(sample, &parameters, active, &mut gradient, &mut hessian);
        }
        for i in 0..SIZE {
            // The offset is not drawn to 0, but for a trace that keeps it finite.
            let ridge = if i == 0 { ridge * 1e-3 } else { ridge };
            gradient[i] += ridge * parameters[i];
            hessian[i][i] += ridge;
            if !active[i] {
                (gradient[i], hessian[i][i]) = (0.0, 1.0);
            }
        }
        let Some(step) = solve(&hessian, &gradient) else { break };
        let longest = step.iter().fold(0f64, |longest, change| longest.max(change.abs()));
        let scale = if longest > MAX_CHANGE { MAX_CHANGE / longest } else { 1.0 };
        parameters.iter_mut().zip(step).for_each(|(parameter, change)| *parameter -= scale * change);
        if longest < TOLERANCE {
            break;
        }
    }
    parameters
}

/// Adds the part of one sample to the gradient and the lower half of the Hessian of the loss.
fn add_sample(
    sample: &Sample,
    parameters: &[f64; SIZE],
    active: &[bool; SIZE],
    gradient: &mut [f64; SIZE],
    hessian: &mut [[f64; SIZE]; SIZE],
) {
    let mut inputs = [1.0; SIZE];
    for (i, value) in (1..).zip(sample.values.as_slice()) {
        inputs[i] = if active[i] { f64::from(*value) } else { 0.0 };
    }
    let logit: f64 = inputs.iter().zip(parameters).map(|(input, parameter)| input * parameter).sum();
    let probability = sigmoid(logit);
    let error = sample.weight * (probability - f64::from(u8::from(sample.right)));
    let curvature = sample.weight * probability * (1.0 - probability);
    for i in 0..SIZE {
        gradient[i] += error * inputs[i];
        for j in 0..=i {
            hessian[i][j] += curvature * inputs[i] * inputs[j];
        }
    }
}

/// Solves `matrix * x = right` by Cholesky decomposition, given the lower half of a symmetric
/// matrix. `None` if the matrix is not positive definite.
fn solve(matrix: &[[f64; SIZE]; SIZE], right: &[f64; SIZE]) -> Option<[f64; SIZE]> {
    let mut lower = [[0.0; SIZE]; SIZE];
    for i in 0..SIZE {
        for j in 0..=i {
            let rest: f64 = matrix[i][j] - (0..j).map(|k| lower[i][k] * lower[j][k]).sum::<f64>();
            lower[i][j] = if i > j {
                rest / lower[j][j]
            } else if rest > 0.0 {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    let mut x = *right;
    for i in 0..SIZE {
        x[i] = (x[i] - (0..i).map(|k| lower[i][k] * x[k]).sum::<f64>()) / lower[i][i];
    }
    for i in (0..SIZE).rev() {
        x[i] = (x[i] - (i + 1..SIZE).map(|k| lower[k][i] * x[k]).sum::<f64>()) / lower[i][i];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn sample(cosine: f32, extra_number: bool, right: bool) -> Sample {
        let mut values = FeatureValues::default();
        values.set(Feature::Cosine, cosine);
        values.flag(Feature::ExtraNumber, extra_number);
        Sample { values, right, weight: 1.0 }
    }

    #[test]
    fn a_fit_finds_the_weights_that_made_the_samples() {
        let mut random = Random::new(5);
        let samples: Vec<Sample> = (0..20_000)
            .map(|_| {
                let (cosine, extra) = (random.fraction(), random.fraction() < 0.3);
                let logit = -2.0 + 5.0 * f64::from(cosine) - if extra { 1.5 } else { 0.0 };
                sample(cosine, extra, f64::from(random.fraction()) < sigmoid(logit))
            })
            .collect();
        let model = fit(&samples);
        assert_eq!(model.fault(), None);
        for (found, expected) in
            [(model.offset, -2.0), (model.weights[&Feature::Cosine], 5.0), (model.weights[&Feature::ExtraNumber], -1.5)]
        {
            assert!((found - expected).abs() < 0.25, "{found} {expected}");
        }
    }

    #[test]
    fn a_weight_against_the_meaning_of_its_feature_is_left_out() {
        let samples: Vec<Sample> = (0..100).map(|i| sample(i as f32 / 100.0, i % 2 == 0, i % 2 == 0)).collect();
        let model = fit(&samples);
        assert_eq!(model.fault(), None);
        assert!(!model.weights.contains_key(&Feature::ExtraNumber));
    }

    #[test]
    fn few_one_sided_or_no_samples_give_a_finite_model() {
        for samples in [&[][..], &[sample(0.4, false, true)], &[sample(0.4, false, false), sample(0.1, true, false)]] {
            assert_eq!(fit(samples).fault(), None);
        }
    }
}
