//! The vectors that are measured: from a file, or derived from the vectors of an index.
//!
//! A derived vector lies between an index vector and some neighbors of it, so that derived vectors
//! are clustered as names are, in any number of rows and dimensions. Invariant: a vector depends
//! only on its number, so it need not be stored.

use std::{ops::Range, path::Path};

use rayon::prelude::*;

use super::npy::NpyMatrix;
use crate::{
    columns::mapped::MappedFile,
    index::{error::IndexError, open::Index},
    random::Random,
};

/// Maximum number of neighbors that a derived vector is mixed from.
const MIXED_NEIGHBORS: usize = 3;

/// A source of vectors of norm 1.
pub enum VectorSource {
    /// The rows of a NumPy file.
    File(NpyMatrix),
    /// Vectors that are derived from those of an index.
    Index {
        /// The index.
        index: Box<Index>,
        /// Number of values in a derived vector.
        dimensions: usize,
    },
}

impl VectorSource {
    /// Opens a matrix of float32 in NumPy's format.
    ///
    /// # Errors
    /// [`IndexError::Column`] when the file is missing or has another format.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        Ok(Self::File(NpyMatrix::open(MappedFile::open(path)?)?))
    }

    /// Number of vectors; `None` if there is no end.
    pub fn rows(&self) -> Option<usize> {
        match self {
            Self::File(matrix) => Some(matrix.rows()),
            Self::Index { .. } => None,
        }
    }

    /// Number of values in a vector.
    pub fn dimensions(&self) -> usize {
        match self {
            Self::File(matrix) => matrix.dimensions(),
            Self::Index { dimensions, .. } => *dimensions,
        }
    }

    /// Writes vector `number` to `out`.
    pub(super) fn vector(&self, number: usize, out: &mut [f32]) {
        match self {
            Self::File(matrix) => out.copy_from_slice(matrix.row(number)),
            Self::Index { index, .. } => derive_vector(index, number as u64, out),
        }
        let norm = out.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        out.iter_mut().for_each(|v| *v /= norm);
    }

    /// The vectors of these numbers, one after another.
    pub(super) fn vectors(&self, numbers: Range<usize>) -> Vec<f32> {
        let dimensions = self.dimensions();
        let mut out = vec![0f32; numbers.len() * dimensions];
        out.par_chunks_exact_mut(dimensions).zip(numbers).for_each(|(out, number)| self.vector(number, out));
        out
    }
}

/// Writes a vector between a random vector of `index` and some neighbors of it, with noise. If
/// `out` is longer than a vector of the index, the values repeat with other signs.
fn derive_vector(index: &Index, number: u64, out: &mut [f32]) {
    let mut random = Random::new(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5EED);
    let vectors = index.vectors.rows();
    let first = (random.next() % index.vectors.len() as u64) as u32;
    let neighbors: Vec<u32> = index.graph.base_layer().neighbors(first).collect();
    let mut mixed = vec![(first, 1.0)];
    for _ in 0..neighbors.len().min(MIXED_NEIGHBORS) {
        mixed.push((neighbors[random.next() as usize % neighbors.len()], 0.5 * random.fraction()));
    }
    out.fill(0.0);
    for (row, weight) in mixed {
        let (codes, weight) = (vectors.codes(row), weight * vectors.scale(row));
        out.iter_mut().zip(codes.iter().cycle()).for_each(|(value, &code)| *value += weight * f32::from(code));
    }
    let noise = 0.8 / (out.len() as f32).sqrt();
    for (j, value) in out.iter_mut().enumerate() {
        let sign = if (j / index.vectors.dimensions() * 31 + j).is_multiple_of(2) { 1.0 } else { -1.0 };
        *value = *value * sign + noise * (2.0 * random.fraction() - 1.0);
    }
}
