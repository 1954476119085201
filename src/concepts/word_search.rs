//! Finds names by beginnings of their words, in any order, names of common concepts first.
//!
//! Each name has a rank: names of concepts with many names and sources come first. `search.bin` has
//! for each word the ranks of the names with the word, ascending, so that the first names of a list
//! are the answer. Invariants: the work of one search is bounded; a contradiction in a damaged file
//! gives fewer names and no panic.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range, path::Path};

use crate::{
    columns::mapped::{Column, Lists, Sections, Strings, partition_point},
    concepts::{
        ConceptError,
        schema::{self, SEARCH_FILE},
    },
    domain::NameId,
};

/// Maximum number of distinct words of a query that are searched.
const MAX_WORDS: usize = 16;
/// Maximum number of words with one beginning that are searched: those with the most names.
const MAX_LISTS: usize = 1000;
/// Steps of one search: a name is one, a look-up of a name in a list is one, and a text is
/// [`TEXT_STEPS`]. They take some milliseconds.
const MAX_STEPS: usize = 20_000;
/// Steps that reading the text of a name counts as.
const TEXT_STEPS: usize = 50;
/// Maximum number of words with one beginning that are looked up one by one; with more words the
/// text of a name is read.
const MAX_LOOKUPS: usize = 16;

/// The words of names, mapped.
pub(crate) struct WordSearch {
    words: Strings,
    /// For each word the ranks of the names with it, ascending.
    ranks: Lists<u32>,
    /// The names by rank.
    names: Column<NameId>,
}

/// A word of a query.
struct QueryWord<'q> {
    text: &'q str,
    /// The words that begin with it.
    beginnings: Range<usize>,
    /// The ranks of the names with exactly this word; empty if no name has it.
    whole: Range<usize>,
}

