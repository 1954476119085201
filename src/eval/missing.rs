//! Gold ids as they are compared with those of a dictionary, and the ones that it lacks.
//!
//! Invariant: a value that does not look like an id is never shown, because it could be a mention
//! from a file with exchanged columns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    domain::curie::{concept_id, source_abbreviation},
    eval::mentions::without_umls,
};

/// Ids that are shown of each prefix.
const MAX_SHOWN: usize = 5;
/// Maximum bytes of an id that is shown.
const MAX_ID_BYTES: usize = 32;
/// Stands for the prefix of an id without one.
const NO_PREFIX: &str = "no prefix";

/// An id in the form in which two are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GoldId {
    /// The source vocabulary that the prefix calls, in lower case; empty without a prefix.
    pub(super) prefix: String,
    local: String,
}

impl GoldId {
    pub(super) fn new(written: &str) -> Self {
        let written = written.trim();
        let id = concept_id(written).unwrap_or(written.into());
        match without_umls(&id).split_once(':') {
            Some((prefix, local)) => {
                Self { prefix: source_abbreviation(prefix).to_ascii_lowercase(), local: local.to_owned() }
            }
            None => Self { prefix: String::new(), local: without_umls(&id).to_owned() },
        }
    }

    /// Equal for ids that may be the same without regard to prefix and case.
    pub(super) fn key(&self) -> String {
        self.local.to_ascii_lowercase()
    }
}

/// Gold ids with one prefix that the dictionary lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingIds {
    /// How often mentions have such an id.
    pub count: usize,
    /// The first of them.
    pub ids: Vec<String>,
}

/// The missing gold ids by prefix.
pub(super) type MissingByPrefix = BTreeMap<String, MissingIds>;

/// Counts a gold id that the dictionary lacks.
pub(super) fn add_missing(missing: &mut MissingByPrefix, id: &str) {
    let is_id_byte = |b: u8| b.is_ascii_alphanumeric() || b":._-/".contains(&b);
    let is_id = id.len() <= MAX_ID_BYTES && id.bytes().all(is_id_byte) && id.bytes().any(|b| b.is_ascii_digit());
    let prefix = id.split_once(':').filter(|_| is_id).map_or(NO_PREFIX, |(prefix, _)| prefix);
    let entry = missing.entry(prefix.to_owned()).or_default();
    entry.count += 1;
    if is_id && entry.ids.len() < MAX_SHOWN && !entry.ids.iter().any(|shown| shown == id) {
        entry.ids.push(id.to_owned());
    }
}

/// The missing ids as text, the most frequent prefix first.
pub(super) fn missing_summary<'m>(folds: impl Iterator<Item = &'m MissingByPrefix>) -> Option<String> {
    let mut all = MissingByPrefix::new();
    for (prefix, missing) in folds.flatten() {
        let entry = all.entry(prefix.clone()).or_default();
        entry.count += missing.count;
        entry.ids.extend(missing.ids.iter().take(MAX_SHOWN - entry.ids.len().min(MAX_SHOWN)).cloned());
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, missing)| std::cmp::Reverse(missing.count));
    let text = |(prefix, missing): &(String, MissingIds)| {
        let shown = if missing.ids.is_empty() { String::new() } else { format!(" ({}, ..)", missing.ids.join(", ")) };
        format!("{} of {prefix}{shown}", missing.count)
    };
    (!all.is_empty()).then(|| all.iter().map(text).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_ids_are_counted_by_prefix_and_no_mention_is_shown() {
        let mut missing = MissingByPrefix::new();
        for id in ["OMIM:1", "OMIM:2", "OMIM:1", "D9", "heart attack", "note: pain 3 times"] {
            add_missing(&mut missing, id);
        }
        let text = missing_summary([&missing].into_iter()).unwrap();
        assert_eq!(text, "3 of OMIM (OMIM:1, OMIM:2, ..); 3 of no prefix (D9, ..)");
        assert_eq!(missing_summary([].into_iter()), None);
    }
}
