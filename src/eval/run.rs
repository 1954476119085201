//! An evaluation: mentions, what they are looked up among, and every system that looks.
//!
//! Invariant: all systems see the same mentions, and the same names but for what the linker makes of them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use rayon::prelude::*;

use crate::cancel::Canceled;
use crate::eval::{
    EvalError,
    calibrate::Sample,
    dictionary::{Concept, Dictionary},
    errors::Kind,
    mentions::{Fold, Mention, distinct, lowered},
    metrics::{Figures, Outcome, PLACES},
    rankers::{self, Found, Grams, NAMES, Ranking},
    report::{DictionaryEntry, Example, FORMAT, FoldEntry, Group, ModelEntry, RecallEntry, Report, System, TypeEntry},
};
use crate::{
    ann::{GraphParameters, NameGraph},
    concepts::FilterRequest,
    encoder::Encoder,
    job::Job,
    linker::{Answer, Linker, Query},
};

/// Mentions that are linked together.
const TOGETHER: usize = 1000;
/// Texts that are compared with all rows of an index at once.
const SCANNED: usize = 64;
/// Scores that differ by less are taken to be equal where recall is counted: what rounding of vectors takes.
const TIE: f32 = 1e-4;

/// Whether the names that are nearest are found by comparing all or by a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    Exact,
    Index,
}

/// How vectors are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    Cosine,
    Dot,
}

/// What is measured, and how.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub against: Against,
    pub score: Score,
    /// Leave out mentions whose gold concept the dictionary does not have.
    pub only_covered: bool,
    /// Measure equality and character n-grams too.
    pub baselines: bool,
    /// Examples of each kind of error.
    pub examples: usize,
    /// Of the graph that is built over a dictionary's names.
    pub graph: GraphParameters,
    pub seed: u64,
}

/// What mentions are looked up among.
pub enum Target<'a> {
    /// The names of a file.
    Names(&'a Encoder),
    /// An index with its model.
    Index(&'a Linker),
}

impl Target<'_> {
    fn encoder(&self) -> &Encoder {
        match self {
            Self::Names(encoder) => encoder,
            Self::Index(linker) => linker.encoder(),
        }
    }
}

/// A mention that counts.
struct Counted<'a> {
    mention: &'a Mention,
    gold: Vec<Concept>,
}

/// Measures everything; the last system of the report is the one that matters most.
///
/// # Errors
/// [`EvalError::NothingCovered`] when mentions and dictionary have no id in common; what the encoder and the disk say.
pub fn evaluate(
    folds: &[Fold],
    dictionary: &Dictionary,
    target: &Target,
    options: &Options,
    job: Job<'_>,
) -> Result<Report, EvalError> {
    let (counted, entries) = count(folds, dictionary, options)?;
    let texts = distinct(counted.iter().flatten().map(|one| one.mention));
    let evaluation = Evaluation { dictionary, counted: &counted, texts: &texts, options };
    let mut systems = vec![];
    if options.baselines {
        job.progress.stage("equal names", 0);
        systems.push(evaluation.system("string equality", || rankers::equal(dictionary, &texts)));
        job.progress.stage("counting n-grams", 0);
        let grams = Grams::new(&dictionary.names);
        job.progress.stage("comparing n-grams", 0);
        let ranked = || grams.rank(&texts).into_iter().map(|rows| rankers::found(dictionary, rows)).collect();
        systems.push(evaluation.system("character n-grams", ranked));
    }
    let (embedded, recall, dictionary_seconds) = evaluation.embedded(target, job)?;
    systems.extend(embedded);
    if let Target::Index(linker) = target {
        systems.push(evaluation.linked(linker, job)?);
    }
    let (encoder, all) = (target.encoder(), || counted.iter().flatten());
    let model = encoder.manifest();
    let lower = |value: String| value.to_lowercase();
    Ok(Report {
        format: FORMAT,
        saplink: env!("CARGO_PKG_VERSION").into(),
        folds: entries,
        mentions: all().count(),
        covered: all().filter(|one| !one.gold.is_empty()).count(),
        only_covered: options.only_covered,
        dictionary: DictionaryEntry {
            name: dictionary.name.clone(),
            sha256: dictionary.sha256.clone(),
            names: dictionary.names.len(),
            concepts: dictionary.concepts(),
        },
        model: ModelEntry {
            name: model.name.clone(),
            fingerprint: model.fingerprint(),
            dimensions: model.dimensions,
            pooling: lower(format!("{:?}", model.pooling)),
            precision: model
                .precision
                .map_or("as exported elsewhere".into(), |precision| lower(format!("{precision:?}"))),
            max_tokens: model.max_tokens,
            device: encoder.device().to_string(),
            dictionary_seconds,
        },
        score: if options.score == Score::Dot { "dot" } else { "cosine" }.into(),
        recall,
        systems,
    })
}

