//! What decides a run.
//!
//! Invariant: a run is only gone on with under the settings that it was begun with.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::train::{TrainError, batches::Plan, schedule::Decay};
use crate::{
    bert::{Pooling, loss::Loss},
    files::{read_manifest, write_manifest},
};

/// Version of the file's layout.
const FORMAT: u32 = 1;
/// The file that a run's directory is known by.
pub(super) const SETTINGS: &str = "run.json";

/// A loss by name; its constants are those of [`Loss`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossName {
    MultiSimilarity,
    Circle,
    InfoNce,
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

/// Arithmetic of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arithmetic {
    /// float32; on CUDA products of matrices in TF32, unless NVIDIA_TF32_OVERRIDE=0 is in the environment.
    Fp32,
    /// Products of matrices in float16 with a loss that is scaled for it, for CUDA.
    Fp16,
}

/// `run.json`, but for its format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// sha256 of the base's files, the pairs and the held-out pairs.
    pub base: String,
    pub pairs: String,
    pub dev: Option<String>,
    pub steps: u64,
    /// Pairs of a batch, no more than there are, and names of a chunk of it.
    pub batch: usize,
    pub chunk: Option<usize>,
    /// Pairs that stand together in the file and come into a batch together.
    #[serde(default = "alone")]
    pub group: usize,
    /// Share of names that are altered.
    #[serde(default)]
    pub augment: f32,
    pub pooling: Pooling,
    pub max_tokens: usize,
    pub loss: LossName,
    /// None: no miner.
    pub mining_margin: Option<f32>,
    pub learning_rate: f32,
    pub warm_up: u64,
    pub decay: Decay,
    pub weight_decay: f32,
    /// None: gradients are not cut.
    pub clip: Option<f32>,
    pub dropout: f32,
    pub frozen_layers: Option<usize>,
    pub arithmetic: Arithmetic,
    pub seed: u64,
}

/// Pairs of a group where none are grouped.
fn alone() -> usize {
    1
}

#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    settings: Settings,
}

impl Settings {
    /// How batches are drawn.
    pub fn plan(&self) -> Plan {
        Plan { batch: self.batch, chunk: self.chunk, group: self.group, augment: self.augment, seed: self.seed }
    }

    /// Writes them into the directory of a run.
    pub fn write(&self, dir: &Path) -> Result<(), TrainError> {
        Ok(write_manifest(&dir.join(SETTINGS), &File { format: FORMAT, settings: self.clone() })?)
    }

    /// Reads those of the run in `dir`.
    ///
    /// # Errors
    /// [`TrainError::Damaged`] when there are none that can be read.
    pub fn read(dir: &Path) -> Result<Self, TrainError> {
        let path = dir.join(SETTINGS);
        let file: Result<File, String> = read_manifest(&path, FORMAT);
        file.map(|file| file.settings).map_err(|reason| TrainError::Damaged { path, reason })
    }

    /// Compares them with those that the run in `dir` was begun with.
    ///
    /// # Errors
    /// As [`Settings::read`], and [`TrainError::OtherRun`] names a field that differs.
    pub fn check(&self, dir: &Path) -> Result<(), TrainError> {
        let (then, now) = (Self::read(dir)?.fields(), self.fields());
        match then.into_iter().zip(now).find(|(then, now)| then != now) {
            Some(((name, then), (_, now))) => Err(TrainError::OtherRun { path: dir.join(SETTINGS), name, then, now }),
            None => Ok(()),
        }
    }

    /// Names and values, as people compare runs by them.
    pub fn fields(&self) -> Vec<(String, String)> {
        // Through text, in which a float32 is as short as it was given.
        let text = serde_json::to_string(self).unwrap_or_default();
        let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(&text) else { return vec![] };
        let shown = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => "none".into(),
            other => other.to_string(),
        };
        fields.into_iter().map(|(name, value)| (name.replace('_', " "), shown(value))).collect()
    }
}
