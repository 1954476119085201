//! Vectors quantized to int8, all of one length, with optional residuals.
//!
//! Three files (see [`layout`](crate::ann::layout)): the codes of all rows; one scale for each row;
//! and, with [`VectorPrecision::Int16`], the residuals, in steps of 1/254 of a code. A value is
//! `(code + residual / 254) * scale`. Searches compare codes and score the best rows again with
//! residuals: codes alone change a cosine by about 3e-4, codes with residuals by about 1e-5. A
//! query is quantized to 13 bits per value. Invariants: the files hold whole rows and nothing else;
//! a score is the same on every machine.

use std::{io::Write, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    ann::AnnError,
    ann::{
        kernel::{self, Kernel, MAX_CODE, MAX_DIMENSIONS, MAX_QUERY_CODE},
        layout::{RESIDUALS_FILE, SCALES_FILE, VECTORS_FILE},
    },
    columns::mapped::{self, Column, MappedFile},
};

/// A query, quantized to 13 bits for each value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QueryVector {
    codes: Vec<i16>,
    scale: f32,
}

impl QueryVector {
    /// Quantizes `vector`, whose norm must not be 0.
    pub(crate) fn new(vector: &[f32]) -> Self {
        let peak = peak(vector);
        let factor = if peak > 0.0 { f32::from(MAX_QUERY_CODE) / peak } else { 0.0 };
        let codes: Vec<i16> = vector.iter().map(|value| (value * factor).round() as i16).collect();
        let square: i64 = codes.iter().map(|&code| i64::from(code) * i64::from(code)).sum();
        let scale = if square > 0 { (1.0 / (square as f64).sqrt()) as f32 } else { 0.0 };
        Self { codes, scale }
    }
}

/// Precision of the stored vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorPrecision {
    /// int8 codes.
    Int8,
    /// int8 codes and int8 residuals.
    Int16,
}

impl VectorPrecision {
    /// Bytes for each value of a vector.
    pub fn bytes(self) -> usize {
        match self {
            Self::Int8 => 1,
            Self::Int16 => 2,
        }
    }
}

/// Steps of a residual in one step of a code.
const RESIDUAL_STEPS: f32 = 254.0;

/// One row as it is stored: codes, residuals (empty if the files have none) and scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QuantizedVector {
    codes: Vec<i8>,
    residuals: Vec<i8>,
    scale: f32,
}

impl QuantizedVector {
    /// Quantizes `vector`, which has norm 1.
    pub(crate) fn of(vector: &[f32]) -> Self {
        let peak = peak(vector);
        let factor = if peak > 0.0 { f32::from(MAX_CODE) / peak } else { 0.0 };
        let codes: Vec<i8> = vector.iter().map(|value| (value * factor).round() as i8).collect();
        let remainders = vector.iter().zip(&codes).map(|(value, code)| value * factor - f32::from(*code));
        let residuals = remainders.map(|remainder| (remainder * RESIDUAL_STEPS).round() as i8).collect();
        Self { codes, residuals, scale: peak / f32::from(MAX_CODE) }
    }
}

/// Largest magnitude of the values.
fn peak(vector: &[f32]) -> f32 {
    vector.iter().fold(0f32, |peak, value| peak.max(value.abs()))
}

/// Writes the vector files, one batch of rows after another.
pub(crate) struct VectorsWriter {
    codes: fs_err::File,
    scales: fs_err::File,
    residuals: Option<fs_err::File>,
}

impl VectorsWriter {
    /// Creates the files in `dir`, for rows of `dimensions` values.
    ///
    /// # Errors
    /// [`AnnError::TooLarge`] when rows are longer than [`MAX_DIMENSIONS`]; [`AnnError::Io`].
    pub(crate) fn create(dir: &Path, dimensions: usize, precision: VectorPrecision) -> Result<Self, AnnError> {
        if dimensions > MAX_DIMENSIONS {
            return Err(AnnError::TooLarge("4,096 dimensions"));
        }
        let file = |name| fs_err::File::create(dir.join(name));
        let residuals = (precision == VectorPrecision::Int16).then(|| file(RESIDUALS_FILE)).transpose()?;
        Ok(Self { codes: file(VECTORS_FILE)?, scales: file(SCALES_FILE)?, residuals })
    }

    /// Appends `rows`.
    pub(crate) fn push(&mut self, rows: &[QuantizedVector]) -> std::io::Result<()> {
        let concat = |of: fn(&QuantizedVector) -> &[i8]| rows.iter().flat_map(of).copied().collect::<Vec<i8>>();
        let scales: Vec<f32> = rows.iter().map(|row| row.scale).collect();
        self.codes.write_all(mapped::bytes(&concat(|row| &row.codes)))?;
        if let Some(residuals) = &mut self.residuals {
            residuals.write_all(mapped::bytes(&concat(|row| &row.residuals)))?;
        }
        self.scales.write_all(mapped::bytes(&scales))
    }

