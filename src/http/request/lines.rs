//! Cuts bodies and files into lines.
//!
//! Invariants: the lines do not depend on the pieces in which the bytes come; the memory of a line
//! is bounded, however long the line is.

use std::{
    collections::VecDeque,
    io::{self, BufRead},
};

use crate::{
    http::request::{json::BYTE_ORDER_MARK, mention::max_line_bytes},
    linker::LinkLimits,
};

/// Cuts bytes that come in pieces into lines, without their ends (`\n`).
///
/// Of a line that is too long, it keeps the beginning only: enough bytes for
/// [`read_line`](crate::http::read_line), which gives the same result for the whole line.
pub struct LineSplitter {
    /// Complete lines that were not taken yet.
    lines: VecDeque<Vec<u8>>,
    /// The beginning of the next line.
    partial: Vec<u8>,
    /// Bytes that are kept of a line.
    kept_bytes: usize,
}

impl LineSplitter {
    /// Starts before the first line.
    pub fn new(limits: &LinkLimits) -> Self {
        // One byte more than a line may have, after a byte order mark.
        let kept_bytes = max_line_bytes(limits) + 1 + BYTE_ORDER_MARK.len();
        Self { lines: VecDeque::new(), partial: vec![], kept_bytes }
    }

    /// Adds the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|&byte| byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let free = self.kept_bytes.saturating_sub(self.partial.len());
            self.partial.extend_from_slice(&piece[..piece.len().min(free)]);
            if pieces.peek().is_some() {
                self.finish_line();
            }
        }
    }

    /// Ends the last line, which needs no line end.
    pub fn finish(&mut self) {
        if !self.partial.is_empty() {
            self.finish_line();
        }
    }

    fn finish_line(&mut self) {
        self.lines.push_back(std::mem::take(&mut self.partial));
    }

    /// Whether no line is complete.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Takes the next complete lines, at most `max_count`.
    pub fn take(&mut self, max_count: usize) -> Vec<Vec<u8>> {
        let count = self.lines.len().min(max_count);
        self.lines.drain(..count).collect()
    }

    /// Drops the lines that were not taken.
    pub(in crate::http) fn clear(&mut self) {
        self.lines.clear();
    }
}

/// The lines of `input`, cut as those of a body.
pub(crate) fn split_lines(mut input: impl BufRead, limits: LinkLimits) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let mut splitter = LineSplitter::new(&limits);
    std::iter::from_fn(move || {
        while splitter.lines.is_empty() {
            let bytes = match input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Some(Err(error)),
            };
            if bytes.is_empty() {
                splitter.finish();
                break;
            }
            let count = bytes.len();
            splitter.push(bytes);
            input.consume(count);
        }
        splitter.lines.pop_front().map(Ok)
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    /// The lines of `input`, which is read in pieces of `piece_bytes`.
    fn lines(input: &[u8], piece_bytes: usize) -> Vec<Vec<u8>> {
        let input = BufReader::with_capacity(piece_bytes, input);
        split_lines(input, LinkLimits::default()).map(Result::unwrap).collect()
    }

    #[test]
    fn only_the_last_line_needs_no_end() {
        for piece_bytes in [1, 2, 100] {
            assert_eq!(lines(b"", piece_bytes), [b""; 0]);
            assert_eq!(lines(b"\n\na\r\nbc\n", piece_bytes), [&b""[..], b"", b"a\r", b"bc"]);
            assert_eq!(lines(b"a\nbc", piece_bytes), [&b"a"[..], b"bc"]);
        }
    }

    #[test]
    fn a_long_line_takes_bounded_memory() {
        let input = [vec![b'x'; 1 << 20], b"\nshort".to_vec()].concat();
        let lines = lines(&input, 4096);
        let max = max_line_bytes(&LinkLimits::default());
        assert!(lines[0].len() > max && lines[0].len() < max + 8, "{}", lines[0].len());
        assert_eq!(lines[1], b"short");
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter(input in "[a\n]{0,40}", piece_bytes in 1_usize..10) {
            let whole: Vec<&[u8]> = input.as_bytes().split(|&byte| byte == b'\n').collect();
            let expected = if whole.last() == Some(&&b""[..]) { &whole[..whole.len() - 1] } else { &whole };
            prop_assert_eq!(lines(input.as_bytes(), piece_bytes), expected);
        }
    }
}
