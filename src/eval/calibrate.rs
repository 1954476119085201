//! Fits a curve from scores to probabilities, and the NIL threshold.
//!
//! Every labeled mention gives two samples: the best candidate, and the best candidate that is not
//! a gold concept, as if the index did not have the gold concepts. A mention labeled NIL gives the
//! second sample only.
//!
//! Invariant: the metrics of a calibration come from cross-validation; no mention is measured with
//! a curve that was fitted on it.

use crate::index::{Calibration, CalibrationMethod, CalibrationMetrics, InputRecord};

/// Number of parts of the cross-validation.
const CROSS_VALIDATION_PARTS: usize = 5;
/// Before isotonic regression, samples with neighboring scores form at most `MAX_GROUPS` groups of
/// at least `MIN_GROUP_SIZE` samples.
const MAX_GROUPS: usize = 40;
const MIN_GROUP_SIZE: usize = 15;
/// Bins of the expected calibration error.
const BINS: usize = 10;
/// Number of points that represent a logistic curve.
const CURVE_POINTS: usize = 41;
/// Maximum number of steps of Newton's method.
const MAX_NEWTON_STEPS: usize = 100;

/// The best candidate for a mention, from which a calibration is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationSample {
    /// Number of the mention, so that both of its samples are in one part of the cross-validation.
    pub mention: usize,
    /// Score of the candidate.
    pub score: f32,
    /// Whether the candidate is a gold concept.
    pub right: bool,
    /// Whether the right answer is NIL.
    pub nil: bool,
}

/// Samples with similar probabilities, as one bar of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReliabilityBin {
    /// Mean probability of the samples.
    pub probability: f64,
    /// Share of the samples that are right.
    pub right: f64,
    /// Weighted share of the samples among all samples.
    pub share: f64,
}

/// A fitted calibration.
#[derive(Clone, Debug)]
pub struct FittedCalibration {
    /// Curve and metrics, as the manifest of an index stores them.
    pub calibration: Calibration,
    /// NIL threshold: the answer is NIL if the best score is lower.
    pub nil_threshold: f32,
    /// The bins of the expected calibration error.
    pub bins: Vec<ReliabilityBin>,
}

/// Fits a calibration to `samples`. NIL samples get weights that sum to `nil_share` of all weights;
/// `inputs` are the files of the mentions.
pub fn fit_calibration(
    samples: &[CalibrationSample],
    method: CalibrationMethod,
    nil_share: f64,
    inputs: Vec<InputRecord>,
) -> FittedCalibration {
    let weights = SampleWeights::new(samples, nil_share);
    let held_out = cross_validate(samples, weights, method);
    let bins = bins(&held_out, weights);
    let mut mentions: Vec<usize> = samples.iter().map(|sample| sample.mention).collect();
    mentions.dedup();
    FittedCalibration {
        calibration: Calibration {
            curve: curve(samples, weights, method),
            mentions: mentions.len() as u64,
            inputs,
            nil_share,
            measured: measure(&held_out, &bins, weights),
            ..empty(method)
        },
        nil_threshold: threshold(samples, weights),
        bins,
    }
}

fn empty(method: CalibrationMethod) -> Calibration {
    Calibration {
        method,
        curve: vec![],
        mentions: 0,
        inputs: vec![],
        nil_share: 0.0,
        measured: CalibrationMetrics::default(),
    }
}

/// Answers every sample with a curve and a threshold that were fitted on the other parts.
fn cross_validate(
    samples: &[CalibrationSample],
    weights: SampleWeights,
    method: CalibrationMethod,
) -> Vec<HeldOutSample> {
    let mut held_out = vec![];
    for part in 0..CROSS_VALIDATION_PARTS {
        let (measured, fitted): (Vec<CalibrationSample>, Vec<CalibrationSample>) =
            samples.iter().partition(|sample| sample.mention % CROSS_VALIDATION_PARTS == part);
        let calibration = Calibration { curve: curve(&fitted, weights, method), ..empty(method) };
        let threshold = threshold(&fitted, weights);
        held_out.extend(measured.into_iter().map(|sample| HeldOutSample {
            sample,
            probability: calibration.probability(sample.score).into(),
            answered: sample.score >= threshold,
        }));
    }
    held_out
}

