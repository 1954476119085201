//! Specifications of columns: section names with the type of their elements.
//!
//! A module declares each of its columns once as a constant. Its writer and its reader both use the
//! constant. Invariant: writer and reader agree on name and element type, or the crate does not
//! build.

use std::marker::PhantomData;

use bytemuck::AnyBitPattern;

use crate::columns::{
    ColumnError,
    mapped::{Column, Lists, MAX_SECTION_NAME_BYTES, Sections, Strings},
};

/// A column of values of `T`.
#[derive(Clone, Copy)]
pub(crate) struct ColumnSpec<T> {
    name: &'static str,
    element: PhantomData<T>,
}

impl<T> ColumnSpec<T> {
    /// The column in section `name`.
    pub(crate) const fn new(name: &'static str) -> Self {
        assert!(name.len() <= MAX_SECTION_NAME_BYTES);
        Self { name, element: PhantomData }
    }

    /// The name of its section.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T: AnyBitPattern> ColumnSpec<T> {
    /// Maps the column.
    ///
    /// # Errors
    /// As [`Sections::column`].
    pub(crate) fn open(self, file: &Sections) -> Result<Column<T>, ColumnError> {
        file.column(self.name)
    }

    /// Maps the column, which must have `count` values.
    ///
    /// # Errors
    /// As [`Sections::counted`].
    pub(crate) fn open_counted(self, file: &Sections, count: usize) -> Result<Column<T>, ColumnError> {
        file.counted(self.name, count)
    }
}

/// Lists of values of `T`: a column with the values of all lists, and one with the end of each
/// list.
#[derive(Clone, Copy)]
pub(crate) struct ListSpec<T> {
    /// The values of all lists, one list after another.
    pub(crate) values: ColumnSpec<T>,
    /// For each list the position after its last value.
    pub(crate) ends: ColumnSpec<u32>,
}

impl<T> ListSpec<T> {
    /// The lists in the sections `values` and `ends`.
    pub(crate) const fn new(values: &'static str, ends: &'static str) -> Self {
        Self { values: ColumnSpec::new(values), ends: ColumnSpec::new(ends) }
    }
}

impl<T: AnyBitPattern> ListSpec<T> {
    /// Maps the lists.
    ///
    /// # Errors
    /// As [`Sections::lists`].
    pub(crate) fn open(self, file: &Sections) -> Result<Lists<T>, ColumnError> {
        file.lists(self.values.name, self.ends.name)
    }
}

/// Strings: lists of bytes in UTF-8.
#[derive(Clone, Copy)]
pub(crate) struct StringsSpec(pub(crate) ListSpec<u8>);

impl StringsSpec {
    /// The strings in the sections `text` and `ends`.
    pub(crate) const fn new(text: &'static str, ends: &'static str) -> Self {
        Self(ListSpec::new(text, ends))
    }

    /// Maps the strings.
    ///
    /// # Errors
    /// As [`Sections::lists`].
    pub(crate) fn open(self, file: &Sections) -> Result<Strings, ColumnError> {
        Ok(Strings::new(self.0.open(file)?))
    }
}
