//! Links queries: names and spelling, embeddings, search, order, probability. The mention as
//! written comes first; its readings follow if it is no name.
//!
//! When a text is a name of the index, every concept that owns the name gets score 1. If these
//! concepts fill `top_k`, no inference runs for the text.

use std::{sync::Arc, time::Instant};

use rayon::prelude::*;

use crate::{
    cancel::CancelToken,
    concepts::Lexicon,
    contradiction::{MentionWords, contradiction},
    encoder::{Encoder, EncoderError},
    index::{ConceptHit, Index, IndexError, ModelReference},
    job::Job,
    linker::{
        answer::{Answer, AnswerStatus, Candidate},
        evidence::{KnownWords, NEIGHBORS, features, lower_uncovered, profiles},
        lookup::{LinkText, Lookup},
        probability::candidates,
        query::Query,
        rank::{Found, compare, merge},
        readings::{TextQuery, better_reading, is_name, marks_left_out, readings_to_try},
        stages::{Stage, StageDurations},
    },
    reading::{LeftOutKind, Reading},
    text,
};

/// Minimum number of searches of one call for several threads.
const MIN_PARALLEL_SEARCHES: usize = 8;

/// The reference to the model of `encoder` that an index stores.
pub fn model_reference(encoder: &Encoder) -> ModelReference {
    let model = encoder.manifest();
    ModelReference { name: model.name.clone(), fingerprint: model.fingerprint(), dimensions: model.dimensions }
}

/// An index with the model that it was built with.
pub struct Linker {
    encoder: Arc<Encoder>,
    index: Index,
    lexicon: Option<Arc<Lexicon>>,
}

/// The position of a text that is embedded: the number of its lookup, and its position there.
type TextPosition = (usize, usize);

impl Linker {
    /// Combines an encoder and an index; several linkers may share an encoder.
    ///
    /// # Errors
    /// [`IndexError::OtherModel`] when the index holds vectors of another model.
    pub fn new(encoder: impl Into<Arc<Encoder>>, index: Index) -> Result<Self, IndexError> {
        let encoder = encoder.into();
        index.check_model(&model_reference(&encoder))?;
        Ok(Self { encoder, index, lexicon: None })
    }

    /// Words of `lexicon` are not repaired.
    pub fn with_lexicon(self, lexicon: Option<Arc<Lexicon>>) -> Self {
        Self { lexicon, ..self }
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
        let mut durations = StageDurations::default();
        let written: Vec<TextQuery<'_>> = queries.iter().map(TextQuery::as_written).collect();
        let mut answers = self.answer_all(&written, cancel, &mut durations)?;
        let mut to_try = vec![];
        for (position, query) in queries.iter().enumerate() {
            to_try.extend(readings_to_try(query, &answers[position]).map(|reading| (position, reading)));
        }
        for (answer, query) in answers.iter_mut().zip(queries) {
            answer.read_as = marks_left_out(query).filter(|_| is_name(answer));
        }
        let (positions, readings): (Vec<usize>, Vec<TextQuery<'_>>) = to_try.into_iter().unzip();
        let read = self.answer_all(&readings, cancel, &mut durations)?;
        for ((position, reading), answer) in positions.into_iter().zip(readings).zip(read) {
            if let Some(better) = better_reading(&answers[position], answer, reading) {
                answers[position] = better;
            }
        }
        Ok((answers, durations))
    }

    /// An answer for each text.
    fn answer_all(
        &self,
        texts: &[TextQuery<'_>],
        cancel: &CancelToken,
        durations: &mut StageDurations,
    ) -> Result<Vec<Answer>, EncoderError> {
        let started = Instant::now();
        let words = self.known_words();
        let is_word = |word: &str| words.is_word(word);
        // Repairs of spelling take most of this time, so it can be canceled.
        let look_up = |text: &TextQuery<'_>| -> Result<Lookup, EncoderError> {
            cancel.check()?;
            let spelling = text.query.options.spelling && !text.is_name_only;
            Ok(Lookup::new(&text.text, text.query.filter, spelling, &self.index, &is_word))
        };
        let mut lookups = texts.iter().map(look_up).collect::<Result<Vec<_>, _>>()?;
        let positions = texts_to_embed(&lookups, texts);
        durations.add(Stage::Names, started.elapsed());
        let inputs: Vec<&str> = positions.iter().map(|&(i, j)| lookups[i].texts[j].text.as_str()).collect();
        let embedded = self.encoder.embed_timed(&inputs, Job::quiet(cancel))?;
        let searched = Instant::now();
        let hits = self.search(&embedded.vectors, &positions, texts);
        let mut truncated = vec![false; texts.len()];
        for ((&(i, j), hits), is_truncated) in positions.iter().zip(&hits).zip(embedded.truncated) {
            truncated[i] |= is_truncated;
            let LinkText { kind, similarity, .. } = lookups[i].texts[j];
            merge(&mut lookups[i].found, hits.iter().map(|hit| Found::by_search(hit, kind, similarity, j)));
        }
        let answer = |((text, lookup), truncated)| self.answer(text, lookup, truncated);
        let answers = texts.iter().zip(lookups).zip(truncated).map(answer).collect();
        durations.add(Stage::Tokenize, embedded.times.tokenize);
        durations.add(Stage::Queue, embedded.times.queue);
        durations.add(Stage::Encode, embedded.times.run);
        durations.add(Stage::Search, searched.elapsed());
        Ok(answers)
    }

    fn known_words(&self) -> KnownWords<'_> {
        KnownWords { index: &self.index, encoder: &self.encoder, lexicon: self.lexicon.as_deref() }
    }