/// The metrics of a calibration. A share of no samples is 1.
fn measure(held_out: &[HeldOutSample], bins: &[ReliabilityBin], weights: SampleWeights) -> CalibrationMetrics {
    let share = |of: &dyn Fn(&HeldOutSample) -> bool, among: &dyn Fn(&HeldOutSample) -> bool| {
        let sum = |test: &dyn Fn(&HeldOutSample) -> bool| {
            held_out.iter().filter(|held| test(held)).map(|held| weights.of(&held.sample)).sum::<f64>()
        };
        let all = sum(among);
        if all > 0.0 { sum(&|held| among(held) && of(held)) / all } else { 1.0 }
    };
    CalibrationMetrics {
        calibration_error: bins.iter().map(|bin| bin.share * (bin.probability - bin.right).abs()).sum(),
        nil_precision: share(&|held| held.sample.nil, &|held| !held.answered),
        nil_recall: share(&|held| !held.answered, &|held| held.sample.nil),
        accuracy: share(&|held| if held.answered { held.sample.right } else { held.sample.nil }, &|_| true),
    }
}

/// A sample that was not used in the fit, with its calibrated answer.
struct HeldOutSample {
    sample: CalibrationSample,
    probability: f64,
    answered: bool,
}

/// The weights of samples.
#[derive(Clone, Copy)]
struct SampleWeights {
    covered: f64,
    nil: f64,
}

impl SampleWeights {
    fn new(samples: &[CalibrationSample], nil_share: f64) -> Self {
        let nil = samples.iter().filter(|sample| sample.nil).count();
        let each = |share: f64, count: usize| if count > 0 { share / count as f64 } else { 0.0 };
        Self { covered: each(1.0 - nil_share, samples.len() - nil), nil: each(nil_share, nil) }
    }

    fn of(self, sample: &CalibrationSample) -> f64 {
        if sample.nil { self.nil } else { self.covered }
    }
}

/// The NIL threshold with the greatest weight of right answers. For a NIL sample the right answer
/// is a score below the threshold.
fn threshold(samples: &[CalibrationSample], weights: SampleWeights) -> f32 {
    let mut ordered: Vec<&CalibrationSample> = samples.iter().collect();
    ordered.sort_by(|a, b| b.score.total_cmp(&a.score));
    // With a threshold above all scores every answer is NIL.
    let mut right: f64 = samples.iter().filter(|sample| sample.nil).map(|sample| weights.of(sample)).sum();
    let highest = ordered.first().map_or(1.0, |sample| sample.score);
    let (mut best, mut threshold) = (right, highest + f32::EPSILON);
    for (i, sample) in ordered.iter().enumerate() {
        right += weights.of(sample) * (f64::from(sample.right) - f64::from(sample.nil));
        let next = ordered.get(i + 1).map(|next| next.score);
        if right > best && next != Some(sample.score) {
            best = right;
            threshold = next.map_or(sample.score, |next| (sample.score + next) / 2.0);
        }
    }
    threshold
}

/// The curve from the score of the best candidate to the probability that it is right.
fn curve(samples: &[CalibrationSample], weights: SampleWeights, method: CalibrationMethod) -> Vec<[f32; 2]> {
    match method {
        CalibrationMethod::Isotonic => isotonic(samples, weights),
        CalibrationMethod::Platt => logistic(samples, weights),
    }
}

/// Samples with neighboring scores.
#[derive(Clone, Copy)]
struct ScoreGroup {
    /// Weighted mean score.
    score: f64,
    /// Weighted share of right samples.
    right: f64,
    weight: f64,
}

impl ScoreGroup {
    fn merged_with(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        let mean = |a: f64, b: f64| (a * self.weight + b * other.weight) / weight;
        Self { score: mean(self.score, other.score), right: mean(self.right, other.right), weight }
    }
}

