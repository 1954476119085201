//! `model.json`: the files of a model directory and how their vectors are computed.
//!
//! Invariant: a model is loaded only if every file has the size and the checksum of the manifest.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    bert::{Pooling, Precision},
    encoder::error::EncoderError,
    files::{FileSum, read_manifest, sha256_hex},
};

/// Format version of a model directory.
pub(super) const MODEL_FORMAT: u32 = 1;
/// File name of the manifest.
pub const MODEL_MANIFEST: &str = "model.json";
/// File name of the ONNX graph.
pub(super) const GRAPH_FILE: &str = "model.onnx";
/// File name of the tokenizer.
pub(super) const TOKENIZER_FILE: &str = "tokenizer.json";

/// The output of the graph. The `Debug` text is part of the fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GraphOutput {
    /// `embedding`, `[batch, dimensions]`: the graph pools.
    Pooled,
    /// `last_hidden_state`, `[batch, tokens, dimensions]`: the encoder pools.
    Tokens,
}

/// The content of `model.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    /// Format version, 1.
    pub format: u32,
    /// Name of the model, the first part of its label.
    pub name: String,
    /// Values of a vector.
    pub dimensions: usize,
    /// How token vectors become one vector.
    pub pooling: Pooling,
    /// Whether the graph or the encoder does the pooling.
    pub output: GraphOutput,
    /// Number format; absent for a graph that saplink did not export.
    pub precision: Option<Precision>,
    /// Maximum tokens of a text, `[CLS]` and `[SEP]` included; longer texts are truncated.
    pub max_tokens: usize,
    /// Size and checksum of the files of this directory, by name.
    pub files: BTreeMap<String, FileSum>,
    /// Size and checksum of the files that the model was imported from, by name.
    pub source: BTreeMap<String, FileSum>,
    /// Version of saplink that wrote the directory.
    pub saplink: String,
}

impl ModelManifest {
    /// Reads the manifest of the model in `dir` and checks all files that it lists against their
    /// checksums.
    ///
    /// # Errors
    /// [`EncoderError::Manifest`] or [`EncoderError::File`] with the name of the file.
    pub fn read(dir: &Path) -> Result<Self, EncoderError> {
        let path = dir.join(MODEL_MANIFEST);
        let fail = |reason: String| EncoderError::Manifest { path: path.clone(), reason };
        let manifest: Self = read_manifest(&path, MODEL_FORMAT).map_err(fail)?;
        if manifest.dimensions == 0 || manifest.max_tokens < 3 {
            return Err(fail("dimensions or max_tokens is too small for a model".into()));
        }
        for name in [GRAPH_FILE, TOKENIZER_FILE] {
            if !manifest.files.contains_key(name) {
                return Err(fail(format!("{name} is not listed")));
            }
        }
        for (name, sum) in &manifest.files {
            if Path::new(name).file_name().is_none_or(|file| file != name.as_str()) {
                return Err(fail("it lists a file of another directory".into()));
            }
            sum.check(&dir.join(name))?;
        }
        Ok(manifest)
    }

    /// 16 hexadecimal digits. Models with the same fingerprint compute the same vectors.
    pub fn fingerprint(&self) -> String {
        let first = [GRAPH_FILE, TOKENIZER_FILE];
        let others = self.files.keys().map(String::as_str).filter(|name| !first.contains(name));
        let sums: Vec<&str> = first.into_iter().chain(others).map(|name| self.files[name].sha256.as_str()).collect();
        let text = format!("{sums:?} {:?} {:?} {}", self.pooling, self.output, self.max_tokens);
        sha256_hex(text.as_bytes())[..16].to_owned()
    }

    /// `name@` and the first 8 digits of the fingerprint.
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, &self.fingerprint()[..8])
    }
}
