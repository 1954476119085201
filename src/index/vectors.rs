//! Rows of int8, all of one length: a vector of norm 1 is its codes divided by their norm.
//!
//! Two files: the codes of every row one after another, and for each row one over the norm of its codes. A query keeps 13 bits a value, so
//! that what a score loses is what the rows lost: about a thousandth of a cosine. Invariants: the files hold whole rows and nothing else;
//! a score is the same on every machine.

use std::{io::Write, path::Path};

use super::{
    IndexError,
    kernel::{self, LARGEST_CODE, LARGEST_QUERY, MOST_DIMENSIONS},
    manifest::{SCALES, VECTORS},
    mapped::{self, Column, MappedFile},
};

/// A vector that rows are compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryVector {
    codes: Vec<i16>,
    scale: f32,
}

impl QueryVector {
    /// Takes `vector`, of any length but zero.
    pub fn new(vector: &[f32]) -> Self {
        let codes = codes(vector, LARGEST_QUERY.into()).map(|code| code as i16).collect::<Vec<_>>();
        Self { scale: scale(&codes), codes }
    }
}

/// The values of `vector` as whole numbers up to `largest`.
fn codes(vector: &[f32], largest: f32) -> impl Iterator<Item = f32> {
    let peak = vector.iter().fold(0f32, |peak, value| peak.max(value.abs()));
    let factor = if peak > 0.0 { largest / peak } else { 0.0 };
    vector.iter().map(move |value| (value * factor).round())
}

/// One over the norm of `codes`; zero if they are.
fn scale<T: Copy + Into<i64>>(codes: &[T]) -> f32 {
    let square: i64 = codes.iter().map(|&code| code.into() * code.into()).sum();
    if square > 0 { (1.0 / (square as f64).sqrt()) as f32 } else { 0.0 }
}

/// A row as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    codes: Vec<i8>,
    scale: f32,
}

impl Kept {
    /// What is kept of `vector`.
    pub fn of(vector: &[f32]) -> Self {
        let codes: Vec<i8> = codes(vector, LARGEST_CODE.into()).map(|code| code as i8).collect();
        Self { scale: scale(&codes), codes }
    }

    /// One less the cosine of `vector`, of norm 1, with what is kept of it.
    pub fn loss(&self, vector: &[f32]) -> f32 {
        1.0 - vector.iter().zip(&self.codes).map(|(a, b)| a * f32::from(*b)).sum::<f32>() * self.scale
    }
}

/// Writes rows, one batch after another.
pub struct VectorsWriter {
    dimensions: usize,
    codes: fs_err::File,
    scales: fs_err::File,
}

impl VectorsWriter {
    /// Begins the files in `dir`.
    ///
    /// # Errors
    /// [`IndexError::TooLarge`] when rows are longer than [`MOST_DIMENSIONS`]; what the disk says.
    pub fn create(dir: &Path, dimensions: usize) -> Result<Self, IndexError> {
        if dimensions > MOST_DIMENSIONS {
            return Err(IndexError::TooLarge("4,096 dimensions"));
        }
        let file = |name| fs_err::File::create(dir.join(name));
        Ok(Self { dimensions, codes: file(VECTORS)?, scales: file(SCALES)? })
    }

    /// Adds `rows`.
    pub fn push(&mut self, rows: &[Kept]) -> std::io::Result<()> {
        let mut codes = Vec::with_capacity(rows.len() * self.dimensions);
        rows.iter().for_each(|row| codes.extend_from_slice(&row.codes));
        let scales: Vec<f32> = rows.iter().map(|row| row.scale).collect();
        self.codes.write_all(mapped::bytes(&codes))?;
        self.scales.write_all(mapped::bytes(&scales))
    }

    /// Waits until what was added is on the disk.
    pub fn sync(&self) -> std::io::Result<()> {
        self.codes.sync_data()?;
        self.scales.sync_data()
    }
}

/// The vectors of an index, mapped.
pub struct Vectors {
    codes: Column<i8>,
    scales: Column<f32>,
    dimensions: usize,
}