/// Isotonic regression by pooling adjacent violators.
fn isotonic(samples: &[CalibrationSample], weights: SampleWeights) -> Vec<[f32; 2]> {
    let mut ordered: Vec<&CalibrationSample> = samples.iter().filter(|sample| weights.of(sample) > 0.0).collect();
    ordered.sort_by(|a, b| a.score.total_cmp(&b.score));
    let min_size = ordered.len().div_ceil(MAX_GROUPS).max(MIN_GROUP_SIZE);
    let mut groups: Vec<(ScoreGroup, usize, f32)> = vec![];
    for sample in ordered {
        let sample_group =
            ScoreGroup { score: sample.score.into(), right: sample.right.into(), weight: weights.of(sample) };
        match groups.last_mut() {
            // Equal scores stay together. Matched names, whose score is 1, have a group of their
            // own.
            Some((group, count, last)) if *last == sample.score || *count < min_size && sample.score < 1.0 => {
                (*group, *count, *last) = (group.merged_with(sample_group), *count + 1, sample.score);
            }
            _ => groups.push((sample_group, 1, sample.score)),
        }
    }
    let mut pooled: Vec<ScoreGroup> = vec![];
    for (group, count, _) in groups {
        // Half a right and half a wrong sample more, so that a few samples do not give a
        // probability of 0 or 1 (Krichevsky and Trofimov 1981).
        let count = count as f64;
        pooled.push(ScoreGroup { right: (group.right * count + 0.5) / (count + 1.0), ..group });
        while let [.., below, above] = pooled[..]
            && below.right >= above.right
        {
            pooled.truncate(pooled.len() - 2);
            pooled.push(below.merged_with(above));
        }
    }
    pooled.iter().map(|group| [group.score as f32, group.right as f32]).collect()
}

