//! Matrices in NumPy's file format (NEP 1, version 1.0), to exchange vectors with other programs.
//!
//! Invariant: a matrix is little-endian, in C order, and has two dimensions.

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

/// A mapped matrix of float32.
pub struct NpyMatrix {
    values: Column<f32>,
    dimensions: usize,
}

impl NpyMatrix {
    /// Reads the header of `file`.
    ///
    /// # Errors
    /// [`IndexError::Column`] when the file has another format, type or shape.
    pub(super) fn open(file: MappedFile) -> Result<Self, IndexError> {
        let unreadable = || file.damaged("not a matrix of float32 in NumPy's format (version 1.0, C order)");
        let bytes = file.whole::<u8>()?;
        let head = bytes.get(..10).filter(|head| head[..8] == MAGIC[..]).ok_or_else(unreadable)?;
        let start = 10 + usize::from(u16::from_le_bytes([head[8], head[9]]));
        let header = bytes.get(10..start).and_then(|header| std::str::from_utf8(header).ok()).ok_or_else(unreadable)?;
        let is_float32_in_c_order = header.contains("'<f4'") && header.contains("'fortran_order': False");
        let shape =
            header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')')).ok_or_else(unreadable)?.0;
        let shape: Vec<usize> = shape.split(',').filter_map(|n| n.trim().parse().ok()).collect();
        let [rows, dimensions] = shape[..] else { return Err(unreadable().into()) };
        let values = file.rest::<f32>(start)?;
        if !is_float32_in_c_order || dimensions == 0 || rows.checked_mul(dimensions) != Some(values.len()) {
            return Err(unreadable().into());
        }
        Ok(Self { values, dimensions })
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.dimensions
    }

    /// Number of values in a row.
    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The values of row `row`.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimensions..][..self.dimensions]
    }
}

/// A type of matrix values.
pub(super) trait NpyValue: NoUninit {
    /// NumPy's name of the type.
    const NAME: &str;
}

impl NpyValue for f32 {
    const NAME: &str = "<f4";
}

impl NpyValue for i32 {
    const NAME: &str = "<i4";
}

/// Writes a matrix of float32 piece by piece.
pub(super) struct NpyWriter(BufWriter<fs_err::File>);

impl NpyWriter {
    /// Creates the file of a matrix of `rows` rows.
    pub(super) fn create(path: &Path, rows: usize, dimensions: usize) -> io::Result<Self> {
        create::<f32>(path, rows, dimensions).map(Self)
    }

    /// Appends values.
    pub(super) fn push(&mut self, values: &[f32]) -> io::Result<()> {
        self.0.write_all(mapped::bytes(values))
    }

    /// Flushes the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes `values` as a matrix of `rows` rows.
pub(super) fn write<T: NpyValue>(path: &Path, rows: usize, values: &[T]) -> io::Result<()> {
    let mut file = create::<T>(path, rows, values.len() / rows.max(1))?;
    file.write_all(mapped::bytes(values))?;
    file.flush()
}

/// Creates a file and writes the header.
fn create<T: NpyValue>(path: &Path, rows: usize, columns: usize) -> io::Result<BufWriter<fs_err::File>> {
    let header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}", T::NAME);
    // The header ends with a line feed, and the values begin at a multiple of 64 bytes.
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
    fn matrix_round_trips_and_other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.npy");
        let open = || NpyMatrix::open(MappedFile::open(&path).unwrap());
        write(&path, 2, &[1f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let matrix = open().unwrap();
        assert_eq!((matrix.rows(), matrix.dimensions(), matrix.row(1)), (2, 3, &[4.0, 5.0, 6.0][..]));
        drop(matrix);
        let whole = fs_err::read(&path).unwrap();
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            assert!(open().is_err(), "{length} bytes");
        }
        write(&path, 2, &[1i32, 2]).unwrap();
        assert!(open().err().unwrap().to_string().contains("m.npy"));
    }
}