    /// The hits of each text. `vectors` has the vectors of the texts at `positions`, row-major.
    fn search(&self, vectors: &[f32], positions: &[TextPosition], texts: &[TextQuery<'_>]) -> Vec<Vec<ConceptHit>> {
        let search = |(vector, &(i, _)): (&[f32], &TextPosition)| {
            let query = texts[i].query;
            self.index.search(vector, query.top_k + NEIGHBORS, query.filter)
        };
        let searches: Vec<_> = vectors.chunks_exact(self.encoder.dimensions()).zip(positions).collect();
        // A few searches are done before other threads would begin.
        if searches.len() < MIN_PARALLEL_SEARCHES {
            searches.into_iter().map(search).collect()
        } else {
            searches.into_par_iter().map(search).collect()
        }
    }

    /// Orders and cuts the candidates of a text, gives them probabilities, and the answer its
    /// status.
    fn answer(&self, text: &TextQuery<'_>, lookup: Lookup, truncated: bool) -> Answer {
        let Lookup { mut found, texts, is_repair_ambiguous } = lookup;
        let query = text.query;
        let words = self.known_words();
        let profiles = profiles(&texts, &words);
        self.find_contradictions(&mut found, &texts, text.reading.as_ref());
        lower_uncovered(&mut found, &profiles, &self.index);
        found.sort_by(compare);
        let tied = found.first().map_or(0, |best| found.iter().take_while(|one| one.ties_with(best)).count());
        let count = if tied > 1 { tied.max(query.top_k) } else { query.top_k }.min(found.len());
        let values = features(&found, count, &texts, &profiles, text.reading.is_some(), &words);
        let calibration = self.index.manifest().calibration.as_ref();
        let model = calibration.map(|calibration| &calibration.confidence);
        let mut candidates = candidates(&found, &values, model, query.options.explain);
        if let Some(min_score) = query.min_score {
            candidates.retain(|candidate| candidate.score >= min_score);
        }
        let is_ambiguous = tied > 1 || is_repair_ambiguous && found.first().is_some_and(|best| best.text > 0);
        let status = match candidates.first() {
            Some(best) if best.contradiction.is_none() && self.is_sure(&candidates, tied) => {
                if is_ambiguous {
                    AnswerStatus::Ambiguous
                } else {
                    AnswerStatus::Linked
                }
            }
            _ => AnswerStatus::Nil,
        };
        if status != AnswerStatus::Ambiguous {
            candidates.truncate(query.top_k);
        }
        Answer { status, candidates, read_as: None, truncated }
    }

    /// Compares the texts with the names that they are near to, but do not equal, and with the
    /// preferred names of the concepts, which often say more: "vision loss" and "blindness". A
    /// preferred name that contradicts another name of its concept proves nothing. A side that a
    /// reading leaves out counts: the left hip is not the right one.
    fn find_contradictions(&self, found: &mut [Found], texts: &[LinkText], reading: Option<&Reading>) {
        let left_out = reading.map_or(&[][..], |reading| &reading.left_out);
        let sides = left_out.iter().filter(|part| part.kind == LeftOutKind::Laterality).map(|part| part.text.as_str());
        let sides = text::normalize(&sides.collect::<Vec<_>>().join(" "));
        let keys: Vec<String> = texts.iter().map(|text| format!("{sides} {}", text.key).trim_start().into()).collect();
        let mentions: Vec<MentionWords<'_>> = keys.iter().map(|key| MentionWords::new(key)).collect();
        let concepts = self.index.concepts();
        for one in found.iter_mut().filter(|one| !one.is_name) {
            let (name, preferred) = (concepts.atom(one.atom).name, concepts.preferred_name(one.concept));
            let name = text::normalize(name);
            one.contradiction = mentions[one.text].contradicts(&name).or_else(|| {
                let preferred = text::normalize(preferred);
                if preferred == name {
                    return None;
                }
                let found = mentions[one.text].contradicts(&preferred)?;
                contradiction(&name, &preferred).is_none().then_some(found)
            });
        }
    }

    /// Whether the first `tied` candidates together reach the threshold of the index.
    fn is_sure(&self, candidates: &[Candidate], tied: usize) -> bool {
        let manifest = self.index.manifest();
        let Some(calibration) = &manifest.calibration else {
            return candidates.first().is_some_and(|best| best.score >= manifest.nil_threshold);
        };
        let best = candidates.iter().take(tied).filter_map(|candidate| candidate.probability);
        best.sum::<f32>() >= calibration.threshold
    }
}

/// The texts whose names do not fill `top_k`. A reading is embedded if no reading of its mention is
/// a name.
fn texts_to_embed(lookups: &[Lookup], texts: &[TextQuery<'_>]) -> Vec<TextPosition> {
    let names = |lookup: &Lookup| lookup.found.iter().filter(|found| found.text == 0).count();
    let all: Vec<_> = lookups.iter().zip(texts).enumerate().collect();
    let of_one_query = all.chunk_by(|(_, (_, a)), (_, (_, b))| std::ptr::eq(a.query, b.query));
    let open = of_one_query.flat_map(|texts| {
        let has_name = texts.iter().any(|(_, (lookup, _))| names(lookup) > 0);
        texts.iter().filter(move |(_, (lookup, text))| {
            let is_open = if text.reading.is_some() { !has_name } else { names(lookup) < text.query.top_k };
            is_open && !text.is_name_only
        })
    });
    open.flat_map(|&(i, (lookup, _))| (0..lookup.texts.len()).map(move |j| (i, j))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        concepts::Filter,
        domain::{AtomId, ConceptId, MatchKind, NameId},
        linker::mention::LinkOptions,
    };

    /// Positions of the texts of one mention with these readings that are embedded. Each text is a
    /// name or not.
    fn embedded(written: bool, readings: &[bool]) -> Vec<TextPosition> {
        let filter = Filter::of_all(1);
        let query = Query { text: "", top_k: 5, min_score: None, filter: &filter, options: LinkOptions::default() };
        let name = || Found::by_name(ConceptId::new(0), AtomId::new(0), NameId::new(0), MatchKind::Exact);
        let lookup = |is_name: bool| Lookup {
            found: is_name.then(name).into_iter().collect(),
            texts: vec![LinkText {
                text: String::new(),
                key: String::new(),
                kind: MatchKind::Embedding,
                similarity: 1.0,
            }],
            is_repair_ambiguous: false,
        };
        let reading = |position: usize| TextQuery {
            reading: Some(Reading { text: String::new(), left_out: vec![] }),
            is_name_only: position > 0,
            ..TextQuery::as_written(&query)
        };
        if readings.is_empty() {
            return texts_to_embed(&[lookup(written)], &[TextQuery::as_written(&query)]);
        }
        let lookups: Vec<_> = readings.iter().map(|&is_name| lookup(is_name)).collect();
        texts_to_embed(&lookups, &(0..readings.len()).map(reading).collect::<Vec<_>>())
    }

    #[test]
    fn a_mention_embeds_one_reading_at_most_and_none_beside_a_name() {
        assert_eq!(embedded(false, &[]), [(0, 0)]);
        assert_eq!(embedded(true, &[]), [(0, 0)], "its name does not fill top_k");
        assert_eq!(embedded(false, &[false, false, false]), [(0, 0)]);
        assert_eq!(embedded(false, &[true, false]), []);
        assert_eq!(embedded(false, &[false, false, true]), []);
    }
}
