//! How likely a best candidate is right, by its score.
//!
//! Invariant: a curve never falls, and is a probability for every score.

use serde::{Deserialize, Serialize};

use crate::index::manifest::Input;

/// What an index says of its scores; `saplink eval --calibrate` fits it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// How it was fitted.
    pub method: Method,
    /// Scores, ascending, each with the probability that a best candidate of that score is right; between them it is linear.
    pub curve: Vec<[f32; 2]>,
    /// Labeled mentions that it was fitted on, and where they came from.
    pub mentions: u64,
    pub inputs: Vec<Input>,
    /// Share of mentions that no concept covers, as it is expected in use.
    pub nil_share: f64,
    /// What was measured on mentions that it was not fitted on.
    pub measured: Measured,
}

/// How a curve is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The steps that never fall and are nearest to what was seen (pool adjacent violators; Zadrozny and Elkan 2002).
    Isotonic,
    /// A logistic curve (Platt 1999).
    Platt,
}

/// How good a calibration is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Expected calibration error, of ten bins of equal width.
    pub calibration_error: f64,
    /// Of the mentions answered as NIL, the share that no concept covers; of those, the share that is answered so.
    pub nil_precision: f64,
    pub nil_recall: f64,
    /// Share of mentions that are answered rightly: by the concept, or as NIL.
    pub accuracy: f64,
}

impl Calibration {
    /// Why it is none.
    pub fn fault(&self) -> Option<&'static str> {
        let ascends = |place: usize| self.curve.is_sorted_by(|a, b| a[place] <= b[place]);
        match self.curve.as_slice() {
            [] => Some("its calibration has no points"),
            points if points.iter().flatten().any(|value| !value.is_finite()) => Some("its calibration is no number"),
            points if points.iter().any(|point| !(0.0..=1.0).contains(&point[1])) => {
                Some("its calibration gives no probabilities")
            }
            _ if !ascends(0) || !ascends(1) => Some("its calibration falls"),
            _ => None,
        }
    }

    /// The probability that a best candidate of this score is right.
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
        let measured = Measured::default();
        Calibration {
            method: Method::Isotonic,
            curve: curve.to_vec(),
            mentions: 1,
            inputs: vec![],
            nil_share: 0.2,
            measured,
        }
    }

    #[test]
    fn probabilities_lie_on_the_curve_and_end_with_it() {
        let one = calibration(&[[0.5, 0.1], [0.9, 0.5], [1.0, 0.9]]);
        assert_eq!(one.fault(), None);
        let at = |score| (one.probability(score) * 1e4).round() / 1e4;
        assert_eq!([-1.0, 0.5, 0.7, 0.9, 0.95, 1.0, 2.0].map(at), [0.1, 0.1, 0.3, 0.5, 0.7, 0.9, 0.9]);
        assert_eq!(calibration(&[[0.5, 0.4]]).probability(0.1), 0.4);
        // A step: equal scores, of which the lower probability is the one below.
        let step = calibration(&[[0.5, 0.1], [0.8, 0.2], [0.8, 0.6], [1.0, 0.7]]);
        assert_eq!(step.probability(0.8), 0.2);
        assert!(step.probability(0.81) > 0.6);
    }

    #[test]
    fn faults_are_found() {
        for curve in [&[][..], &[[0.5, 0.2], [0.4, 0.3]], &[[0.5, 0.3], [0.6, 0.2]], &[[0.5, 1.2]], &[[f32::NAN, 0.5]]]
        {
            assert!(calibration(curve).fault().is_some(), "{curve:?}");
        }
    }
}
