//! `index.json`: what an index holds, what it was made of and which model it needs.
//!
//! Invariant: it is read and every part checked against it before anything else is.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{Calibration, IndexError, Recall};
use crate::{
    ann::{
        GraphParameters, VectorPrecision,
        layout::{GRAPH, RESIDUALS, SCALES, VECTORS},
    },
    concepts::{
        Counts, Selection, SourceEntry,
        schema::{CONCEPTS, KEYS, ROWS, WORDS},
    },
    files::{FileSum, read_manifest, replace_manifest, sha256_hex, write_sealed},
    text::NORMALIZATION_VERSION,
};

/// Version of the directory's layout.
pub(super) const FORMAT: u32 = 3;
pub const MANIFEST: &str = "index.json";
/// Every file of an index whose vectors are of this precision, but its manifest.
pub(super) fn parts(precision: VectorPrecision) -> Vec<&'static str> {
    let mut parts = vec![CONCEPTS, ROWS, KEYS, WORDS, VECTORS, SCALES, GRAPH];
    if precision == VectorPrecision::Int16 {
        parts.push(RESIDUALS);
    }
    parts
}

/// Candidates that a search may look at.
const MOST_CANDIDATES: usize = 1 << 20;
/// Bytes up to which a part is read and its checksum compared whenever it is opened; a larger one is only measured, and
/// compared by `index verify`. What a damaged part says wrongly is then an empty answer, never a panic.
const CHECKED_WHEN_OPENED: u64 = 256 << 20;

/// The model whose vectors the index holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReference {
    pub name: String,
    pub fingerprint: String,
    pub dimensions: usize,
}

impl ModelReference {
    /// Whether `loaded` gives the vectors that this one gave.
    ///
    /// # Errors
    /// [`IndexError::OtherModel`] when it does not.
    pub fn check(&self, loaded: &Self) -> Result<(), IndexError> {
        if self.fingerprint == loaded.fingerprint && self.dimensions == loaded.dimensions {
            return Ok(());
        }
        Err(IndexError::OtherModel { index: self.clone(), loaded: loaded.clone() })
    }
}

/// A file that names came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name, without the folders it was in.
    pub name: String,
    #[serde(flatten)]
    pub sum: FileSum,
}

/// `index.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexManifest {
    pub format: u32,
    /// Version of the normalization that its keys went through.
    #[serde(rename = "normalisation")]
    pub normalization: u32,
    pub name: String,
    pub model: ModelReference,
    /// What is kept of a vector.
    pub vectors: VectorPrecision,
    /// How vectors are compared; `cosine`.
    pub score: String,
    /// A best score below this is answered as NIL.
    pub nil_threshold: f32,
    /// How likely scores are right; absent until it is fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    pub counts: Counts,
    /// By abbreviation.
    pub sources: Vec<SourceEntry>,
    /// Concepts of each semantic type, by TUI.
    pub semantic_types: BTreeMap<String, u64>,
    /// What was taken of the terminologies.
    pub selection: Selection,
    pub graph: GraphParameters,
    /// What searches with these parameters find; absent until it is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<Recall>,
    /// The terminology files that it was built from.
    pub inputs: Vec<Input>,
    /// The files of this directory.
    pub files: BTreeMap<String, FileSum>,
    /// The saplink that wrote it.
    pub saplink: String,
}

impl IndexManifest {
    /// Writes it to `dir`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, dir: &Path) -> Result<(), IndexError> {
        Ok(write_sealed(&dir.join(MANIFEST), self)?)
    }

    /// Reads `dir`'s manifest and checks every file that it lists.
    ///
    /// # Errors
    /// [`IndexError`] names the file.
    pub fn read(dir: &Path) -> Result<Self, IndexError> {
        let path = dir.join(MANIFEST);
        let fail = |reason: String| IndexError::Manifest { path: path.clone(), reason };
        let manifest: Self = read_manifest(&path, FORMAT).map_err(fail)?;
        if manifest.normalization != NORMALIZATION_VERSION {
            return Err(fail(format!(
                "its names were normalized by version {}, this saplink uses version {NORMALIZATION_VERSION}: build it again",
                manifest.normalization
            )));
        }
        if manifest.score != "cosine" {
            return Err(fail(format!("score `{}` is not known to this saplink", manifest.score)));
        }
        if manifest.model.dimensions == 0
            || !(1..=MOST_CANDIDATES).contains(&manifest.graph.ef_search)
            || !manifest.nil_threshold.is_finite()
        {
            return Err(fail("a parameter is out of its range".into()));
        }
        if let Some(fault) = manifest.calibration.as_ref().and_then(Calibration::fault) {
            return Err(fail(fault.into()));
        }
        if !manifest.sources.is_sorted_by(|a, b| a.source < b.source) {
            return Err(fail("its sources are not in order".into()));
        }
        for name in parts(manifest.vectors) {
            let sum = manifest.files.get(name).ok_or_else(|| fail(format!("{name} is not listed")))?;
            if sum.bytes <= CHECKED_WHEN_OPENED {
                sum.check(&dir.join(name))?;
            } else {
                sum.check_size(&dir.join(name))?;
            }
        }
        Ok(manifest)
    }

    /// Notes what was measured with `ef_search`.
    pub fn tuned(&mut self, ef_search: usize, recall: Recall) {
        self.graph.ef_search = ef_search;
        self.recall = Some(recall);
    }

    /// Notes how likely scores are right, and below which a best one is NIL.
    pub fn calibrated(&mut self, calibration: Calibration, nil_threshold: f32) {
        self.calibration = Some(calibration);
        self.nil_threshold = nil_threshold;
    }

    /// Writes it to `dir` in place of the one that is there, which is to be `read`.
    ///
    /// # Errors
    /// What the disk says; [`IndexError::Manifest`] when another was written meanwhile.
    pub fn replace(&self, dir: &Path, read: &Self) -> Result<(), IndexError> {
        let path = dir.join(MANIFEST);
        if Self::read(dir)? != *read {
            return Err(IndexError::Manifest {
                path,
                reason: "was replaced while it was measured: nothing was written".into(),
            });
        }
        Ok(replace_manifest(&path, self)?)
    }

    /// Compares every part in `dir` with its checksum, whatever its size.
    ///
    /// # Errors
    /// [`IndexError::File`] names the file.
    pub fn verify(&self, dir: &Path) -> Result<(), IndexError> {
        Ok(self.files.iter().try_for_each(|(name, sum)| sum.check(&dir.join(name)))?)
    }

    /// What two indexes share that answer alike: hexadecimal, 16 digits.
    pub fn fingerprint(&self) -> String {
        let sums: Vec<&str> = self.files.values().map(|f| f.sha256.as_str()).collect();
        let search = (&self.score, self.nil_threshold, self.graph.ef_search);
        let calibration = self.calibration.as_ref().map_or(String::new(), |c| format!("{:?}", c.curve));
        sha256_hex(format!("{sums:?} {} {search:?}{calibration}", self.model.fingerprint).as_bytes())[..16].to_owned()
    }

    /// `name@fingerprint`, shortened for people.
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, &self.fingerprint()[..8])
    }
}
