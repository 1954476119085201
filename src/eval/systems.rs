//! Measures one system after another: the baselines, the embedding with and without the graph, and
//! the linker of the service.
//!
//! Invariant: all systems get the same mentions and names; only the linker applies its own
//! normalization to them.

use std::{collections::HashMap, time::Instant};

use rayon::prelude::*;

use crate::{
    ann::NameGraph,
    cancel::Canceled,
    encoder::Encoder,
    eval::{
        EvalError,
        breakdown::{by_error_kind, by_semantic_type},
        dictionary::{Dictionary, ResolvedMention},
        linking::link_texts,
        mentions::lowercased,
        metrics::{AccuracyMetrics, GoldRanks, MAX_RANK},
        options::{EvalOptions, EvalTarget, SearchMode, Similarity},
        rankers::{self, MAX_NAMES, NgramIndex, RankedName, RankedRows, Rankings},
        report::{RecallEntry, SystemEntry},
    },
    job::Job,
    linker::{Answer, Candidate, Linker},
    text,
};

/// Number of texts in one exact scan of an index.
const SCAN_BATCH: usize = 64;
/// Recall counts a name as found if its score is at most this much below that of the exact scan:
/// names with practically equal scores may exchange ranks because stored vectors are rounded.
const SCORE_TOLERANCE: f32 = 1e-4;

/// The inputs that all systems share.
pub(super) struct SystemEvaluator<'a> {
    pub(super) dictionary: &'a Dictionary,
    /// The mentions of each fold that count.
    pub(super) folds: &'a [Vec<ResolvedMention<'a>>],
    /// The distinct parts of all mentions, in lower case.
    pub(super) texts: &'a [String],
    pub(super) options: &'a EvalOptions,
}

/// The result of the embedding.
pub(super) struct EmbeddingResult {
    /// `embedding`, and `embedding, graph` if the graph is measured.
    pub(super) systems: Vec<SystemEntry>,
    pub(super) recall: Option<RecallEntry>,
    /// Seconds that embedding the names of the dictionary took; 0 if an index has their vectors.
    pub(super) dictionary_seconds: f64,
}

/// EmbeddedTexts of the names and of the texts, row-major.
struct EmbeddedTexts {
    /// Empty if the index has the vectors of the names.
    names: Vec<f32>,
    texts: Vec<f32>,
    dimensions: usize,
}

