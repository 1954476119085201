//! Looks a text up among the names of the index: as it is, as a variant, with its spelling
//! repaired.
//!
//! Invariant: a text that is a name is not repaired.

use crate::{
    concepts::Filter,
    domain::{AtomId, MatchKind, NameId},
    index::{Index, MAX_TIES},
    linker::rank::{Found, MAX_EMBEDDING_SCORE, merge},
    text,
};

/// A text of a mention whose embedding is searched: the text itself or its repaired spelling.
pub(super) struct LinkText {
    /// The text that the encoder reads.
    pub(super) text: String,
    /// The normalized text.
    pub(super) key: String,
    /// The match of concepts that a search with this text finds.
    pub(super) kind: MatchKind,
    /// Similarity of the spelling, the factor of the cosine: 1 unless a word was repaired.
    pub(super) similarity: f32,
}

/// What the names of an index give for a text.
pub(super) struct Lookup {
    /// Concepts whose name the text is.
    pub(super) found: Vec<Found>,
    /// The text, then its repaired forms. Not empty.
    pub(super) texts: Vec<LinkText>,
    /// Whether the repaired forms contradict each other.
    pub(super) is_repair_ambiguous: bool,
}

impl Lookup {
    /// Looks up `text`, which [`text::clean`] gave, and repairs it if `spelling` is wanted and it
    /// is no name. `is_word` says whether the language has a word.
    pub(super) fn new(
        text: &str,
        filter: &Filter,
        spelling: bool,
        index: &Index,
        is_word: &dyn Fn(&str) -> bool,
    ) -> Self {
        let key = text::normalize(text);
        let mut found = equal_names(text, &key, filter, index);
        if found.is_empty() {
            found = variant_names(text, &key, filter, index);
        }
        let is_name = |key: &str| index.concepts().name_id(key).is_some();
        let wanted = found.is_empty() && spelling;
        let repairs = if wanted { index.repair(&key, is_word, &is_name) } else { vec![] };
        // Repairs that contradict each other get one score, so that none is preferred.
        let similarity = repairs.iter().map(|repaired| repaired.similarity).fold(1.0, f32::min);
        // The embedding of the text as written rests on the same misspelled words.
        let written = LinkText { text: text.to_owned(), key, kind: MatchKind::Embedding, similarity };
        let is_repair_ambiguous = repairs.len() > 1;
        let mut texts = vec![written];
        for repaired in repairs {
            let key = text::normalize(&repaired.text);
            let mut owners = equal_names(&repaired.text, &key, filter, index);
            if owners.is_empty() {
                owners = variant_names(&repaired.text, &key, filter, index);
            }
            let score = MAX_EMBEDDING_SCORE * similarity;
            let position = texts.len();
            let corrected = |owner| Found { kind: MatchKind::Corrected, score, text: position, ..owner };
            merge(&mut found, owners.into_iter().map(corrected));
            texts.push(LinkText { text: repaired.text, key, kind: MatchKind::Corrected, similarity });
        }
        Self { found, texts, is_repair_ambiguous }
    }
}

/// The concepts that own `text`, whose normalized form is `key`, as a name; at most [`MAX_TIES`].
fn equal_names(text: &str, key: &str, filter: &Filter, index: &Index) -> Vec<Found> {
    let concepts = index.concepts();
    let Some(name) = concepts.name_id(key) else { return vec![] };
    // A concept may have several atoms with this key: one that equals the mention is preferred.
    let kind = |atom| if concepts.atom(atom).name == text { MatchKind::Exact } else { MatchKind::Normalized };
    owners(name, filter, index, kind)
}

/// The concepts that own a variant of `key` with the fewest changes.
fn variant_names(text: &str, key: &str, filter: &Filter, index: &Index) -> Vec<Found> {
    let names = index.concepts().name_variants(key);
    let fewest = names.first().map_or(0, |(_, changes)| *changes);
    let mut found = vec![];
    for (name, _) in names.into_iter().take_while(|(_, changes)| *changes == fewest) {
        // An abbreviation in capitals has no variants among words: "dishes" is not DISH.
        let is_word = |owner: &Found| !is_in_capitals(index.concepts().atom(owner.atom).name) || is_in_capitals(text);
        merge(&mut found, owners(name, filter, index, |_| MatchKind::Variant).into_iter().filter(is_word));
    }
    found
}

/// Whether a text is an abbreviation in capitals, possibly with a plural s.
pub(super) fn is_in_capitals(text: &str) -> bool {
    let letters = text.strip_suffix('s').unwrap_or(text);
    letters.chars().filter(|c| c.is_alphabetic()).count() > 1 && !letters.chars().any(char::is_lowercase)
}

/// The concepts that own `name` and pass `filter`, each with its atom of the best kind.
fn owners(name: NameId, filter: &Filter, index: &Index, kind: impl Fn(AtomId) -> MatchKind) -> Vec<Found> {
    let mut owners: Vec<Found> = vec![];
    for (concept, atom) in filter.atoms_of(index.concepts(), name) {
        let found = Found::by_name(concept, atom, name, kind(atom));
        let is_full = owners.len() == MAX_TIES;
        match owners.last_mut().filter(|last| last.concept == concept) {
            Some(last) if found.kind < last.kind => *last = found,
            Some(_) => {}
            None if is_full => break,
            None => owners.push(found),
        }
    }
    owners
}
