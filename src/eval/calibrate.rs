//! Fits the calibration of an index: a model from features to probabilities, and the NIL threshold.
//!
//! Every labeled mention gives two samples: the best candidate, and the best candidate that is not
//! a gold concept, as if the index did not have the gold concepts. A mention labeled NIL gives the
//! second sample only.
//!
//! Invariant: the metrics of a calibration come from cross-validation; no mention is measured with
//! a model that was fitted on it.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::{
    confidence::{self, ConfidenceModel, FeatureValues, Sample},
    domain::MatchKind,
    eval::EvalError,
    index::{Calibration, CalibrationMetrics, InputRecord, MatchMetrics, ThresholdMetrics},
};

/// Number of parts of the cross-validation.
const CROSS_VALIDATION_PARTS: usize = 5;
/// Bins of the expected calibration error.
const BINS: usize = 10;
/// Points of the curve of precision against coverage.
const CURVE_POINTS: usize = 50;
/// How much more a mention that is labeled NIL weighs than one whose concepts were taken away: the
/// candidates after a right one are nearer and more regular than those for an unknown concept.
const LABELED_NIL_WEIGHT: f64 = 4.0;
/// Fewest labeled mentions with which a calibration is fitted without `few_mentions`.
const MIN_MENTIONS: u64 = 200;

/// The best candidate for a mention, from which a calibration is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationSample {
    /// Number of the mention, so that both of its samples are in one part of the cross-validation.
    pub mention: usize,
    /// Features of the candidate; absent if there is none.
    pub values: Option<FeatureValues>,
    /// How the candidate was found.
    pub kind: MatchKind,
    /// Whether the candidate is a gold concept.
    pub right: bool,
    /// Whether the right answer is NIL.
    pub nil: bool,
    /// Whether it is NIL because the gold concepts were taken away.
    pub taken: bool,
}

/// What the operator expects of a calibration.
#[derive(Clone, Copy, Debug)]
pub struct CalibrationOptions {
    /// Expected share of mentions without a concept.
    pub nil_share: f64,
    /// Wanted precision of answers; without it the threshold gives the most right answers.
    pub precision: Option<f64>,
    /// Whether fewer than 200 mentions are enough.
    pub few_mentions: bool,
}

/// Samples with similar probabilities, as one bar of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Mean probability of the samples.
    pub probability: f64,
    /// Share of the samples that are right.
    pub right: f64,
    /// Weighted share of the samples among all samples.
    pub share: f64,
}

/// A fitted calibration.
#[derive(Clone, Debug, Serialize)]
pub struct FittedCalibration {
    /// Model and metrics, as the manifest of an index stores them.
    pub calibration: Calibration,
    /// What the chosen threshold gives.
    pub chosen: ThresholdMetrics,
    /// The bins of the expected calibration error.
    pub bins: Vec<ReliabilityBin>,
}

/// Fits a calibration to `samples`. NIL samples get weights that sum to `nil_share` of all weights;
/// `inputs` are the files of the mentions.
///
/// # Errors
/// [`EvalError::Calibrate`] if there are too few mentions, or no threshold gives the wanted
/// precision.
pub fn fit_calibration(
    samples: &[CalibrationSample],
    options: &CalibrationOptions,
    inputs: Vec<InputRecord>,
) -> Result<FittedCalibration, EvalError> {
    let mentions = samples.iter().map(|sample| sample.mention).collect::<HashSet<_>>().len() as u64;
    if mentions < MIN_MENTIONS && !options.few_mentions {
        return Err(EvalError::Calibrate(format!(
            "a calibration needs {MIN_MENTIONS} different labeled mentions, the files have {mentions}; --few-mentions fits it anyway"
        )));
    }
    let weights = SampleWeights::new(samples, options.nil_share);
    let held_out = cross_validate(samples, weights);
    let threshold = choose_threshold(&held_out, options.precision)?;
    let bins = reliability(held_out.iter());
    let calibration = Calibration {
        general: false,
        confidence: fit(samples.iter(), weights),
        threshold,
        precision: options.precision,
        mentions,
        inputs,
        nil_share: options.nil_share,
        measured: measure(&held_out, &bins, threshold),
    };
    Ok(FittedCalibration { calibration, chosen: metrics_at(&held_out, threshold), bins })
}

fn fit<'a>(samples: impl Iterator<Item = &'a CalibrationSample>, weights: SampleWeights) -> ConfidenceModel {
    let usable = samples
        .filter_map(|sample| Some(Sample { values: sample.values?, right: sample.right, weight: weights.of(sample) }));
    confidence::fit(&usable.collect::<Vec<_>>())
}

