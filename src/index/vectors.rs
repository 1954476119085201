//! Rows of float32, all of one length and of norm 1.
//!
//! Invariant: the file holds whole rows and nothing else.

use std::path::Path;

use super::{
    IndexError, kernel,
    mapped::{Column, MappedFile},
};

/// The vectors of an index, mapped.
pub struct Vectors {
    values: Column<f32>,
    dimensions: usize,
}

impl Vectors {
    /// Maps `path`, rows of `dimensions` values.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when it does not hold `rows` rows.
    pub fn open(path: &Path, dimensions: usize, rows: usize) -> Result<Self, IndexError> {
        let file = MappedFile::open(path)?;
        let values = file.whole::<f32>()?;
        if dimensions.checked_mul(rows) != Some(values.len()) {
            return Err(file.damaged(format!("{} values are not {rows} rows of {dimensions}", values.len())));
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
    pub fn row(&self, row: u32) -> &[f32] {
        &self.values[row as usize * self.dimensions..][..self.dimensions]
    }

    /// Cosine of row `row` and `query`, both of norm 1.
    pub fn score(&self, row: u32, query: &[f32]) -> f32 {
        kernel::dot(self.row(row), query)
    }
}
