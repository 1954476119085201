//! The words of all names, and the repair of words that none of them has.
//!
//! A misspelled word is cut by the tokenizer into pieces that mean something else, so that its embedding is of little use. A word of
//! at least five letters that no name contains is therefore replaced by the nearest word that one does, if there is one within
//! one edit (two from ten letters on), with the same first letter, and without putting
//! one telling affix for another (a hypertension is no hypotension). Where the nearest words differ in such an affix, none is taken. Kept as a finite state transducer from word to
//! number of names and set of sources (`fst`). Invariant: a word that some name contains is never changed.

use std::{cmp::Reverse, collections::HashMap, io::BufWriter, path::Path};

use fst::{IntoStreamer, Streamer};

use crate::files::sorter::Sorter;
use crate::{
    columns::{automaton::open_fst, mapped::Column},
    concepts::ConceptError,
    concepts::{
        ingest::source_sets::SourceSets,
        spelling::{Near, edits},
    },
};

/// Letters that a word needs to be repaired.
const SHORTEST: usize = 5;
/// Letters from which on two edits are allowed.
const LONG: usize = 10;
/// Bytes from which on a word is no word; it bounds the work that one can cause.
const LONGEST: usize = 40;
/// Memory in which words are counted, in bytes.
const COUNTING_MEMORY: usize = 64 << 20;
/// What a word takes beside its letters while it is counted.
const BYTES_OF_ENTRY: usize = 56;
/// Unknown words of a mention that are looked up; it bounds the work that a mention can cause.
const MOST_UNKNOWN: usize = 8;
/// Beginnings and ends that make another word of a word: one is never repaired to another.
const PREFIXES: [&str; 10] = ["hyper", "hypo", "tachy", "brady", "inter", "intra", "macro", "micro", "endo", "exo"];
const SUFFIXES: [&str; 12] =
    ["ectomy", "otomy", "ostomy", "oscopy", "plasty", "itis", "osis", "emia", "uria", "algia", "pathy", "oma"];

/// Counts the words of keys, and gathers the sources of the names that they are in, for [`Words`].
pub(crate) struct WordCounter {
    words: HashMap<Box<str>, (u32, Vec<u16>)>,
    bytes: usize,
    sorter: Sorter,
}

/// What is known of a word: how many names have it, and the number of their set of sources.
#[derive(Clone, Copy)]
struct Counted {
    names: u32,
    sources: u32,
}

impl Counted {
    /// As one number, which the transducer holds.
    fn packed(self) -> u64 {
        u64::from(self.names) << 32 | u64::from(self.sources)
    }

    fn unpacked(packed: u64) -> Self {
        Self { names: (packed >> 32) as u32, sources: packed as u32 }
    }
}

impl WordCounter {
    /// Counts; what exceeds its memory is kept in `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { words: HashMap::new(), bytes: 0, sorter: Sorter::new(dir, COUNTING_MEMORY) }
    }

    /// Counts the words of `key`, of names from `sources`, that may be of use: a word that could not be misspelled is not asked for.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn count(&mut self, key: &str, sources: &[u16]) -> std::io::Result<()> {
        for word in key.split(' ').filter(|word| is_repairable(word)) {
            if !self.words.contains_key(word) {
                self.bytes += word.len() + BYTES_OF_ENTRY;
                self.words.insert(word.into(), (0, vec![]));
            }
            let Some((names, known)) = self.words.get_mut(word) else { continue };
            *names = names.saturating_add(1);
            for source in sources {
                if let Err(place) = known.binary_search(source) {
                    known.insert(place, *source);
                    self.bytes += size_of::<u16>();
                }
            }
        }
        if self.bytes > COUNTING_MEMORY { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> std::io::Result<()> {
        let mut record = vec![];
        for (word, (names, sources)) in self.words.drain() {
            record.clear();
            record.extend_from_slice(word.as_bytes());
            record.push(0);
            record.extend_from_slice(&names.to_be_bytes());
            sources.iter().for_each(|source| record.extend_from_slice(&source.to_be_bytes()));
            self.sorter.push(&record)?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// Writes the words; their sets of sources get numbers among `sets`.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn write(mut self, path: &Path, sets: &mut SourceSets) -> Result<(), ConceptError> {
        self.spill()?;
        let failed = |e: fst::Error| std::io::Error::other(e);
        let mut map = fst::MapBuilder::new(BufWriter::new(fs_err::File::create(path)?)).map_err(failed)?;
        let mut sorted = self.sorter.sort()?;
        let (mut record, mut word) = (vec![], vec![]);
        let (mut names, mut sources) = (0u32, vec![]);
        loop {
            let more = sorted.next(&mut record)?;
            let end = memchr::memchr(0, &record).unwrap_or(record.len());
            if !word.is_empty() && (!more || record[..end] != word) {
                let counted = Counted { names, sources: sets.number(std::mem::take(&mut sources)) };
                map.insert(&word, counted.packed()).map_err(failed)?;
                names = 0;
            }
            if !more {
                break;
            }
            word.clear();
            word.extend_from_slice(&record[..end]);
            let Some((count, rest)) = record.get(end + 1..).and_then(|r| r.split_first_chunk()) else { continue };
            names = names.saturating_add(u32::from_be_bytes(*count));
            sources.extend(rest.as_chunks().0.iter().map(|source| u16::from_be_bytes(*source)));
        }
        Ok(map.finish().map_err(failed)?)
    }
}

/// Whether a word is one that a repair may replace, or be replaced with.
fn is_repairable(word: &str) -> bool {
    word.len() < LONGEST && word.chars().count() >= SHORTEST - 1 && word.chars().all(char::is_alphabetic)
}

/// A mention whose unknown words were replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    pub text: String,
    /// 1 less the share of letters that were edited.
    pub similarity: f32,
}

