//! The concepts that were found for a text: how they are merged and ordered.
//!
//! Concepts whose name contradicts the mention come last. Otherwise concepts are ordered by score,
//! then by kind of match, then by concept id.

use std::cmp::Ordering;

use crate::{
    contradiction::Contradiction,
    domain::{AtomId, ConceptId, MatchKind, NameId},
    index::ConceptHit,
};

/// Cap of embedding scores: 1.0 is reserved for exact and normalized matches.
pub(super) const MAX_EMBEDDING_SCORE: f32 = 0.9999;

/// A concept that was found for a text of a mention.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) concept: ConceptId,
    /// The atom through which it was found, and the name of this atom.
    pub(super) atom: AtomId,
    pub(super) name: NameId,
    pub(super) kind: MatchKind,
    /// Whether the text equals the name, rather than being near to it.
    pub(super) is_name: bool,
    /// Order of the candidates: the cosine times the similarity of the spelling, minus a penalty
    /// for uncovered words.
    pub(super) score: f32,
    /// Cosine of the text and the name; 1 if the text equals the name.
    pub(super) cosine: f32,
    /// Weighted share of the words of the text that no name of the concept has, 0 to 1.
    pub(super) uncovered: f32,
    /// Position of the text among the texts of the mention.
    pub(super) text: usize,
    pub(super) contradiction: Option<Contradiction>,
}

impl Found {
    /// A concept that owns the name `name`, which the text equals.
    pub(super) fn by_name(concept: ConceptId, atom: AtomId, name: NameId, kind: MatchKind) -> Self {
        let score = if kind <= MatchKind::Normalized { 1.0 } else { MAX_EMBEDDING_SCORE };
        Self {
            concept,
            atom,
            name,
            kind,
            is_name: true,
            score,
            cosine: 1.0,
            uncovered: 0.0,
            text: 0,
            contradiction: None,
        }
    }

    /// A concept that a search found with the text at position `text`.
    pub(super) fn by_search(hit: &ConceptHit, kind: MatchKind, penalty: f32, text: usize) -> Self {
        let ConceptHit { concept, atom, name, score } = *hit;
        let cosine = score.clamp(-1.0, MAX_EMBEDDING_SCORE);
        let score = cosine * penalty;
        Self { concept, atom, name, kind, is_name: false, score, cosine, uncovered: 0.0, text, contradiction: None }
    }

    /// Whether two candidates have one position: same score and match.
    pub(super) fn ties_with(&self, other: &Self) -> bool {
        let key = |found: &Self| (found.score, found.kind, found.contradiction.is_some());
        key(self) == key(other)
    }
}

/// Adds `new` to `found`; a concept that is there already keeps the better of the two.
pub(super) fn merge(found: &mut Vec<Found>, new: impl IntoIterator<Item = Found>) {
    for new in new {
        match found.iter_mut().find(|old| old.concept == new.concept) {
            Some(old) if compare(&new, old) == Ordering::Less => *old = new,
            Some(_) => {}
            None => found.push(new),
        }
    }
}

/// The better candidate is less. Concepts are numbered in the order of their ids.
pub(super) fn compare(a: &Found, b: &Found) -> Ordering {
    let contradicts = |found: &Found| found.contradiction.is_some();
    let by_contradiction = contradicts(a).cmp(&contradicts(b));
    by_contradiction.then(b.score.total_cmp(&a.score)).then(a.kind.cmp(&b.kind)).then(a.concept.cmp(&b.concept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contradiction::ContradictionKind;

    fn hit(concept: u32, score: f32) -> ConceptHit {
        ConceptHit { concept: ConceptId::new(concept), atom: AtomId::new(0), name: NameId::new(0), score }
    }

    fn found(concept: u32, kind: MatchKind, score: f32) -> Found {
        Found { score, ..Found::by_search(&hit(concept, score), kind, 1.0, 0) }
    }

    #[test]
    fn candidates_are_ordered_by_score_then_match_then_concept() {
        use MatchKind::*;
        let contradiction =
            Contradiction { kind: ContradictionKind::Side, mention: "left".into(), name: "right".into() };
        let mut all = [
            Found { contradiction: Some(contradiction), ..found(1, Embedding, 0.95) },
            found(4, Embedding, 0.9),
            found(9, Embedding, 1.0),
            found(3, Embedding, 0.9),
            found(8, Normalized, 1.0),
            found(7, Exact, 1.0),
        ];
        all.sort_by(compare);
        assert_eq!(all.map(|found| found.concept.get()), [7, 8, 9, 3, 4, 1]);
    }

    #[test]
    fn a_concept_found_twice_keeps_its_better_match() {
        use MatchKind::*;
        let name = Found::by_name(ConceptId::new(1), AtomId::new(0), NameId::new(0), Normalized);
        let mut all = vec![name];
        merge(&mut all, [hit(1, 0.8), hit(2, 0.8), hit(3, 0.4)].map(|hit| Found::by_search(&hit, Embedding, 1.0, 0)));
        merge(&mut all, [hit(2, 0.8), hit(3, 0.9)].map(|hit| Found::by_search(&hit, Corrected, 0.5, 1)));
        let all: Vec<_> = all.iter().map(|c| (c.concept.get(), c.kind, c.score, c.cosine, c.text)).collect();
        let expected = [(1, Normalized, 1.0, 1.0, 0), (2, Embedding, 0.8, 0.8, 0), (3, Corrected, 0.45, 0.9, 1)];
        assert_eq!(all, expected);
    }

    #[test]
    fn only_equal_names_have_the_score_one() {
        let by_name = |kind| Found::by_name(ConceptId::new(1), AtomId::new(0), NameId::new(0), kind).score;
        assert_eq!([by_name(MatchKind::Exact), by_name(MatchKind::Normalized)], [1.0, 1.0]);
        assert!(by_name(MatchKind::Variant) < 1.0);
        assert!(Found::by_search(&hit(1, 1.0), MatchKind::Embedding, 1.0, 0).score < 1.0);
    }
}
