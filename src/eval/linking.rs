//! Links many texts with the linker of the service, for the evaluation and for calibration.

use std::collections::HashMap;

use crate::{
    cancel::CancelToken,
    concepts::{Filter, FilterRequest},
    domain::{ConceptId, MatchKind},
    eval::{
        EvalError,
        calibrate::CalibrationSample,
        mentions::{Fold, LabeledMention},
        metrics::MAX_RANK,
    },
    job::Job,
    linker::{Answer, Candidate, LinkOptions, Linker, Query},
};

/// Number of texts in one call of the linker.
const LINK_BATCH: usize = 1000;

/// The answers for texts, each with at most `top_k` candidates.
pub(super) fn link_texts(
    linker: &Linker,
    texts: &[&str],
    top_k: usize,
    job: Job<'_>,
) -> Result<Vec<Answer>, EvalError> {
    job.progress.stage("linking", texts.len() as u64);
    let mut answers = vec![];
    let filter = Filter::new(&FilterRequest::default(), linker.index().concepts());
    for texts in texts.chunks(LINK_BATCH) {
        let queries: Vec<_> = texts
            .iter()
            .map(|text| Query { text, top_k, min_score: None, filter: &filter, options: LinkOptions::default() })
            .collect();
        answers.extend(linker.link(&queries, &CancelToken::never())?.0);
        job.progress.advance(texts.len() as u64);
        job.cancel.check()?;
    }
    Ok(answers)
}

/// The samples from which a calibration is fitted: for each mention the best candidate, and the
/// best candidate that is not gold.
///
/// # Errors
/// [`EvalError::NothingCovered`] if the index has no gold concept of any mention; errors of the
/// model.
pub fn calibration_samples(folds: &[Fold], linker: &Linker, job: Job<'_>) -> Result<Vec<CalibrationSample>, EvalError> {
    let concepts = linker.index().concepts();
    let mentions: Vec<&LabeledMention> = folds.iter().flat_map(|fold| &fold.mentions).collect();
    let texts: Vec<&str> = mentions.iter().map(|mention| mention.text.as_str()).collect();
    // So many candidates that one of them is not gold.
    let max_gold = mentions.iter().map(|mention| mention.gold.len()).max().unwrap_or(0);
    let answers = link_texts(linker, &texts, MAX_RANK + max_gold, job)?;
    let mut samples = vec![];
    let mut numbers = HashMap::new();
    for (mention, answer) in mentions.into_iter().zip(&answers) {
        // Equal texts have one number: they count as one mention, and one fold has all of them.
        let next = numbers.len();
        let number = *numbers.entry(mention.text.as_str()).or_insert(next);
        let gold: Vec<_> = mention.gold.iter().filter_map(|id| concepts.find_concept(id)).collect();
        if let Some(best) = answer.candidates.first().filter(|_| !gold.is_empty()) {
            // Owners of one name have the same score; the sample is right if one of them is gold.
            let mut owners = answer.candidates.iter().take_while(|c| (c.score, c.kind) == (best.score, best.kind));
            let right = owners.any(|candidate| gold.contains(&candidate.concept));
            samples.push(CalibrationSample { right, nil: false, ..sample(number, Some(best)) });
        }
        let wrong = answer.candidates.iter().find(|candidate| !gold.contains(&candidate.concept));
        samples.push(CalibrationSample { taken: !gold.is_empty(), ..sample(number, wrong) });
    }
    if samples.iter().all(|sample| sample.nil) {
        return Err(EvalError::NothingCovered {
            path: folds[0].path.clone(),
            mentions: texts.len(),
            known: concepts.id(ConceptId::new(0)).into(),
        });
    }
    Ok(samples)
}

/// A wrong candidate for a mention whose right answer is NIL.
fn sample(mention: usize, candidate: Option<&Candidate>) -> CalibrationSample {
    // A candidate that contradicts the mention is not linked, so it is none.
    let candidate = candidate.filter(|candidate| candidate.contradiction.is_none());
    let kind = candidate.map_or(MatchKind::Embedding, |candidate| candidate.kind);
    let values = candidate.map(|candidate| candidate.features);
    CalibrationSample { mention, values, kind, right: false, nil: true, taken: false }
}
