//! `index.json`: the manifest of an index. It states parameters, counts, sources, the model, and
//! size and sha256 of every other file.
//!
//! Invariant: saplink reads the manifest and checks every file against it before it reads any other
//! file of the directory.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    calibration::Calibration,
    error::IndexError,
    layout::{MANIFEST, OPTIONAL, parts},
    references::{InputRecord, ModelReference},
};
use crate::{
    ann::{GraphParameters, VectorPrecision},
    concepts::{Counts, Selection, SourceEntry},
    files::{FileSum, read_manifest, replace_manifest, sha256_hex, write_sealed},
    text::NORMALIZATION_VERSION,
};

/// Format version: rises when the layout, the order or the meaning of any file changes.
pub(super) const FORMAT: u32 = 4;
/// The only way in which vectors are compared.
pub(super) const SCORE: &str = "cosine";
/// Largest `ef_search`.
const MAX_CANDIDATES: usize = 1 << 20;
/// Largest file in bytes whose checksum is compared at every opening. Of a larger file only the
/// size is compared, and `saplink index verify` compares the checksum. A damaged file that opens
/// therefore gives wrong or empty answers; the readers never panic.
const MAX_CHECKED_BYTES: u64 = 256 << 20;

/// Measured recall: the share of the results of an exact scan that the graph search finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// Number of texts that were searched.
    pub queries: usize,
    /// Share of the best concepts that were found, 0 to 1.
    pub at_1: f64,
    /// Share of the ten best concepts of each text that were found, 0 to 1.
    pub at_10: f64,
}

/// The content of `index.json`; `docs/index-format.md` describes its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexManifest {
    /// Format version.
    pub format: u32,
    /// Version of the normalization that made the keys.
    #[serde(rename = "normalisation")]
    pub normalization: u32,
    /// Name of the index: the last part of `--out`.
    pub name: String,
    /// The model whose vectors the index has.
    pub model: ModelReference,
    /// Precision of the vectors.
    pub vectors: VectorPrecision,
    /// How vectors are compared: always `cosine`.
    pub score: String,
    /// Without a calibration, a mention whose best score is below this is answered with NIL.
    pub nil_threshold: f32,
    /// From features to probabilities; absent until `saplink eval --calibrate` fits it, unless the
    /// model has a general one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Numbers of concepts, atoms and rows.
    pub counts: Counts,
    /// The source vocabularies, in the order of their abbreviations.
    pub sources: Vec<SourceEntry>,
    /// Number of concepts by TUI, for each semantic type in use.
    pub semantic_types: BTreeMap<String, u64>,
    /// Which names and concepts of the inputs the index takes.
    pub selection: Selection,
    /// How much of the inputs was left out, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// Number of terms that were merged into a CUI, by the kind of statement that says so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub merged: BTreeMap<String, u64>,
    /// Parameters of the graph and its search.
    pub graph: GraphParameters,
    /// Recall with these parameters; absent in an index without a measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<Recall>,
    /// The terminology files that the index was built from.
    pub inputs: Vec<InputRecord>,
    /// Size and sha256 of every file of the directory but `index.json`, by file name.
    pub files: BTreeMap<String, FileSum>,
    /// Version of saplink that wrote the index.
    pub saplink: String,
}

