//! Breaks the result of a system down by semantic type and by kind of error.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use crate::eval::{
    dictionary::{DictConcept, Dictionary, ResolvedMention},
    error_kind::LinkingErrorKind,
    metrics::GoldRanks,
    rankers::RankedName,
    report::{ErrorExample, ErrorGroup, TypeEntry},
};

/// Accuracy by the semantic type of the mention or else of its first gold concept, the type with
/// the most mentions first.
pub(super) fn by_semantic_type<'a>(
    dictionary: &Dictionary,
    mentions: impl Iterator<Item = &'a ResolvedMention<'a>>,
    ranks: &[GoldRanks],
) -> Vec<TypeEntry> {
    // Number of mentions, of right ones by the paper's rule, and of right ones by the strict rule.
    let mut types: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (resolved, ranks) in mentions.zip(ranks) {
        let of_concept = resolved.gold.first().and_then(|&concept| dictionary.semantic_type(concept));
        if let Some(semantic_type) = resolved.mention.semantic_type.as_deref().or(of_concept) {
            let counts = types.entry(semantic_type).or_default();
            let added = [1, usize::from(ranks.name == 1), usize::from(ranks.concept == 1)];
            counts.iter_mut().zip(added).for_each(|(count, added)| *count += added);
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

/// The distinct errors of one kind by mention and gold concepts, each with its frequency.
type DistinctErrors<'a> = HashMap<(&'a str, &'a [DictConcept]), ErrorExample>;

/// The mentions whose first concept is not gold, by kind of error, the most frequent kind first.
///
/// `found` gives the names found for a part of a mention; each kind has at most `max_examples`
/// examples, the most frequent first.
pub(super) fn by_error_kind<'a, 'f>(
    dictionary: &Dictionary,
    mentions: impl Iterator<Item = &'a ResolvedMention<'a>>,
    ranks: &[GoldRanks],
    found: impl Fn(&str) -> &'f [RankedName],
    max_examples: usize,
) -> Vec<ErrorGroup> {
    let mut errors: BTreeMap<LinkingErrorKind, DistinctErrors> = BTreeMap::new();
    for (resolved, _) in mentions.zip(ranks).filter(|(_, ranks)| ranks.concept != 1) {
        // The first part that is wrong stands for a composite mention.
        let parts = resolved.mention.parts();
        let is_wrong = |part: &&&str| GoldRanks::of(found(part), &resolved.gold).concept != 1;
        let Some(&part) = parts.iter().find(is_wrong) else { continue };
        let kind = LinkingErrorKind::of(part, found(part), &resolved.gold, dictionary);
        let distinct = errors.entry(kind).or_default();
        let error = distinct.entry((part, &resolved.gold));
        error.or_insert_with(|| example(dictionary, part, resolved, found(part))).times += 1;
    }
    let group = |(kind, errors): (LinkingErrorKind, DistinctErrors)| {
        let mut examples: Vec<ErrorExample> = errors.into_values().collect();
        examples.sort_by(|a, b| b.times.cmp(&a.times).then_with(|| a.mention.cmp(&b.mention)));
        let mentions = examples.iter().map(|example| example.times).sum();
        examples.truncate(max_examples);
        ErrorGroup { kind, mentions, examples }
    };
    let mut groups: Vec<ErrorGroup> = errors.into_iter().map(group).collect();
    groups.sort_by_key(|group| Reverse(group.mentions));
    groups
}

/// An example that has not been counted yet.
fn example(dictionary: &Dictionary, part: &str, resolved: &ResolvedMention, found: &[RankedName]) -> ErrorExample {
    let name = |row: u32| dictionary.names[row as usize].clone();
    let best = found.first();
    ErrorExample {
        mention: part.into(),
        times: 0,
        gold: resolved.mention.gold.join("|"),
        gold_name: resolved.gold.first().and_then(|&c| dictionary.rows(c).first()).map(|&row| name(row)),
        found: best.and_then(|best| best.concepts.first()).map(|&c| dictionary.ids(c).to_owned()),
        found_name: best.map(|best| name(best.row)),
        score: best.map_or(0.0, |best| best.score),
    }
}