/// Platt scaling: a logistic curve, fitted by Newton's method with Platt's targets, which are not 0
/// and 1 (Platt 1999).
fn logistic(samples: &[CalibrationSample], weights: SampleWeights) -> Vec<[f32; 2]> {
    let rights = samples.iter().filter(|sample| sample.right).count() as f64;
    let wrongs = samples.len() as f64 - rights;
    let target =
        |sample: &CalibrationSample| if sample.right { (rights + 1.0) / (rights + 2.0) } else { 1.0 / (wrongs + 2.0) };
    let (mut slope, mut offset) = (0.0f64, 0.0f64);
    let probability = |slope: f64, offset: f64, score: f64| 1.0 / (1.0 + (-(slope * score + offset)).exp());
    for _ in 0..MAX_NEWTON_STEPS {
        // A small ridge, so that the slope stays finite if scores separate right from wrong.
        let (mut g, mut h) = ([1e-6 * slope, 1e-6 * offset], [1e-6, 0.0, 1e-6]);
        for sample in samples {
            let (x, w) = (f64::from(sample.score), weights.of(sample));
            let p = probability(slope, offset, x);
            let (error, curvature) = (w * (p - target(sample)), w * p * (1.0 - p));
            g = [g[0] + error * x, g[1] + error];
            h = [h[0] + curvature * x * x, h[1] + curvature * x, h[2] + curvature];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        let step = [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
        let longest = step.iter().fold(0f64, |longest, s| longest.max(s.abs()));
        if !longest.is_finite() {
            break;
        }
        let length = (10.0 / longest).min(1.0);
        (slope, offset) = (slope - length * step[0], offset - length * step[1]);
        if longest < 1e-9 {
            break;
        }
    }
    // A falling curve would give better scores smaller probabilities.
    let slope = slope.max(0.0);
    let (low, high) = samples.iter().fold((1f32, 0f32), |(low, high), s| (low.min(s.score), high.max(s.score)));
    let at = |i: usize| low + (high - low) * i as f32 / (CURVE_POINTS - 1) as f32;
    (0..CURVE_POINTS).map(|i| [at(i), probability(slope, offset, at(i).into()) as f32]).collect()
}

fn bins(held_out: &[HeldOutSample], weights: SampleWeights) -> Vec<ReliabilityBin> {
    let mut bins = [ReliabilityBin::default(); BINS];
    for one in held_out {
        let bin = &mut bins[((one.probability * BINS as f64) as usize).min(BINS - 1)];
        let weight = weights.of(&one.sample);
        bin.share += weight;
        bin.probability += weight * one.probability;
        bin.right += weight * f64::from(one.sample.right);
    }
    let all: f64 = bins.iter().map(|bin| bin.share).sum();
    let mean = |bin: &ReliabilityBin| ReliabilityBin {
        probability: bin.probability / bin.share,
        right: bin.right / bin.share,
        share: bin.share / all.max(f64::MIN_POSITIVE),
    };
    bins.iter().filter(|bin| bin.share > 0.0).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Samples with scores from 0 to 1 that are right with a probability of score squared, and NIL
    /// samples with scores from 0 to 0.5.
    fn samples(count: usize) -> Vec<CalibrationSample> {
        let mut random = Random::new(11);
        let covered = |mention: usize, random: &mut Random| {
            let score = random.fraction();
            CalibrationSample { mention, score, right: random.fraction() < score * score, nil: false }
        };
        let nil = |mention: usize, random: &mut Random| CalibrationSample {
            mention,
            score: random.fraction() / 2.0,
            right: false,
            nil: true,
        };
        (0..count).flat_map(|mention| [covered(mention, &mut random), nil(mention, &mut random)]).collect()
    }

    #[test]
    fn curves_give_the_share_of_right_answers() {
        let samples = samples(8000);
        for (method, tolerance) in [(CalibrationMethod::Isotonic, 0.06), (CalibrationMethod::Platt, 0.12)] {
            let fitted = fit_calibration(&samples, method, 0.0, vec![]);
            assert_eq!(fitted.calibration.fault(), None);
            for score in [0.2f32, 0.4, 0.6, 0.8, 0.95] {
                let probability = fitted.calibration.probability(score);
                assert!((probability - score * score).abs() < tolerance, "{method:?} {score} {probability}");
            }
            assert!(
                fitted.calibration.measured.calibration_error < 0.04,
                "{method:?} {:?}",
                fitted.calibration.measured
            );
            assert_eq!(fitted.calibration.mentions, 8000);
        }
    }

    #[test]
    fn the_threshold_weights_nil_by_its_share() {
        let samples = samples(8000);
        // Half of the weight is NIL, all of it below 0.5, where NIL samples are twice as dense as
        // the others and only score squared of these are right: NIL is the better answer below 0.5.
        let half = fit_calibration(&samples, CalibrationMethod::Isotonic, 0.5, vec![]);
        assert!((half.nil_threshold - 0.5).abs() < 0.03, "{}", half.nil_threshold);
        let measured = half.calibration.measured;
        assert!(
            (measured.nil_recall - 1.0).abs() < 0.05 && (measured.nil_precision - 2.0 / 3.0).abs() < 0.05,
            "{measured:?}"
        );
        let none = fit_calibration(&samples, CalibrationMethod::Isotonic, 0.0, vec![]);
        assert!(none.nil_threshold < 0.1, "{}", none.nil_threshold);
        assert!(none.calibration.measured.nil_recall == 1.0);
    }

    #[test]
    fn matched_names_are_a_group_of_their_own() {
        let mut samples = samples(200);
        samples.extend((200..260).map(|mention| CalibrationSample {
            mention,
            score: 1.0,
            right: mention % 20 > 0,
            nil: false,
        }));
        let fitted = fit_calibration(&samples, CalibrationMethod::Isotonic, 0.2, vec![]);
        let last = fitted.calibration.curve.last().unwrap();
        assert_eq!(last[0], 1.0);
        assert!((last[1] - 57.5 / 61.0).abs() < 1e-3);
    }

    #[test]
    fn few_or_one_sided_samples_give_a_curve() {
        for samples in [&samples(3)[..], &[CalibrationSample { mention: 0, score: 0.5, right: true, nil: false }], &[]]
        {
            for method in [CalibrationMethod::Isotonic, CalibrationMethod::Platt] {
                let fitted = fit_calibration(samples, method, 0.2, vec![]);
                assert!(fitted.nil_threshold.is_finite());
                assert!(samples.is_empty() || fitted.calibration.fault().is_none(), "{:?}", fitted.calibration);
            }
        }
    }
}
