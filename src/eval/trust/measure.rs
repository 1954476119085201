//! Measures the lists: which mentions count, how they are answered, and what the answers are worth.
//!
//! Invariant: a mention counts only if what its list says about the index is true.

use crate::{
    domain::ConceptId,
    eval::{
        EvalError,
        calibrate::{
            HeldOutSample, area, by_match, calibration_error, curve, metrics_at, reliability, threshold_with_precision,
        },
        trust::{
            answers::{HALF, JudgedAnswer, judge},
            lists::{ListedMention, MentionList, TrustLists},
            report::{
                CutoffShares, KnownFigures, ListEntry, OppositeFigures, PoolFigures, PrecisionPoint, REPORT_FORMAT,
                Share, TrustExample, TrustReport, UnknownFigures,
            },
        },
    },
    index::ThresholdMetrics,
    job::Job,
    linker::Linker,
};

/// Precisions for which the report has the coverage.
const WANTED_PRECISIONS: [f64; 2] = [0.9, 0.95];

/// Links the mentions of `lists` with default options and measures the answers. The report quotes
/// up to `examples` wrong answers of each list.
///
/// # Errors
/// [`EvalError::Calibrate`] if the index has no calibration; [`EvalError::File`] if no mention of a
/// list counts; errors of the model.
pub fn measure_trust(
    lists: &TrustLists,
    linker: &Linker,
    examples: usize,
    job: Job<'_>,
) -> Result<TrustReport, EvalError> {
    let manifest = linker.index().manifest();
    let Some(calibration) = &manifest.calibration else {
        let reason = "the index gives no probabilities: calibrate it with `saplink eval --calibrate`";
        return Err(EvalError::Calibrate(reason.into()));
    };
    // A wrong file is refused before any mention is linked.
    let select = |list, has_concept| SelectedList::new(list, has_concept, linker);
    let (words, terms) = (select(&lists.words, false)?, select(&lists.terms, false)?);
    let known = select(&lists.known, true)?;
    let opposites = lists.opposites.as_ref().map(|list| select(list, true)).transpose()?;
    let (words, terms, known) = (words.judge(linker, job)?, terms.judge(linker, job)?, known.judge(linker, job)?);
    let opposites = opposites.map(|list| list.judge(linker, job)).transpose()?;

    let mut quoted = vec![];
    for (name, list) in [("words", &words), ("terms", &terms)] {
        quoted.extend(list.examples(name, examples, linker, |_| true));
    }
    quoted.extend(known.examples("known", examples, linker, |answer| !answer.listed));
    quoted
        .extend(opposites.iter().flat_map(|list| list.examples("opposites", examples, linker, |answer| answer.listed)));
    Ok(TrustReport {
        format: REPORT_FORMAT,
        saplink: env!("CARGO_PKG_VERSION").into(),
        index: manifest.name.clone(),
        fingerprint: manifest.fingerprint(),
        concepts: manifest.counts.concepts,
        names: manifest.counts.rows,
        threshold: calibration.threshold,
        pool: pool_figures([&words, &terms, &known], calibration.threshold),
        words: UnknownFigures { linked: words.shares(|_| true), list: words.entry },
        terms: UnknownFigures { linked: terms.shares(|_| true), list: terms.entry },
        known: KnownFigures {
            right: known.shares(|answer| answer.listed),
            wrong: known.shares(|answer| !answer.listed),
            list: known.entry,
        },
        opposites: opposites.map(|list| OppositeFigures {
            forbidden: list.shares(|answer| answer.listed),
            any: list.shares(|_| true),
            list: list.entry,
        }),
        examples: quoted,
    })
}

/// The mentions of a list that count, with the concepts in their lines.
struct SelectedList<'a> {
    entry: ListEntry,
    has_concept: bool,
    mentions: Vec<(&'a ListedMention, Vec<ConceptId>)>,
}

/// A list with an answer for each mention.
struct JudgedList<'a> {
    entry: ListEntry,
    has_concept: bool,
    answers: Vec<(&'a ListedMention, JudgedAnswer)>,
}