    /// Waits until all appended rows are on the disk.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        [Some(&self.codes), self.residuals.as_ref(), Some(&self.scales)]
            .into_iter()
            .flatten()
            .try_for_each(|f| f.sync_data())
    }
}

/// The mapped vector files of an index.
pub(crate) struct Vectors {
    codes: Column<i8>,
    scales: Column<f32>,
    residuals: Option<Column<i8>>,
    dimensions: usize,
}

impl Vectors {
    /// Maps the files in `dir`: `rows` rows of `dimensions` values.
    ///
    /// # Errors
    /// [`AnnError::Column`] when a file is missing or has another size.
    pub(crate) fn open(
        dir: &Path,
        dimensions: usize,
        rows: usize,
        precision: VectorPrecision,
    ) -> Result<Self, AnnError> {
        let file = |name: &str, row: usize| {
            let file = MappedFile::open(&dir.join(name))?;
            let fits = rows.checked_mul(row) == Some(file.len()) && (1..=MAX_DIMENSIONS).contains(&dimensions);
            if fits { Ok(file) } else { Err(file.damaged(format!("{} bytes are not {rows} rows", file.len()))) }
        };
        let residuals =
            (precision == VectorPrecision::Int16).then(|| file(RESIDUALS_FILE, dimensions)?.whole()).transpose()?;
        let (codes, scales) = (file(VECTORS_FILE, dimensions)?.whole()?, file(SCALES_FILE, size_of::<f32>())?.whole()?);
        Ok(Self { codes, scales, residuals, dimensions })
    }

    /// Maps the files of an unfinished build in `dir`: all `rows` rows if they are complete,
    /// otherwise the complete blocks of `block` rows that every file has.
    ///
    /// # Errors
    /// [`AnnError::Column`] when a file is missing.
    pub(crate) fn open_partial(
        dir: &Path,
        dimensions: usize,
        block: usize,
        rows: usize,
        precision: VectorPrecision,
    ) -> Result<Self, AnnError> {
        let file = |name: &str| MappedFile::open(&dir.join(name));
        let (codes, scales) = (file(VECTORS_FILE)?, file(SCALES_FILE)?);
        let residuals = (precision == VectorPrecision::Int16).then(|| file(RESIDUALS_FILE)).transpose()?;
        let code_rows = |file: &MappedFile| file.len() / dimensions.max(1);
        let written = code_rows(&codes)
            .min(residuals.as_ref().map_or(usize::MAX, code_rows))
            .min(scales.len() / size_of::<f32>());
        let complete = if written >= rows { rows } else { written / block * block };
        let residuals = residuals.map(|file| file.first(complete * dimensions)).transpose()?;
        let (codes, scales) = (codes.first(complete * dimensions)?, scales.first(complete * size_of::<f32>())?);
        Ok(Self { codes, scales, residuals, dimensions })
    }

    /// A view of the rows; searches take it once and read many rows.
    pub(crate) fn rows(&self) -> VectorRows<'_> {
        let residuals = self.residuals.as_deref();
        VectorRows {
            codes: &self.codes,
            scales: &self.scales,
            residuals,
            dimensions: self.dimensions,
            kernel: kernel::fastest(),
        }
    }

    /// Precision of the files.
    pub(crate) fn precision(&self) -> VectorPrecision {
        if self.residuals.is_some() { VectorPrecision::Int16 } else { VectorPrecision::Int8 }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    /// Number of values in a row.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }
}

/// The rows of [`Vectors`] as slices, with the kernel that compares them.
#[derive(Clone, Copy)]
pub(crate) struct VectorRows<'a> {
    codes: &'a [i8],
    scales: &'a [f32],
    residuals: Option<&'a [i8]>,
    dimensions: usize,
    kernel: Kernel,
}

