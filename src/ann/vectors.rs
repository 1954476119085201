//! Rows of int8, all of one length, and beside them what rounding to int8 left.
//!
//! Three files: the codes of every row one after another; for each row the factor that makes them its vector; and, unless the index is
//! to be small, residuals: what the codes lost, in steps of a 254th of theirs. Searches compare codes, and compare the best again
//! with both: a score is off by some 3e-4 of a cosine by the first and 1e-5 by the second. A query keeps 13 bits a value. Invariants:
//! the files hold whole rows and nothing else; a score is the same on every machine.

use std::{io::Write, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    ann::AnnError,
    ann::{
        kernel::{self, Kernel, LARGEST_CODE, LARGEST_QUERY, MOST_DIMENSIONS},
        layout::{RESIDUALS, SCALES, VECTORS},
    },
    columns::mapped::{self, Column, MappedFile},
};

/// A vector that rows are compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QueryVector {
    codes: Vec<i16>,
    scale: f32,
}

impl QueryVector {
    /// Takes `vector`, of any length but zero.
    pub(crate) fn new(vector: &[f32]) -> Self {
        let peak = peak(vector);
        let factor = if peak > 0.0 { f32::from(LARGEST_QUERY) / peak } else { 0.0 };
        let codes: Vec<i16> = vector.iter().map(|value| (value * factor).round() as i16).collect();
        let square: i64 = codes.iter().map(|&code| i64::from(code) * i64::from(code)).sum();
        let scale = if square > 0 { (1.0 / (square as f64).sqrt()) as f32 } else { 0.0 };
        Self { codes, scale }
    }
}

/// What is kept of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorPrecision {
    /// Codes.
    Int8,
    /// Codes and residuals.
    Int16,
}

impl VectorPrecision {
    /// Bytes of a value.
    pub fn bytes(self) -> usize {
        match self {
            Self::Int8 => 1,
            Self::Int16 => 2,
        }
    }
}

/// Steps of a residual in a step of a code.
const RESIDUAL_STEPS: f32 = 254.0;

/// A row as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    codes: Vec<i8>,
    residuals: Vec<i8>,
    scale: f32,
}

impl Kept {
    /// What is kept of `vector`, of norm 1.
    pub fn of(vector: &[f32]) -> Self {
        let peak = peak(vector);
        let factor = if peak > 0.0 { f32::from(LARGEST_CODE) / peak } else { 0.0 };
        let codes: Vec<i8> = vector.iter().map(|value| (value * factor).round() as i8).collect();
        let left = vector.iter().zip(&codes).map(|(value, code)| value * factor - f32::from(*code));
        let residuals = left.map(|left| (left * RESIDUAL_STEPS).round() as i8).collect();
        Self { codes, residuals, scale: peak / f32::from(LARGEST_CODE) }
    }
}

fn peak(vector: &[f32]) -> f32 {
    vector.iter().fold(0f32, |peak, value| peak.max(value.abs()))
}

/// Writes rows, one batch after another.
pub(crate) struct VectorsWriter {
    codes: fs_err::File,
    scales: fs_err::File,
    residuals: Option<fs_err::File>,
}

impl VectorsWriter {
    /// Begins the files in `dir`, of rows of `dimensions` values.
    ///
    /// # Errors
    /// [`AnnError::TooLarge`] when rows are longer than [`MOST_DIMENSIONS`]; what the disk says.
    pub(crate) fn create(dir: &Path, dimensions: usize, precision: VectorPrecision) -> Result<Self, AnnError> {
        if dimensions > MOST_DIMENSIONS {
            return Err(AnnError::TooLarge("4,096 dimensions"));
        }
        let file = |name| fs_err::File::create(dir.join(name));
        let residuals = (precision == VectorPrecision::Int16).then(|| file(RESIDUALS)).transpose()?;
        Ok(Self { codes: file(VECTORS)?, scales: file(SCALES)?, residuals })
    }

    /// Adds `rows`.
    pub(crate) fn push(&mut self, rows: &[Kept]) -> std::io::Result<()> {
        let joined = |of: fn(&Kept) -> &[i8]| rows.iter().flat_map(of).copied().collect::<Vec<i8>>();
        let scales: Vec<f32> = rows.iter().map(|row| row.scale).collect();
        self.codes.write_all(mapped::bytes(&joined(|row| &row.codes)))?;
        if let Some(residuals) = &mut self.residuals {
            residuals.write_all(mapped::bytes(&joined(|row| &row.residuals)))?;
        }
        self.scales.write_all(mapped::bytes(&scales))
    }

