//! Links the mentions of a list and judges each answer.
//!
//! Invariant: a group of candidates with one score and match counts as one answer; its probability
//! is the sum of theirs.

use crate::{
    domain::{ConceptId, MatchKind},
    eval::{EvalError, calibrate::HeldOutSample, linking::link_texts, trust::lists::ListedMention},
    job::Job,
    linker::{Answer, AnswerStatus, Candidate, Linker},
};

/// Candidates of each mention: the default of the service.
const TOP_K: usize = 5;
/// An answer with at least this probability is more likely right than wrong.
pub(super) const HALF: f32 = 0.5;

/// The answer for a mention of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct JudgedAnswer {
    /// Whether the mention is linked.
    pub(super) linked: bool,
    /// Probability that one of the best candidates is the concept; 0 if there is none.
    pub(super) probability: f32,
    /// How the best candidates were found.
    pub(super) kind: MatchKind,
    /// The first of the best candidates.
    pub(super) first: Option<ConceptId>,
    /// Whether one of the best candidates is a concept of the mention's line.
    pub(super) listed: bool,
}

impl JudgedAnswer {
    /// Whether the mention is linked with at least this probability.
    pub(super) fn is_linked_at(&self, probability: f32) -> bool {
        self.linked && self.probability >= probability
    }

    /// The answer for measurements that order answers by probability: NIL has the probability 0.
    /// `nil`: NIL is the right answer.
    pub(super) fn ordered(&self, nil: bool, weight: f64) -> HeldOutSample {
        let probability = if self.linked { self.probability } else { 0.0 };
        HeldOutSample { probability, ..self.shown(nil, weight) }
    }

    /// The answer with the probability that it shows, whether or not it is linked.
    pub(super) fn shown(&self, nil: bool, weight: f64) -> HeldOutSample {
        HeldOutSample { probability: self.probability, kind: self.kind, right: self.listed && !nil, nil, weight }
    }

    fn new(answer: &Answer, listed: &[ConceptId]) -> Self {
        let key = |candidate: &Candidate| (candidate.score, candidate.kind, candidate.contradiction.is_some());
        let first = answer.candidates.first();
        let best = || answer.candidates.iter().take_while(|&one| first.is_some_and(|first| key(one) == key(first)));
        Self {
            linked: answer.status != AnswerStatus::Nil,
            probability: best().filter_map(|candidate| candidate.probability).sum(),
            kind: first.map_or(MatchKind::Embedding, |candidate| candidate.kind),
            first: first.map(|candidate| candidate.concept),
            listed: best().any(|candidate| listed.contains(&candidate.concept)),
        }
    }
}

/// Links mentions with the options that a request has by default. `concepts` are the concepts in
/// the line of each mention.
pub(super) fn judge(
    linker: &Linker,
    mentions: &[(&ListedMention, Vec<ConceptId>)],
    job: Job<'_>,
) -> Result<Vec<JudgedAnswer>, EvalError> {
    let texts: Vec<&str> = mentions.iter().map(|(mention, _)| mention.text.as_str()).collect();
    let answers = link_texts(linker, &texts, TOP_K, job)?;
    Ok(answers.iter().zip(mentions).map(|(answer, (_, concepts))| JudgedAnswer::new(answer, concepts)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{confidence::FeatureValues, domain::AtomId};

    fn candidate(concept: u32, score: f32, probability: f32) -> Candidate {
        Candidate {
            concept: ConceptId::new(concept),
            atom: AtomId::new(0),
            kind: MatchKind::Exact,
            score,
            probability: Some(probability),
            features: FeatureValues::default(),
            contradiction: None,
            explanation: None,
        }
    }

    fn judged(status: AnswerStatus, candidates: Vec<Candidate>, listed: u32) -> JudgedAnswer {
        let answer = Answer { status, candidates, read_as: None, truncated: false };
        JudgedAnswer::new(&answer, &[ConceptId::new(listed)])
    }

    #[test]
    fn tied_candidates_are_one_answer() {
        let candidates = || vec![candidate(1, 1.0, 0.3), candidate(2, 1.0, 0.3), candidate(3, 0.9, 0.1)];
        let ambiguous = judged(AnswerStatus::Ambiguous, candidates(), 2);
        assert!(ambiguous.listed && ambiguous.is_linked_at(HALF) && !ambiguous.is_linked_at(0.7));
        assert!(!judged(AnswerStatus::Ambiguous, candidates(), 3).listed);
    }

    #[test]
    fn nil_has_the_probability_zero_in_the_order() {
        let nil = judged(AnswerStatus::Nil, vec![candidate(1, 0.9, 0.4)], 1);
        assert_eq!((nil.ordered(false, 1.0).probability, nil.shown(false, 1.0).probability), (0.0, 0.4));
        assert!(nil.ordered(false, 1.0).right && !nil.is_linked_at(0.0));
        let none = judged(AnswerStatus::Nil, vec![], 1);
        assert_eq!((none.probability, none.first, none.listed), (0.0, None, false));
    }
}
