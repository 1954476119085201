//! Scores to probabilities, and the score below which the best candidate is no answer.
//!
//! Every labeled mention is taken twice: as it is, and with its gold concepts removed from the answer, as if the index did not have them.
//! Those that no concept covers count as the second alone. Invariant: what is measured is measured on mentions that were not fitted on.

use crate::index::{Calibration, CalibrationMethod, CalibrationMetrics, InputRecord};

/// Parts that mentions are cut into: each is measured with what was fitted on the others.
const PARTS: usize = 5;
/// Groups of neighboring scores that are made at most before a curve is fitted, and mentions of one at least.
const GROUPS: usize = 40;
const LEAST: usize = 15;
/// Bins of the expected calibration error.
const BINS: usize = 10;
/// Points by which a logistic curve is kept.
const POINTS: usize = 41;
/// Steps of fitting one.
const STEPS: usize = 100;

/// The best candidate for a mention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The mention's number: both of its samples stay together.
    pub mention: usize,
    pub score: f32,
    pub right: bool,
    /// Whether no concept of the index covers the mention.
    pub nil: bool,
}

/// A bin of probabilities, as a reliability diagram shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Bin {
    /// Mean probability, share that is right, share of all samples.
    pub probability: f64,
    pub right: f64,
    pub share: f64,
}

/// What was fitted.
#[derive(Clone, Debug)]
pub struct Fitted {
    pub calibration: Calibration,
    pub nil_threshold: f32,
    pub bins: Vec<Bin>,
}

