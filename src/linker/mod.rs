//! Mentions to concepts: exact names first, then the nearest embeddings, of the mention and of its repaired spelling.
//!
//! Order of candidates: score, then match kind, then concept id. A mention that is a name of the index has score 1 for every
//! concept that owns the name. Invariant: the model is the one that the index was built with; mention text goes nowhere but to the encoder.

use std::{
    cmp::Ordering,
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rayon::prelude::*;

pub use crate::encoder::EncoderError;
use crate::{
    cancel::CancelToken,
    concepts::Repaired,
    domain::MatchKind,
    encoder::Encoder,
    index::{ConceptHit, Index, IndexError, MAX_TIES, ModelReference},
    job::Job,
    text,
};
pub use crate::{
    concepts::{
        AtomView, ConceptStore, DefinitionView, Filter, FilterRequest, FoundBy, FoundConcept, FoundPage, Relation,
        Retired, SourceEntry, Successor,
    },
    domain::{AtomId, ConceptId},
    index::{Calibration, Recall},
};

/// Searches of one call from which on they are spread over threads.
const PARALLEL_FROM: usize = 8;

/// Filters that are resolved at once: each takes a bit a row.
const MOST_FILTERS: usize = 16;

/// What the cosine of a mention is worth of whose words none stands in a name: it is of the pieces that the model cuts them into.
const FOREIGN: f32 = 0.9;

/// 1 is for names alone.
const BEST_COSINE: f32 = 0.9999;

/// One mention and what is asked of it.
#[derive(Clone, PartialEq)]
pub struct Query {
    pub text: String,
    /// Candidates wanted, at least 1.
    pub top_k: usize,
    /// Candidates below it are left out.
    pub min_score: Option<f32>,
    pub filter: FilterRequest,
}

/// A concept that a mention may mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub concept: ConceptId,
    /// The atom through which it was found.
    pub atom: AtomId,
    pub kind: MatchKind,
    /// 1 for names, and for names alone; else the cosine. With misspelled words, times the share of letters that were right; with unknown words
    /// alone, times 0.9.
    pub score: f32,
    /// How likely it is the concept, if the index is calibrated: see [`likely`].
    pub probability: Option<f32>,
}

/// What the candidates amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Linked,
    /// Several concepts own the best name.
    Ambiguous,
    /// Nothing is near enough; candidates may still be listed.
    Nil,
}

/// The answer for one mention.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: Status,
    /// At most `top_k`, except that all owners of an ambiguous best name are listed.
    pub candidates: Vec<Candidate>,
}

/// What linking took, by its stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Looking up exact names and repairing spelling.
    pub names: Duration,
    /// Texts to token ids.
    pub tokenize: Duration,
    /// Waiting for a session.
    pub queue: Duration,
    /// Inference.
    pub encode: Duration,
    /// Searching vectors and putting candidates in order.
    pub search: Duration,
}