impl Vectors {
    /// Maps the files in `dir`, `rows` rows of `dimensions` values.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when they do not hold that.
    pub fn open(dir: &Path, dimensions: usize, rows: usize) -> Result<Self, IndexError> {
        let (codes, scales) = (MappedFile::open(&dir.join(VECTORS))?, MappedFile::open(&dir.join(SCALES))?);
        let vectors = Self { codes: codes.whole()?, scales: scales.whole()?, dimensions };
        if dimensions == 0 || dimensions > MOST_DIMENSIONS || dimensions.checked_mul(rows) != Some(vectors.codes.len())
        {
            return Err(codes.damaged(format!("{} codes are not {rows} rows of {dimensions}", vectors.codes.len())));
        }
        if vectors.scales.len() != rows {
            return Err(scales.damaged(format!("{} scales are not those of {rows} rows", vectors.scales.len())));
        }
        Ok(vectors)
    }

    /// Maps files in `dir` that are still written: whole blocks of `block` rows of them, or all of `rows`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open_begun(dir: &Path, dimensions: usize, block: usize, rows: usize) -> Result<Self, IndexError> {
        let (codes, scales) = (MappedFile::open(&dir.join(VECTORS))?, MappedFile::open(&dir.join(SCALES))?);
        let whole = (codes.len() / dimensions.max(1)).min(scales.len() / size_of::<f32>());
        let whole = if whole >= rows { rows } else { whole / block * block };
        let (codes, scales) = (codes.first(whole * dimensions)?, scales.first(whole * size_of::<f32>())?);
        Ok(Self { codes, scales, dimensions })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Length of a row.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The codes of row `row`.
    pub fn codes(&self, row: u32) -> &[i8] {
        &self.codes[row as usize * self.dimensions..][..self.dimensions]
    }

    /// What the codes of row `row` are multiplied with.
    pub fn scale(&self, row: u32) -> f32 {
        self.scales[row as usize]
    }

    /// Row `row` as it is kept.
    pub fn kept(&self, row: u32) -> Kept {
        Kept { codes: self.codes(row).to_vec(), scale: self.scale(row) }
    }

    /// Makes `query` row `row`.
    pub fn load(&self, row: u32, query: &mut QueryVector) {
        query.codes.clear();
        query.codes.extend(self.codes(row).iter().map(|&code| i16::from(code)));
        query.scale = self.scale(row);
    }

    /// Cosine of row `row` and `query`.
    #[inline]
    pub fn score(&self, row: u32, query: &QueryVector) -> f32 {
        kernel::dot(&query.codes, self.codes(row)) as f32 * (self.scale(row) * query.scale)
    }

    /// Asks for row `row` ahead of its use.
    #[inline]
    pub fn prefetch(&self, row: u32) {
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
    fn scores_are_cosines_within_what_int8_loses() {
        let dir = tempfile::tempdir().unwrap();
        let rows = rows(50, 384);
        let kept: Vec<Kept> = rows.chunks_exact(384).map(Kept::of).collect();
        assert!(kept.iter().zip(rows.chunks_exact(384)).all(|(kept, row)| kept.loss(row) < 1e-3));
        let mut writer = VectorsWriter::create(dir.path(), 384).unwrap();
        writer.push(&kept[..20]).unwrap();
        writer.push(&kept[20..]).unwrap();
        let vectors = Vectors::open(dir.path(), 384, 50).unwrap();
        for a in 0..50u32 {
            let row = &rows[a as usize * 384..][..384];
            let query = QueryVector::new(row);
            for b in 0..50u32 {
                let cosine: f32 = row.iter().zip(&rows[b as usize * 384..][..384]).map(|(x, y)| x * y).sum();
                assert!((vectors.score(b, &query) - cosine).abs() < 2e-3);
            }
            let mut itself = QueryVector::default();
            vectors.load(a, &mut itself);
            assert!((vectors.score(a, &itself) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(VectorsWriter::create(dir.path(), 5000), Err(IndexError::TooLarge("4,096 dimensions"))));
        let kept: Vec<Kept> = rows(3, 8).chunks_exact(8).map(Kept::of).collect();
        VectorsWriter::create(dir.path(), 8).unwrap().push(&kept).unwrap();
        for (dimensions, rows) in [(8, 2), (8, 4), (7, 3), (0, 3), (24, 1)] {
            let error = Vectors::open(dir.path(), dimensions, rows).err().unwrap().to_string();
            assert!(error.contains("vectors.bin") || error.contains("scales.bin"), "{error}");
        }
        fs_err::write(dir.path().join(SCALES), [0; 8]).unwrap();
        assert!(Vectors::open(dir.path(), 8, 3).err().unwrap().to_string().contains("scales.bin"));
    }
}
