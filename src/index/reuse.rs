//! Vectors that a build does not compute again: those of an index that `--add` extends, and those
//! that an unfinished build left for `--resume`.
//!
//! A build notes in `partial.json` what it embeds, and then writes whole blocks of rows.
//! Invariants: a vector is used again only for the text that it was computed from, with the same
//! model; an incomplete block is not used.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    error::IndexError,
    layout::{BLOCK_ROWS, PARTIAL},
    manifest::{FORMAT, IndexManifest, check_model},
    references::ModelReference,
};
use crate::{
    ann::vectors::{QuantizedVector, VectorPrecision, Vectors},
    concepts::{ConceptStore, Counts, SourceEntry},
    files::{read_manifest, write_manifest},
    text,
};

/// The content of `partial.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct PartialManifest {
    format: u32,
    model: ModelReference,
    vectors: VectorPrecision,
    counts: Counts,
    sources: Vec<SourceEntry>,
}

impl PartialManifest {
    /// Describes a build before it embeds names.
    pub(super) fn new(
        model: &ModelReference,
        vectors: VectorPrecision,
        counts: Counts,
        sources: &[SourceEntry],
    ) -> Self {
        Self { format: FORMAT, model: model.clone(), vectors, counts, sources: sources.to_vec() }
    }

    /// Writes `partial.json` to `dir`.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub(super) fn write(&self, dir: &Path) -> Result<(), IndexError> {
        Ok(write_manifest(&dir.join(PARTIAL), self)?)
    }
}

/// Names with their vectors, from an index or an unfinished build.
pub struct ReusableVectors {
    concepts: ConceptStore,
    vectors: Vectors,
}

impl ReusableVectors {
    /// Opens the names and vectors of the index in `dir`, and returns its manifest too. Verifies
    /// the whole index first: otherwise damaged parts would enter the new index under new
    /// checksums.
    ///
    /// # Errors
    /// [`IndexError`]; [`IndexError::OtherModel`] when the index was built with another model.
    pub fn open_index(dir: &Path, model: &ModelReference) -> Result<(Self, IndexManifest), IndexError> {
        let manifest = IndexManifest::read(dir)?;
        check_model(&manifest.model, model)?;
        manifest.verify(dir)?;
        let concepts = ConceptStore::open(dir, &manifest.sources, manifest.counts)?;
        let vectors = Vectors::open(dir, model.dimensions, manifest.counts.rows as usize, manifest.vectors)?;
        Ok((Self { concepts, vectors }, manifest))
    }

    /// Opens the complete blocks of an unfinished build in `dir`; `None` if it has none.
    ///
    /// # Errors
    /// [`IndexError`]; [`IndexError::OtherModel`] when the build used another model.
    pub fn open_partial(dir: &Path, model: &ModelReference) -> Result<Option<Self>, IndexError> {
        let path = dir.join(PARTIAL);
        if !path.is_file() {
            return Ok(None);
        }
        let fail = |reason| IndexError::Manifest { path: path.clone(), reason };
        let partial: PartialManifest = read_manifest(&path, FORMAT).map_err(fail)?;
        check_model(&partial.model, model)?;
        let rows = partial.counts.rows as usize;
        let vectors = Vectors::open_partial(dir, model.dimensions, BLOCK_ROWS as usize, rows, partial.vectors)?;
        if vectors.len() == 0 {
            return Ok(None);
        }
        let concepts = ConceptStore::open(dir, &partial.sources, partial.counts)?;
        Ok(Some(Self { concepts, vectors }))
    }

    /// The concepts of the names.
    pub fn concepts(&self) -> &ConceptStore {
        &self.concepts
    }

    /// Number of rows that have a vector.
    pub fn rows(&self) -> usize {
        self.vectors.len()
    }

    /// The vector of `text`, if a row was embedded from exactly this text and is at least as
    /// precise as `precision`.
    pub(super) fn find(&self, text: &str, precision: VectorPrecision) -> Option<QuantizedVector> {
        if self.vectors.precision() < precision {
            return None;
        }
        let row = self.concepts.name_id(&text::normalize(text)).filter(|row| row.index() < self.vectors.len())?;
        (self.concepts.name_text(row) == text).then(|| self.vectors.rows().quantized(row.get()))
    }
}
