//! `index.json`: what an index holds, what it was made of and which model it needs.
//!
//! Invariant: it is read and every part checked against it before anything else is.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::IndexError;
use crate::{
    files::{FileSum, read_manifest, sha256_hex},
    text::NORMALISATION,
};

/// Version of the directory's layout.
pub const FORMAT: u32 = 1;
pub const MANIFEST: &str = "index.json";
pub const NAMES: &str = "names.bin";
pub const VECTORS: &str = "vectors.bin";
pub const GRAPH: &str = "graph.bin";
pub const WORDS: &str = "words.fst";
/// Every file of an index but its manifest.
pub const PARTS: [&str; 4] = [NAMES, WORDS, VECTORS, GRAPH];

/// The model whose vectors the index holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReference {
    pub name: String,
    pub fingerprint: String,
    pub dimensions: usize,
}

/// How many of each there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub concepts: u64,
    /// Names as the sources give them.
    pub atoms: u64,
    /// Distinct names after normalisation: the vectors.
    pub rows: u64,
}

/// A source vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCount {
    pub source: String,
    pub atoms: u64,
}

/// How the graph was built and is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphParameters {
    /// Neighbours of a point (M); twice as many in the lowest level.
    pub m: usize,
    pub ef_construction: usize,
    pub ef_search: usize,
    /// Points that had no way to them and were given one.
    pub repaired: u64,
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
    /// Version of the normalisation that its keys went through.
    pub normalisation: u32,
    pub name: String,
    pub model: ModelReference,
    /// How vectors are compared; `cosine`.
    pub score: String,
    /// A best score below this is answered as NIL.
    pub nil_threshold: f32,
    pub counts: Counts,
    pub sources: Vec<SourceCount>,
    pub graph: GraphParameters,
    /// The terminology files that it was built from.
    pub inputs: Vec<Input>,
    /// The files of this directory.
    pub files: BTreeMap<String, FileSum>,
    /// The saplink that wrote it.
    pub saplink: String,
}

impl IndexManifest {
    /// Reads `dir`'s manifest and checks every file that it lists.
    ///
    /// # Errors
    /// [`IndexError`] names the file.
    pub fn read(dir: &Path) -> Result<Self, IndexError> {
        let path = dir.join(MANIFEST);
        let fail = |reason: String| IndexError::Manifest { path: path.clone(), reason };
        let manifest: Self = read_manifest(&path, FORMAT).map_err(fail)?;
        if manifest.normalisation != NORMALISATION {
            return Err(fail(format!(
                "its names were normalised by version {}, this saplink uses version {NORMALISATION}: build it again",
                manifest.normalisation
            )));
        }
        if manifest.score != "cosine" {
            return Err(fail(format!("score `{}` is not known to this saplink", manifest.score)));
        }
        if manifest.model.dimensions == 0 || manifest.graph.ef_search == 0 || !manifest.nil_threshold.is_finite() {
            return Err(fail("a parameter is zero or not a number".into()));
        }
        for name in PARTS {
            let sum = manifest.files.get(name).ok_or_else(|| fail(format!("{name} is not listed")))?;
            sum.check(&dir.join(name))?;
        }
        Ok(manifest)
    }

    /// What two indexes share that answer alike: hexadecimal, 16 digits.
    pub fn fingerprint(&self) -> String {
        let sums: Vec<&str> = self.files.values().map(|f| f.sha256.as_str()).collect();
        let search = (&self.score, self.nil_threshold, self.graph.ef_search);
        sha256_hex(format!("{sums:?} {} {search:?}", self.model.fingerprint).as_bytes())[..16].to_owned()
    }

    /// `name@fingerprint`, shortened for people.
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, &self.fingerprint()[..8])
    }
}