impl WordSearch {
    /// Maps the words in `dir`, an index with `names` names; absent if the index has none, because
    /// an earlier version wrote it.
    ///
    /// # Errors
    /// [`crate::columns::ColumnError::Damaged`] if the file contradicts itself or the number.
    pub(crate) fn open(dir: &Path, names: usize) -> Result<Option<Self>, ConceptError> {
        let path = dir.join(SEARCH_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let file = Sections::open(&path)?;
        let words = schema::SEARCH_WORDS.open(&file)?;
        let ranks = schema::SEARCH_RANKS.open(&file)?;
        if words.len() != ranks.len() {
            return Err(file.damaged("its tables do not fit together").into());
        }
        Ok(Some(Self { words, ranks, names: schema::SEARCH_NAMES.open_counted(&file, names)? }))
    }

    /// Calls `push` with the names that have every word of the normalized text `key`, the most
    /// common first, until it returns false; then with the names that have words which begin with
    /// the words of `key`. The flag is true for the former. `text` gives the normalized text of a
    /// name.
    pub(crate) fn search(
        &self,
        key: &str,
        text: impl Fn(NameId) -> String,
        mut push: impl FnMut(NameId, bool) -> bool,
    ) {
        let mut words: Vec<&str> = vec![];
        for word in key.split(' ').filter(|word| !word.is_empty()) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words.truncate(MAX_WORDS);
        let words: Vec<QueryWord<'_>> = words.into_iter().map(|word| self.query_word(word)).collect();
        if words.is_empty() || words.iter().any(|word| word.beginnings.is_empty()) {
            return;
        }
        let mut steps = MAX_STEPS;
        if self.whole_words(&words, &mut steps, &mut |name| push(name, true)) {
            self.beginnings(&words, &text, &mut steps, &mut |name| push(name, false));
        }
    }

    fn query_word<'q>(&self, text: &'q str) -> QueryWord<'q> {
        let first = partition_point(self.words.len(), |i| self.words.get(i) < text);
        let end = partition_point(self.words.len(), |i| {
            let word = self.words.get(i);
            word < text || word.starts_with(text)
        });
        let is_word = first < end && self.words.get(first) == text;
        let whole = if is_word { self.ranks.range(first) } else { 0..0 };
        QueryWord { text, beginnings: first..end.max(first), whole }
    }

    fn list(&self, range: &Range<usize>) -> &[u32] {
        &self.ranks.values()[range.clone()]
    }

    fn name(&self, rank: u32) -> Option<NameId> {
        self.names.get(rank as usize).copied().filter(|name| name.index() < self.names.len())
    }

    /// The names with all words; false if `push` returned false.
    fn whole_words(&self, words: &[QueryWord<'_>], steps: &mut usize, push: &mut dyn FnMut(NameId) -> bool) -> bool {
        let mut lists: Vec<&[u32]> = words.iter().map(|word| self.list(&word.whole)).collect();
        lists.sort_by_key(|list| list.len());
        let Some((shortest, others)) = lists.split_first_mut() else { return true };
        for &rank in shortest.iter() {
            if !take(steps, 1 + others.len()) {
                break;
            }
            // The ranks ascend, so what is before this one is not needed again.
            others.iter_mut().for_each(|list| *list = &list[list.partition_point(|&other| other < rank)..]);
            if others.iter().all(|list| list.first() == Some(&rank))
                && let Some(name) = self.name(rank)
                && !push(name)
            {
                return false;
            }
        }
        true
    }

    /// The names with words that begin with all words.
    fn beginnings(
        &self,
        words: &[QueryWord<'_>],
        text: &dyn Fn(NameId) -> String,
        steps: &mut usize,
        push: &mut dyn FnMut(NameId) -> bool,
    ) {
        let count = |word: &&QueryWord<'_>| {
            let (first, last) = (word.beginnings.start, word.beginnings.end - 1);
            self.ranks.range(last).end.saturating_sub(self.ranks.range(first).start)
        };
        let Some(rarest) = words.iter().min_by_key(count) else { return };
        let others = words.iter().filter(|word| word.text != rarest.text);
        let (by_lookup, by_text): (Vec<&QueryWord<'_>>, Vec<&QueryWord<'_>>) =
            others.partition(|word| word.beginnings.len() <= MAX_LOOKUPS);
        let lookups: usize = by_lookup.iter().map(|word| word.beginnings.len()).sum();
        for rank in self.merged(&rarest.beginnings) {
            if !take(steps, 1 + lookups) {
                return;
            }
            let Some(name) = self.name(rank) else { continue };
            if !by_lookup.iter().all(|word| self.has_beginning(rank, &word.beginnings)) {
                continue;
            }
            if !by_text.is_empty() {
                if !take(steps, TEXT_STEPS) {
                    return;
                }
                let text = text(name);
                let begins = |word: &&QueryWord<'_>| text.split(' ').any(|found| found.starts_with(word.text));
                if !by_text.iter().all(begins) {
                    continue;
                }
            }
            if !push(name) {
                return;
            }
        }
    }

    /// Whether the name with a rank has one of the words.
    fn has_beginning(&self, rank: u32, words: &Range<usize>) -> bool {
        words.clone().any(|word| self.ranks.get(word).binary_search(&rank).is_ok())
    }

    /// The ranks of the names that have one of the words, ascending. Of many words only those with
    /// the most names count.
    fn merged(&self, words: &Range<usize>) -> impl Iterator<Item = u32> + '_ {
        let mut lists: Vec<Range<usize>> = words.clone().map(|word| self.ranks.range(word)).collect();
        if lists.len() > MAX_LISTS {
            lists.select_nth_unstable_by_key(MAX_LISTS, |range| Reverse(range.len()));
            lists.truncate(MAX_LISTS);
        }
        let values = self.ranks.values();
        let mut heads: BinaryHeap<Reverse<(u32, usize, usize)>> = lists
            .into_iter()
            .filter(|range| !range.is_empty())
            .map(|range| Reverse((values[range.start], range.start, range.end)))
            .collect();
        let mut last = None;
        std::iter::from_fn(move || {
            loop {
                let Reverse((rank, position, end)) = heads.pop()?;
                if position + 1 < end {
                    heads.push(Reverse((values[position + 1], position + 1, end)));
                }
                if last.replace(rank) != Some(rank) {
                    return Some(rank);
                }
            }
        })
    }
}

/// Takes `count` of the remaining steps; false if there are too few.
fn take(steps: &mut usize, count: usize) -> bool {
    let left = steps.checked_sub(count);
    *steps = left.unwrap_or(0);
    left.is_some()
}
