//! Evaluates every system on the same mentions and writes the report.

use crate::{
    eval::{
        EvalError,
        dictionary::{Dictionary, ResolvedMention},
        mentions::{Fold, distinct_texts},
        missing::{MissingByPrefix, add_missing},
        options::{EvalOptions, EvalTarget, Similarity},
        report::{DictionaryEntry, EvalReport, FoldEntry, ModelEntry, REPORT_FORMAT},
        systems::SystemEvaluator,
    },
    job::Job,
};

/// Measures all systems. The last system of the report is the main one: the linker of an index, or
/// the embedding of a dictionary.
///
/// # Errors
/// [`EvalError::NothingCovered`] if mentions and dictionary have no id in common; errors of the
/// model, the index and the disk.
pub fn evaluate(
    folds: &[Fold],
    dictionary: &Dictionary,
    target: &EvalTarget,
    options: &EvalOptions,
    job: Job<'_>,
) -> Result<EvalReport, EvalError> {
    let successor = |id: &str| match target {
        EvalTarget::Dictionary(_) => None,
        EvalTarget::Index(linker) => {
            let concepts = linker.index().concepts();
            concepts.find_concept(id).map(|concept| concepts.id(concept).to_owned())
        }
    };
    let (selected, entries) = select_mentions(folds, dictionary, &successor, options)?;
    let mentions = || selected.iter().flatten();
    let texts = distinct_texts(mentions().map(|resolved| resolved.mention));
    let evaluator = SystemEvaluator { dictionary, folds: &selected, texts: &texts, options };
    let mut systems = vec![];
    if options.baselines {
        systems.push(evaluator.string_equality(job));
        systems.push(evaluator.character_ngrams(job));
    }
    let embedding = evaluator.embedding(target, job)?;
    systems.extend(embedding.systems);
    if let EvalTarget::Index(linker) = target {
        systems.push(evaluator.linker(linker, job)?);
    }
    Ok(EvalReport {
        format: REPORT_FORMAT,
        saplink: env!("CARGO_PKG_VERSION").into(),
        folds: entries,
        mentions: mentions().count(),
        covered: mentions().filter(|resolved| !resolved.gold.is_empty()).count(),
        only_covered: options.only_covered,
        dictionary: DictionaryEntry {
            name: dictionary.name.clone(),
            sha256: dictionary.sha256.clone(),
            names: dictionary.names.len(),
            concepts: dictionary.concepts(),
        },
        model: model_entry(target, embedding.dictionary_seconds),
        score: match options.similarity {
            Similarity::Cosine => "cosine".into(),
            Similarity::Dot => "dot".into(),
        },
        recall: embedding.recall,
        systems,
    })
}

fn model_entry(target: &EvalTarget, dictionary_seconds: f64) -> ModelEntry {
    let encoder = target.encoder();
    let model = encoder.manifest();
    ModelEntry {
        name: model.name.clone(),
        fingerprint: model.fingerprint(),
        dimensions: model.dimensions,
        pooling: format!("{:?}", model.pooling).to_lowercase(),
        precision: model
            .precision
            .map_or("as exported elsewhere".into(), |precision| format!("{precision:?}").to_lowercase()),
        max_tokens: model.max_tokens,
        device: encoder.device().to_string(),
        dictionary_seconds,
    }
}

/// The mentions of each fold that count, with their gold concepts: those with ids, or only those
/// that the dictionary covers.
fn select_mentions<'a>(
    folds: &'a [Fold],
    dictionary: &Dictionary,
    successor: &dyn Fn(&str) -> Option<String>,
    options: &EvalOptions,
) -> Result<(Vec<Vec<ResolvedMention<'a>>>, Vec<FoldEntry>), EvalError> {
    let (mut selected, mut entries) = (vec![], vec![]);
    for fold in folds {
        let mut missing_ids = MissingByPrefix::new();
        let mut labeled: Vec<ResolvedMention> = vec![];
        for mention in fold.mentions.iter().filter(|mention| !mention.is_nil()) {
            let (resolved, missing) = dictionary.resolve(mention, successor);
            missing.into_iter().for_each(|id| add_missing(&mut missing_ids, id));
            labeled.push(resolved);
        }
        let with_id = labeled.len();
        if labeled.iter().all(|resolved| resolved.gold.is_empty()) {
            return Err(EvalError::NothingCovered {
                path: fold.path.clone(),
                mentions: with_id,
                known: dictionary.ids(0).to_owned(),
            });
        }
        let counted: Vec<ResolvedMention> =
            labeled.into_iter().filter(|resolved| !options.only_covered || !resolved.gold.is_empty()).collect();
        entries.push(FoldEntry {
            name: fold.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            sha256: fold.sha256.clone(),
            mentions: counted.len(),
            without_id: fold.without_id,
            nil: fold.mentions.len() - with_id,
            not_covered: with_id - counted.len(),
            missing_ids,
        });
        selected.push(counted);
    }
    Ok((selected, entries))
}
