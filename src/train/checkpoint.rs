//! Checkpoints of a run: `checkpoints/step-00000100/` with the weights, the moments of AdamW and
//! the loss scaling after that step.
//!
//! The weights are a `model.safetensors` with Hugging Face's tensor names, which other programs
//! load as well.
//!
//! Invariant: a checkpoint appears complete or not at all, and its checksums are verified before it
//! is used.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::train::{TrainError, engine::EngineState, loss_scaling::LossScaling};
use crate::{
    bert::{
        BertConfig, Weights,
        checkpoint::{self, Tensor, Tensors},
        weights,
    },
    files::{FileSum, StageError, StagedDir, checksums, read_manifest, write_manifest},
};

/// Format version of `state.json`.
const CHECKPOINT_FORMAT: u32 = 1;
const MANIFEST_FILE: &str = "state.json";
const WEIGHTS_FILE: &str = "model.safetensors";
const MOMENTS_FILE: &str = "moments.safetensors";
/// Names of the directories, before the number of the step.
const DIR_PREFIX: &str = "step-";
/// Tensor names in the file of the moments.
const FIRST_MOMENTS: &str = "means";
const SECOND_MOMENTS: &str = "squares";

/// `state.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointManifest {
    format: u32,
    /// Steps that are complete.
    step: u64,
    #[serde(rename = "scaling")]
    loss_scaling: LossScaling,
    files: BTreeMap<String, FileSum>,
}

/// The state of a run after a step.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// Steps that are complete.
    pub(super) step: u64,
    pub(super) loss_scaling: LossScaling,
    pub(super) state: EngineState,
}

impl Checkpoint {
    /// Writes the checkpoint into `dir` and removes all but the last `keep` checkpoints there.
    /// Returns the checkpoint's directory.
    ///
    /// # Errors
    /// [`TrainError::Save`] names the checkpoint; earlier ones are intact then.
    pub(super) fn write(&self, dir: &Path, config: &BertConfig, keep: usize) -> Result<PathBuf, TrainError> {
        let target = dir.join(format!("{DIR_PREFIX}{:08}", self.step));
        let write = || -> Result<(), StageError> {
            let staged = StagedDir::create(&target, MANIFEST_FILE, true)?;
            checkpoint::write(&staged.path().join(WEIGHTS_FILE), &weights::to_tensors(config, &self.state.parameters))?;
            let tensor = |values: &Vec<f32>| Tensor { shape: vec![values.len()], data: values.clone() };
            let moments: Tensors =
                [(FIRST_MOMENTS, &self.state.first_moments), (SECOND_MOMENTS, &self.state.second_moments)]
                    .map(|(name, values)| (name.to_owned(), tensor(values)))
                    .into();
            checkpoint::write(&staged.path().join(MOMENTS_FILE), &moments)?;
            let files = checksums(staged.path(), &[WEIGHTS_FILE, MOMENTS_FILE])?;
            let manifest = CheckpointManifest {
                format: CHECKPOINT_FORMAT,
                step: self.step,
                loss_scaling: self.loss_scaling,
                files,
            };
            write_manifest(&staged.path().join(MANIFEST_FILE), &manifest)?;
            staged.commit()
        };
        write().map_err(|reason| TrainError::Save { path: target.clone(), reason: reason.to_string() })?;
        let all = checkpoint_dirs(dir)?;
        for (_, old) in &all[..all.len().saturating_sub(keep)] {
            fs_err::remove_dir_all(old)?;
        }
        Ok(target)
    }

    /// Reads the last checkpoint in `dir`, if there is one.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] names the damaged file and the remedy.
    pub(super) fn read_last(dir: &Path, config: &BertConfig) -> Result<Option<Self>, TrainError> {
        match checkpoint_dirs(dir)?.pop() {
            Some((step, path)) => Self::read(step, &path, config).map(Some),
            None => Ok(None),
        }
    }

    fn read(step: u64, dir: &Path, config: &BertConfig) -> Result<Self, TrainError> {
        let unusable = |reason: String| TrainError::Checkpoint { path: dir.into(), reason };
        let in_file = |name: &str, reason: String| unusable(format!("{}: {reason}", dir.join(name).display()));
        let manifest: CheckpointManifest = read_manifest(&dir.join(MANIFEST_FILE), CHECKPOINT_FORMAT)
            .map_err(|reason| in_file(MANIFEST_FILE, reason))?;
        if manifest.step != step {
            return Err(in_file(MANIFEST_FILE, format!("it is the checkpoint of step {}", manifest.step)));
        }
        let tensors = |name: &str| {
            let sum =
                manifest.files.get(name).ok_or_else(|| in_file(MANIFEST_FILE, format!("it does not list {name}")))?;
            sum.check(&dir.join(name)).map_err(|e| unusable(e.to_string()))?;
            checkpoint::read(&dir.join(name)).map_err(|e| unusable(e.to_string()))
        };
        let weights =
            Weights::select(tensors(WEIGHTS_FILE)?, config).map_err(|e| in_file(WEIGHTS_FILE, e.to_string()))?;
        let mut moments = tensors(MOMENTS_FILE)?;
        // A missing tensor becomes an empty vector, which `Engine::restore` refuses.
        let mut moment = |name: &str| moments.remove(name).map(|tensor| tensor.data).unwrap_or_default();
        let state = EngineState {
            parameters: weights.flatten(),
            first_moments: moment(FIRST_MOMENTS),
            second_moments: moment(SECOND_MOMENTS),
        };
        Ok(Self { step, loss_scaling: manifest.loss_scaling, state })
    }
}

/// The directory of the last checkpoint in `dir`, if there is one.
pub(super) fn last_checkpoint_dir(dir: &Path) -> Option<PathBuf> {
    checkpoint_dirs(dir).ok()?.pop().map(|(_, path)| path)
}

/// Removes the unfinished checkpoints of killed processes. The caller holds the lock of the run.
pub(super) fn remove_unfinished(dir: &Path) -> Result<(), TrainError> {
    let staged_prefix = format!(".{DIR_PREFIX}");
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&staged_prefix) && entry.file_type()?.is_dir() {
            fs_err::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Steps and directories of the checkpoints in `dir`, in the order of the steps.
fn checkpoint_dirs(dir: &Path) -> Result<Vec<(u64, PathBuf)>, TrainError> {
    let mut found = vec![];
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        let step = entry.file_name().to_string_lossy().strip_prefix(DIR_PREFIX).and_then(|step| step.parse().ok());
        found.extend(step.map(|step| (step, entry.path())));
    }
    found.sort();
    Ok(found)
}
