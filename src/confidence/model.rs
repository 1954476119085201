//! The logistic model from features to a probability.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::confidence::feature::{Direction, Feature, FeatureValues};

/// Logit of a probability: `offset` plus the weighted sum of the features.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfidenceModel {
    /// The logit of a candidate whose features are all 0.
    pub offset: f32,
    /// The weight of each feature; an absent feature has the weight 0.
    pub weights: BTreeMap<Feature, f32>,
}

impl ConfidenceModel {
    /// The probability that a candidate with these features is right.
    pub fn probability(&self, values: &FeatureValues) -> f32 {
        sigmoid(f64::from(self.offset + self.parts(values).map(|(_, part)| part).sum::<f32>())) as f32
    }

    /// What each feature that is not 0 adds to the logit.
    pub fn parts(&self, values: &FeatureValues) -> impl Iterator<Item = (Feature, f32)> {
        let present = self.weights.iter().map(|(&feature, weight)| (feature, weight * values.get(feature)));
        present.filter(|(_, part)| *part != 0.0)
    }

    /// The reason why the model is invalid; `None` if it is valid.
    pub fn fault(&self) -> Option<&'static str> {
        let against_meaning = |(feature, weight): (&Feature, &f32)| match feature.direction() {
            Direction::Raises => *weight < 0.0,
            Direction::Lowers => *weight > 0.0,
            Direction::Either => false,
        };
        if self.weights.contains_key(&Feature::Unknown) {
            return Some("its calibration has a feature that this saplink does not know");
        }
        if !self.offset.is_finite() || self.weights.values().any(|weight| !weight.is_finite()) {
            return Some("its calibration has a value that is not finite");
        }
        self.weights.iter().any(against_meaning).then_some("its calibration has a weight with the wrong sign")
    }
}

/// The logistic function.
pub(super) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_the_sum_of_its_parts() {
        let weights = BTreeMap::from([(Feature::Cosine, 4.0), (Feature::ExtraNumber, -1.0), (Feature::Letters, 2.0)]);
        let model = ConfidenceModel { offset: -1.0, weights };
        let mut values = FeatureValues::default();
        assert!((model.probability(&values) - 0.2689).abs() < 1e-4);
        values.set(Feature::Cosine, 0.5);
        values.flag(Feature::ExtraNumber, true);
        assert_eq!(model.probability(&values), 0.5);
        assert_eq!(model.parts(&values).collect::<Vec<_>>(), [(Feature::Cosine, 2.0), (Feature::ExtraNumber, -1.0)]);
        assert_eq!(model.fault(), None);
    }

    #[test]
    fn a_feature_of_another_version_is_refused() {
        let model: ConfidenceModel =
            serde_json::from_str(r#"{"offset": 0, "weights": {"gone": 1, "cosine": 1}}"#).unwrap();
        assert!(model.fault().unwrap().contains("does not know"));
    }

    #[test]
    fn invalid_models_are_refused() {
        for (offset, feature, weight) in [
            (f32::NAN, Feature::Cosine, 1.0),
            (0.0, Feature::Length, f32::INFINITY),
            (0.0, Feature::Cosine, -1.0),
            (0.0, Feature::OtherKind, 1.0),
        ] {
            let model = ConfidenceModel { offset, weights: BTreeMap::from([(feature, weight)]) };
            assert!(model.fault().is_some(), "{model:?}");
        }
    }
}