impl<'a> VectorRows<'a> {
    /// The codes of `row`.
    #[inline]
    pub(crate) fn codes(&self, row: u32) -> &'a [i8] {
        &self.codes[row as usize * self.dimensions..][..self.dimensions]
    }

    /// The factor from the codes of `row` to its values.
    #[inline]
    pub(crate) fn scale(&self, row: u32) -> f32 {
        self.scales[row as usize]
    }

    /// A copy of `row` as it is stored.
    pub(crate) fn quantized(&self, row: u32) -> QuantizedVector {
        let residuals = self.residuals(row).unwrap_or_default().to_vec();
        QuantizedVector { codes: self.codes(row).to_vec(), residuals, scale: self.scale(row) }
    }

    /// The values of `row`; the norm is 1 up to rounding.
    pub(crate) fn vector(&self, row: u32) -> Vec<f32> {
        let residual = |i: usize| self.residuals(row).map_or(0.0, |residuals| f32::from(residuals[i]) / RESIDUAL_STEPS);
        let codes = self.codes(row).iter().enumerate();
        codes.map(|(i, &code)| (f32::from(code) + residual(i)) * self.scale(row)).collect()
    }

    fn residuals(&self, row: u32) -> Option<&'a [i8]> {
        self.residuals.map(|residuals| &residuals[row as usize * self.dimensions..][..self.dimensions])
    }

    /// Cosine of `row` and `query` from codes and residuals, if the files have residuals.
    pub(crate) fn fine_score(&self, row: u32, query: &QueryVector) -> f32 {
        let coarse = (self.kernel)(&query.codes, self.codes(row)) as f32;
        let fine =
            self.residuals(row).map_or(0.0, |residuals| (self.kernel)(&query.codes, residuals) as f32 / RESIDUAL_STEPS);
        (coarse + fine) * (self.scale(row) * query.scale)
    }

    /// Prefetches the residuals that [`VectorRows::fine_score`] reads.
    pub(crate) fn prefetch_residuals(&self, row: u32) {
        if let Some(residuals) = self.residuals(row) {
            kernel::prefetch(residuals);
        }
    }

    /// Copies `row` into `query`, to compare it with other rows.
    pub(crate) fn load(&self, row: u32, query: &mut QueryVector) {
        query.codes.clear();
        query.codes.extend(self.codes(row).iter().map(|&code| i16::from(code)));
        query.scale = self.scale(row);
    }

    /// Cosine of `row` and `query` from codes alone.
    #[inline]
    pub(crate) fn score(&self, row: u32, query: &QueryVector) -> f32 {
        (self.kernel)(&query.codes, self.codes(row)) as f32 * (self.scale(row) * query.scale)
    }

    /// Prefetches what [`VectorRows::score`] reads.
    #[inline]
    pub(crate) fn prefetch(&self, row: u32) {
        kernel::prefetch(self.codes(row));
        kernel::prefetch(&self.scales[row as usize..][..1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of norm 1, the same in every run.
    fn rows(count: usize, dimensions: usize) -> Vec<f32> {
        let mut rows: Vec<f32> = (0..count * dimensions).map(|i| (i * 7919 % 1013) as f32 - 506.0).collect();
        for row in rows.chunks_exact_mut(dimensions) {
            let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            row.iter_mut().for_each(|v| *v /= norm);
        }
        rows
    }

    #[test]
    fn scores_are_cosines_but_for_the_rounding() {
        let dir = tempfile::tempdir().unwrap();
        let rows = rows(50, 384);
        let quantized: Vec<QuantizedVector> = rows.chunks_exact(384).map(QuantizedVector::of).collect();
        for (precision, fine) in [(VectorPrecision::Int8, 1e-3), (VectorPrecision::Int16, 5e-5)] {
            let mut writer = VectorsWriter::create(dir.path(), 384, precision).unwrap();
            writer.push(&quantized[..20]).unwrap();
            writer.push(&quantized[20..]).unwrap();
            let vectors = Vectors::open(dir.path(), 384, 50, precision).unwrap();
            let stored = vectors.rows();
            for a in 0..50u32 {
                let row = &rows[a as usize * 384..][..384];
                let query = QueryVector::new(row);
                for b in 0..50u32 {
                    let cosine: f32 = row.iter().zip(&rows[b as usize * 384..][..384]).map(|(x, y)| x * y).sum();
                    assert!((stored.score(b, &query) - cosine).abs() < 1e-3);
                    assert!((stored.fine_score(b, &query) - cosine).abs() < fine);
                }
                let mut same_row = QueryVector::default();
                stored.load(a, &mut same_row);
                assert!((stored.score(a, &same_row) - 1.0).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn files_of_another_size_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let (coarse, fine) = (VectorPrecision::Int8, VectorPrecision::Int16);
        let too_long = VectorsWriter::create(dir.path(), 5000, fine);
        assert!(matches!(too_long, Err(AnnError::TooLarge("4,096 dimensions"))));
        let quantized: Vec<QuantizedVector> = rows(3, 8).chunks_exact(8).map(QuantizedVector::of).collect();
        VectorsWriter::create(dir.path(), 8, fine).unwrap().push(&quantized).unwrap();
        let error = |dimensions, rows, precision| {
            Vectors::open(dir.path(), dimensions, rows, precision).err().unwrap().to_string()
        };
        for (dimensions, rows) in [(8, 2), (8, 4), (7, 3), (0, 3), (24, 1)] {
            assert!(error(dimensions, rows, coarse).contains(".bin"));
        }
        fs_err::write(dir.path().join(RESIDUALS_FILE), [0; 8]).unwrap();
        assert!(error(8, 3, fine).contains(RESIDUALS_FILE));
        fs_err::write(dir.path().join(SCALES_FILE), [0; 8]).unwrap();
        assert!(error(8, 3, coarse).contains(SCALES_FILE));
    }
}