/// The mentions of each fold that count, with their gold concepts.
fn count<'a>(
    folds: &'a [Fold],
    dictionary: &Dictionary,
    options: &Options,
) -> Result<(Vec<Vec<Counted<'a>>>, Vec<FoldEntry>), EvalError> {
    let (mut counted, mut entries) = (vec![], vec![]);
    for fold in folds {
        let with_id: Vec<Counted> = fold
            .mentions
            .iter()
            .filter(|mention| !mention.is_nil())
            .map(|mention| Counted { mention, gold: dictionary.gold(mention) })
            .collect();
        let mentions = with_id.len();
        if with_id.iter().all(|one| one.gold.is_empty()) {
            return Err(EvalError::NothingCovered {
                path: fold.path.clone(),
                mentions,
                gold: with_id.first().map_or("none", |one| &one.mention.gold[0]).to_owned(),
                known: dictionary.ids(0).to_owned(),
            });
        }
        let kept: Vec<Counted> =
            with_id.into_iter().filter(|one| !options.only_covered || !one.gold.is_empty()).collect();
        entries.push(FoldEntry {
            name: fold.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            sha256: fold.sha256.clone(),
            mentions: kept.len(),
            without_id: fold.without_id,
            nil: fold.mentions.len() - mentions,
            not_covered: mentions - kept.len(),
        });
        counted.push(kept);
    }
    Ok((counted, entries))
}

struct Evaluation<'a> {
    dictionary: &'a Dictionary,
    counted: &'a [Vec<Counted<'a>>],
    /// What is looked up, each once.
    texts: &'a [String],
    options: &'a Options,
}

/// Errors of a kind by mention and gold, and how often each was made.
type Errors<'a> = HashMap<(&'a str, &'a [Concept]), (usize, Example)>;

/// Rows with scores for each text.
type Nearest = Vec<Vec<(u32, f32)>>;

