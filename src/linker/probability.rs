//! Probabilities of ranked candidates.

use crate::{
    confidence::{ConfidenceModel, FeatureValues},
    linker::{
        answer::{Candidate, Explanation, FeaturePart},
        rank::Found,
    },
};

/// The first `values.len()` of `found`, which are best first, as candidates. With a `model` they
/// get probabilities: a group of candidates with one score and match contains the concept with the
/// probability that the model gives for the first of the group, provided that no group before it
/// does. The candidates of a group share its probability equally. A candidate that contradicts the
/// mention has the probability 0, which needs no explanation.
pub(super) fn candidates(
    found: &[Found],
    values: &[FeatureValues],
    model: Option<&ConfidenceModel>,
    explain: bool,
) -> Vec<Candidate> {
    let mut remaining = 1.0;
    let mut candidates = vec![];
    for group in found[..values.len()].chunk_by(Found::ties_with) {
        let first = &values[candidates.len()];
        let contradicts = group[0].contradiction.is_some();
        let of_first = |model: &ConfidenceModel| if contradicts { 0.0 } else { remaining * model.probability(first) };
        let probability = model.map(of_first);
        let share = probability.map(|probability| probability / group.len() as f32);
        remaining -= probability.unwrap_or(0.0);
        for one in group {
            let features = values[candidates.len()];
            let explanation = model.filter(|_| explain && !contradicts).map(|model| explain_with(model, &features));
            candidates.push(Candidate {
                concept: one.concept,
                atom: one.atom,
                kind: one.kind,
                score: one.score,
                probability: share,
                features,
                contradiction: one.contradiction.clone(),
                explanation,
            });
        }
    }
    candidates
}

fn explain_with(model: &ConfidenceModel, values: &FeatureValues) -> Explanation {
    let part = |(feature, part): (crate::confidence::Feature, f32)| FeaturePart {
        feature: feature.as_str(),
        value: values.get(feature),
        part,
    };
    Explanation { offset: model.offset, features: model.parts(values).map(part).collect() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        confidence::Feature,
        domain::{AtomId, ConceptId, MatchKind, NameId},
    };

    #[test]
    fn groups_share_their_probability_and_the_sum_is_at_most_one() {
        let model = ConfidenceModel { offset: 0.0, weights: BTreeMap::from([(Feature::Cosine, 4.0)]) };
        let by_name =
            |concept| Found::by_name(ConceptId::new(concept), AtomId::new(concept), NameId::new(0), MatchKind::Exact);
        let near = Found { score: 0.7, is_name: false, ..by_name(3) };
        let found = [by_name(1), by_name(2), near.clone(), Found { score: 0.6, ..near }];
        let mut values = [FeatureValues::default(); 3];
        values[0].set(Feature::Cosine, 0.5);
        let candidates = candidates(&found, &values, Some(&model), true);
        let first = 1.0 / (1.0 + (-2f32).exp());
        let expected = [first / 2.0, first / 2.0, (1.0 - first) / 2.0];
        assert_eq!(candidates.len(), 3);
        for (candidate, expected) in candidates.iter().zip(expected) {
            assert!((candidate.probability.unwrap() - expected).abs() < 1e-5, "{candidate:?}");
        }
        let explanation = candidates[0].explanation.as_ref().unwrap();
        assert_eq!(explanation.features, [FeaturePart { feature: "cosine", value: 0.5, part: 2.0 }]);
    }

    #[test]
    fn without_a_model_there_is_no_probability() {
        let found = [Found::by_name(ConceptId::new(1), AtomId::new(1), NameId::new(0), MatchKind::Exact)];
        let candidates = candidates(&found, &[FeatureValues::default()], None, true);
        assert_eq!((candidates[0].probability, candidates[0].explanation.clone()), (None, None));
    }
}
