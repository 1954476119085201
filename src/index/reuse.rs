//! Vectors that need not be computed again: those of an index that names are added to, and those that a build which was ended left.
//!
//! A build that embeds says in `partial.json` what it is at, and writes whole blocks of rows. Invariants: a vector is taken only for the
//! text that it was computed from, by the same model; a block that was not completed counts as not begun.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    ann::vectors::{Kept, VectorPrecision, Vectors},
    concepts::{
        counts::{Counts, SourceEntry},
        store::Concepts,
    },
    index::{
        IndexError,
        build::{BLOCK, BuildOptions},
        manifest::{FORMAT, IndexManifest, ModelReference},
    },
};
use crate::{
    files::{read_manifest, write_manifest},
    text,
};

/// What a build that embeds is at.
pub(super) const PARTIAL: &str = "partial.json";

#[derive(Serialize, Deserialize)]
struct Partial {
    format: u32,
    model: ModelReference,
    vectors: VectorPrecision,
    counts: Counts,
    sources: Vec<SourceEntry>,
}

/// Notes what the build in `dir` embeds, before it does.
pub(super) fn begin(
    dir: &Path,
    options: &BuildOptions,
    counts: Counts,
    sources: &[SourceEntry],
) -> Result<(), IndexError> {
    let (model, vectors) = (options.model.clone(), options.vectors);
    let partial = Partial { format: FORMAT, model, vectors, counts, sources: sources.to_vec() };
    Ok(write_manifest(&dir.join(PARTIAL), &partial)?)
}

/// Names with their vectors.
pub struct Known {
    concepts: Concepts,
    vectors: Vectors,
}

impl Known {
    /// Those of the index in `dir`, which is verified: what is damaged would be taken over, under new checksums.
    ///
    /// # Errors
    /// [`IndexError`]; [`IndexError::OtherModel`] when they are not of `model`.
    pub fn of_index(dir: &Path, model: &ModelReference) -> Result<(Self, IndexManifest), IndexError> {
        let manifest = IndexManifest::read(dir)?;
        manifest.model.check(model)?;
        manifest.verify(dir)?;
        let concepts = Concepts::open(dir, &manifest.sources, manifest.counts)?;
        let vectors = Vectors::open(dir, model.dimensions, manifest.counts.rows as usize, manifest.vectors)?;
        Ok((Self { concepts, vectors }, manifest))
    }

    /// Its names, with everything else that is known of their concepts.
    pub fn concepts(&self) -> &Concepts {
        &self.concepts
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
        let rows = partial.counts.rows as usize;
        let vectors = Vectors::open_begun(dir, model.dimensions, BLOCK as usize, rows, partial.vectors)?;
        if vectors.len() == 0 {
            return Ok(None);
        }
        let concepts = Concepts::open(dir, &partial.sources, partial.counts)?;
        Ok(Some(Self { concepts, vectors }))
    }

    /// How many vectors there are.
    pub fn vectors(&self) -> usize {
        self.vectors.len()
    }

    /// The vector of `text`, the text of a row, if it is as precise as that.
    pub fn find(&self, text: &str, precision: VectorPrecision) -> Option<Kept> {
        if self.vectors.precision() < precision {
            return None;
        }
        let row = self.concepts.row(&text::normalize(text)).filter(|&row| (row as usize) < self.vectors.len())?;
        (self.concepts.row_text(row) == text).then(|| self.vectors.rows().kept(row))
    }
}
