//! Records of the external sorters: byte strings whose order is the order of the output.
//!
//! Numbers are big-endian and texts end with a zero byte, which no text contains, so records sort
//! by their fields. One module writes and reads the records of a sorter, except that `collect`
//! writes the records of statements and `merge` reads them.

use crate::{
    concepts::ConceptError,
    files::sorter::Sorted,
    job::{Job, StepCounter},
};

// A record of a statement begins with the id of a concept, a zero and one of these tags; the
// records of a concept sort by tag. The fields that follow are stated at each tag.

/// Semantic type (u8).
pub(super) const TYPE: u8 = 0;
/// Order of the language (u8), suppressed (u8), inverted preference (u32), number of the atom
/// (u32), interned source (u16), interned term type (u16), interned language (u8), code, zero,
/// name.
pub(super) const ATOM: u8 = 1;
/// Interned source (u16), interned asserting source (u16), code.
pub(super) const CODE: u8 = 2;
/// Source, zero, text.
pub(super) const DEFINITION: u8 = 3;
/// Kind of succession (u8), source, zero, id of the successor.
pub(super) const SUCCESSOR: u8 = 4;

/// Reads the fields of a record.
pub(crate) struct RecordReader<'a>(&'a [u8]);

impl<'a> RecordReader<'a> {
    /// A reader at the first field.
    pub(crate) fn new(record: &'a [u8]) -> Self {
        Self(record)
    }

    /// The fields that were not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Reads text up to the next zero byte or the end.
    pub(crate) fn text(&mut self) -> Result<&'a str, ConceptError> {
        let end = memchr::memchr(0, self.0).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| damaged_record())
    }

    /// Reads a number of one byte.
    pub(crate) fn u8(&mut self) -> Result<u8, ConceptError> {
        self.bytes().map(u8::from_be_bytes)
    }

    /// Reads a number of two bytes.
    pub(crate) fn u16(&mut self) -> Result<u16, ConceptError> {
        self.bytes().map(u16::from_be_bytes)
    }

    /// Reads a number of four bytes.
    pub(crate) fn u32(&mut self) -> Result<u32, ConceptError> {
        self.bytes().map(u32::from_be_bytes)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], ConceptError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(damaged_record)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

/// The error of a record that is not as it was written: the disk damaged a temporary file.
pub(crate) fn damaged_record() -> ConceptError {
    std::io::Error::other("a temporary file was damaged").into()
}

/// Calls `each` for every record that differs from the one before it.
///
/// # Errors
/// Those of `each` and of reading; [`ConceptError::Canceled`].
pub(crate) fn for_each_distinct(
    mut records: Sorted,
    job: Job<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), ConceptError>,
) -> Result<(), ConceptError> {
    let (mut last, mut record, mut counter) = (None, vec![], StepCounter::new(job));
    while records.next(&mut record)? {
        if last.as_ref() != Some(&record) {
            each(&record)?;
            std::mem::swap(last.get_or_insert_default(), &mut record);
        }
        counter.step()?;
    }
    Ok(())
}
