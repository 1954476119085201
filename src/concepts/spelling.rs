//! Edit distances: an automaton that finds near words in a transducer, and the exact distance.
//!
//! The distance is optimal string alignment: insertions, deletions, replacements, and exchanges of
//! two neighbors. [`EditDistance`] counts edits of bytes and follows only branches of the
//! transducer that can still reach a near word. Invariant: it accepts only words within its maximum
//! number of byte edits.

use fst::Automaton;

/// Words to be compared have fewer bytes than this, which bounds the work for one word.
pub(crate) const MAX_WORD_BYTES: usize = 64;

/// Accepts words with the same first byte as `word`, at most `max_edits` edits of bytes away.
pub(crate) struct EditDistance<'a> {
    word: &'a [u8],
    max_edits: u8,
}

impl<'a> EditDistance<'a> {
    /// An automaton for `word`, of which it uses fewer than [`MAX_WORD_BYTES`] bytes. `max_edits`
    /// is at most 2 or so: more edits visit most of the transducer.
    pub(crate) fn new(word: &'a str, max_edits: usize) -> Self {
        let bytes = word.as_bytes();
        Self { word: &bytes[..bytes.len().min(MAX_WORD_BYTES - 1)], max_edits: max_edits as u8 }
    }
}

/// The last two rows of the table of distances between the beginnings of the word and the bytes
/// read.
#[derive(Clone)]
pub(crate) struct DistanceRows {
    previous: [u8; MAX_WORD_BYTES],
    current: [u8; MAX_WORD_BYTES],
    last_byte: u8,
    bytes_read: usize,
}

impl Automaton for EditDistance<'_> {
    type State = DistanceRows;

    fn start(&self) -> DistanceRows {
        let row = std::array::from_fn(|i| i as u8);
        DistanceRows { previous: row, current: row, last_byte: 0, bytes_read: 0 }
    }

    fn is_match(&self, rows: &DistanceRows) -> bool {
        rows.bytes_read > 0 && rows.current[self.word.len()] <= self.max_edits
    }

    fn can_match(&self, rows: &DistanceRows) -> bool {
        // An exchange of neighbors reads the row before the last, so either row may lead to a
        // match.
        let is_near = |row: &[u8; MAX_WORD_BYTES]| row[..=self.word.len()].iter().any(|&d| d <= self.max_edits);
        is_near(&rows.current) || is_near(&rows.previous)
    }

    fn accept(&self, rows: &DistanceRows, byte: u8) -> DistanceRows {
        const FAR: u8 = u8::MAX / 2;
        let mut row = [FAR; MAX_WORD_BYTES];
        if rows.bytes_read == 0 && self.word.first() != Some(&byte) {
            return DistanceRows { previous: row, current: row, last_byte: byte, bytes_read: 1 };
        }
        row[0] = (rows.current[0] + 1).min(FAR);
        for i in 1..=self.word.len() {
            let replaced = rows.current[i - 1] + u8::from(self.word[i - 1] != byte);
            row[i] = replaced.min(rows.current[i] + 1).min(row[i - 1] + 1).min(FAR);
            let is_exchange =
                i > 1 && rows.bytes_read > 0 && self.word[i - 1] == rows.last_byte && self.word[i - 2] == byte;
            if is_exchange {
                row[i] = row[i].min(rows.previous[i - 2] + 1);
            }
        }
        DistanceRows {
            previous: rows.current,
            current: row,
            last_byte: byte,
            bytes_read: rows.bytes_read.saturating_add(1),
        }
    }
}

/// Edits of letters between two words.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut distance = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    distance = distance.min(table[i - 2][j - 2] + 1);
                }
                distance
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_of_neighbors_is_one_edit() {
        for (a, b, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("pnuemonia", "pneumonia", 1),
            ("diarhea", "diarrhea", 1),
            ("astma", "asthma", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((edit_distance(a, b), edit_distance(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