/// Whether a set of sources, by its number, has one that may be shown.
pub(crate) type Shows<'a> = &'a dyn Fn(u32) -> bool;

/// The words of an index, mapped.
pub(crate) struct Words(fst::Map<Column<u8>>);

impl Words {
    /// Maps `path`.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when it is no such file.
    pub(crate) fn open(path: &Path) -> Result<Self, ConceptError> {
        Ok(Self(open_fst(path)?))
    }

    /// A normalized `key` with its unknown words repaired; none if every word is known or none can be repaired. Only words of
    /// sources that `shows`, which is given the number of their set, are known.
    pub(crate) fn repair(&self, key: &str, shows: Shows) -> Option<Repaired> {
        let (mut edits, mut letters, mut unknown) = (0, 0, 0);
        let mut repaired = Vec::new();
        for word in key.split(' ') {
            letters += word.chars().count();
            let nearest = if self.is_unknown(word, shows) && unknown < MOST_UNKNOWN {
                unknown += 1;
                self.nearest(word, shows)
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

    /// Whether a normalized `key` has words that are long enough to be told, and none of them is known.
    pub(crate) fn is_foreign(&self, key: &str, shows: Shows) -> bool {
        let mut told = key.split(' ').filter(|word| is_told(word)).peekable();
        told.peek().is_some() && told.all(|word| self.is_unknown(word, shows))
    }

    fn is_unknown(&self, word: &str, shows: Shows) -> bool {
        let known = || self.0.get(word).is_some_and(|packed| shows(Counted::unpacked(packed).sources));
        is_told(word) && !known()
    }

    /// The word nearest to an unknown one and the edits between them; of several the one in most names, then the first.
    fn nearest(&self, word: &str, shows: Shows) -> Option<(String, usize)> {
        let most = if word.chars().count() < LONG { 1 } else { 2 };
        let mut near = self.0.search(Near::new(word, most)).into_stream();
        let mut best: Option<(usize, Reverse<u32>, String)> = None;
        // The distance at which two words contradict each other.
        let mut doubtful = usize::MAX;
        while let Some((candidate, packed)) = near.next() {
            let Ok(candidate) = std::str::from_utf8(candidate) else { continue };
            let counted = Counted::unpacked(packed);
            if !shows(counted.sources) {
                continue;
            }
            let found = (edits(word, candidate), Reverse(counted.names));
            if found.0 > most || contradict(word, candidate) {
                continue;
            }
            match &best {
                Some((distance, _, other)) if found.0 == *distance && contradict(other, candidate) => {
                    doubtful = found.0
                }
                _ => {}
            }
            if best.as_ref().is_none_or(|(distance, names, _)| found < (*distance, *names)) {
                best = Some((found.0, found.1, candidate.to_owned()));
            }
        }
        best.filter(|(distance, ..)| *distance < doubtful).map(|(distance, _, candidate)| (candidate, distance))
    }
}

/// Whether a word is one that names are told by: neither short nor a code.
fn is_told(word: &str) -> bool {
    is_repairable(word) && word.chars().count() >= SHORTEST
}

/// Whether each word has a telling affix and they are not the same.
fn contradict(a: &str, b: &str) -> bool {
    let prefix = |word: &str| PREFIXES.iter().find(|affix| word.starts_with(**affix));
    let suffix = |word: &str| SUFFIXES.iter().find(|affix| word.ends_with(**affix));
    let differ = |a: Option<&&str>, b: Option<&&str>| a.is_some() && b.is_some() && a != b;
    differ(prefix(a), prefix(b)) || differ(suffix(a), suffix(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write<'a>(path: &Path, keys: impl Iterator<Item = &'a str>) -> Result<(), ConceptError> {
        let (mut counter, mut sets) = (WordCounter::new(path.parent().unwrap()), SourceSets::default());
        keys.for_each(|key| counter.count(key, &[0]).unwrap());
        counter.write(path, &mut sets)
    }

    #[test]
    fn the_automaton_finds_what_comparing_every_word_finds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        let letters = ["a", "b", "é"];
        let word = |mut n: usize| (0..7).map(|_| (letters[n % 3], n /= 3).0).collect::<String>();
        let known: Vec<String> = (0..2187).step_by(5).map(word).collect();
        write(&path, known.iter().map(String::as_str)).unwrap();
        let words = Words::open(&path).unwrap();
        for unknown in (1..2187).step_by(35).map(word).filter(|w| !known.contains(w)) {
            let same_start = known.iter().filter(|k| k.chars().next() == unknown.chars().next());
            let least = same_start.map(|k| edits(&unknown, k)).min().filter(|&d| d <= 1);
            // An exchange of a letter of one byte with one of two is more than one edit of bytes.
            if let Some((_, distance)) = words.nearest(&unknown, &|_| true) {
                assert_eq!(Some(distance), least, "{unknown}");
            } else if !unknown.contains('é') {
                assert_eq!(None, least, "{unknown}");
            }
        }
    }

    #[test]
    fn only_unknown_long_words_are_repaired() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        let names = ["pneumonia of the lung", "pneumonitis", "cold", "asthma", "asthmas", "asthma attack", "b12"];
        write(&path, names.into_iter()).unwrap();
        let words = Words::open(&path).unwrap();
        let repair = |text| words.repair(text, &|_| true).map(|r| r.text);
        assert_eq!(repair("pnuemonia"), Some("pneumonia".into()));
        assert_eq!(repair("left pnuemonia"), Some("left pneumonia".into()));
        assert_eq!(repair("asthm"), Some("asthma".into()), "the word of more names wins");
        assert_eq!(words.repair("pnuemonia", &|_| true).unwrap().similarity, 1.0 - 1.0 / 9.0);
        for (a, b) in [("hyperkalemia", "hypokalemia"), ("craniectomy", "craniotomy"), ("hysterotomy", "hysterectomy")]
        {
            write(&path, [b].into_iter()).unwrap();
            assert_eq!(Words::open(&path).unwrap().repair(a, &|_| true), None, "{a}");
        }
        write(&path, ["appendectomy", "hyperkalemia", "hypertension", "hypotension", "leukemia"].into_iter()).unwrap();
        let words = Words::open(&path).unwrap();
        let repair = |text| words.repair(text, &|_| true).map(|r| r.text);
        for (a, b) in [("hyperkalemai", "hyperkalemia"), ("leukemai", "leukemia"), ("appendectmy", "appendectomy")] {
            assert_eq!(repair(a).as_deref(), Some(b), "{a}");
        }
        assert_eq!(repair("hyprtension"), None, "it may be either");
        write(&path, names.into_iter()).unwrap();
        let words = Words::open(&path).unwrap();
        let repair = |text| words.repair(text, &|_| true).map(|r| r.text);
        for kept in ["pneumonia", "colt", "b122", "bneumonia", "xyzzy", "", "azthmq"] {
            assert_eq!(repair(kept), None, "{kept}");
        }
    }

    #[test]
    fn a_text_is_foreign_if_none_of_its_long_words_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        write(&path, ["pneumonia of the lung", "asthma"].into_iter()).unwrap();
        let words = Words::open(&path).unwrap();
        for (key, foreign) in [
            ("qwrtzpsd 8815", true),
            ("zzzzz lungs", true),
            ("asthma qwrtzpsd", false),
            ("mi", false),
            ("", false),
            ("8815 12345", false),
        ] {
            assert_eq!(words.is_foreign(key, &|_| true), foreign, "{key}");
        }
        assert!(words.is_foreign("asthma", &|_| false), "of what is hidden nothing is known");
    }

    #[test]
    fn words_of_hidden_sources_are_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        let (mut counter, mut sets) = (WordCounter::new(dir.path()), SourceSets::default());
        for (key, source) in [("zylith", 0), ("zymolith", 1), ("asthma", 1), ("asthma", 0)] {
            counter.count(key, &[source]).unwrap();
            counter.spill().unwrap();
        }
        counter.write(&path, &mut sets).unwrap();
        let words = Words::open(&path).unwrap();
        let shows = |set: u32| sets.all()[set as usize].contains(&0);
        let repair = |text| words.repair(text, &shows).map(|r| r.text);
        assert_eq!(repair("zymolit"), None);
        assert_eq!(repair("zylit"), Some("zylith".into()));
        assert_eq!(repair("asthm"), Some("asthma".into()));
        assert_eq!(words.repair("zymolit", &|_| true).unwrap().text, "zymolith");
    }
}
