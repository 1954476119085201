//! The words of all names, and the repair of words that none of them has.
//!
//! A misspelt word is cut by the tokenizer into pieces that mean something else, so that its embedding is of little use. A word of
//! at least five letters that no name contains is therefore replaced by the nearest word that one does, if there is one within
//! one edit (two from eight letters on) and with the same first letter. Kept as a finite state transducer from word to
//! number of names (`fst`). Invariant: a word that some name contains is never changed.

use std::{collections::BTreeMap, path::Path};

use fst::{IntoStreamer, Streamer, automaton::Levenshtein};

use super::{
    IndexError,
    mapped::{Column, MappedFile},
};

/// Letters that a word needs to be repaired.
const SHORTEST: usize = 5;
/// Letters from which on two edits are allowed.
const LONG: usize = 8;
/// Words longer than this are no words; it bounds the work that one can cause.
const LONGEST: usize = 40;

/// Writes the words of `keys`.
pub fn write<'a>(path: &Path, keys: impl Iterator<Item = &'a str>) -> Result<(), IndexError> {
    let mut words: BTreeMap<&str, u64> = BTreeMap::new();
    for word in keys.flat_map(|key| key.split(' ')) {
        *words.entry(word).or_default() += 1;
    }
    let failed = |e: fst::Error| std::io::Error::other(e);
    let map = fst::Map::from_iter(words).map_err(failed)?;
    Ok(fs_err::write(path, map.into_fst().into_inner())?)
}

/// A mention whose unknown words were replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    pub text: String,
    /// 1 less the share of letters that were edited.
    pub similarity: f32,
}

/// The words of an index, mapped.
pub struct Words(fst::Map<Column<u8>>);

impl Words {
    /// Maps `path`.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when it is no such file.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let file = MappedFile::open(path)?;
        let map = fst::Map::new(file.whole::<u8>()?).map_err(|e| file.damaged(e.to_string()))?;
        map.as_fst().verify().map_err(|e| file.damaged(e.to_string()))?;
        Ok(Self(map))
    }

    /// A normalised `key` with its unknown words repaired; none if every word is known or none can be repaired.
    pub fn repair(&self, key: &str) -> Option<Repaired> {
        let (mut edits, mut letters) = (0, 0);
        let words: Vec<String> = key
            .split(' ')
            .map(|word| {
                letters += word.chars().count();
                match self.nearest(word) {
                    Some((nearest, distance)) => {
                        edits += distance;
                        nearest
                    }
                    None => word.to_owned(),
                }
            })
            .collect();
        let similarity = 1.0 - edits as f32 / letters.max(1) as f32;
        (edits > 0).then(|| Repaired { text: words.join(" "), similarity })
    }

    /// The word nearest to an unknown one and the edits between them; of several the one in most names, then the first.
    fn nearest(&self, word: &str) -> Option<(String, usize)> {
        let letters = word.chars().count();
        if !(SHORTEST..=LONGEST).contains(&letters)
            || !word.chars().all(char::is_alphabetic)
            || self.0.contains_key(word)
        {
            return None;
        }
        let most = if letters < LONG { 1 } else { 2 };
        // Two letters that changed places are two edits to the automaton, and one to people.
        let automaton = Levenshtein::new(word, 2).ok()?;
        let mut near = self.0.search(automaton).into_stream();
        let mut best: Option<(usize, u64, String)> = None;
        while let Some((candidate, names)) = near.next() {
            let Ok(candidate) = std::str::from_utf8(candidate) else { continue };
            let distance = edits(word, candidate);
            if distance > most || candidate.chars().next() != word.chars().next() {
                continue;
            }
            if best.as_ref().is_none_or(|(d, n, _)| (distance, std::cmp::Reverse(names)) < (*d, std::cmp::Reverse(*n)))
            {
                best = Some((distance, names, candidate.to_owned()));
            }
        }
        best.map(|(distance, _, candidate)| (candidate, distance))
    }
}

/// Insertions, deletions, replacements and exchanges of neighbours between two words (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_exchanged_letters_once() {
        for (a, b, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("pnuemonia", "pneumonia", 1),
            ("diarhea", "diarrhea", 1),
            ("astma", "asthma", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((edits(a, b), edits(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn only_unknown_long_words_are_repaired() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.fst");
        let names = ["pneumonia of the lung", "pneumonitis", "cold", "asthma", "asthmas", "asthma attack", "b12"];
        write(&path, names.into_iter()).unwrap();
        let words = Words::open(&path).unwrap();
        let repair = |text| words.repair(text).map(|r| r.text);
        assert_eq!(repair("pnuemonia"), Some("pneumonia".into()));
        assert_eq!(repair("left pnuemonia"), Some("left pneumonia".into()));
        assert_eq!(repair("asthm"), Some("asthma".into()), "the word of more names wins");
        assert_eq!(words.repair("pnuemonia").unwrap().similarity, 1.0 - 1.0 / 9.0);
        for kept in ["pneumonia", "colt", "b122", "bneumonia", "xyzzy", "", "azthmq"] {
            assert_eq!(repair(kept), None, "{kept}");
        }
    }
}
