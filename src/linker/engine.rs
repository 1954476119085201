//! One pass of linking: names, spelling repair, embeddings, search.
//!
//! When a mention is a name of the index, every concept that owns the name gets score 1. If these
//! concepts fill `top_k`, no inference runs for the mention.

use std::{sync::Arc, time::Instant};

use rayon::prelude::*;

use crate::{
    cancel::CancelToken,
    concepts::{Filter, Repaired},
    domain::MatchKind,
    encoder::{Encoder, EncoderError},
    index::{ConceptHit, Index, IndexError, MAX_TIES, ModelReference},
    job::Job,
    linker::{
        probability::assign_probabilities,
        rank::{Answer, Candidate, merge_hits, rank},
        stages::{Stage, StageDurations},
    },
    text,
};

/// Minimum number of searches of one call for several threads.
const MIN_PARALLEL_SEARCHES: usize = 8;

/// Penalty applied when no word of the mention occurs in the vocabulary: its embedding then rests
/// on word pieces alone.
const UNKNOWN_WORDS_PENALTY: f32 = 0.9;

/// A mention with its effective options.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The mention as it was written.
    pub text: &'a str,
    /// Number of candidates wanted, at least 1.
    pub top_k: usize,
    /// Candidates with a lower score are left out.
    pub min_score: Option<f32>,
    /// The concepts and names that may be answered.
    pub filter: &'a Filter,
}

/// The reference to the model of `encoder` that an index stores.
pub fn model_reference(encoder: &Encoder) -> ModelReference {
    let model = encoder.manifest();
    ModelReference { name: model.name.clone(), fingerprint: model.fingerprint(), dimensions: model.dimensions }
}

/// An index with the model that it was built with.
pub struct Linker {
    encoder: Arc<Encoder>,
    index: Index,
}

/// A text that is embedded for a query: the mention itself or its repaired spelling.
struct EmbeddedText {
    /// Position of the query.
    query: usize,
    text: String,
    /// The match of concepts that a search with this text finds.
    kind: MatchKind,
    /// Factor of the cosine, for misspelled or unknown words.
    penalty: f32,
}

impl Linker {
    /// Combines an encoder and an index; several linkers may share an encoder.
    ///
    /// # Errors
    /// [`IndexError::OtherModel`] when the index holds vectors of another model.
    pub fn new(encoder: impl Into<Arc<Encoder>>, index: Index) -> Result<Self, IndexError> {
        let encoder = encoder.into();
        index.check_model(&model_reference(&encoder))?;
        Ok(Self { encoder, index })
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The encoder.
    pub fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    /// An answer for each query, in their order, and the time of each stage.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] when inference fails, [`EncoderError::Canceled`].
    pub fn link(
        &self,
        queries: &[Query<'_>],
        cancel: &CancelToken,
    ) -> Result<(Vec<Answer>, StageDurations), EncoderError> {
        let started = Instant::now();
        let (mut candidates, texts) = self.look_up_names(queries);
        let names = started.elapsed();
        let inputs: Vec<&str> = texts.iter().map(|embedded| embedded.text.as_str()).collect();
        let (vectors, times) = self.encoder.embed_timed(&inputs, Job::quiet(cancel))?;
        let embedded = Instant::now();
        let hits = self.search(&vectors, &texts, queries);
        for (hits, text) in hits.iter().zip(&texts) {
            merge_hits(&mut candidates[text.query], hits, text.kind, text.penalty);
        }
        let answers = queries.iter().zip(candidates).map(|(query, found)| self.answer(query, found)).collect();
        let mut durations = StageDurations::default();
        durations.add(Stage::Names, names);
        durations.add(Stage::Tokenize, times.tokenize);
        durations.add(Stage::Queue, times.queue);
        durations.add(Stage::Encode, times.run);
        durations.add(Stage::Search, embedded.elapsed());
        Ok((answers, durations))
    }

    /// The candidates of each query that are found by name, and the texts that have to be embedded.
    fn look_up_names(&self, queries: &[Query<'_>]) -> (Vec<Vec<Candidate>>, Vec<EmbeddedText>) {
        let mut texts = vec![];
        let mut look_up = |(number, query): (usize, &Query<'_>)| {
            let cleaned = text::clean(query.text);
            let key = text::normalize(&cleaned);
            let mut candidates = self.by_name(&cleaned, &key, query.filter);
            if candidates.len() >= query.top_k {
                return candidates;
            }
            let is_name = !candidates.is_empty();
            let repaired = if is_name { None } else { self.index.repair(&key) };
            let penalty = match &repaired {
                // The embedding of the mention as written gets the same penalty as its repair.
                Some(repaired) => repaired.similarity,
                None if !is_name && self.index.has_only_unknown_words(&key) => UNKNOWN_WORDS_PENALTY,
                None => 1.0,
            };
            texts.push(EmbeddedText { query: number, text: cleaned, kind: MatchKind::Embedding, penalty });
            if let Some(Repaired { text, similarity }) = repaired {
                let owners = self.by_name(&text, &text::normalize(&text), query.filter).into_iter();
                candidates.extend(owners.map(|c| Candidate { kind: MatchKind::Corrected, score: similarity, ..c }));
                texts.push(EmbeddedText { query: number, text, kind: MatchKind::Corrected, penalty: similarity });
            }
            candidates
        };
        let candidates = queries.iter().enumerate().map(&mut look_up).collect();
        (candidates, texts)
    }

    /// The concepts that own `text`, whose normalized form is `key`, as a name; at most
    /// [`MAX_TIES`].
    fn by_name(&self, text: &str, key: &str, filter: &Filter) -> Vec<Candidate> {
        let concepts = self.index.concepts();
        let Some(name) = concepts.name_id(key) else { return vec![] };
        let mut owners: Vec<Candidate> = vec![];
        for (concept, atom) in filter.atoms_of(concepts, name) {
            // A concept may have several atoms with this key: one that equals the mention is
            // preferred.
            let kind = if concepts.atom(atom).name == text { MatchKind::Exact } else { MatchKind::Normalized };
            let found = Candidate { concept, atom, kind, score: 1.0, probability: None };
            let is_full = owners.len() == MAX_TIES;
            match owners.last_mut().filter(|last| last.concept == concept) {
                Some(last) if kind < last.kind => *last = found,
                Some(_) => {}
                None if is_full => break,
                None => owners.push(found),
            }
        }
        owners
    }

    /// The hits of each text. `vectors` has the vectors of the texts, row-major.
    fn search(&self, vectors: &[f32], texts: &[EmbeddedText], queries: &[Query<'_>]) -> Vec<Vec<ConceptHit>> {
        let search = |(vector, text): (&[f32], &EmbeddedText)| {
            let query = &queries[text.query];
            self.index.search(vector, query.top_k, query.filter)
        };
        let searches: Vec<_> = vectors.chunks_exact(self.encoder.dimensions()).zip(texts).collect();
        // A few searches are done before other threads would begin.
        if searches.len() < MIN_PARALLEL_SEARCHES {
            searches.into_iter().map(search).collect()
        } else {
            searches.into_par_iter().map(search).collect()
        }
    }

    fn answer(&self, query: &Query<'_>, candidates: Vec<Candidate>) -> Answer {
        let manifest = self.index.manifest();
        let mut answer = rank(candidates, query.top_k, query.min_score, manifest.nil_threshold);
        if let Some(calibration) = &manifest.calibration {
            assign_probabilities(&mut answer.candidates, calibration);
        }
        answer
    }
}
