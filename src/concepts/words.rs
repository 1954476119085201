//! Repairs misspelled words of a mention with words that occur in names.
//!
//! A tokenizer cuts a misspelled word into pieces that mean something else, so its embedding is of
//! little use. An unknown word of at least five letters is therefore replaced by the nearest word
//! of the vocabulary that has the same first letter and is at most one edit away (two edits from
//! ten letters on). A repair never replaces one affix by another (hypertension is not hypotension);
//! if the nearest words differ in an affix, the word stays as it is. A finite-state transducer
//! (`fst`) maps each word to its [`WordEntry`].
//!
//! Invariant: a word that occurs in a visible name is never replaced.

use std::{cmp::Reverse, path::Path};

use fst::{IntoStreamer, Streamer};

use crate::{
    columns::{automaton::open_fst, mapped::Column},
    concepts::{
        ConceptError,
        schema::WordEntry,
        spelling::{EditDistance, edit_distance},
    },
    domain::SourceSetId,
};

/// Minimum number of letters of a word that is repaired.
const MIN_LETTERS: usize = 5;
/// Letters of the shortest word that may be repaired by two edits.
const MIN_LETTERS_TWO_EDITS: usize = 10;
/// Maximum length in bytes of a word that is repaired or stored; bounds the work for one word.
const MAX_REPAIRED_BYTES: usize = 39;
/// Maximum number of words of a mention that are repaired; bounds the work for one mention.
const MAX_REPAIRS: usize = 8;
/// Prefixes that change the meaning of a word.
const PREFIXES: [&str; 10] = ["hyper", "hypo", "tachy", "brady", "inter", "intra", "macro", "micro", "endo", "exo"];
/// Suffixes that change the meaning of a word.
const SUFFIXES: [&str; 12] =
    ["ectomy", "otomy", "ostomy", "oscopy", "plasty", "itis", "osis", "emia", "uria", "algia", "pathy", "oma"];

/// A mention with repaired words.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The normalized mention after the repair.
    pub text: String,
    /// 1 minus edits divided by letters of the mention.
    pub similarity: f32,
}

/// Whether a source of a set is visible.
pub(crate) type IsVisible<'a> = &'a dyn Fn(SourceSetId) -> bool;

/// Whether a word can be a repair of another one: letters only, and at most one letter shorter than
/// the shortest word that is repaired.
pub(crate) fn is_repair_candidate(word: &str) -> bool {
    word.len() <= MAX_REPAIRED_BYTES && word.chars().count() >= MIN_LETTERS - 1 && word.chars().all(char::is_alphabetic)
}

/// Whether a word that is unknown counts as misspelled, rather than as short or a code.
fn is_repairable(word: &str) -> bool {
    is_repair_candidate(word) && word.chars().count() >= MIN_LETTERS
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

    /// The normalized mention `key` with its unknown words repaired; absent if there is nothing to
    /// repair. A word is known if a source of its set is visible.
    pub(crate) fn repair(&self, key: &str, is_visible: IsVisible) -> Option<Repaired> {
        let (mut edits, mut letters, mut repairs) = (0, 0, 0);
        let mut repaired = Vec::new();
        for word in key.split(' ') {
            letters += word.chars().count();
            let nearest = if self.is_unknown(word, is_visible) && repairs < MAX_REPAIRS {
                repairs += 1;
                self.nearest(word, is_visible)
            } else {
                None
            };
            repaired.push(match nearest {
                Some((nearest, distance)) => {
                    edits += distance;
                    nearest
                }
                None => word.to_owned(),
            });
        }
        let similarity = 1.0 - edits as f32 / letters.max(1) as f32;
        (edits > 0).then(|| Repaired { text: repaired.join(" "), similarity })
    }

    /// Whether the normalized mention `key` has words of five letters or more and none of them is
    /// known.
    pub(crate) fn has_only_unknown_words(&self, key: &str, is_visible: IsVisible) -> bool {
        let mut words = key.split(' ').filter(|word| is_repairable(word)).peekable();
        words.peek().is_some() && words.all(|word| self.is_unknown(word, is_visible))
    }

    fn is_unknown(&self, word: &str, is_visible: IsVisible) -> bool {
        let is_known = || self.0.get(word).is_some_and(|entry| is_visible(WordEntry::decode(entry).sources));
        is_repairable(word) && !is_known()
    }

    /// The known word nearest to an unknown one, with the edits between them; of equally near words
    /// the one in the most names, then the first.
    fn nearest(&self, word: &str, is_visible: IsVisible) -> Option<(String, usize)> {
        let max_edits = if word.chars().count() < MIN_LETTERS_TWO_EDITS { 1 } else { 2 };
        let mut near = self.0.search(EditDistance::new(word, max_edits)).into_stream();
        let mut best: Option<(usize, Reverse<u32>, String)> = None;
        // The distance at which two known words differ in an affix.
        let mut ambiguous = usize::MAX;
        while let Some((candidate, entry)) = near.next() {
            let Ok(candidate) = std::str::from_utf8(candidate) else { continue };
            let entry = WordEntry::decode(entry);
            if !is_visible(entry.sources) {
                continue;
            }
            let order = (edit_distance(word, candidate), Reverse(entry.names));
            if order.0 > max_edits || differ_in_affix(word, candidate) {
                continue;
            }
            match &best {
                Some((distance, _, other)) if order.0 == *distance && differ_in_affix(other, candidate) => {
                    ambiguous = order.0
                }
                _ => {}
            }
            if best.as_ref().is_none_or(|(distance, names, _)| order < (*distance, *names)) {
                best = Some((order.0, order.1, candidate.to_owned()));
            }
        }
        best.filter(|(distance, ..)| *distance < ambiguous).map(|(distance, _, candidate)| (candidate, distance))
    }
}