/// Gives every sample the probability of a model that was fitted on the other parts.
fn cross_validate(samples: &[CalibrationSample], weights: SampleWeights) -> Vec<HeldOutSample> {
    let part = |sample: &CalibrationSample| sample.mention % CROSS_VALIDATION_PARTS;
    let mut held_out = vec![];
    for measured in 0..CROSS_VALIDATION_PARTS {
        let model = fit(samples.iter().filter(|sample| part(sample) != measured), weights);
        let answered = |sample: &CalibrationSample| HeldOutSample {
            probability: sample.values.map_or(0.0, |values| model.probability(&values)),
            kind: sample.kind,
            right: sample.right,
            nil: sample.nil,
            weight: weights.of(sample),
        };
        held_out.extend(samples.iter().filter(|sample| part(sample) == measured).map(answered));
    }
    held_out.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    held_out
}

/// A sample that was not used in the fit, with its probability.
#[derive(Clone, Copy)]
pub(super) struct HeldOutSample {
    pub(super) probability: f32,
    pub(super) kind: MatchKind,
    pub(super) right: bool,
    /// Whether the right answer is NIL.
    pub(super) nil: bool,
    pub(super) weight: f64,
}

/// The weights of samples.
#[derive(Clone, Copy)]
struct SampleWeights {
    covered: f64,
    nil: f64,
    taken: f64,
}

impl SampleWeights {
    fn new(samples: &[CalibrationSample], nil_share: f64) -> Self {
        let count = |test: &dyn Fn(&CalibrationSample) -> bool| samples.iter().filter(|one| test(one)).count() as f64;
        let taken = count(&|sample| sample.taken);
        let nil = count(&|sample| sample.nil && !sample.taken) * LABELED_NIL_WEIGHT + taken;
        let each = |share: f64, count: f64| if count > 0.0 { share / count } else { 0.0 };
        let taken = each(nil_share, nil);
        let covered = each(1.0 - nil_share, count(&|sample| !sample.nil));
        Self { covered, nil: LABELED_NIL_WEIGHT * taken, taken }
    }

    fn of(self, sample: &CalibrationSample) -> f64 {
        match (sample.nil, sample.taken) {
            (true, true) => self.taken,
            (true, false) => self.nil,
            (false, _) => self.covered,
        }
    }
}

/// What each threshold between two probabilities gives, from the highest on. The last field is the
/// weight of right answers, NIL among them.
fn thresholds(held_out: &[HeldOutSample]) -> Vec<(ThresholdMetrics, f64)> {
    let sum = |test: &dyn Fn(&&HeldOutSample) -> bool| held_out.iter().filter(test).map(|s| s.weight).sum::<f64>();
    let (covered, mut nil_right) = (sum(&|sample| !sample.nil).max(f64::MIN_POSITIVE), sum(&|sample| sample.nil));
    let (mut right, mut answered, mut found) = (0.0, 0.0, vec![]);
    for (i, sample) in held_out.iter().enumerate() {
        answered += sample.weight;
        right += if sample.right { sample.weight } else { 0.0 };
        nil_right -= if sample.nil { sample.weight } else { 0.0 };
        let next = held_out.get(i + 1).map_or(0.0, |next| next.probability);
        if next < sample.probability {
            let threshold = (sample.probability + next) / 2.0;
            let metrics = ThresholdMetrics { threshold, precision: right / answered, coverage: right / covered };
            found.push((metrics, right + nil_right));
        }
    }
    found
}

/// What `threshold` gives. The precision of no answers is 1.
pub(super) fn metrics_at(held_out: &[HeldOutSample], threshold: f32) -> ThresholdMetrics {
    let sum = |test: &dyn Fn(&&HeldOutSample) -> bool| held_out.iter().filter(test).map(|s| s.weight).sum::<f64>();
    let answered = sum(&|sample| sample.probability >= threshold);
    let right = sum(&|sample| sample.probability >= threshold && sample.right);
    let precision = if answered > 0.0 { right / answered } else { 1.0 };
    let covered = sum(&|sample| !sample.nil).max(f64::MIN_POSITIVE);
    ThresholdMetrics { threshold, precision, coverage: right / covered }
}

/// The lowest threshold with a precision of at least `wanted`.
pub(super) fn threshold_with_precision(held_out: &[HeldOutSample], wanted: f64) -> Option<ThresholdMetrics> {
    thresholds(held_out).into_iter().rev().map(|(metrics, _)| metrics).find(|metrics| metrics.precision >= wanted)
}