impl<'a> SelectedList<'a> {
    /// Takes the mentions of which the index has a concept, or has none.
    fn new(list: &'a MentionList, has_concept: bool, linker: &Linker) -> Result<Self, EvalError> {
        let concepts = linker.index().concepts();
        let of_line = |mention: &ListedMention| -> Vec<ConceptId> {
            mention.ids.iter().filter_map(|id| concepts.find_concept(id)).collect()
        };
        let all = list.mentions.iter().map(|mention| (mention, of_line(mention)));
        let mentions: Vec<_> = all.filter(|(_, concepts)| concepts.is_empty() != has_concept).collect();
        if mentions.is_empty() {
            let which = if has_concept { "no concept of any" } else { "a concept of every" };
            let reason = format!("the index has {which} mention, so none of them counts");
            return Err(EvalError::File { path: list.path.clone(), reason });
        }
        let entry = ListEntry {
            file: list.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            sha256: list.sha256.clone(),
            mentions: mentions.len() as u64,
            left_out: (list.mentions.len() - mentions.len()) as u64,
        };
        Ok(Self { entry, has_concept, mentions })
    }

    fn judge(self, linker: &Linker, job: Job<'_>) -> Result<JudgedList<'a>, EvalError> {
        let answers = judge(linker, &self.mentions, job)?;
        let answers = self.mentions.into_iter().map(|(mention, _)| mention).zip(answers).collect();
        Ok(JudgedList { entry: self.entry, has_concept: self.has_concept, answers })
    }
}

impl JudgedList<'_> {
    /// The shares of linked mentions whose answers pass `test`.
    fn shares(&self, test: impl Fn(&JudgedAnswer) -> bool) -> CutoffShares {
        let share = |probability: f32| {
            let counts = |answer: &JudgedAnswer| answer.is_linked_at(probability) && test(answer);
            let count = self.answers.iter().filter(|(_, answer)| counts(answer)).count();
            Share::new(count, self.answers.len())
        };
        CutoffShares { at_threshold: share(0.0), at_half: share(HALF) }
    }

    /// The most probable answers that are linked and pass `test`.
    fn examples(
        &self,
        list: &'static str,
        count: usize,
        linker: &Linker,
        test: impl Fn(&JudgedAnswer) -> bool,
    ) -> Vec<TrustExample> {
        let concepts = linker.index().concepts();
        let mut wrong: Vec<_> = self.answers.iter().filter(|(_, answer)| answer.linked && test(answer)).collect();
        wrong.sort_by(|(_, a), (_, b)| b.probability.total_cmp(&a.probability));
        let example = |(mention, answer): &(&ListedMention, JudgedAnswer)| {
            let found = answer.first?;
            Some(TrustExample {
                list,
                mention: mention.text.clone(),
                found: concepts.id(found).into(),
                found_name: concepts.preferred_name(found).into(),
                kind: answer.kind.as_str(),
                probability: answer.probability,
            })
        };
        wrong.into_iter().filter_map(example).take(count).collect()
    }
}

/// The figures of all lists together; each list has the same weight.
fn pool_figures(lists: [&JudgedList<'_>; 3], threshold: f32) -> PoolFigures {
    let samples = |sample: fn(&JudgedAnswer, bool, f64) -> HeldOutSample| {
        let of_list = |list: &JudgedList<'_>| {
            let (nil, weight) = (!list.has_concept, 1.0 / lists.len() as f64 / list.answers.len() as f64);
            list.answers.iter().map(|(_, answer)| sample(answer, nil, weight)).collect::<Vec<_>>()
        };
        let mut samples: Vec<HeldOutSample> = lists.into_iter().flat_map(of_list).collect();
        samples.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        samples
    };
    let (ordered, shown) = (samples(JudgedAnswer::ordered), samples(JudgedAnswer::shown));
    let bins = reliability(shown.iter());
    // No mention is linked below the threshold of the index, so no lower threshold stands for it.
    let raised = |point: ThresholdMetrics| ThresholdMetrics { threshold: point.threshold.max(threshold), ..point };
    let at_precision = |wanted| {
        let found = threshold_with_precision(&ordered, wanted).map(raised);
        PrecisionPoint { wanted, found }
    };
    let at_threshold = ThresholdMetrics { threshold, ..metrics_at(&ordered, f32::MIN_POSITIVE) };
    // The curve ends at the threshold of the index.
    let mut curve = curve(&ordered);
    curve.pop_if(|last| last.coverage == at_threshold.coverage);
    PoolFigures {
        area: area(&shown),
        calibration_error: calibration_error(&bins),
        by_match: by_match(&shown),
        at_threshold,
        at_half: raised(metrics_at(&ordered, HALF)),
        at_precision: WANTED_PRECISIONS.map(at_precision).to_vec(),
        curve: curve.into_iter().map(raised).chain([at_threshold]).collect(),
        bins,
    }
}