/// Whether both words have a prefix of [`PREFIXES`], or a suffix of [`SUFFIXES`], and not the same
/// one.
fn differ_in_affix(a: &str, b: &str) -> bool {
    let prefix = |word: &str| PREFIXES.iter().find(|affix| word.starts_with(**affix));
    let suffix = |word: &str| SUFFIXES.iter().find(|affix| word.ends_with(**affix));
    let differ = |a: Option<&&str>, b: Option<&&str>| a.is_some() && b.is_some() && a != b;
    differ(prefix(a), prefix(b)) || differ(suffix(a), suffix(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        concepts::ingest::{source_sets::SourceSets, words::WordCounter},
        domain::SourceId,
    };

    const SOURCE: SourceId = SourceId::new(0);

    fn write<'a>(path: &Path, keys: impl Iterator<Item = &'a str>) -> Result<(), ConceptError> {
        let (mut counter, mut sets) = (WordCounter::new(path.parent().unwrap()), SourceSets::default());
        keys.for_each(|key| counter.count(key, &[SOURCE]).unwrap());
        counter.write(path, &mut sets)
    }

    #[test]
    fn automaton_finds_the_same_words_as_comparing_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        let letters = ["a", "b", "é"];
        let word = |mut n: usize| (0..7).map(|_| (letters[n % 3], n /= 3).0).collect::<String>();
        let vocabulary: Vec<String> = (0..2187).step_by(5).map(word).collect();
        write(&path, vocabulary.iter().map(String::as_str)).unwrap();
        let words = WordIndex::open(&path).unwrap();
        for unknown in (1..2187).step_by(35).map(word).filter(|w| !vocabulary.contains(w)) {
            let same_start = vocabulary.iter().filter(|k| k.chars().next() == unknown.chars().next());
            let nearest = same_start.map(|k| edit_distance(&unknown, k)).min().filter(|&d| d <= 1);
            // To exchange a letter of one byte and a letter of two bytes takes several edits of
            // bytes.
            if let Some((_, distance)) = words.nearest(&unknown, &|_| true) {
                assert_eq!(Some(distance), nearest, "{unknown}");
            } else if !unknown.contains('é') {
                assert_eq!(None, nearest, "{unknown}");
            }
        }
    }

    #[test]
    fn only_unknown_long_words_are_repaired() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        let names = ["pneumonia of the lung", "pneumonitis", "cold", "asthma", "asthmas", "asthma attack", "b12"];
        write(&path, names.into_iter()).unwrap();
        let words = WordIndex::open(&path).unwrap();
        let repair = |text| words.repair(text, &|_| true).map(|r| r.text);
        assert_eq!(repair("pnuemonia"), Some("pneumonia".into()));
        assert_eq!(repair("left pnuemonia"), Some("left pneumonia".into()));
        assert_eq!(repair("asthm"), Some("asthma".into()), "the word in more names wins");
        assert_eq!(words.repair("pnuemonia", &|_| true).unwrap().similarity, 1.0 - 1.0 / 9.0);
        for (a, b) in [("hyperkalemia", "hypokalemia"), ("craniectomy", "craniotomy"), ("hysterotomy", "hysterectomy")]
        {
            write(&path, [b].into_iter()).unwrap();
            assert_eq!(WordIndex::open(&path).unwrap().repair(a, &|_| true), None, "{a}");
        }
        write(&path, ["appendectomy", "hyperkalemia", "hypertension", "hypotension", "leukemia"].into_iter()).unwrap();
        let words = WordIndex::open(&path).unwrap();
        let repair = |text| words.repair(text, &|_| true).map(|r| r.text);
        for (a, b) in [("hyperkalemai", "hyperkalemia"), ("leukemai", "leukemia"), ("appendectmy", "appendectomy")] {
            assert_eq!(repair(a).as_deref(), Some(b), "{a}");
        }
        assert_eq!(repair("hyprtension"), None, "both hypertension and hypotension are one edit away");
        write(&path, names.into_iter()).unwrap();
        let words = WordIndex::open(&path).unwrap();
        let repair = |text| words.repair(text, &|_| true).map(|r| r.text);
        for unchanged in ["pneumonia", "colt", "b122", "bneumonia", "xyzzy", "", "azthmq"] {
            assert_eq!(repair(unchanged), None, "{unchanged}");
        }
    }

    #[test]
    fn mention_without_known_long_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        write(&path, ["pneumonia of the lung", "asthma"].into_iter()).unwrap();
        let words = WordIndex::open(&path).unwrap();
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

    #[test]
    fn words_of_hidden_sources_are_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        let (mut counter, mut sets) = (WordCounter::new(dir.path()), SourceSets::default());
        for (key, source) in [("zylith", 0), ("zymolith", 1), ("asthma", 1), ("asthma", 0)] {
            counter.count(key, &[SourceId::new(source)]).unwrap();
            counter.spill().unwrap();
        }
        counter.write(&path, &mut sets).unwrap();
        let words = WordIndex::open(&path).unwrap();
        let is_visible = |set: SourceSetId| sets.all()[set.index()].contains(&SOURCE);
        let repair = |text| words.repair(text, &is_visible).map(|r| r.text);
        assert_eq!(repair("zymolit"), None);
        assert_eq!(repair("zylit"), Some("zylith".into()));
        assert_eq!(repair("asthm"), Some("asthma".into()));
        assert_eq!(words.repair("zymolit", &|_| true).unwrap().text, "zymolith");
    }
}
