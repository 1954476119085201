//! How far one spelling is from another.
//!
//! An automaton that walks a finite state transducer (`fst`) and leaves it where no word can be near any more. Invariant: what it
//! accepts is within the edits it was made for, counted in bytes.

use fst::Automaton;

/// Bytes that a word to be compared has less than; it bounds the work that one can cause.
pub(crate) const LONGEST: usize = 64;

/// Accepts words that begin with the same byte as `word` and are at most `most` edits of bytes away from it.
pub(crate) struct Near<'a> {
    word: &'a [u8],
    most: u8,
}

impl<'a> Near<'a> {
    /// `word` has fewer than [`LONGEST`] bytes, of a longer one the beginning counts; `most` is small.
    pub(crate) fn new(word: &'a str, most: usize) -> Self {
        let bytes = word.as_bytes();
        Self { word: &bytes[..bytes.len().min(LONGEST - 1)], most: most as u8 }
    }
}

/// The last two rows of the table of distances between the word and what was read.
#[derive(Clone)]
pub(crate) struct Rows {
    before: [u8; LONGEST],
    row: [u8; LONGEST],
    last: u8,
    read: usize,
}

impl Automaton for Near<'_> {
    type State = Rows;

    fn start(&self) -> Rows {
        let row = std::array::from_fn(|i| i as u8);
        Rows { before: row, row, last: 0, read: 0 }
    }

    fn is_match(&self, rows: &Rows) -> bool {
        rows.read > 0 && rows.row[self.word.len()] <= self.most
    }

    fn can_match(&self, rows: &Rows) -> bool {
        // An exchange of neighbors looks back two rows, so that either may lead on.
        let least = |row: &[u8; LONGEST]| row[..=self.word.len()].iter().any(|&d| d <= self.most);
        least(&rows.row) || least(&rows.before)
    }

    fn accept(&self, rows: &Rows, byte: u8) -> Rows {
        const FAR: u8 = u8::MAX / 2;
        let mut row = [FAR; LONGEST];
        if rows.read == 0 && self.word.first() != Some(&byte) {
            return Rows { before: row, row, last: byte, read: 1 };
        }
        row[0] = (rows.row[0] + 1).min(FAR);
        for i in 1..=self.word.len() {
            let replaced = rows.row[i - 1] + u8::from(self.word[i - 1] != byte);
            row[i] = replaced.min(rows.row[i] + 1).min(row[i - 1] + 1).min(FAR);
            let exchanged = i > 1 && rows.read > 0 && self.word[i - 1] == rows.last && self.word[i - 2] == byte;
            if exchanged {
                row[i] = row[i].min(rows.before[i - 2] + 1);
            }
        }
        Rows { before: rows.row, row, last: byte, read: rows.read.saturating_add(1) }
    }
}

/// Insertions, deletions, replacements and exchanges of neighbors between two words (optimal string alignment).
pub(crate) fn edits(a: &str, b: &str) -> usize {
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
}
