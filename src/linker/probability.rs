//! Calibrated probabilities of ranked candidates.

use crate::{index::Calibration, linker::rank::Candidate};

/// Gives `candidates`, best first, their probabilities. A group of candidates with one score and
/// match contains the concept with the probability that `calibration` gives for the score, provided
/// that no group before it does. The candidates of a group share its probability equally.
pub(super) fn assign_probabilities(candidates: &mut [Candidate], calibration: &Calibration) {
    let mut remaining = 1.0;
    for group in candidates.chunk_by_mut(|a, b| (a.score, a.kind) == (b.score, b.kind)) {
        let probability = remaining * calibration.probability(group[0].score);
        let share = probability / group.len() as f32;
        group.iter_mut().for_each(|candidate| candidate.probability = Some(share));
        remaining -= probability;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AtomId, ConceptId,
        MatchKind::{self, Embedding, Exact},
    };

    #[test]
    fn groups_share_their_probability_and_the_sum_is_at_most_one() {
        let calibration = Calibration {
            method: crate::index::CalibrationMethod::Isotonic,
            curve: vec![[0.5, 0.2], [1.0, 0.8]],
            mentions: 1,
            inputs: vec![],
            nil_share: 0.0,
            measured: Default::default(),
        };
        let candidate = |concept: u32, kind: MatchKind, score| Candidate {
            concept: ConceptId::new(concept),
            atom: AtomId::new(concept),
            kind,
            score,
            probability: None,
        };
        let mut candidates = [
            candidate(1, Exact, 1.0),
            candidate(2, Exact, 1.0),
            candidate(3, Embedding, 0.75),
            candidate(4, Embedding, 0.2),
        ];
        assign_probabilities(&mut candidates, &calibration);
        let probabilities = candidates.map(|c| (c.probability.unwrap() * 1e4).round() / 1e4);
        assert_eq!(probabilities, [0.4, 0.4, 0.1, 0.02]);
    }
}