/// The lowest threshold with the wanted precision, or the one with the most right answers.
fn choose_threshold(held_out: &[HeldOutSample], precision: Option<f64>) -> Result<f32, EvalError> {
    let all = thresholds(held_out);
    let Some(wanted) = precision else {
        let best = all.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        return Ok(best.map_or(1.0, |(metrics, _)| metrics.threshold));
    };
    let highest = all.iter().map(|(metrics, _)| metrics.precision).fold(0.0, f64::max);
    let reason = || format!("no threshold gives a precision of {wanted}; the highest that one gives is {highest:.3}");
    threshold_with_precision(held_out, wanted)
        .map(|metrics| metrics.threshold)
        .ok_or_else(|| EvalError::Calibrate(reason()))
}

/// The metrics of a calibration. A share of no samples is 1.
fn measure(held_out: &[HeldOutSample], bins: &[ReliabilityBin], threshold: f32) -> CalibrationMetrics {
    let share = |of: &dyn Fn(&HeldOutSample) -> bool, among: &dyn Fn(&HeldOutSample) -> bool| {
        let sum = |test: &dyn Fn(&HeldOutSample) -> bool| {
            held_out.iter().filter(|held| test(held)).map(|held| held.weight).sum::<f64>()
        };
        let all = sum(among);
        if all > 0.0 { sum(&|held| among(held) && of(held)) / all } else { 1.0 }
    };
    let linked = |held: &HeldOutSample| held.probability >= threshold;
    CalibrationMetrics {
        calibration_error: calibration_error(bins),
        area: area(held_out),
        nil_precision: share(&|held| held.nil, &|held| !linked(held)),
        nil_recall: share(&|held| !linked(held), &|held| held.nil),
        accuracy: share(&|held| if linked(held) { held.right } else { held.nil }, &|_| true),
        by_match: by_match(held_out),
        curve: curve(held_out),
    }
}

pub(super) fn by_match(held_out: &[HeldOutSample]) -> BTreeMap<String, MatchMetrics> {
    let kinds = MatchKind::ALL.into_iter().map(|kind| {
        let of_kind: Vec<&HeldOutSample> = held_out.iter().filter(|held| held.kind == kind).collect();
        let weight: f64 = of_kind.iter().map(|held| held.weight).sum();
        let right: f64 = of_kind.iter().filter(|held| held.right).map(|held| held.weight).sum();
        let bins = reliability(of_kind.iter().copied());
        let metrics = MatchMetrics {
            candidates: of_kind.len() as u64,
            right: right / weight.max(f64::MIN_POSITIVE),
            calibration_error: calibration_error(&bins),
        };
        (kind.as_str().to_owned(), metrics)
    });
    kinds.filter(|(_, metrics)| metrics.candidates > 0).collect()
}

/// Points of the curve with about equal distances in coverage.
pub(super) fn curve(held_out: &[HeldOutSample]) -> Vec<ThresholdMetrics> {
    let mut points: Vec<ThresholdMetrics> = vec![];
    for (metrics, _) in thresholds(held_out) {
        let is_next = points.last().is_none_or(|last| metrics.coverage >= last.coverage + 1.0 / CURVE_POINTS as f64);
        if is_next {
            points.push(metrics);
        }
    }
    points
}

/// Area under the curve of right against wrong samples, which are ordered by probability. Equal
/// probabilities count half. 1 if all are right or all are wrong.
pub(super) fn area(held_out: &[HeldOutSample]) -> f64 {
    let (mut above, mut area, mut wrong_weight) = (0.0, 0.0, 0.0);
    for group in held_out.chunk_by(|a, b| a.probability == b.probability) {
        let sum = |right: bool| group.iter().filter(|held| held.right == right).map(|held| held.weight).sum::<f64>();
        let (right, wrong) = (sum(true), sum(false));
        area += wrong * (above + right / 2.0);
        above += right;
        wrong_weight += wrong;
    }
    if above * wrong_weight > 0.0 { area / (above * wrong_weight) } else { 1.0 }
}

pub(super) fn reliability<'a>(held_out: impl Iterator<Item = &'a HeldOutSample>) -> Vec<ReliabilityBin> {
    let mut bins = [ReliabilityBin::default(); BINS];
    for held in held_out {
        let bin = &mut bins[((held.probability * BINS as f32) as usize).min(BINS - 1)];
        bin.share += held.weight;
        bin.probability += held.weight * f64::from(held.probability);
        bin.right += if held.right { held.weight } else { 0.0 };
    }
    let all: f64 = bins.iter().map(|bin| bin.share).sum();
    let mean = |bin: &ReliabilityBin| ReliabilityBin {
        probability: bin.probability / bin.share,
        right: bin.right / bin.share,
        share: bin.share / all.max(f64::MIN_POSITIVE),
    };
    bins.iter().filter(|bin| bin.share > 0.0).map(mean).collect()
}