impl Stages {
    /// Each with its name, in their order.
    pub fn named(&self) -> [(&'static str, Duration); 5] {
        [
            ("names", self.names),
            ("tokenize", self.tokenize),
            ("queue", self.queue),
            ("encode", self.encode),
            ("search", self.search),
        ]
    }
}

/// What an index says of the model that `encoder` is.
pub fn reference(encoder: &Encoder) -> ModelReference {
    let model = encoder.manifest();
    ModelReference { name: model.name.clone(), fingerprint: model.fingerprint(), dimensions: model.dimensions }
}

/// An index with its model.
pub struct Linker {
    encoder: Arc<Encoder>,
    index: Index,
}

impl Linker {
    /// Joins the two; an encoder may serve several indexes.
    ///
    /// # Errors
    /// [`IndexError::OtherModel`] when the index holds vectors of another model.
    pub fn new(encoder: impl Into<Arc<Encoder>>, index: Index) -> Result<Self, IndexError> {
        let encoder = encoder.into();
        index.check_model(&reference(&encoder))?;
        Ok(Self { encoder, index })
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The model.
    pub fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    /// An answer for each query, in their order. A query whose exact names already fill its `top_k` costs no inference.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] when inference fails.
    pub fn link(&self, queries: &[Query]) -> Result<Vec<Answer>, EncoderError> {
        self.link_with(queries, &CancelToken::never()).map(|(answers, _)| answers)
    }

    /// As [`Linker::link`], for somebody who may give up; says what it took.
    ///
    /// # Errors
    /// As [`Linker::link`], and [`EncoderError::Canceled`].
    pub fn link_with(&self, queries: &[Query], cancel: &CancelToken) -> Result<(Vec<Answer>, Stages), EncoderError> {
        let mut stages = Stages::default();
        let mut by_filter: HashMap<&FilterRequest, Vec<usize>> = HashMap::new();
        queries.iter().enumerate().for_each(|(i, query)| by_filter.entry(&query.filter).or_default().push(i));
        if by_filter.len() <= MOST_FILTERS {
            let answers = self.link_some(&queries.iter().collect::<Vec<_>>(), cancel, &mut stages)?;
            return Ok((answers, stages));
        }
        let mut answers: Vec<Option<Answer>> = vec![None; queries.len()];
        for group in by_filter.into_values().collect::<Vec<_>>().chunks(MOST_FILTERS) {
            let places = group.concat();
            let queries: Vec<&Query> = places.iter().map(|&i| &queries[i]).collect();
            let some = self.link_some(&queries, cancel, &mut stages)?;
            places.into_iter().zip(some).for_each(|(i, answer)| answers[i] = Some(answer));
        }
        Ok((answers.into_iter().flatten().collect(), stages))
    }

    fn link_some(
        &self,
        queries: &[&Query],
        cancel: &CancelToken,
        stages: &mut Stages,
    ) -> Result<Vec<Answer>, EncoderError> {
        let started = Instant::now();
        let cleaned: Vec<String> = queries.iter().map(|q| text::clean(&q.text)).collect();
        let mut resolved: HashMap<&FilterRequest, Filter> = HashMap::new();
        for query in queries {
            resolved.entry(&query.filter).or_insert_with(|| Filter::new(&query.filter, self.index.concepts()));
        }
        let filters: Vec<&Filter> = queries.iter().map(|q| &resolved[&q.filter]).collect();
        let mut candidates: Vec<Vec<Candidate>> =
            cleaned.iter().zip(&filters).map(|(text, filter)| self.by_name(text, filter)).collect();

        let mut open: Vec<Reading> = vec![];
        for i in 0..queries.len() {
            if candidates[i].len() >= queries[i].top_k {
                continue;
            }
            let (key, unnamed) = (text::normalize(&cleaned[i]), candidates[i].is_empty());
            let repaired = unnamed.then(|| self.index.repair(&key)).flatten();
            // A text with a misspelled word is as doubtful as its repair.
            let similarity = match &repaired {
                Some(repaired) => repaired.similarity,
                None if unnamed && self.index.is_foreign(&key) => FOREIGN,
                None => 1.0,
            };
            open.push(Reading { query: i, text: cleaned[i].clone(), similarity, kind: MatchKind::Embedding });
            if let Some(Repaired { text, similarity }) = repaired {
                let named = self.by_name(&text, filters[i]).into_iter();
                candidates[i].extend(named.map(|c| Candidate { kind: MatchKind::Corrected, score: similarity, ..c }));
                open.push(Reading { query: i, text, similarity, kind: MatchKind::Corrected });
            }
        }
        let texts: Vec<&str> = open.iter().map(|reading| reading.text.as_str()).collect();
        let named = started.elapsed();
        let (vectors, times) = self.encoder.embed_timed(&texts, Job::quiet(cancel))?;
        let embedded = Instant::now();
        let search = |(vector, reading): (&[f32], &Reading)| {
            self.index.search(vector, queries[reading.query].top_k, filters[reading.query])
        };
        let work = vectors.chunks_exact(self.encoder.dimensions()).zip(&open).collect::<Vec<_>>();
        // A few searches are done sooner than other threads would begin.
        let hits: Vec<Vec<ConceptHit>> = if work.len() < PARALLEL_FROM {
            work.into_iter().map(search).collect()
        } else {
            work.into_par_iter().map(search).collect()
        };
        for (hits, reading) in hits.iter().zip(&open) {
            merge(&mut candidates[reading.query], hits, reading);
        }
        let manifest = self.index.manifest();
        let answer = |(query, found): (&&Query, _)| {
            let mut answer = conclude(query, found, manifest.nil_threshold);
            if let Some(calibration) = &manifest.calibration {
                likely(&mut answer.candidates, calibration);
            }
            answer
        };
        let answers = queries.iter().zip(candidates).map(answer).collect();
        stages.names += named;
        stages.tokenize += times.tokenize;
        stages.queue += times.queue;
        stages.encode += times.run;
        stages.search += embedded.elapsed();
        Ok(answers)
    }

    /// The concepts that own `text` as a name, at most [`MAX_TIES`].
    fn by_name(&self, text: &str, filter: &Filter) -> Vec<Candidate> {
        let concepts = self.index.concepts();
        let Some(row) = concepts.name_id(&text::normalize(text)) else { return vec![] };
        let mut owners: Vec<Candidate> = vec![];
        for (concept, atom) in filter.atoms_of(concepts, row) {
            // Of a concept's atoms in this row, the one that is the mention itself if there is one.
            let kind = if concepts.atom(atom).name == text { MatchKind::Exact } else { MatchKind::Normalized };
            let found = Candidate { concept, atom, kind, score: 1.0, probability: None };
            let full = owners.len() == MAX_TIES;
            match owners.last_mut().filter(|last| last.concept == concept) {
                Some(last) if kind < last.kind => *last = found,
                Some(_) => {}
                None if full => break,
                None => owners.push(found),
            }
        }
        owners
    }
}

/// A text that a query is embedded as: itself, or its repaired spelling.
struct Reading {
    query: usize,
    text: String,
    similarity: f32,
    kind: MatchKind,
}

/// Adds what a reading found; a concept found before keeps the better of the two.
fn merge(candidates: &mut Vec<Candidate>, hits: &[ConceptHit], reading: &Reading) {
    for hit in hits {
        let score = hit.score.clamp(-1.0, BEST_COSINE) * reading.similarity;
        let found = Candidate { concept: hit.concept, atom: hit.atom, kind: reading.kind, score, probability: None };
        match candidates.iter_mut().find(|c| c.concept == hit.concept) {
            Some(known) if order(&found, known) == Ordering::Less => *known = found,
            Some(_) => {}
            None => candidates.push(found),
        }
    }
}

/// Concepts are numbered in the order of their ids.
fn order(a: &Candidate, b: &Candidate) -> Ordering {
    b.score.total_cmp(&a.score).then(a.kind.cmp(&b.kind)).then(a.concept.cmp(&b.concept))
}

fn conclude(query: &Query, mut candidates: Vec<Candidate>, nil_threshold: f32) -> Answer {
    if let Some(least) = query.min_score {
        candidates.retain(|c| c.score >= least);
    }
    candidates.sort_by(order);
    let owners = candidates
        .first()
        .map_or(0, |best| candidates.iter().take_while(|c| (c.score, c.kind) == (best.score, best.kind)).count());
    let status = match candidates.first() {
        Some(best) if best.score >= nil_threshold && owners > 1 => Status::Ambiguous,
        Some(best) if best.score >= nil_threshold => Status::Linked,
        _ => Status::Nil,
    };
    let keep = if status == Status::Ambiguous { owners.max(query.top_k) } else { query.top_k };
    candidates.truncate(keep);
    Answer { status, candidates }
}

/// Gives candidates, best first, their probabilities: a group of one score and kind is right as `calibration` says of a best candidate, if
/// none before it is; within a group all are as likely.
fn likely(candidates: &mut [Candidate], calibration: &Calibration) {
    let mut left = 1.0;
    for group in candidates.chunk_by_mut(|a, b| (a.score, a.kind) == (b.score, b.kind)) {
        let probability = left * calibration.probability(group[0].score);
        let share = probability / group.len() as f32;
        group.iter_mut().for_each(|candidate| candidate.probability = Some(share));
        left -= probability;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(concept: u32, kind: MatchKind, score: f32) -> Candidate {
        Candidate { concept: ConceptId::new(concept), atom: AtomId::new(concept), kind, score, probability: None }
    }

    fn query(top_k: usize, min_score: Option<f32>) -> Query {
        Query { text: String::new(), top_k, min_score, filter: FilterRequest::default() }
    }

    fn check(query: &Query, candidates: Vec<Candidate>, status: Status, concepts: &[u32]) {
        let answer = conclude(query, candidates, 0.5);
        assert_eq!(answer.status, status);
        assert_eq!(answer.candidates.iter().map(|c| c.concept.get()).collect::<Vec<_>>(), concepts);
    }

    #[test]
    fn ordered_by_score_then_kind_then_concept() {
        use MatchKind::*;
        let all = vec![
            candidate(4, Embedding, 0.9),
            candidate(9, Embedding, 1.0),
            candidate(3, Embedding, 0.9),
            candidate(8, Normalized, 1.0),
            candidate(7, Exact, 1.0),
        ];
        check(&query(9, None), all.clone(), Status::Linked, &[7, 8, 9, 3, 4]);
        check(&query(2, None), all.clone(), Status::Linked, &[7, 8]);
        check(&query(9, Some(0.95)), all, Status::Linked, &[7, 8, 9]);
    }

    #[test]
    fn every_owner_of_an_ambiguous_name_is_listed() {
        let owners: Vec<_> = (0..4).map(|c| candidate(c, MatchKind::Exact, 1.0)).collect();
        check(&query(1, None), owners, Status::Ambiguous, &[0, 1, 2, 3]);
    }

    #[test]
    fn far_candidates_are_nil_and_still_listed() {
        check(&query(5, None), vec![candidate(1, MatchKind::Embedding, 0.4)], Status::Nil, &[1]);
        check(&query(5, Some(0.6)), vec![candidate(1, MatchKind::Embedding, 0.55)], Status::Nil, &[]);
        check(&query(5, None), vec![], Status::Nil, &[]);
    }

    #[test]
    fn a_concept_found_twice_keeps_its_better_match() {
        let mut candidates = vec![candidate(1, MatchKind::Normalized, 1.0)];
        let hit = |concept, score| ConceptHit { concept, atom: 0, row: 0, score };
        let reading = |similarity, kind| Reading { query: 0, text: String::new(), similarity, kind };
        merge(&mut candidates, &[hit(1, 0.8), hit(2, 0.8), hit(3, 0.4)], &reading(1.0, MatchKind::Embedding));
        merge(&mut candidates, &[hit(2, 0.8), hit(3, 0.9)], &reading(0.5, MatchKind::Corrected));
        let found: Vec<_> = candidates.iter().map(|c| (c.concept, c.kind, c.score)).collect();
        use MatchKind::*;
        assert_eq!(found, [(1, Normalized, 1.0), (2, Embedding, 0.8), (3, Corrected, 0.45)]);
    }

    #[test]
    fn probabilities_are_shared_and_never_more_than_all() {
        use MatchKind::*;
        let calibration = Calibration {
            method: crate::index::CalibrationMethod::Isotonic,
            curve: vec![[0.5, 0.2], [1.0, 0.8]],
            mentions: 1,
            inputs: vec![],
            nil_share: 0.0,
            measured: Default::default(),
        };
        let mut candidates = [
            candidate(1, Exact, 1.0),
            candidate(2, Exact, 1.0),
            candidate(3, Embedding, 0.75),
            candidate(4, Embedding, 0.2),
        ];
        likely(&mut candidates, &calibration);
        let found = candidates.map(|c| (c.probability.unwrap() * 1e4).round() / 1e4);
        assert_eq!(found, [0.4, 0.4, 0.1, 0.02]);
    }
}
