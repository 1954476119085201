//! Matrices in NumPy's file format (NEP 1, version 1.0): what other programs give and take.
//!
//! Invariant: little-endian, C order, two dimensions.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use bytemuck::NoUninit;

use crate::{
    columns::mapped::{self, Column, MappedFile},
    index::IndexError,
};

const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";

/// Rows of float32, mapped.
pub struct Rows {
    values: Column<f32>,
    dimensions: usize,
}

impl Rows {
    /// Reads the header of `file`.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when it is no such matrix.
    pub fn open(file: MappedFile) -> Result<Self, IndexError> {
        let wrong = || file.damaged("not a matrix of float32 in NumPy's format (version 1.0, C order)");
        let bytes = file.whole::<u8>()?;
        let length = bytes.get(..10).filter(|head| head[..8] == MAGIC[..]).ok_or_else(wrong)?;
        let start = 10 + usize::from(u16::from_le_bytes([length[8], length[9]]));
        let header = bytes.get(10..start).and_then(|header| std::str::from_utf8(header).ok()).ok_or_else(wrong)?;
        let plain = header.contains("'<f4'") && header.contains("'fortran_order': False");
        let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')')).ok_or_else(wrong)?.0;
        let shape: Vec<usize> = shape.split(',').filter_map(|n| n.trim().parse().ok()).collect();
        let [rows, dimensions] = shape[..] else { return Err(wrong().into()) };
        let values = file.rest::<f32>(start)?;
        if !plain || dimensions == 0 || rows.checked_mul(dimensions) != Some(values.len()) {
            return Err(wrong().into());
        }
        Ok(Self { values, dimensions })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.dimensions
    }

    /// Length of a row.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Row `row`.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimensions..][..self.dimensions]
    }
}

/// A type of values as NumPy names it.
pub(super) trait Value: NoUninit {
    const NAME: &str;
}

impl Value for f32 {
    const NAME: &str = "<f4";
}

impl Value for i32 {
    const NAME: &str = "<i4";
}

/// Writes a matrix of float32 piece by piece.
pub(super) struct Writer(BufWriter<fs_err::File>);

impl Writer {
    /// Begins a matrix.
    pub(super) fn create(path: &Path, rows: usize, dimensions: usize) -> io::Result<Self> {
        begin::<f32>(path, rows, dimensions).map(Self)
    }

    /// Adds values.
    pub(super) fn push(&mut self, values: &[f32]) -> io::Result<()> {
        self.0.write_all(mapped::bytes(values))
    }

    /// Ends it.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes `values` as a matrix of `rows` rows.
pub(super) fn write<T: Value>(path: &Path, rows: usize, values: &[T]) -> io::Result<()> {
    let mut file = begin::<T>(path, rows, values.len() / rows.max(1))?;
    file.write_all(mapped::bytes(values))?;
    file.flush()
}

fn begin<T: Value>(path: &Path, rows: usize, columns: usize) -> io::Result<BufWriter<fs_err::File>> {
    let header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}", T::NAME);
    // Values begin at a multiple of 64 bytes, behind a line feed.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    file.write_all(MAGIC)?;
    file.write_all(&(length as u16).to_le_bytes())?;
    file.write_all(format!("{header:<width$}\n", width = length - 1).as_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.npy");
        let open = || Rows::open(MappedFile::open(&path).unwrap());
        write(&path, 2, &[1f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let rows = open().unwrap();
        assert_eq!((rows.len(), rows.dimensions(), rows.row(1)), (2, 3, &[4.0, 5.0, 6.0][..]));
        drop(rows);
        let whole = fs_err::read(&path).unwrap();
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            assert!(open().is_err(), "{length} bytes");
        }
        write(&path, 2, &[1i32, 2]).unwrap();
        assert!(open().err().unwrap().to_string().contains("m.npy"));
    }
}
