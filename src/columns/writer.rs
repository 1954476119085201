//! Columns that are written one value after another, each to a file of its own, and joined to one file of sections in the end.
//!
//! Invariant: memory is a buffer for each column.

use std::{
    io::{self, BufWriter, Seek, Write},
    path::Path,
};

use bytemuck::NoUninit;

use crate::{columns::ColumnError, columns::mapped};

/// Columns of one file, while they are written.
pub(crate) struct ColumnsWriter<'a> {
    dir: &'a Path,
    columns: Vec<(String, std::fs::File)>,
}

impl<'a> ColumnsWriter<'a> {
    /// Columns that are kept in `dir` until they are joined.
    pub(crate) fn new(dir: &'a Path) -> Self {
        Self { dir, columns: vec![] }
    }

    /// A new column.
    pub(crate) fn column(&self) -> io::Result<ColumnWriter> {
        Ok(ColumnWriter { file: BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(self.dir)?), bytes: 0 })
    }

    /// A new list of strings.
    pub(crate) fn strings(&self) -> io::Result<StringsWriter> {
        Ok(StringsWriter { text: self.column()?, ends: self.column()? })
    }

    /// Takes a column that is complete as section `name`.
    pub(crate) fn add(&mut self, name: &str, column: ColumnWriter) -> io::Result<()> {
        let mut file = column.file.into_inner().map_err(|e| e.into_error())?;
        file.rewind()?;
        self.columns.push((name.into(), file));
        Ok(())
    }

    /// Takes a list of strings that is complete as sections `NAME.text` and `NAME.ends`.
    pub(crate) fn add_strings(&mut self, name: &str, strings: StringsWriter) -> io::Result<()> {
        self.add(&format!("{name}.text"), strings.text)?;
        self.add(&format!("{name}.ends"), strings.ends)
    }

    /// Takes values as section `name`.
    pub(crate) fn add_values<T: NoUninit>(&mut self, name: &str, values: &[T]) -> io::Result<()> {
        let mut column = self.column()?;
        column.write(mapped::bytes(values))?;
        self.add(name, column)
    }

    /// Takes short lists as sections `values` and `ends`.
    pub(crate) fn add_lists<T: NoUninit>(&mut self, values: &str, ends: &str, lists: &[Vec<T>]) -> io::Result<()> {
        let mut end = 0;
        let all_ends = lists.iter().map(|list| {
            end += list.len() as u32;
            end
        });
        self.add_values(ends, &all_ends.collect::<Vec<_>>())?;
        self.add_values(values, &lists.concat())
    }

    /// Takes strings as sections `NAME.text` and `NAME.ends`.
    pub(crate) fn add_all<'s>(
        &mut self,
        name: &str,
        strings: impl Iterator<Item = &'s str>,
    ) -> Result<(), ColumnError> {
        let mut list = self.strings()?;
        for s in strings {
            list.push(s)?;
        }
        Ok(self.add_strings(name, list)?)
    }

    /// Writes the file.
    pub(crate) fn join(self, path: &Path) -> io::Result<()> {
        mapped::join(path, self.columns)
    }
}

/// One column.
pub(crate) struct ColumnWriter {
    file: BufWriter<std::fs::File>,
    bytes: u64,
}

impl ColumnWriter {
    /// Appends a value.
    pub(crate) fn push<T: NoUninit>(&mut self, value: T) -> io::Result<()> {
        self.write(bytemuck::bytes_of(&value))
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

/// A list of strings.
pub(crate) struct StringsWriter {
    text: ColumnWriter,
    ends: ColumnWriter,
}

impl StringsWriter {
    /// Appends a string.
    ///
    /// # Errors
    /// [`ColumnError::TooLarge`] beyond 4 GiB of text.
    pub(crate) fn push(&mut self, s: &str) -> Result<(), ColumnError> {
        self.text.write(s.as_bytes())?;
        let end = u32::try_from(self.text.bytes).map_err(|_| ColumnError::TooLarge("4 GiB of names"))?;
        Ok(self.ends.push(end)?)
    }
}
