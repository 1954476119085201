//! Writes section files whose columns do not fit in memory.
//!
//! Each column is written to its own unnamed file; `ColumnsWriter::join` copies them into one
//! section file. Invariant: the writer needs memory for one buffer per open column.

use std::{
    fs::File,
    io::{self, BufWriter, Seek, Write},
    marker::PhantomData,
    path::Path,
};

use bytemuck::NoUninit;

use crate::columns::{
    ColumnError, mapped,
    spec::{ColumnSpec, ListSpec, StringsSpec},
};

/// Bytes of the buffer of a column.
const BUFFER_BYTES: usize = 1 << 16;

/// Writes the columns of one file, in the order of the calls of `add`.
pub(crate) struct ColumnsWriter<'a> {
    dir: &'a Path,
    columns: Vec<(&'static str, File)>,
}

impl<'a> ColumnsWriter<'a> {
    /// A writer without columns; it creates its temporary files in `dir`.
    pub(crate) fn new(dir: &'a Path) -> Self {
        Self { dir, columns: vec![] }
    }

    /// Begins a column.
    pub(crate) fn column<T: NoUninit>(&self, spec: ColumnSpec<T>) -> io::Result<ColumnWriter<T>> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(self.dir)?);
        Ok(ColumnWriter { name: spec.name(), file, bytes: 0, element: PhantomData })
    }

    /// Begins a list of strings.
    pub(crate) fn strings(&self, spec: StringsSpec) -> io::Result<StringsWriter> {
        Ok(StringsWriter { text: self.column(spec.0.values)?, ends: self.column(spec.0.ends)? })
    }

    /// Adds a complete column.
    pub(crate) fn add<T: NoUninit>(&mut self, column: ColumnWriter<T>) -> io::Result<()> {
        let mut file = column.file.into_inner().map_err(|e| e.into_error())?;
        file.rewind()?;
        self.columns.push((column.name, file));
        Ok(())
    }

    /// Adds a complete list of strings.
    pub(crate) fn add_strings(&mut self, strings: StringsWriter) -> io::Result<()> {
        self.add(strings.text)?;
        self.add(strings.ends)
    }

    /// Adds a column with `values`.
    pub(crate) fn add_values<T: NoUninit>(&mut self, spec: ColumnSpec<T>, values: &[T]) -> io::Result<()> {
        let mut column = self.column(spec)?;
        column.extend(values)?;
        self.add(column)
    }

    /// Adds lists that are in memory.
    pub(crate) fn add_lists<T: NoUninit>(&mut self, spec: ListSpec<T>, lists: &[Vec<T>]) -> io::Result<()> {
        let mut end = 0;
        let ends = lists.iter().map(|list| {
            end += list.len() as u32;
            end
        });
        self.add_values(spec.ends, &ends.collect::<Vec<_>>())?;
        self.add_values(spec.values, &lists.concat())
    }

    /// Adds strings that are in memory.
    ///
    /// # Errors
    /// As [`StringsWriter::push`].
    pub(crate) fn add_all_strings<'s>(
        &mut self,
        spec: StringsSpec,
        strings: impl Iterator<Item = &'s str>,
    ) -> Result<(), ColumnError> {
        let mut list = self.strings(spec)?;
        for s in strings {
            list.push(s)?;
        }
        Ok(self.add_strings(list)?)
    }

    /// Writes the section file.
    pub(crate) fn join(self, path: &Path) -> io::Result<()> {
        mapped::join(path, self.columns)
    }
}

/// A column while it is written.
pub(crate) struct ColumnWriter<T> {
    name: &'static str,
    file: BufWriter<File>,
    bytes: u64,
    element: PhantomData<T>,
}

impl<T: NoUninit> ColumnWriter<T> {
    /// Appends a value.
    pub(crate) fn push(&mut self, value: T) -> io::Result<()> {
        self.extend(std::slice::from_ref(&value))
    }

    /// Appends values.
    pub(crate) fn extend(&mut self, values: &[T]) -> io::Result<()> {
        let bytes = mapped::bytes(values);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

/// A list of strings while it is written.
pub(crate) struct StringsWriter {
    text: ColumnWriter<u8>,
    ends: ColumnWriter<u32>,
}

impl StringsWriter {
    /// Appends a string.
    ///
    /// # Errors
    /// [`ColumnError::TooLarge`] beyond 4 GiB of text.
    pub(crate) fn push(&mut self, s: &str) -> Result<(), ColumnError> {
        self.text.extend(s.as_bytes())?;
        let end = u32::try_from(self.text.bytes).map_err(|_| ColumnError::TooLarge("4 GiB of names"))?;
        Ok(self.ends.push(end)?)
    }
}
