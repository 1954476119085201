//! `model.json`: what a model directory holds and how its vectors are to be read.
//!
//! Invariant: a model is loaded only if every file is what the manifest says.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::encoder::EncoderError;
use crate::{
    bert::{Pooling, Precision},
    files::{FileSum, read_manifest, sha256_hex},
};

/// Version of the directory's layout.
pub(super) const FORMAT: u32 = 1;
pub const MANIFEST: &str = "model.json";
pub(super) const GRAPH: &str = "model.onnx";
pub(super) const TOKENIZER: &str = "tokenizer.json";

/// What the graph's output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// `embedding`, `[batch, dimensions]`: the graph pools.
    Pooled,
    /// `last_hidden_state`, `[batch, tokens, dimensions]`: the encoder pools.
    Tokens,
}

/// `model.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    pub format: u32,
    pub name: String,
    /// Length of a vector.
    pub dimensions: usize,
    pub pooling: Pooling,
    pub output: Output,
    /// Absent for a graph that was exported elsewhere.
    pub precision: Option<Precision>,
    /// Tokens of a text that are read, [CLS] and [SEP] included.
    pub max_tokens: usize,
    /// The files of this directory.
    pub files: BTreeMap<String, FileSum>,
    /// The files that the model was imported from.
    pub source: BTreeMap<String, FileSum>,
    /// The saplink that wrote it.
    pub saplink: String,
}

impl ModelManifest {
    /// Reads `dir`'s manifest and checks every file that it lists.
    ///
    /// # Errors
    /// [`EncoderError::Manifest`] or [`EncoderError::File`], naming the file.
    pub fn read(dir: &Path) -> Result<Self, EncoderError> {
        let path = dir.join(MANIFEST);
        let fail = |reason: String| EncoderError::Manifest { path: path.clone(), reason };
        let manifest: Self = read_manifest(&path, FORMAT).map_err(fail)?;
        if manifest.dimensions == 0 || manifest.max_tokens < 3 {
            return Err(fail("dimensions or max_tokens is too small for a model".into()));
        }
        for name in [GRAPH, TOKENIZER] {
            let sum = manifest.files.get(name).ok_or_else(|| fail(format!("{name} is not listed")))?;
            sum.check(&dir.join(name))?;
        }
        Ok(manifest)
    }

    /// What makes two models interchangeable: hexadecimal, 16 digits.
    pub fn fingerprint(&self) -> String {
        let sums: Vec<&str> = [GRAPH, TOKENIZER].iter().map(|f| self.files[*f].sha256.as_str()).collect();
        let text = format!("{sums:?} {:?} {:?} {}", self.pooling, self.output, self.max_tokens);
        sha256_hex(text.as_bytes())[..16].to_owned()
    }

    /// `name@fingerprint`, shortened for people.
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, &self.fingerprint()[..8])
    }
}
