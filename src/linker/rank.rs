//! Candidates of a mention: their order, and the status of the answer.
//!
//! Candidates are ordered by score, then by kind of match, then by concept id.

use std::cmp::Ordering;

use crate::{
    domain::{AtomId, ConceptId, MatchKind},
    index::ConceptHit,
};

/// Cap of embedding scores: 1.0 is reserved for exact and normalized matches.
const MAX_EMBEDDING_SCORE: f32 = 0.9999;

/// A concept that a mention may mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The concept.
    pub concept: ConceptId,
    /// The atom through which it was found.
    pub atom: AtomId,
    /// How the atom was found.
    pub kind: MatchKind,
    /// 1 for exact and normalized names, otherwise the cosine times the penalty for the spelling.
    pub score: f32,
    /// Probability that this is the concept and no candidate before it is; absent without
    /// calibration.
    pub probability: Option<f32>,
}

/// The meaning of an answer as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerStatus {
    /// The first candidate is the concept.
    Linked,
    /// Several concepts share the best score and match.
    Ambiguous,
    /// No candidate reaches the NIL threshold; there may still be candidates.
    Nil,
}

/// The answer for one mention.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whether the mention is linked.
    pub status: AnswerStatus,
    /// Best first; at most `top_k`, except that all owners of an ambiguous best name are listed.
    pub candidates: Vec<Candidate>,
}

/// Merges the hits of one search into `candidates`. A hit scores its cosine times `penalty`; a
/// concept that is a candidate already keeps the better of the two.
pub(super) fn merge_hits(candidates: &mut Vec<Candidate>, hits: &[ConceptHit], kind: MatchKind, penalty: f32) {
    for hit in hits {
        let score = hit.score.clamp(-1.0, MAX_EMBEDDING_SCORE) * penalty;
        let found = Candidate { concept: hit.concept, atom: hit.atom, kind, score, probability: None };
        match candidates.iter_mut().find(|candidate| candidate.concept == hit.concept) {
            Some(candidate) if compare(&found, candidate) == Ordering::Less => *candidate = found,
            Some(_) => {}
            None => candidates.push(found),
        }
    }
}

/// Orders, filters and cuts the candidates of a mention, and gives the answer its status.
pub(super) fn rank(mut candidates: Vec<Candidate>, top_k: usize, min_score: Option<f32>, nil_threshold: f32) -> Answer {
    if let Some(min_score) = min_score {
        candidates.retain(|candidate| candidate.score >= min_score);
    }
    candidates.sort_by(compare);
    let tied = candidates
        .first()
        .map_or(0, |best| candidates.iter().take_while(|c| (c.score, c.kind) == (best.score, best.kind)).count());
    let status = match candidates.first() {
        Some(best) if best.score >= nil_threshold && tied > 1 => AnswerStatus::Ambiguous,
        Some(best) if best.score >= nil_threshold => AnswerStatus::Linked,
        _ => AnswerStatus::Nil,
    };
    let length = if status == AnswerStatus::Ambiguous { tied.max(top_k) } else { top_k };
    candidates.truncate(length);
    Answer { status, candidates }
}

/// The better candidate is less. Concepts are numbered in the order of their ids.
fn compare(a: &Candidate, b: &Candidate) -> Ordering {
    b.score.total_cmp(&a.score).then(a.kind.cmp(&b.kind)).then(a.concept.cmp(&b.concept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(concept: u32, kind: MatchKind, score: f32) -> Candidate {
        Candidate { concept: ConceptId::new(concept), atom: AtomId::new(concept), kind, score, probability: None }
    }

    fn check(top_k: usize, min_score: Option<f32>, candidates: Vec<Candidate>, status: AnswerStatus, expected: &[u32]) {
        let answer = rank(candidates, top_k, min_score, 0.5);
        assert_eq!(answer.status, status);
        assert_eq!(answer.candidates.iter().map(|c| c.concept.get()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn candidates_are_ordered_by_score_then_match_then_concept() {
        use MatchKind::*;
        let all = vec![
            candidate(4, Embedding, 0.9),
            candidate(9, Embedding, 1.0),
            candidate(3, Embedding, 0.9),
            candidate(8, Normalized, 1.0),
            candidate(7, Exact, 1.0),
        ];
        check(9, None, all.clone(), AnswerStatus::Linked, &[7, 8, 9, 3, 4]);
        check(2, None, all.clone(), AnswerStatus::Linked, &[7, 8]);
        check(9, Some(0.95), all, AnswerStatus::Linked, &[7, 8, 9]);
    }

    #[test]
    fn every_owner_of_an_ambiguous_name_is_listed() {
        let owners: Vec<_> = (0..4).map(|c| candidate(c, MatchKind::Exact, 1.0)).collect();
        check(1, None, owners, AnswerStatus::Ambiguous, &[0, 1, 2, 3]);
    }

    #[test]
    fn candidates_below_the_threshold_are_nil_and_still_listed() {
        check(5, None, vec![candidate(1, MatchKind::Embedding, 0.4)], AnswerStatus::Nil, &[1]);
        check(5, Some(0.6), vec![candidate(1, MatchKind::Embedding, 0.55)], AnswerStatus::Nil, &[]);
        check(5, None, vec![], AnswerStatus::Nil, &[]);
    }

    #[test]
    fn a_concept_found_twice_keeps_its_better_match() {
        use MatchKind::*;
        let mut candidates = vec![candidate(1, Normalized, 1.0)];
        let hit = |concept, score| ConceptHit { concept: ConceptId::new(concept), atom: AtomId::new(0), score };
        merge_hits(&mut candidates, &[hit(1, 0.8), hit(2, 0.8), hit(3, 0.4)], Embedding, 1.0);
        merge_hits(&mut candidates, &[hit(2, 0.8), hit(3, 0.9)], Corrected, 0.5);
        let found: Vec<_> = candidates.iter().map(|c| (c.concept.get(), c.kind, c.score)).collect();
        assert_eq!(found, [(1, Normalized, 1.0), (2, Embedding, 0.8), (3, Corrected, 0.45)]);
    }
}