impl IndexManifest {
    /// Writes the manifest to `dir`.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn write(&self, dir: &Path) -> Result<(), IndexError> {
        Ok(write_sealed(&dir.join(MANIFEST), self)?)
    }

    /// Reads the manifest of `dir` and checks every file that it lists.
    ///
    /// # Errors
    /// [`IndexError`] names the file.
    pub fn read(dir: &Path) -> Result<Self, IndexError> {
        let manifest = Self::read_any_calibration(dir)?;
        match manifest.calibration.as_ref().and_then(Calibration::fault) {
            None => Ok(manifest),
            Some(fault) => Err(IndexError::Calibration {
                path: dir.join(MANIFEST),
                reason: format!("{fault}: calibrate the index again (`saplink eval --calibrate`)"),
            }),
        }
    }

    /// As [`read`](Self::read), without the calibration, which may be of another version of
    /// saplink.
    ///
    /// # Errors
    /// [`IndexError`] names the file.
    pub fn read_uncalibrated(dir: &Path) -> Result<Self, IndexError> {
        Ok(Self { calibration: None, ..Self::read_any_calibration(dir)? })
    }

    fn read_any_calibration(dir: &Path) -> Result<Self, IndexError> {
        let path = dir.join(MANIFEST);
        let fail = |reason: String| IndexError::Manifest { path: path.clone(), reason };
        let manifest: Self = read_manifest(&path, FORMAT).map_err(fail)?;
        if let Some(fault) = manifest.fault() {
            return Err(fail(fault));
        }
        let optional = manifest.files.contains_key(OPTIONAL).then_some(OPTIONAL);
        // A file that the manifest does not know could be of another index.
        if optional.is_none() && dir.join(OPTIONAL).exists() {
            return Err(fail(format!("{OPTIONAL} is not listed; remove it, or build the index again")));
        }
        for name in parts(manifest.vectors).into_iter().chain(optional) {
            let sum = manifest.files.get(name).ok_or_else(|| fail(format!("{name} is not listed")))?;
            if sum.bytes <= MAX_CHECKED_BYTES {
                sum.check(&dir.join(name))?;
            } else {
                sum.check_size(&dir.join(name))?;
            }
        }
        Ok(manifest)
    }

    /// The reason why this saplink cannot use the index; `None` if it can.
    fn fault(&self) -> Option<String> {
        if self.normalization != NORMALIZATION_VERSION {
            return Some(format!(
                "its names were normalized by version {}, this saplink uses version {NORMALIZATION_VERSION}: \
                 build it again",
                self.normalization
            ));
        }
        if self.score != SCORE {
            return Some(format!("score `{}` is not known to this saplink", self.score));
        }
        if self.model.dimensions == 0
            || !(1..=MAX_CANDIDATES).contains(&self.graph.ef_search)
            || !self.nil_threshold.is_finite()
        {
            return Some("`dimensions`, `ef_search` or `nil_threshold` is out of its range".into());
        }
        (!self.sources.is_sorted_by(|a, b| a.source < b.source)).then(|| "its sources are not in order".into())
    }

    /// Sets `ef_search` and the recall that was measured with it.
    pub fn set_recall(&mut self, ef_search: usize, recall: Recall) {
        self.graph.ef_search = ef_search;
        self.recall = Some(recall);
    }

    /// Replaces the manifest in `dir`, which must still equal `expected`.
    ///
    /// # Errors
    /// [`IndexError::Manifest`] when another process replaced the manifest in between, otherwise
    /// [`IndexError`] as for reading and writing.
    pub fn replace(&self, dir: &Path, expected: &Self) -> Result<(), IndexError> {
        self.replace_if(dir, Self::read(dir)? == *expected)
    }

    /// Replaces the calibration of the manifest in `dir`, which must equal this one otherwise.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_calibration(&self, dir: &Path, calibration: Calibration) -> Result<(), IndexError> {
        let uncalibrated = Self { calibration: None, ..self.clone() };
        let is_expected = Self::read_uncalibrated(dir)? == uncalibrated;
        Self { calibration: Some(calibration), ..uncalibrated }.replace_if(dir, is_expected)
    }

    fn replace_if(&self, dir: &Path, is_expected: bool) -> Result<(), IndexError> {
        let path = dir.join(MANIFEST);
        if !is_expected {
            return Err(IndexError::Manifest {
                path,
                reason: "was replaced while it was measured: nothing was written".into(),
            });
        }
        Ok(replace_manifest(&path, self)?)
    }

    /// Compares every file in `dir` with its checksum, at any size.
    ///
    /// # Errors
    /// [`IndexError::File`] names the file.
    pub fn verify(&self, dir: &Path) -> Result<(), IndexError> {
        Ok(self.files.iter().try_for_each(|(name, sum)| sum.check(&dir.join(name)))?)
    }

    /// 16 hexadecimal digits. Two indexes with the same fingerprint give the same answers.
    pub fn fingerprint(&self) -> String {
        let sums: Vec<&str> = self.files.values().map(|f| f.sha256.as_str()).collect();
        let search = (&self.score, self.nil_threshold, self.graph.ef_search);
        let calibration =
            self.calibration.as_ref().map_or(String::new(), |c| format!("{:?} {}", c.confidence, c.threshold));
        sha256_hex(format!("{sums:?} {} {search:?}{calibration}", self.model.fingerprint).as_bytes())[..16].to_owned()
    }

    /// `name@` and the first 8 digits of the fingerprint.
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, &self.fingerprint()[..8])
    }
}

/// Checks that `loaded` gives the vectors that the model of an index gave.
///
/// # Errors
/// [`IndexError::OtherModel`] when it does not.
pub(super) fn check_model(index: &ModelReference, loaded: &ModelReference) -> Result<(), IndexError> {
    if index.gives_same_vectors(loaded) {
        return Ok(());
    }
    Err(IndexError::OtherModel { index: index.clone(), loaded: loaded.clone() })
}