impl Evaluation<'_> {
    /// A system that finds names for the texts.
    fn system(&self, name: &str, rank: impl FnOnce() -> Ranking) -> System {
        let started = Instant::now();
        let ranking = rank();
        self.ranked(name, started.elapsed().as_secs_f64(), &ranking)
    }

    /// A system that found names for the texts in so many seconds.
    fn ranked(&self, name: &str, seconds: f64, ranking: &Ranking) -> System {
        let places: HashMap<&str, usize> = self.texts.iter().map(String::as_str).zip(0..).collect();
        let found = |part: &str| places.get(lowered(part).as_str()).map_or(&[][..], |&i| ranking[i].as_slice());
        self.judged(name, self.texts.len(), seconds, found)
    }

    /// How right a system is by what it finds for a part of a mention, and how long so many texts took it.
    fn judged<'f>(&self, name: &str, texts: usize, seconds: f64, found: impl Fn(&str) -> &'f [Found]) -> System {
        let outcome = |one: &Counted| {
            Outcome::of_parts(one.mention.parts().into_iter().map(|part| Outcome::of(found(part), &one.gold)))
        };
        let folds: Vec<Vec<Outcome>> = self.counted.iter().map(|fold| fold.iter().map(outcome).collect()).collect();
        let right = |fold: &Vec<Outcome>| fold.iter().filter(|o| o.name == 1).count() as f64 / fold.len() as f64;
        let outcomes = folds.concat();
        System {
            name: name.into(),
            figures: Figures::of(&folds, self.options.seed),
            fold_acc_1: folds.iter().map(right).collect(),
            seconds,
            texts_per_second: texts as f64 / seconds.max(1e-9),
            types: self.types(&outcomes),
            errors: self.errors(&outcomes, found),
            outcomes,
        }
    }

    fn types(&self, outcomes: &[Outcome]) -> Vec<TypeEntry> {
        let mut types: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        for (one, outcome) in self.counted.iter().flatten().zip(outcomes) {
            let known = one.gold.first().and_then(|&concept| self.dictionary.semantic_type(concept));
            if let Some(semantic_type) = one.mention.semantic_type.as_deref().or(known) {
                let counts = types.entry(semantic_type).or_default();
                let more = [1, usize::from(outcome.name == 1), usize::from(outcome.concept == 1)];
                counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
            }
        }
        let entry = |(semantic_type, [mentions, right, strict]): (&str, [usize; 3])| TypeEntry {
            semantic_type: semantic_type.into(),
            mentions,
            acc_1: right as f64 / mentions as f64,
            strict_acc_1: strict as f64 / mentions as f64,
        };
        let mut entries: Vec<TypeEntry> = types.into_iter().map(entry).collect();
        entries.sort_by_key(|entry| Reverse(entry.mentions));
        entries
    }

    fn errors<'f>(&self, outcomes: &[Outcome], found: impl Fn(&str) -> &'f [Found]) -> Vec<Group> {
        let mut errors: BTreeMap<Kind, Errors> = BTreeMap::new();
        for (one, _) in self.counted.iter().flatten().zip(outcomes).filter(|(_, outcome)| outcome.concept != 1) {
            let parts = one.mention.parts();
            let wrong = |part: &&&str| Outcome::of(found(part), &one.gold).concept != 1;
            let Some(&part) = parts.iter().find(wrong) else { continue };
            let kind = Kind::of(part, found(part), &one.gold, self.dictionary);
            let group = errors.entry(kind).or_default();
            let error = group.entry((part, &one.gold)).or_insert_with(|| (0, self.example(part, one, found(part))));
            error.0 += 1;
        }
        let group = |(kind, errors): (Kind, Errors)| {
            let mut examples: Vec<Example> =
                errors.into_values().map(|(times, example)| Example { times, ..example }).collect();
            examples.sort_by(|a, b| b.times.cmp(&a.times).then_with(|| a.mention.cmp(&b.mention)));
            let mentions = examples.iter().map(|example| example.times).sum();
            examples.truncate(self.options.examples);
            Group { kind, mentions, examples }
        };
        let mut groups: Vec<Group> = errors.into_iter().map(group).collect();
        groups.sort_by_key(|group| Reverse(group.mentions));
        groups
    }

    fn example(&self, part: &str, one: &Counted, found: &[Found]) -> Example {
        let name = |row: u32| self.dictionary.names[row as usize].clone();
        let best = found.first();
        Example {
            mention: part.into(),
            times: 0,
            gold: one.mention.gold.join("|"),
            gold_name: one.gold.first().and_then(|&c| self.dictionary.rows(c).first()).map(|&row| name(row)),
            found: best.and_then(|best| best.concepts.first()).map(|&c| self.dictionary.ids(c).to_owned()),
            found_name: best.map(|best| name(best.row)),
            score: best.map_or(0.0, |best| best.score),
        }
    }

    /// The embedding, compared with all names and, if that is wanted, searched in a graph; what the graph finds; seconds that the names took.
    fn embedded(&self, target: &Target, job: Job<'_>) -> Result<(Vec<System>, Option<RecallEntry>, f64), EvalError> {
        let (encoder, dimensions) = (target.encoder(), target.encoder().dimensions());
        let embed = |what: &str, texts: &[String]| {
            job.progress.stage(what, texts.len() as u64);
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            match self.options.score {
                Score::Cosine => encoder.embed_with(&texts, job),
                Score::Dot => encoder.embed_raw(&texts, job),
            }
        };
        let started = Instant::now();
        let names = match target {
            Target::Names(_) => embed("embedding names", &self.dictionary.names)?,
            Target::Index(_) => vec![],
        };
        let dictionary_seconds = if names.is_empty() { 0.0 } else { started.elapsed().as_secs_f64() };
        let started = Instant::now();
        let vectors = embed("embedding mentions", self.texts)?;
        let embedding = started.elapsed().as_secs_f64();
        let mut searches: Vec<(&str, Nearest, f64)> = vec![];
        let mut timed = |name: &'static str, search: &dyn Fn() -> Result<Nearest, EvalError>| {
            job.progress.stage(&format!("searching, {name}"), 0);
            let started = Instant::now();
            let found = search()?;
            searches.push((name, found, embedding + started.elapsed().as_secs_f64()));
            Ok::<_, EvalError>(())
        };
        let queries: Vec<&[f32]> = vectors.chunks_exact(dimensions).collect();
        timed("embedding", &|| match target {
            Target::Names(_) => Ok(rankers::nearest(&names, &vectors, dimensions)),
            Target::Index(linker) => {
                let some = |queries: &[&[f32]]| match job.cancel.is_canceled() {
                    true => Err(Canceled),
                    false => Ok(linker.index().nearest_names_exact(queries, NAMES)),
                };
                Ok(queries.par_chunks(SCANNED).map(some).collect::<Result<Vec<_>, Canceled>>()?.concat())
            }
        })?;
        let mut ef_search = 0;
        if self.options.against == Against::Index {
            let dir = tempfile::tempdir()?;
            let graph = match target {
                Target::Names(_) => Some(NameGraph::build(dir.path(), &names, dimensions, &self.options.graph, job)?),
                Target::Index(_) => None,
            };
            let nearest = |query: &&[f32]| match (&graph, target) {
                (Some(graph), _) => graph.nearest(query, NAMES),
                (None, Target::Index(linker)) => linker.index().nearest_names(query, NAMES),
                (None, Target::Names(_)) => vec![],
            };
            timed("embedding, graph", &|| Ok(queries.par_iter().map(nearest).collect()))?;
            ef_search = match target {
                Target::Names(_) => self.options.graph.ef_search,
                Target::Index(linker) => linker.index().ef_search(),
            };
        }
        job.cancel.check()?;
        let recall = match searches.as_slice() {
            [(_, exact, _), (_, graph, _)] => Some(recall(exact, graph, ef_search)),
            _ => None,
        };
        let systems = searches.into_iter().map(|(name, nearest, seconds)| {
            let ranking = nearest.into_iter().map(|rows| rankers::found(self.dictionary, rows)).collect();
            self.ranked(name, seconds, &ranking)
        });
        Ok((systems.collect(), recall, dictionary_seconds))
    }

    /// What is served: exact names, the embedding, repaired spellings.
    fn linked(&self, linker: &Linker, job: Job<'_>) -> Result<System, EvalError> {
        let mut parts: Vec<&str> = self.counted.iter().flatten().flat_map(|one| one.mention.parts()).collect();
        parts.sort_unstable();
        parts.dedup();
        let started = Instant::now();
        let answers = link(linker, &parts, PLACES, job)?;
        let seconds = started.elapsed().as_secs_f64();
        let concepts = linker.index().concepts();
        let name = |answer: &Answer| -> Vec<Found> {
            let groups = answer.candidates.chunk_by(|a, b| (a.score, a.kind) == (b.score, b.kind));
            let found = |group: &[crate::linker::Candidate]| {
                let key = crate::text::normalize(concepts.atom(group[0].atom).name);
                let concepts = group.iter().filter_map(|c| self.dictionary.concept(concepts.id(c.concept)));
                Some(Found {
                    row: linker.index().concepts().row(&key)?,
                    score: group[0].score,
                    concepts: concepts.collect(),
                })
            };
            groups.filter_map(found).collect()
        };
        let found: HashMap<&str, Vec<Found>> = parts.iter().copied().zip(answers.iter().map(name)).collect();
        let found = |part: &str| found.get(part).map_or(&[][..], Vec::as_slice);
        Ok(self.judged("linker", parts.len(), seconds, found))
    }
}