impl SystemEvaluator<'_> {
    /// Measures the name that is equal to the text.
    pub(super) fn string_equality(&self, job: Job<'_>) -> SystemEntry {
        job.progress.stage("string equality", 0);
        let started = Instant::now();
        let rankings = rankers::equal_names(self.dictionary, self.texts);
        self.entry_of_rankings("string equality", started.elapsed().as_secs_f64(), &rankings)
    }

    /// Measures tf-idf of character n-grams.
    pub(super) fn character_ngrams(&self, job: Job<'_>) -> SystemEntry {
        job.progress.stage("counting n-grams", 0);
        let index = NgramIndex::new(&self.dictionary.names);
        job.progress.stage("comparing n-grams", 0);
        let started = Instant::now();
        let rankings = self.with_owners(index.rank(self.texts));
        self.entry_of_rankings("character n-grams", started.elapsed().as_secs_f64(), &rankings)
    }

    /// Measures the embedding with an exact scan, and with the graph if the options request it.
    pub(super) fn embedding(&self, target: &EvalTarget, job: Job<'_>) -> Result<EmbeddingResult, EvalError> {
        let encoder = target.encoder();
        let started = Instant::now();
        let names = match target {
            EvalTarget::Dictionary(_) => self.embed(encoder, "embedding names", &self.dictionary.names, job)?,
            EvalTarget::Index(_) => vec![],
        };
        let dictionary_seconds = if names.is_empty() { 0.0 } else { started.elapsed().as_secs_f64() };
        let started = Instant::now();
        let texts = self.embed(encoder, "embedding mentions", self.texts, job)?;
        let embedding_seconds = started.elapsed().as_secs_f64();
        let vectors = EmbeddedTexts { names, texts, dimensions: encoder.dimensions() };
        let (exact, exact_seconds) = timed_search("embedding", job, || exact_search(target, &vectors, job))?;
        let graph = match self.options.mode {
            SearchMode::Exact => None,
            SearchMode::Graph => Some(self.graph_search(target, &vectors, job)?),
        };
        job.cancel.check()?;
        let recall = graph.as_ref().map(|(nearest, _)| recall(&exact, nearest, self.ef_search(target)));
        let mut systems = vec![];
        let searches = [Some(("embedding", exact, exact_seconds)), graph.map(|(n, s)| ("embedding, graph", n, s))];
        for (name, nearest, search_seconds) in searches.into_iter().flatten() {
            systems.push(self.entry_of_rankings(name, embedding_seconds + search_seconds, &self.with_owners(nearest)));
        }
        Ok(EmbeddingResult { systems, recall, dictionary_seconds })
    }

    fn embed(&self, encoder: &Encoder, stage: &str, texts: &[String], job: Job<'_>) -> Result<Vec<f32>, EvalError> {
        job.progress.stage(stage, texts.len() as u64);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        Ok(match self.options.similarity {
            Similarity::Cosine => encoder.embed_with(&texts, job)?,
            Similarity::Dot => encoder.embed_raw(&texts, job)?,
        })
    }

    /// The names that the graph finds, and the seconds of the search. A dictionary gets a graph
    /// first, which is not part of the time.
    fn graph_search(
        &self,
        target: &EvalTarget,
        vectors: &EmbeddedTexts,
        job: Job<'_>,
    ) -> Result<(RankedRows, f64), EvalError> {
        let dir = tempfile::tempdir()?;
        let (names, dimensions) = (&vectors.names, vectors.dimensions);
        let graph = match target {
            EvalTarget::Dictionary(_) => {
                Some(NameGraph::build(dir.path(), names, dimensions, &self.options.graph, job)?)
            }
            EvalTarget::Index(_) => None,
        };
        let nearest = |query: &[f32]| match (&graph, target) {
            (Some(graph), _) => graph.nearest(query, MAX_NAMES),
            (None, EvalTarget::Index(linker)) => linker.index().nearest_names(query, MAX_NAMES),
            (None, EvalTarget::Dictionary(_)) => vec![],
        };
        timed_search("embedding, graph", job, || Ok(vectors.texts.par_chunks_exact(dimensions).map(nearest).collect()))
    }

    fn ef_search(&self, target: &EvalTarget) -> usize {
        match target {
            EvalTarget::Dictionary(_) => self.options.graph.ef_search,
            EvalTarget::Index(linker) => linker.index().ef_search(),
        }
    }

    /// Measures the linker as the service runs it: exact and normalized names, repaired spelling,
    /// embedding.
    pub(super) fn linker(&self, linker: &Linker, job: Job<'_>) -> Result<SystemEntry, EvalError> {
        let mut parts: Vec<&str> = self.folds.iter().flatten().flat_map(|resolved| resolved.mention.parts()).collect();
        parts.sort_unstable();
        parts.dedup();
        let started = Instant::now();
        let answers = link_texts(linker, &parts, MAX_RANK, job)?;
        let seconds = started.elapsed().as_secs_f64();
        let names = answers.iter().map(|answer| self.names_of_answer(linker, answer));
        let found: HashMap<&str, Vec<RankedName>> = parts.iter().copied().zip(names).collect();
        let found = |part: &str| found.get(part).map_or(&[][..], Vec::as_slice);
        Ok(self.entry("linker", parts.len(), seconds, found))
    }

    /// The names of an answer. Candidates with the same score and match are the owners of one name.
    fn names_of_answer(&self, linker: &Linker, answer: &Answer) -> Vec<RankedName> {
        let concepts = linker.index().concepts();
        let name = |owners: &[Candidate]| {
            let key = text::normalize(concepts.atom(owners[0].atom).name);
            let ids = owners.iter().map(|owner| concepts.id(owner.concept));
            Some(RankedName {
                row: concepts.name_id(&key)?.get(),
                score: owners[0].score,
                concepts: ids.filter_map(|id| self.dictionary.concept(id)).collect(),
            })
        };
        answer.candidates.chunk_by(|a, b| (a.score, a.kind) == (b.score, b.kind)).filter_map(name).collect()
    }

    fn with_owners(&self, nearest: RankedRows) -> Rankings {
        nearest.into_iter().map(|rows| rankers::with_owners(self.dictionary, rows)).collect()
    }

    /// The report of a system that took `seconds` to rank names for all texts.
    fn entry_of_rankings(&self, name: &str, seconds: f64, rankings: &Rankings) -> SystemEntry {
        let positions: HashMap<&str, usize> = self.texts.iter().map(String::as_str).zip(0..).collect();
        let found = |part: &str| positions.get(lowercased(part).as_str()).map_or(&[][..], |&i| rankings[i].as_slice());
        self.entry(name, self.texts.len(), seconds, found)
    }

    /// The report of a system; `found` gives the names that it found for a part of a mention, and
    /// it took `seconds` for `texts` texts.
    fn entry<'f>(
        &self,
        name: &str,
        texts: usize,
        seconds: f64,
        found: impl Fn(&str) -> &'f [RankedName],
    ) -> SystemEntry {
        let ranks_of = |resolved: &ResolvedMention| {
            let parts = resolved.mention.parts();
            GoldRanks::of_parts(parts.into_iter().map(|part| GoldRanks::of(found(part), &resolved.gold)))
        };
        let folds: Vec<Vec<GoldRanks>> = self.folds.iter().map(|fold| fold.iter().map(ranks_of).collect()).collect();
        let acc_1 = |fold: &Vec<GoldRanks>| fold.iter().filter(|r| r.name == 1).count() as f64 / fold.len() as f64;
        let (gold_ranks, mentions) = (folds.concat(), || self.folds.iter().flatten());
        SystemEntry {
            name: name.into(),
            metrics: AccuracyMetrics::of(&folds, self.options.seed),
            fold_acc_1: folds.iter().map(acc_1).collect(),
            seconds,
            texts_per_second: texts as f64 / seconds.max(1e-9),
            types: by_semantic_type(self.dictionary, mentions(), &gold_ranks),
            errors: by_error_kind(self.dictionary, mentions(), &gold_ranks, found, self.options.examples),
            gold_ranks,
        }
    }
}

