//! Settings: the values that decide the result of a run, stored as `run.json`.
//!
//! Invariant: a run is resumed only with the settings that it was started with.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::train::{TrainError, batches::BatchPlan, schedule::Decay};
use crate::{
    bert::{Pooling, loss::Loss},
    files::{read_manifest, write_manifest},
};

/// Format version of `run.json`.
const RUN_FORMAT: u32 = 1;
/// A directory with this file is a run.
pub(super) const SETTINGS_FILE: &str = "run.json";

/// The loss functions that `--loss` offers; their constants are those of [`Loss`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossName {
    /// Multi-similarity loss, SapBERT's.
    MultiSimilarity,
    /// Circle loss.
    Circle,
    /// InfoNCE: cross-entropy over the names of a batch.
    InfoNce,
    /// Triplet margin loss.
    Triplet,
}

impl From<LossName> for Loss {
    fn from(name: LossName) -> Self {
        match name {
            LossName::MultiSimilarity => Self::MULTI_SIMILARITY,
            LossName::Circle => Self::CIRCLE,
            LossName::InfoNce => Self::INFO_NCE,
            LossName::Triplet => Self::TRIPLET,
        }
    }
}

/// Number format of the matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arithmetic {
    /// float32. On CUDA, matrix products use TF32 unless the environment has
    /// `NVIDIA_TF32_OVERRIDE=0`.
    Fp32,
    /// float16 with loss scaling, meant for CUDA.
    Fp16,
}

/// All fields of `run.json` except its format version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainSettings {
    /// sha256 over the files of the base, see [`crate::train::base_sha256`].
    pub(crate) base: String,
    /// sha256 of the training pairs.
    pub(crate) pairs: String,
    /// sha256 of the held-out pairs.
    pub(crate) dev: Option<String>,
    /// Steps of the whole run.
    pub(crate) steps: u64,
    /// Pairs of a batch, at most the number of pairs in the file.
    pub(crate) batch: usize,
    /// Names of a chunk (GradCache); `None` computes a batch as a whole.
    pub(crate) chunk: Option<usize>,
    /// Consecutive pairs of the file that come into one batch together.
    #[serde(default = "ungrouped")]
    pub(crate) group: usize,
    /// Share of names that are altered, 0 to 1.
    #[serde(default)]
    pub(crate) augment: f32,
    pub(crate) pooling: Pooling,
    /// Tokens of a name that the model reads, with [CLS] and [SEP].
    pub(crate) max_tokens: usize,
    pub(crate) loss: LossName,
    /// Margin of the miner, on Euclidean distances; `None` turns mining off.
    pub(crate) mining_margin: Option<f32>,
    /// Peak learning rate of AdamW.
    pub(crate) learning_rate: f32,
    /// Steps in which the learning rate rises from 0.
    pub(crate) warm_up: u64,
    pub(crate) decay: Decay,
    /// Weight decay of AdamW, as a multiple of the learning rate.
    pub(crate) weight_decay: f32,
    /// Largest norm of the gradient; `None` turns clipping off.
    pub(crate) clip: Option<f32>,
    /// Probability that dropout zeroes a value.
    pub(crate) dropout: f32,
    /// Lowest layers that are not trained, besides the embeddings; `None` trains everything.
    pub(crate) frozen_layers: Option<usize>,
    pub(crate) arithmetic: Arithmetic,
    /// Seed of the order of pairs, dropout and augmentation.
    pub(crate) seed: u64,
}

/// The group size of a `run.json` without `group`.
fn ungrouped() -> usize {
    1
}

/// `run.json`.
#[derive(Serialize, Deserialize)]
struct SettingsFile {
    format: u32,
    settings: TrainSettings,
}

impl TrainSettings {
    /// How pairs are put into batches.
    pub(super) fn batch_plan(&self) -> BatchPlan {
        BatchPlan { batch: self.batch, chunk: self.chunk, group: self.group, augment: self.augment, seed: self.seed }
    }

    /// Writes `run.json` in `dir`.
    pub(super) fn write(&self, dir: &Path) -> Result<(), TrainError> {
        let file = SettingsFile { format: RUN_FORMAT, settings: self.clone() };
        Ok(write_manifest(&dir.join(SETTINGS_FILE), &file)?)
    }

    /// Reads `run.json` in `dir`.
    ///
    /// # Errors
    /// [`TrainError::Damaged`] when the file is missing or unreadable.
    pub(super) fn read(dir: &Path) -> Result<Self, TrainError> {
        let path = dir.join(SETTINGS_FILE);
        let file: Result<SettingsFile, String> = read_manifest(&path, RUN_FORMAT);
        file.map(|file| file.settings).map_err(|reason| TrainError::Damaged { path, reason })
    }

    /// Compares these settings with those that the run in `dir` was started with.
    ///
    /// # Errors
    /// As [`TrainSettings::read`]; [`TrainError::OtherRun`] names the first field that differs.
    pub(super) fn check_same(&self, dir: &Path) -> Result<(), TrainError> {
        let (stored, current) = (Self::read(dir)?.fields(), self.fields());
        match stored.into_iter().zip(current).find(|(stored, current)| stored != current) {
            Some(((name, then), (_, now))) => {
                Err(TrainError::OtherRun { path: dir.join(SETTINGS_FILE), name, then, now })
            }
            None => Ok(()),
        }
    }

    /// Names and values for messages and the report; names have spaces instead of underscores.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        // Serialized to text first: there a float32 has its shortest form (2e-5, not 1.9999999e-5).
        let text = serde_json::to_string(self).unwrap_or_default();
        let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(&text) else { return vec![] };
        let display = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => "none".into(),
            other => other.to_string(),
        };
        fields.into_iter().map(|(name, value)| (name.replace('_', " "), display(value))).collect()
    }
}