/// Fits `samples`, of which those that are NIL are to count as `nil_share` of all.
pub fn fit(samples: &[Sample], method: CalibrationMethod, nil_share: f64, inputs: Vec<InputRecord>) -> Fitted {
    let weights = Weights::new(samples, nil_share);
    let mut held: Vec<Held> = vec![];
    for part in 0..PARTS {
        let (measured, fitted): (Vec<Sample>, Vec<Sample>) = samples.iter().partition(|s| s.mention % PARTS == part);
        let curve = curve(&fitted, weights, method);
        let threshold = threshold(&fitted, weights);
        let probability = |score| Calibration { curve: curve.clone(), ..empty(method) }.probability(score);
        held.extend(measured.into_iter().map(|sample| Held {
            sample,
            probability: probability(sample.score).into(),
            answered: sample.score >= threshold,
        }));
    }
    let bins = bins(&held, weights);
    let calibration_error = bins.iter().map(|bin| bin.share * (bin.probability - bin.right).abs()).sum();
    let share = |of: &dyn Fn(&Held) -> bool, among: &dyn Fn(&Held) -> bool| {
        let sum = |which: &dyn Fn(&Held) -> bool| {
            held.iter().filter(|one| which(one)).map(|one| weights.of(&one.sample)).sum::<f64>()
        };
        let all = sum(among);
        if all > 0.0 { sum(&|one| among(one) && of(one)) / all } else { 1.0 }
    };
    let measured = CalibrationMetrics {
        calibration_error,
        nil_precision: share(&|one| one.sample.nil, &|one| !one.answered),
        nil_recall: share(&|one| !one.answered, &|one| one.sample.nil),
        accuracy: share(&|one| if one.answered { one.sample.right } else { one.sample.nil }, &|_| true),
    };
    let mut mentions: Vec<usize> = samples.iter().map(|sample| sample.mention).collect();
    mentions.dedup();
    Fitted {
        calibration: Calibration {
            curve: curve(samples, weights, method),
            mentions: mentions.len() as u64,
            inputs,
            nil_share,
            measured,
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

/// A sample that was not fitted on, and what was said of it.
struct Held {
    sample: Sample,
    probability: f64,
    answered: bool,
}

/// What a sample counts.
#[derive(Clone, Copy)]
struct Weights {
    covered: f64,
    nil: f64,
}

impl Weights {
    fn new(samples: &[Sample], nil_share: f64) -> Self {
        let nil = samples.iter().filter(|sample| sample.nil).count();
        let each = |share: f64, count: usize| if count > 0 { share / count as f64 } else { 0.0 };
        Self { covered: each(1.0 - nil_share, samples.len() - nil), nil: each(nil_share, nil) }
    }

    fn of(self, sample: &Sample) -> f64 {
        if sample.nil { self.nil } else { self.covered }
    }
}

/// The score from which on answering is right more often than it is wrong to: of all thresholds the one with the most right answers, the
/// mentions that no concept covers being answered rightly below it.
fn threshold(samples: &[Sample], weights: Weights) -> f32 {
    let mut ordered: Vec<&Sample> = samples.iter().collect();
    ordered.sort_by(|a, b| b.score.total_cmp(&a.score));
    // Above all scores everything is NIL.
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

/// The curve of probabilities that the best candidate of a score is right.
fn curve(samples: &[Sample], weights: Weights, method: CalibrationMethod) -> Vec<[f32; 2]> {
    match method {
        CalibrationMethod::Isotonic => isotonic(samples, weights),
        CalibrationMethod::Platt => logistic(samples, weights),
    }
}

/// Samples of neighboring scores together.
#[derive(Clone, Copy)]
struct Group {
    score: f64,
    right: f64,
    weight: f64,
}

impl Group {
    fn and(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        let mean = |a: f64, b: f64| (a * self.weight + b * other.weight) / weight;
        Self { score: mean(self.score, other.score), right: mean(self.right, other.right), weight }
    }
}

fn isotonic(samples: &[Sample], weights: Weights) -> Vec<[f32; 2]> {
    let mut ordered: Vec<&Sample> = samples.iter().filter(|sample| weights.of(sample) > 0.0).collect();
    ordered.sort_by(|a, b| a.score.total_cmp(&b.score));
    let least = ordered.len().div_ceil(GROUPS).max(LEAST);
    let mut groups: Vec<(Group, usize, f32)> = vec![];
    for sample in ordered {
        let one = Group { score: sample.score.into(), right: sample.right.into(), weight: weights.of(sample) };
        match groups.last_mut() {
            // Equal scores stay together, and names, whose score is 1, by themselves.
            Some((group, count, last)) if *last == sample.score || *count < least && sample.score < 1.0 => {
                (*group, *count, *last) = (group.and(one), *count + 1, sample.score);
            }
            _ => groups.push((one, 1, sample.score)),
        }
    }
    let mut pooled: Vec<Group> = vec![];
    for (group, count, _) in groups {
        // As if half of one more were right: no few mentions make anything certain (Krichevsky and Trofimov 1981).
        let count = count as f64;
        pooled.push(Group { right: (group.right * count + 0.5) / (count + 1.0), ..group });
        while let [.., below, above] = pooled[..]
            && below.right >= above.right
        {
            pooled.truncate(pooled.len() - 2);
            pooled.push(below.and(above));
        }
    }
    pooled.iter().map(|group| [group.score as f32, group.right as f32]).collect()
}

/// By Newton's method, with the targets that Platt takes: no sample is certain.
fn logistic(samples: &[Sample], weights: Weights) -> Vec<[f32; 2]> {
    let rights = samples.iter().filter(|sample| sample.right).count() as f64;
    let wrongs = samples.len() as f64 - rights;
    let target = |sample: &Sample| if sample.right { (rights + 1.0) / (rights + 2.0) } else { 1.0 / (wrongs + 2.0) };
    let (mut slope, mut offset) = (0.0f64, 0.0f64);
    let probability = |slope: f64, offset: f64, score: f64| 1.0 / (1.0 + (-(slope * score + offset)).exp());
    for _ in 0..STEPS {
        // A little of a ridge, so that perfect scores have an end.
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
    // A curve that falls would say that the better the score the less likely it is right.
    let slope = slope.max(0.0);
    let (low, high) = samples.iter().fold((1f32, 0f32), |(low, high), s| (low.min(s.score), high.max(s.score)));
    let at = |i: usize| low + (high - low) * i as f32 / (POINTS - 1) as f32;
    (0..POINTS).map(|i| [at(i), probability(slope, offset, at(i).into()) as f32]).collect()
}

fn bins(held: &[Held], weights: Weights) -> Vec<Bin> {
    let mut bins = [Bin::default(); BINS];
    for one in held {
        let bin = &mut bins[((one.probability * BINS as f64) as usize).min(BINS - 1)];
        let weight = weights.of(&one.sample);
        bin.share += weight;
        bin.probability += weight * one.probability;
        bin.right += weight * f64::from(one.sample.right);
    }
    let all: f64 = bins.iter().map(|bin| bin.share).sum();
    let mean = |bin: &Bin| Bin {
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

    /// Scores from 0 to 1 of which as many are right as their square says, and NIL mentions of scores from 0 to 0.5.
    fn samples(count: usize) -> Vec<Sample> {
        let mut random = Random::new(11);
        let covered = |mention: usize, random: &mut Random| {
            let score = random.share();
            Sample { mention, score, right: random.share() < score * score, nil: false }
        };
        let nil = |mention: usize, random: &mut Random| Sample {
            mention,
            score: random.share() / 2.0,
            right: false,
            nil: true,
        };
        (0..count).flat_map(|mention| [covered(mention, &mut random), nil(mention, &mut random)]).collect()
    }

    #[test]
    fn curves_say_how_many_are_right() {
        let samples = samples(8000);
        for (method, tolerance) in [(CalibrationMethod::Isotonic, 0.06), (CalibrationMethod::Platt, 0.12)] {
            let fitted = fit(&samples, method, 0.0, vec![]);
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
    fn the_threshold_weighs_nil_by_its_share() {
        let samples = samples(8000);
        // With half of all mentions NIL: below 0.5 answering is right in s^2 of as many as it is wrong in 2.
        let half = fit(&samples, CalibrationMethod::Isotonic, 0.5, vec![]);
        assert!((half.nil_threshold - 0.5).abs() < 0.03, "{}", half.nil_threshold);
        let measured = half.calibration.measured;
        assert!(
            (measured.nil_recall - 1.0).abs() < 0.05 && (measured.nil_precision - 2.0 / 3.0).abs() < 0.05,
            "{measured:?}"
        );
        let none = fit(&samples, CalibrationMethod::Isotonic, 0.0, vec![]);
        assert!(none.nil_threshold < 0.1, "{}", none.nil_threshold);
        assert!(none.calibration.measured.nil_recall == 1.0);
    }

    #[test]
    fn names_are_a_group_of_their_own() {
        let mut samples = samples(200);
        samples.extend((200..260).map(|mention| Sample { mention, score: 1.0, right: mention % 20 > 0, nil: false }));
        let fitted = fit(&samples, CalibrationMethod::Isotonic, 0.2, vec![]);
        let last = fitted.calibration.curve.last().unwrap();
        assert_eq!(last[0], 1.0);
        assert!((last[1] - 57.5 / 61.0).abs() < 1e-3);
    }

    #[test]
    fn few_or_one_sided_samples_give_a_curve_too() {
        for samples in [&samples(3)[..], &[Sample { mention: 0, score: 0.5, right: true, nil: false }], &[]] {
            for method in [CalibrationMethod::Isotonic, CalibrationMethod::Platt] {
                let fitted = fit(samples, method, 0.2, vec![]);
                assert!(fitted.nil_threshold.is_finite());
                assert!(samples.is_empty() || fitted.calibration.fault().is_none(), "{:?}", fitted.calibration);
            }
        }
    }
}
