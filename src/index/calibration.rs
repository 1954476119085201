//! Calibration: the probability that a best candidate is right, as a function of its score.
//!
//! Invariant: a curve never falls, and every score has a probability.

use serde::{Deserialize, Serialize};

use super::references::InputRecord;

/// The calibration of an index, as its manifest stores it; `saplink eval --calibrate` fits it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// How the curve was fitted.
    pub method: CalibrationMethod,
    /// Points `[score, probability]`; both never fall. Between two points the probability is
    /// linear, outside the curve it is that of the nearest end.
    pub curve: Vec<[f32; 2]>,
    /// Number of labeled mentions that the curve was fitted on.
    pub mentions: u64,
    /// The files of these mentions.
    pub inputs: Vec<InputRecord>,
    /// Expected share of mentions without a concept, 0 to 1.
    pub nil_share: f64,
    /// Quality of the calibration.
    pub measured: CalibrationMetrics,
}

/// How a curve is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationMethod {
    /// The nearest step function that never falls (pool adjacent violators; Zadrozny and Elkan
    /// 2002).
    Isotonic,
    /// A logistic curve (Platt 1999).
    Platt,
}

/// Quality of a calibration, measured on mentions that the curve was not fitted on. All figures are
/// between 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationMetrics {
    /// Expected calibration error, with ten bins of equal width.
    pub calibration_error: f64,
    /// Share of the NIL answers that are right: no concept covers the mention.
    pub nil_precision: f64,
    /// Share of the mentions without a concept that are answered with NIL.
    pub nil_recall: f64,
    /// Share of the mentions that are answered rightly: with a right concept, or rightly with NIL.
    pub accuracy: f64,
}

impl Calibration {
    /// The reason why the curve is invalid; `None` if it is valid.
    pub fn fault(&self) -> Option<&'static str> {
        let never_falls = |column: usize| self.curve.is_sorted_by(|a, b| a[column] <= b[column]);
        match self.curve.as_slice() {
            [] => Some("its calibration has no points"),
            points if points.iter().flatten().any(|value| !value.is_finite()) => {
                Some("its calibration has a value that is not finite")
            }
            points if points.iter().any(|point| !(0.0..=1.0).contains(&point[1])) => {
                Some("its calibration has a probability outside 0 to 1")
            }
            _ if !never_falls(0) || !never_falls(1) => Some("its calibration falls"),
            _ => None,
        }
    }

    /// The probability that a best candidate with this score is right.
    pub fn probability(&self, score: f32) -> f32 {
        let above = self.curve.partition_point(|point| point[0] < score);
        match (above.checked_sub(1).map(|below| self.curve[below]), self.curve.get(above)) {
            (Some([from, low]), Some(&[to, high])) => low + (high - low) * (score - from) / (to - from),
            (Some([_, last]), None) => last,
            (None, Some(&[_, first])) => first,
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(curve: &[[f32; 2]]) -> Calibration {
        let measured = CalibrationMetrics::default();
        Calibration {
            method: CalibrationMethod::Isotonic,
            curve: curve.to_vec(),
            mentions: 1,
            inputs: vec![],
            nil_share: 0.2,
            measured,
        }
    }

    #[test]
    fn probabilities_follow_the_curve_and_stay_constant_outside() {
        let one = calibration(&[[0.5, 0.1], [0.9, 0.5], [1.0, 0.9]]);
        assert_eq!(one.fault(), None);
        let at = |score| (one.probability(score) * 1e4).round() / 1e4;
        assert_eq!([-1.0, 0.5, 0.7, 0.9, 0.95, 1.0, 2.0].map(at), [0.1, 0.1, 0.3, 0.5, 0.7, 0.9, 0.9]);
        assert_eq!(calibration(&[[0.5, 0.4]]).probability(0.1), 0.4);
        // A step: two points with one score; exactly at this score the lower probability counts.
        let step = calibration(&[[0.5, 0.1], [0.8, 0.2], [0.8, 0.6], [1.0, 0.7]]);
        assert_eq!(step.probability(0.8), 0.2);
        assert!(step.probability(0.81) > 0.6);
    }

    #[test]
    fn invalid_curves_are_refused() {
        for curve in [&[][..], &[[0.5, 0.2], [0.4, 0.3]], &[[0.5, 0.3], [0.6, 0.2]], &[[0.5, 1.2]], &[[f32::NAN, 0.5]]]
        {
            assert!(calibration(curve).fault().is_some(), "{curve:?}");
        }
    }
}
