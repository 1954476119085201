//! Finds concepts by a name, by words of a name, or by a misspelled name (`GET /concepts?q=`).
//!
//! The result is a sequence of parts: concepts with the name; with all words of the query in a
//! name; with words in a name that begin with those of the query, common concepts first; with a
//! name that begins with the query, in the order of keys; with a name within one or two edits, the
//! nearest first. A concept occurs once, in the first part that has it; a page is a slice of the
//! sequence. Invariant: equal requests give equal sequences.

use std::collections::HashSet;

use fst::{Automaton, automaton::Str};

use crate::{
    concepts::{filter::Filter, spelling::within_edits, store::ConceptStore},
    domain::{AtomId, ConceptId, NameId},
    text,
};

/// Minimum number of letters of a query that may differ from a name by one edit.
const MIN_LETTERS_ONE_EDIT: usize = 4;
/// Minimum number of letters of a query that may differ from a name by two edits.
const MIN_LETTERS_TWO_EDITS: usize = 10;
/// Maximum length in bytes of a query that may differ from a name by edits; bounds the work for one
/// query.
const MAX_QUERY_BYTES: usize = 63;

/// How the query relates to the name of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// The query is the name, after normalization.
    Name,
    /// The name has all words of the query.
    Words,
    /// Words of the name begin with the words of the query, or the name begins with the query.
    Prefix,
    /// The number of edits between them: letters inserted, deleted or replaced, or two neighbors
    /// exchanged.
    Spelling(u8),
}

/// A concept that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundConcept {
    /// The concept.
    pub concept: ConceptId,
    /// The atom with the name.
    pub atom: AtomId,
    /// How the query relates to the name.
    pub by: FoundBy,
}

/// A page of the sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPage {
    /// Distinct concepts.
    pub found: Vec<FoundConcept>,
    /// Whether the sequence goes on after the page.
    pub more: bool,
}

/// Takes a page from a sequence of concepts that may repeat.
struct PageBuilder {
    seen: HashSet<ConceptId>,
    offset: usize,
    limit: usize,
    page: FoundPage,
}

impl PageBuilder {
    /// Adds the next item of the sequence; false if the page is complete.
    fn push(&mut self, found: FoundConcept) -> bool {
        if self.seen.insert(found.concept) && self.seen.len() > self.offset {
            self.page.more = self.page.found.len() == self.limit;
            if !self.page.more {
                self.page.found.push(found);
            }
        }
        !self.page.more
    }
}

impl ConceptStore {
    /// At most `limit` concepts from position `offset` on that have a name equal to `query`, with
    /// its words or words that begin with them, or nearly equal to it. Empty if `query` has no
    /// letter or digit.
    pub fn find(&self, query: &str, filter: &Filter, offset: usize, limit: usize) -> FoundPage {
        let key = text::normalize(query);
        let mut page = PageBuilder { seen: HashSet::new(), offset, limit, page: FoundPage::default() };
        if !key.is_empty() {
            self.emit_found(&key, filter, &mut |found| page.push(found));
        }
        page.page
    }

    /// Calls `push` with each item of the sequence until it returns false.
    fn emit_found(&self, key: &str, filter: &Filter, push: &mut dyn FnMut(FoundConcept) -> bool) {
        let exact = self.name_id(key);
        let mut push_all = |name: NameId, by: FoundBy| {
            filter.concepts_of(self, name).all(|(concept, atom)| push(FoundConcept { concept, atom, by }))
        };
        if exact.is_some_and(|name| !push_all(name, FoundBy::Name)) {
            return;
        }
        if let Some(words) = &self.word_search {
            let mut goes_on = true;
            let text = |name| text::normalize(self.name_text(name));
            words.search(key, text, |name, is_whole| {
                let by = if is_whole { FoundBy::Words } else { FoundBy::Prefix };
                goes_on = !filter.passes(self, name) || push_all(name, by);
                goes_on
            });
            if !goes_on {
                return;
            }
        }
        for name in filter.names_in(self.names.with_prefix(key)).filter(|name| Some(*name) != exact) {
            if !push_all(name, FoundBy::Prefix) {
                return;
            }
        }
        for (edits, name) in self.misspelled(key) {
            if filter.passes(self, name) && !push_all(name, FoundBy::Spelling(edits as u8)) {
                return;
            }
        }
    }

    /// The names with nearly the key `key` and the same first letter, with the edits between them,
    /// the nearest first.
    fn misspelled(&self, key: &str) -> Vec<(usize, NameId)> {
        let max_edits = match key.chars().count() {
            ..MIN_LETTERS_ONE_EDIT => return vec![],
            MIN_LETTERS_ONE_EDIT..MIN_LETTERS_TWO_EDITS => 1,
            MIN_LETTERS_TWO_EDITS.. => 2,
        };
        if key.len() > MAX_QUERY_BYTES {
            return vec![];
        }
        let first_letter = &key[..key.chars().next().map_or(0, char::len_utf8)];
        let automaton = Str::new(first_letter).starts_with().intersection(within_edits(key, max_edits));
        let mut near = vec![];
        self.names.search(automaton, |found, name| {
            let edits = strsim::osa_distance(key, found);
            if (1..=max_edits).contains(&edits) && !found.starts_with(key) {
                near.push((edits, name));
            }
        });
        near.sort_unstable();
        near
    }
}