/// Runs a search as a stage of its own and measures its seconds.
fn timed_search(
    system: &str,
    job: Job<'_>,
    search: impl FnOnce() -> Result<RankedRows, EvalError>,
) -> Result<(RankedRows, f64), EvalError> {
    job.progress.stage(&format!("searching, {system}"), 0);
    let started = Instant::now();
    let nearest = search()?;
    Ok((nearest, started.elapsed().as_secs_f64()))
}

fn exact_search(target: &EvalTarget, vectors: &EmbeddedTexts, job: Job<'_>) -> Result<RankedRows, EvalError> {
    match target {
        EvalTarget::Dictionary(_) => Ok(rankers::nearest_names(&vectors.names, &vectors.texts, vectors.dimensions)),
        EvalTarget::Index(linker) => {
            let queries: Vec<&[f32]> = vectors.texts.chunks_exact(vectors.dimensions).collect();
            let scan = |queries: &[&[f32]]| {
                job.cancel.check()?;
                Ok(linker.index().nearest_names_exact(queries, MAX_NAMES))
            };
            Ok(queries.par_chunks(SCAN_BATCH).map(scan).collect::<Result<Vec<_>, Canceled>>()?.concat())
        }
    }
}

/// The share of the best name, and of the best ten, of the exact scan that the graph finds too.
fn recall(exact: &RankedRows, graph: &RankedRows, ef_search: usize) -> RecallEntry {
    let recall_at = |k: usize| {
        let counts = exact.iter().zip(graph).map(|(exact, graph)| {
            let worst = exact[..k.min(exact.len())].last().map_or(f32::INFINITY, |last| last.1);
            let found = graph.iter().take(k).filter(|found| found.1 >= worst - SCORE_TOLERANCE).count();
            (found, k.min(exact.len()))
        });
        let (found, all) = counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        found as f64 / all.max(1) as f64
    };
    RecallEntry { ef_search, at_1: recall_at(1), at_10: recall_at(10) }
}