/// Share of the best, and of the ten best, that the graph finds too.
fn recall(exact: &Nearest, graph: &Nearest, ef_search: usize) -> RecallEntry {
    let right = |k: usize| {
        let found = exact.iter().zip(graph).map(|(exact, graph)| {
            let worst = exact[..k.min(exact.len())].last().map_or(f32::INFINITY, |last| last.1);
            let found = graph.iter().take(k).filter(|found| found.1 >= worst - TIE).count();
            (found, k.min(exact.len()))
        });
        let (found, all) = found.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        found as f64 / all.max(1) as f64
    };
    RecallEntry { ef_search, at_1: right(1), at_10: right(10) }
}

fn link(linker: &Linker, texts: &[&str], top_k: usize, job: Job<'_>) -> Result<Vec<Answer>, EvalError> {
    job.progress.stage("linking", texts.len() as u64);
    let mut answers = vec![];
    for texts in texts.chunks(TOGETHER) {
        let query =
            |text: &&str| Query { text: (*text).into(), top_k, min_score: None, filter: FilterRequest::default() };
        answers.extend(linker.link(&texts.iter().map(query).collect::<Vec<_>>())?);
        job.progress.advance(texts.len() as u64);
        job.cancel.check()?;
    }
    Ok(answers)
}

/// What the linker's scores are calibrated by: the best candidate for each mention, and for each the best that is not gold.
///
/// # Errors
/// As [`evaluate`].
pub fn samples(folds: &[Fold], linker: &Linker, job: Job<'_>) -> Result<Vec<Sample>, EvalError> {
    let concepts = linker.index().concepts();
    let mentions: Vec<&Mention> = folds.iter().flat_map(|fold| &fold.mentions).collect();
    let texts: Vec<&str> = mentions.iter().map(|mention| mention.text.as_str()).collect();
    let gold = |mention: &Mention| -> Vec<_> { mention.gold.iter().filter_map(|id| concepts.concept(id)).collect() };
    let most = mentions.iter().map(|mention| mention.gold.len()).max().unwrap_or(0);
    let answers = link(linker, &texts, PLACES + most, job)?;
    let mut samples = vec![];
    for (number, (mention, answer)) in mentions.into_iter().zip(&answers).enumerate() {
        let gold = gold(mention);
        if let Some(best) = answer.candidates.first().filter(|_| !gold.is_empty()) {
            let mut owners = answer.candidates.iter().take_while(|c| (c.score, c.kind) == (best.score, best.kind));
            let right = owners.any(|candidate| gold.contains(&candidate.concept));
            samples.push(Sample { mention: number, score: best.score, right, nil: false });
        }
        let other = answer.candidates.iter().find(|candidate| !gold.contains(&candidate.concept));
        let score = other.map_or(-1.0, |other| other.score);
        samples.push(Sample { mention: number, score, right: false, nil: true });
    }
    if samples.iter().all(|sample| sample.nil) {
        return Err(EvalError::NothingCovered {
            path: folds[0].path.clone(),
            mentions: texts.len(),
            gold: folds[0].mentions.iter().find_map(|mention| mention.gold.first()).cloned().unwrap_or("NIL".into()),
            known: concepts.id(0).into(),
        });
    }
    Ok(samples)
}
