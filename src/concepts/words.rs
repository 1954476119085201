//! The words of the names of an index.
//!
//! A finite-state transducer (`fst`) maps each word to its [`WordEntry`]: the number of names with
//! the word, which is the base of its weight, and their sources. `repair` replaces misspelled
//! words by near words of this index. Invariant: a word counts only if a source of its names is
//! visible.

use std::path::Path;

use fst::{Automaton, IntoStreamer, Streamer};

use crate::{
    columns::{automaton::open_fst, mapped::Column},
    concepts::{ConceptError, schema::WordEntry},
    domain::SourceSetId,
};

/// Minimum number of letters of a word that is repaired without a look at the whole mention.
pub(crate) const MIN_LETTERS: usize = 5;
/// Maximum length in bytes of a word that is stored or repaired; bounds the work for one word.
const MAX_WORD_BYTES: usize = 39;

/// Whether a source of a set is visible.
pub(crate) type IsVisible<'a> = &'a dyn Fn(SourceSetId) -> bool;

/// Whether a word of a name is stored.
pub(crate) fn is_stored(word: &str) -> bool {
    (1..=MAX_WORD_BYTES).contains(&word.len())
}

/// Whether a word can be misspelled or a correction: letters only, and at most one letter shorter
/// than [`MIN_LETTERS`]. Other words are short or codes.
pub(crate) fn is_repairable(word: &str) -> bool {
    is_stored(word) && word.chars().count() >= MIN_LETTERS - 1 && word.chars().all(char::is_alphabetic)
}

/// The words of the names of an index, mapped.
pub(crate) struct WordIndex(fst::Map<Column<u8>>);

impl WordIndex {
    /// Maps `path`.
    ///
    /// # Errors
    /// [`crate::columns::ColumnError::Damaged`] if it is no transducer or its checksum differs.
    pub(crate) fn open(path: &Path) -> Result<Self, ConceptError> {
        Ok(Self(open_fst(path)?))
    }

    /// The number of names with `word`; `None` if no visible name has it.
    pub(crate) fn word(&self, word: &str, is_visible: IsVisible) -> Option<u32> {
        let entry = self.0.get(word).map(WordEntry::decode)?;
        is_visible(entry.sources).then_some(entry.names)
    }

    pub(crate) fn is_known(&self, word: &str, is_visible: IsVisible) -> bool {
        self.word(word, is_visible).is_some()
    }

    /// Whether the normalized mention `key` has words of five letters or more and none of them is
    /// known.
    pub(crate) fn has_only_unknown_words(&self, key: &str, is_visible: IsVisible) -> bool {
        let is_long = |word: &&str| is_repairable(word) && word.chars().count() >= MIN_LETTERS;
        let mut words = key.split(' ').filter(is_long).peekable();
        words.peek().is_some() && words.all(|word| !self.is_known(word, is_visible))
    }

    /// The known words that `automaton` accepts and that can be corrections, with their numbers of
    /// names.
    pub(crate) fn near(&self, automaton: impl Automaton, is_visible: IsVisible) -> Vec<(String, u32)> {
        let (mut near, mut found) = (vec![], self.0.search(automaton).into_stream());
        while let Some((word, entry)) = found.next() {
            let entry = WordEntry::decode(entry);
            if let Ok(word) = std::str::from_utf8(word)
                && is_repairable(word)
                && is_visible(entry.sources)
            {
                near.push((word.to_owned(), entry.names));
            }
        }
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        concepts::{
            ingest::{source_sets::SourceSets, words::WordCounter},
            spelling::within_edits,
        },
        domain::SourceId,
    };

    fn index(names: &[(&str, u16)], sets: &mut SourceSets) -> WordIndex {
        let dir = tempfile::tempdir().unwrap();
        let (mut counter, path) = (WordCounter::new(dir.path()), dir.path().join("words.fst"));
        for (name, source) in names {
            counter.count(name, &[SourceId::new(*source)]).unwrap();
            counter.spill().unwrap();
        }
        counter.write(&path, sets).unwrap();
        WordIndex::open(&path).unwrap()
    }

    #[test]
    fn every_word_has_its_number_of_names() {
        let long = "x".repeat(MAX_WORD_BYTES + 1);
        let names = [("vitamin b 12", 0), ("vitamin b12", 1), ("b b", 1), (long.as_str(), 0)];
        let mut sets = SourceSets::default();
        let words = index(&names, &mut sets);
        let expected =
            [("vitamin", Some(2)), ("b", Some(2)), ("12", Some(1)), ("b12", Some(1)), ("", None), ("vita", None)];
        for (word, names) in expected.into_iter().chain([(long.as_str(), None), (&long[1..], None)]) {
            assert_eq!(words.word(word, &|_| true), names, "{word}");
        }
        let is_visible = |set: SourceSetId| sets.all()[set.index()].contains(&SourceId::new(0));
        assert_eq!((words.word("b12", &is_visible), words.word("12", &is_visible)), (None, Some(1)));
    }

    #[test]
    fn near_words_are_words_of_four_letters_or_more() {
        let words = index(&[("asthma", 0), ("cold", 0), ("b12", 0), ("old", 0)], &mut SourceSets::default());
        let near = |word: &str, prefix| {
            let automaton = fst::automaton::Str::new(prefix).starts_with();
            words.near(automaton.intersection(within_edits(word, 2)), &|_| true)
        };
        assert_eq!(near("astma", ""), [("asthma".to_owned(), 1)]);
        assert_eq!(near("bold", ""), [("cold".to_owned(), 1)]);
        assert_eq!(near("bold", "b"), []);
    }

    #[test]
    fn mention_without_known_long_words() {
        let words = index(&[("pneumonia of the lung", 0), ("asthma", 0)], &mut SourceSets::default());
        for (key, expected) in [
            ("qwrtzpsd 8815", true),
            ("zzzzz lungs", true),
            ("asthma qwrtzpsd", false),
            ("mi", false),
            ("", false),
            ("8815 12345", false),
        ] {
            assert_eq!(words.has_only_unknown_words(key, &|_| true), expected, "{key}");
        }
        assert!(words.has_only_unknown_words("asthma", &|_| false), "words of hidden sources are unknown");
    }
}