    /// Waits until what was added is on the disk.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        [Some(&self.codes), self.residuals.as_ref(), Some(&self.scales)]
            .into_iter()
            .flatten()
            .try_for_each(|f| f.sync_data())
    }
}

/// The vectors of an index, mapped.
pub(crate) struct Vectors {
    codes: Column<i8>,
    scales: Column<f32>,
    residuals: Option<Column<i8>>,
    dimensions: usize,
}

impl Vectors {
    /// Maps the files in `dir`, `rows` rows of `dimensions` values.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when they do not hold that.
    pub(crate) fn open(
        dir: &Path,
        dimensions: usize,
        rows: usize,
        precision: VectorPrecision,
    ) -> Result<Self, AnnError> {
        let file = |name: &str, row: usize| {
            let file = MappedFile::open(&dir.join(name))?;
            let fits = rows.checked_mul(row) == Some(file.len()) && (1..=MOST_DIMENSIONS).contains(&dimensions);
            if fits { Ok(file) } else { Err(file.damaged(format!("{} bytes are not {rows} rows", file.len()))) }
        };
        let residuals =
            (precision == VectorPrecision::Int16).then(|| file(RESIDUALS, dimensions)?.whole()).transpose()?;
        let (codes, scales) = (file(VECTORS, dimensions)?.whole()?, file(SCALES, size_of::<f32>())?.whole()?);
        Ok(Self { codes, scales, residuals, dimensions })
    }

    /// Maps files in `dir` that are still written: whole blocks of `block` rows of them, or all of `rows`.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn open_begun(
        dir: &Path,
        dimensions: usize,
        block: usize,
        rows: usize,
        precision: VectorPrecision,
    ) -> Result<Self, AnnError> {
        let file = |name: &str| MappedFile::open(&dir.join(name));
        let (codes, scales) = (file(VECTORS)?, file(SCALES)?);
        let residuals = (precision == VectorPrecision::Int16).then(|| file(RESIDUALS)).transpose()?;
        let of_codes = |file: &MappedFile| file.len() / dimensions.max(1);
        let whole =
            of_codes(&codes).min(residuals.as_ref().map_or(usize::MAX, of_codes)).min(scales.len() / size_of::<f32>());
        let whole = if whole >= rows { rows } else { whole / block * block };
        let residuals = residuals.map(|file| file.first(whole * dimensions)).transpose()?;
        let (codes, scales) = (codes.first(whole * dimensions)?, scales.first(whole * size_of::<f32>())?);
        Ok(Self { codes, scales, residuals, dimensions })
    }

    /// What searches read.
    pub(crate) fn rows(&self) -> Rows<'_> {
        let residuals = self.residuals.as_deref();
        Rows {
            codes: &self.codes,
            scales: &self.scales,
            residuals,
            dimensions: self.dimensions,
            kernel: kernel::best(),
        }
    }

    /// What is kept of them.
    pub(crate) fn precision(&self) -> VectorPrecision {
        if self.residuals.is_some() { VectorPrecision::Int16 } else { VectorPrecision::Int8 }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    /// Length of a row.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }
}

/// The rows of [`Vectors`], found once for many of them.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    codes: &'a [i8],
    scales: &'a [f32],
    residuals: Option<&'a [i8]>,
    dimensions: usize,
    kernel: Kernel,
}

