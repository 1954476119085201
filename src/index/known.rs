//! Vectors that need not be computed again: those of an index that names are added to, and those that a build which was ended left.
//!
//! A build that embeds says in `partial.json` what it is at, and writes whole blocks of rows. Invariants: a vector is taken only for the
//! text that it was computed from, by the same model; a block that was not completed counts as not begun.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    IndexError,
    build::BLOCK,
    concepts::Concepts,
    manifest::{Counts, FORMAT, IndexManifest, ModelReference, SourceEntry},
    vectors::{Kept, Vectors},
};
use crate::{
    files::{read_manifest, write_manifest},
    text,
};

/// What a build that embeds is at.
pub const PARTIAL: &str = "partial.json";

#[derive(Serialize, Deserialize)]
struct Partial {
    format: u32,
    model: ModelReference,
    counts: Counts,
    sources: Vec<SourceEntry>,
}

/// Notes what the build in `dir` embeds, before it does.
pub fn begin(dir: &Path, model: &ModelReference, counts: Counts, sources: &[SourceEntry]) -> Result<(), IndexError> {
    let partial = Partial { format: FORMAT, model: model.clone(), counts, sources: sources.to_vec() };
    Ok(write_manifest(&dir.join(PARTIAL), &partial)?)
}

/// Names with their vectors.
pub struct Known {
    concepts: Concepts,
    vectors: Vectors,
}

impl Known {
    /// Those of the index in `dir`.
    ///
    /// # Errors
    /// [`IndexError`]; [`IndexError::OtherModel`] when they are not of `model`.
    pub fn of_index(dir: &Path, model: &ModelReference) -> Result<Self, IndexError> {
        let manifest = IndexManifest::read(dir)?;
        manifest.model.check(model)?;
        let concepts = Concepts::open(dir, &manifest.sources, manifest.counts)?;
        let vectors = Vectors::open(dir, model.dimensions, manifest.counts.rows as usize)?;
        Ok(Self { concepts, vectors })
    }

    /// Those that a build in `dir` completed before it was ended; none if it had not begun to embed.
    ///
    /// # Errors
    /// [`IndexError`]; [`IndexError::OtherModel`] when they are not of `model`.
    pub fn of_partial(dir: &Path, model: &ModelReference) -> Result<Option<Self>, IndexError> {
        let path = dir.join(PARTIAL);
        if !path.is_file() {
            return Ok(None);
        }
        let fail = |reason| IndexError::Manifest { path: path.clone(), reason };
        let partial: Partial = read_manifest(&path, FORMAT).map_err(fail)?;
        partial.model.check(model)?;
        let vectors = Vectors::open_begun(dir, model.dimensions, BLOCK as usize, partial.counts.rows as usize)?;
        if vectors.len() == 0 {
            return Ok(None);
        }
        let concepts = Concepts::open(dir, &partial.sources, partial.counts)?;
        Ok(Some(Self { concepts, vectors }))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// The vector of `text`, the text of a row.
    pub fn find(&self, text: &str) -> Option<Kept> {
        let row = self.concepts.row(&text::key(text)).filter(|&row| (row as usize) < self.vectors.len())?;
        (self.concepts.row_text(row) == text).then(|| self.vectors.kept(row))
    }
}
