//! Lexicons: words that the language has, which spelling repair leaves as they are.
//!
//! `english.txt` and `medicine.txt` are part of the program. A user may give another file
//! ([`Lexicon`]): UTF-8 text with one word a line; empty lines and lines that begin with `#` are
//! skipped. A word with a hyphen, such as "follow-up", gives its parts, because normalized texts
//! have no hyphens. Invariant: the words are normalized like mentions.

use std::{
    collections::HashSet,
    io::BufRead,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use crate::text;

/// Words of everyday English beyond those that a tokenizer has, sorted, in lower-case letters.
const ENGLISH: &str = include_str!("english.txt");
/// Words of medicine, in the same form.
const MEDICINE: &str = include_str!("medicine.txt");

/// Whether the program's list of everyday English has a word of a normalized text.
pub fn is_english_word(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ENGLISH.lines().collect());
    WORDS.contains(word)
}

/// Whether the program's list of words of medicine has a word of a normalized text.
pub fn is_medical_word(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| MEDICINE.lines().collect());
    WORDS.contains(word)
}

/// Why a lexicon could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    /// Reading failed; the error names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A line is not a word.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The lexicon.
        path: PathBuf,
        /// Number of the line, from 1 on.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Words of a user's file.
#[derive(Clone, Debug, Default)]
pub struct Lexicon(HashSet<Box<str>>);

impl Lexicon {
    /// Reads the lexicon in `path`.
    ///
    /// # Errors
    /// [`LexiconError`] names the file, and the line that is no word.
    pub fn read(path: &Path) -> Result<Self, LexiconError> {
        let mut words = HashSet::new();
        let file = std::io::BufReader::new(fs_err::File::open(path)?);
        for (number, line) in file.split(b'\n').enumerate() {
            let fail = |reason| LexiconError::Line { path: path.to_owned(), line: number + 1, reason };
            let line = String::from_utf8(line?).map_err(|_| fail("is not UTF-8"))?;
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.contains(char::is_whitespace) {
                return Err(fail("has more than one word"));
            }
            let normalized = text::normalize(line);
            if normalized.is_empty() {
                return Err(fail("has no letter or digit"));
            }
            words.extend(normalized.split(' ').map(Box::from));
        }
        Ok(Self(words))
    }

    /// Whether the lexicon has a word of a normalized text.
    pub fn contains(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    /// Number of distinct words.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the lexicon has no word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<Lexicon, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.txt");
        std::fs::write(&path, content).unwrap();
        Lexicon::read(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn the_lists_of_the_program_are_sorted_and_normalized() {
        for (list, has) in [(ENGLISH, is_english_word as fn(&str) -> bool), (MEDICINE, is_medical_word)] {
            let words: Vec<_> = list.lines().collect();
            assert!(words.len() > 1_000 && words.is_sorted_by(|a, b| a < b));
            for word in words {
                assert!(word.len() >= 5 && word.bytes().all(|letter| letter.is_ascii_lowercase()), "{word}");
                assert!(has(word), "{word}");
            }
        }
        assert!(is_medical_word("coumarin") && !is_medical_word("serenade") && !is_medical_word("daibetes"));
        assert!(is_english_word("serenade") && !is_english_word("coumarin"));
    }

    #[test]
    fn words_are_normalized_and_comments_are_skipped() {
        let lexicon = read("\u{feff}# ward words\r\nConcert\n\n  caf\u{e9} \r\nfollow-up\nconcert".as_bytes()).unwrap();
        assert_eq!(lexicon.len(), 4);
        for word in ["concert", "cafe", "follow", "up"] {
            assert!(lexicon.contains(word), "{word}");
        }
        assert!(!lexicon.contains("ward") && !lexicon.contains("Concert"));
        assert!(read(b"").unwrap().is_empty());
    }

    #[test]
    fn errors_name_file_and_line() {
        for (content, line, reason) in [
            (&b"concert\n\xff\n"[..], 2, "is not UTF-8"),
            (b"# words\n\nheart attack\n", 3, "has more than one word"),
            (b"...\n", 1, "has no letter or digit"),
        ] {
            let error = read(content).unwrap_err();
            assert!(error.ends_with(&format!("words.txt:{line}: {reason}")), "{error}");
        }
        let missing = Lexicon::read(Path::new("no-such-lexicon.txt")).unwrap_err();
        assert!(missing.to_string().contains("no-such-lexicon.txt"), "{missing}");
    }
}