impl<'a> Rows<'a> {
    /// The codes of row `row`.
    #[inline]
    pub(crate) fn codes(&self, row: u32) -> &'a [i8] {
        &self.codes[row as usize * self.dimensions..][..self.dimensions]
    }

    /// What the codes of row `row` are multiplied with.
    #[inline]
    pub(crate) fn scale(&self, row: u32) -> f32 {
        self.scales[row as usize]
    }

    /// Row `row` as it is kept.
    pub(crate) fn kept(&self, row: u32) -> Kept {
        let residuals = self.residuals(row).unwrap_or_default().to_vec();
        Kept { codes: self.codes(row).to_vec(), residuals, scale: self.scale(row) }
    }

    /// Row `row` as a vector of norm 1, but for what rounding took.
    pub(crate) fn vector(&self, row: u32) -> Vec<f32> {
        let residual = |i: usize| self.residuals(row).map_or(0.0, |residuals| f32::from(residuals[i]) / RESIDUAL_STEPS);
        let codes = self.codes(row).iter().enumerate();
        codes.map(|(i, &code)| (f32::from(code) + residual(i)) * self.scale(row)).collect()
    }

    fn residuals(&self, row: u32) -> Option<&'a [i8]> {
        self.residuals.map(|residuals| &residuals[row as usize * self.dimensions..][..self.dimensions])
    }

    /// As [`Rows::score`], with residuals if there are any.
    pub(crate) fn fine_score(&self, row: u32, query: &QueryVector) -> f32 {
        let coarse = (self.kernel)(&query.codes, self.codes(row)) as f32;
        let fine =
            self.residuals(row).map_or(0.0, |residuals| (self.kernel)(&query.codes, residuals) as f32 / RESIDUAL_STEPS);
        (coarse + fine) * (self.scale(row) * query.scale)
    }

    /// Asks for what [`Rows::fine_score`] reads beside the codes.
    pub(crate) fn prefetch_residuals(&self, row: u32) {
        if let Some(residuals) = self.residuals(row) {
            kernel::prefetch(residuals);
        }
    }

    /// Makes `query` row `row`.
    pub(crate) fn load(&self, row: u32, query: &mut QueryVector) {
        query.codes.clear();
        query.codes.extend(self.codes(row).iter().map(|&code| i16::from(code)));
        query.scale = self.scale(row);
    }

    /// Cosine of row `row` and `query`.
    #[inline]
    pub(crate) fn score(&self, row: u32, query: &QueryVector) -> f32 {
        (self.kernel)(&query.codes, self.codes(row)) as f32 * (self.scale(row) * query.scale)
    }

    /// Asks for row `row` ahead of its use.
    #[inline]
    pub(crate) fn prefetch(&self, row: u32) {
        kernel::prefetch(self.codes(row));
        kernel::prefetch(&self.scales[row as usize..][..1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of norm 1 that are the same in every run.
    fn rows(count: usize, dimensions: usize) -> Vec<f32> {
        let mut rows: Vec<f32> = (0..count * dimensions).map(|i| (i * 7919 % 1013) as f32 - 506.0).collect();
        for row in rows.chunks_exact_mut(dimensions) {
            let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            row.iter_mut().for_each(|v| *v /= norm);
        }
        rows
    }

    #[test]
    fn scores_are_cosines_within_what_was_rounded() {
        let dir = tempfile::tempdir().unwrap();
        let rows = rows(50, 384);
        let kept: Vec<Kept> = rows.chunks_exact(384).map(Kept::of).collect();
        for (precision, fine) in [(VectorPrecision::Int8, 1e-3), (VectorPrecision::Int16, 5e-5)] {
            let mut writer = VectorsWriter::create(dir.path(), 384, precision).unwrap();
            writer.push(&kept[..20]).unwrap();
            writer.push(&kept[20..]).unwrap();
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
                let mut itself = QueryVector::default();
                stored.load(a, &mut itself);
                assert!((stored.score(a, &itself) - 1.0).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (coarse, fine) = (VectorPrecision::Int8, VectorPrecision::Int16);
        let too_long = VectorsWriter::create(dir.path(), 5000, fine);
        assert!(matches!(too_long, Err(AnnError::TooLarge("4,096 dimensions"))));
        let kept: Vec<Kept> = rows(3, 8).chunks_exact(8).map(Kept::of).collect();
        VectorsWriter::create(dir.path(), 8, fine).unwrap().push(&kept).unwrap();
        let error = |dimensions, rows, precision| {
            Vectors::open(dir.path(), dimensions, rows, precision).err().unwrap().to_string()
        };
        for (dimensions, rows) in [(8, 2), (8, 4), (7, 3), (0, 3), (24, 1)] {
            assert!(error(dimensions, rows, coarse).contains(".bin"));
        }
        fs_err::write(dir.path().join(RESIDUALS), [0; 8]).unwrap();
        assert!(error(8, 3, fine).contains(RESIDUALS));
        fs_err::write(dir.path().join(SCALES), [0; 8]).unwrap();
        assert!(error(8, 3, coarse).contains(SCALES));
    }
}
