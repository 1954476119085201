//! Writes the words of the names for searches by name (`word_search`).
//!
//! Two passes over the names: the first counts the names of each word, the second fills the lists.
//! Invariant: memory is about 16 bytes for each name, 4 for each word of each name, and 100 for
//! each distinct word.

use std::{cmp::Reverse, collections::HashMap, path::Path};

use fst::automaton::AlwaysMatch;

use crate::{
    columns::writer::ColumnsWriter,
    concepts::{
        ConceptError,
        schema::{self, SEARCH_FILE},
        store::ConceptStore,
        words::is_stored,
    },
    domain::{ConceptId, NameId},
};

/// Writes the words of the names of `concepts` into `dir`.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write_word_search(dir: &Path, concepts: &ConceptStore) -> Result<(), ConceptError> {
    let names = names_by_rank(concepts);
    let mut rank_of = vec![0; names.len()];
    for (rank, name) in (0..).zip(&names) {
        rank_of[name.index()] = rank;
    }
    let mut counts: HashMap<Box<str>, u32> = HashMap::new();
    concepts.names.search(AlwaysMatch, |key, _| {
        each_word(key, |word| match counts.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(counts.insert(word.into(), 1)),
        });
    });
    let mut words: Vec<(Box<str>, u32)> = counts.into_iter().collect();
    words.sort_unstable();
    let mut next = 0;
    let mut positions: HashMap<&str, u32> = HashMap::with_capacity(words.len());
    for (word, count) in &words {
        positions.insert(word, next);
        next += count;
    }
    let mut ranks = vec![0u32; next as usize];
    concepts.names.search(AlwaysMatch, |key, name| {
        each_word(key, |word| {
            if let Some(position) = positions.get_mut(word) {
                ranks[*position as usize] = rank_of[name.index()];
                *position += 1;
            }
        });
    });
    let mut ends = Vec::with_capacity(words.len());
    let mut end = 0;
    for (_, count) in &words {
        ranks[end as usize..(end + count) as usize].sort_unstable();
        end += count;
        ends.push(end);
    }
    let mut columns = ColumnsWriter::new(dir);
    columns.add_all_strings(schema::SEARCH_WORDS, words.iter().map(|(word, _)| word.as_ref()))?;
    columns.add_values(schema::SEARCH_RANKS.values, &ranks)?;
    columns.add_values(schema::SEARCH_RANKS.ends, &ends)?;
    columns.add_values(schema::SEARCH_NAMES, &names)?;
    Ok(columns.join(&dir.join(SEARCH_FILE))?)
}

/// Calls `each` once with each distinct word of a key that is stored.
fn each_word(key: &str, mut each: impl FnMut(&str)) {
    let words = || key.split(' ');
    for (position, word) in words().enumerate() {
        if is_stored(word) && !words().take(position).any(|before| before == word) {
            each(word);
        }
    }
}

/// The names of common concepts first; of one concept in the order of its atoms.
fn names_by_rank(concepts: &ConceptStore) -> Vec<NameId> {
    // A concept is as common as it has names, and once more for each source.
    let commonness: Vec<u32> = (0..concepts.counts().concepts as usize)
        .map(|concept| {
            let sources = concepts.concept_atoms.get(concept);
            let mut distinct = sources.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            (sources.len() + distinct.len()) as u32
        })
        .collect();
    let key = |name: NameId| {
        let of_atom = |&atom: &_| {
            let concept: ConceptId = concepts.concept_of_atom(atom);
            (Reverse(commonness.get(concept.index()).copied().unwrap_or(0)), concept, atom)
        };
        (concepts.atoms_of_name(name).iter().map(of_atom).min(), name)
    };
    let mut names: Vec<NameId> = (0..concepts.names.len()).map(NameId::from_index).collect();
    names.sort_by_cached_key(|&name| key(name));
    names
}
