//! Records of tables: TSV without quotes, or CSV with quotes as in RFC 4180.
//!
//! Invariants: in TSV a tab always ends a value. The size of a record is bounded, so that a missing
//! closing quote is found.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use crate::files::input::{LineError, LineReader, MAX_LINE_BYTES, NumberedLine};

/// The separator of values in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// TSV: tabs, no quotes.
    Tabs,
    /// CSV: commas; a value may be in double quotes.
    Commas,
}

/// Why no further record can be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The input cannot be read; the message names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A quoted value goes on to the end of the input, or beyond the bound of a record.
    #[error("the quoted value that begins in line {0} does not end")]
    Unclosed(u64),
}

/// Reads the records of a table and skips blank lines.
pub(crate) struct RecordReader<R> {
    pub(crate) lines: LineReader<R>,
    parser: Reader,
    /// The fields of the last record, one after the other.
    text: Vec<u8>,
    /// The end of each field in `text`.
    ends: Vec<usize>,
}

impl<R: BufRead> RecordReader<R> {
    pub(crate) fn new(input: R, dialect: Dialect) -> Self {
        let (delimiter, quoting) = match dialect {
            Dialect::Tabs => (b'\t', false),
            Dialect::Commas => (b',', true),
        };
        let mut parser = ReaderBuilder::new();
        parser.delimiter(delimiter).quoting(quoting).terminator(Terminator::Any(b'\n'));
        Self { lines: LineReader::new(input), parser: parser.build(), text: vec![], ends: vec![] }
    }

    /// The next record with the line on which it begins; `None` at the end of the input.
    pub(crate) fn next(&mut self) -> Result<Option<NumberedLine<Record<'_>>>, RecordsError> {
        let (mut first, mut bytes, mut text, mut ends) = (0, 0, 0, 0);
        while let Some((number, line)) = self.lines.next_bytes()? {
            let line = match line {
                Ok(b"") if first == 0 => continue,
                Ok(line) if bytes + line.len() <= MAX_LINE_BYTES => line,
                Err(e) if first == 0 => return Ok(Some((number, Err(e)))),
                _ => break,
            };
            first = if first == 0 { number } else { first };
            bytes += line.len() + 1;
            // A record has at most as many bytes and fields as its lines have bytes, so the buffer
            // is always large enough.
            self.text.resize(self.text.len().max(bytes + 1), 0);
            self.ends.resize(self.ends.len().max(bytes + 1), 0);
            // The parser takes an empty slice for the end of the input, which would also end a
            // quoted value.
            for input in [line, b"\n"].into_iter().filter(|input| !input.is_empty()) {
                let (result, _, more_text, more_ends) =
                    self.parser.read_record(input, &mut self.text[text..], &mut self.ends[ends..]);
                (text, ends) = (text + more_text, ends + more_ends);
                if result == ReadRecordResult::Record {
                    let record = std::str::from_utf8(&self.text[..text]);
                    let record = record.map_err(|_| LineError::of_encoding(&self.text[..text]));
                    return Ok(Some((first, record.map(|text| Record { text, ends: &self.ends[..ends] }))));
                }
            }
        }
        match first {
            0 => Ok(None),
            _ => Err(RecordsError::Unclosed(first)),
        }
    }
}

/// One record: its fields, one after the other, and their ends.
pub(crate) struct Record<'a> {
    pub(crate) text: &'a str,
    pub(crate) ends: &'a [usize],
}

impl<'a> Record<'a> {
    /// A field; `None` where a delimiter splits a character.
    pub(crate) fn field(&self, position: usize) -> Option<&'a str> {
        let start = if position == 0 { 0 } else { self.ends[position - 1] };
        self.text.get(start..self.ends[position])
    }

    /// All fields; `None` where a delimiter splits a character.
    pub(crate) fn fields(&self) -> Option<Vec<&'a str>> {
        (0..self.ends.len()).map(|position| self.field(position)).collect()
    }
}