pub(super) fn calibration_error(bins: &[ReliabilityBin]) -> f64 {
    bins.iter().map(|bin| bin.share * (bin.probability - bin.right).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{confidence::Feature, random::Random};

    const OPTIONS: CalibrationOptions = CalibrationOptions { nil_share: 0.5, precision: None, few_mentions: false };

    /// Samples with cosines from 0 to 1 that are right with a logistic probability, and NIL samples
    /// with cosines from 0 to 0.5.
    fn samples(count: usize) -> Vec<CalibrationSample> {
        let mut random = Random::new(11);
        let mut sample = |mention: usize, nil: bool| {
            let cosine = if nil { random.fraction() / 2.0 } else { random.fraction() };
            let mut values = FeatureValues::default();
            values.set(Feature::Cosine, cosine);
            let right = !nil && random.fraction() < 1.0 / (1.0 + (4.0 - 8.0 * cosine).exp());
            CalibrationSample { mention, values: Some(values), kind: MatchKind::Embedding, right, nil, taken: nil }
        };
        (0..count).flat_map(|mention| [sample(mention, false), sample(mention, true)]).collect()
    }

    fn probability(calibration: &Calibration, cosine: f32) -> f32 {
        let mut values = FeatureValues::default();
        values.set(Feature::Cosine, cosine);
        calibration.confidence.probability(&values)
    }

    #[test]
    fn probabilities_are_shares_of_right_answers() {
        let options = CalibrationOptions { nil_share: 0.0, ..OPTIONS };
        let fitted = fit_calibration(&samples(8000), &options, vec![]).unwrap();
        for cosine in [0.2f32, 0.4, 0.6, 0.8, 0.95] {
            let expected = 1.0 / (1.0 + (4.0 - 8.0 * cosine).exp());
            assert!((probability(&fitted.calibration, cosine) - expected).abs() < 0.05, "{cosine}");
        }
        let measured = &fitted.calibration.measured;
        assert!(measured.calibration_error < 0.03 && measured.area > 0.8, "{measured:?}");
        assert_eq!(fitted.calibration.mentions, 8000);
        assert_eq!(measured.by_match.keys().collect::<Vec<_>>(), ["embedding"]);
    }

    #[test]
    fn a_wanted_precision_raises_the_threshold_and_lowers_the_coverage() {
        let samples = samples(4000);
        let at = |precision| fit_calibration(&samples, &CalibrationOptions { precision, ..OPTIONS }, vec![]);
        let (most, precise) = (at(None).unwrap().calibration, at(Some(0.9)).unwrap().calibration);
        assert!(precise.threshold > most.threshold && precise.precision == Some(0.9));
        assert!(precise.measured.nil_recall > most.measured.nil_recall);
        let point = precise.measured.curve.iter().rfind(|point| point.threshold >= precise.threshold).unwrap();
        assert!(point.precision > 0.88, "{point:?}");
        let wrong: Vec<_> = samples.iter().map(|sample| CalibrationSample { right: false, ..*sample }).collect();
        let refused = fit_calibration(&wrong, &CalibrationOptions { precision: Some(0.1), ..OPTIONS }, vec![]);
        assert!(refused.unwrap_err().to_string().contains("the highest that one gives is 0.000"));
    }

    #[test]
    fn the_curve_goes_from_few_precise_answers_to_all() {
        let curve = fit_calibration(&samples(4000), &OPTIONS, vec![]).unwrap().calibration.measured.curve;
        assert!((20..=CURVE_POINTS + 1).contains(&curve.len()), "{}", curve.len());
        assert!(curve.is_sorted_by(|a, b| a.threshold > b.threshold && a.coverage < b.coverage));
        assert!(curve[1].precision > curve.last().unwrap().precision);
    }

    #[test]
    fn few_mentions_are_refused_unless_forced() {
        for samples in [&samples(3)[..], &[]] {
            assert!(fit_calibration(samples, &OPTIONS, vec![]).unwrap_err().to_string().contains("--few-mentions"));
            let forced =
                fit_calibration(samples, &CalibrationOptions { few_mentions: true, ..OPTIONS }, vec![]).unwrap();
            assert_eq!(forced.calibration.fault(), None);
        }
    }
}
