//! References from an index to its model and its input files, which are not part of the directory.

use serde::{Deserialize, Serialize};

use crate::files::FileSum;

/// The model whose vectors an index has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReference {
    /// Name of the model, such as `saplink-mini`.
    pub name: String,
    /// 16 hexadecimal digits; models that give different vectors have different fingerprints.
    pub fingerprint: String,
    /// Number of values in a vector.
    pub dimensions: usize,
}

impl ModelReference {
    /// Whether both models give the same vectors. The names may differ.
    pub(super) fn gives_same_vectors(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && self.dimensions == other.dimensions
    }
}

/// A file that an index or its calibration was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// File name without folders.
    pub name: String,
    /// Size and sha256 of the file.
    #[serde(flatten)]
    pub sum: FileSum,
}
