//! What a run goes on from: `step-00000100/` with the weights, the moments of the optimizer and where the run is.
//!
//! The weights are a `model.safetensors` under Hugging Face's names, which others can load as well.
//!
//! Invariant: a checkpoint appears whole or not at all, and is compared with its checksums before it is used.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::train::{TrainError, engine::State};
use crate::{
    bert::{
        BertConfig, Weights,
        checkpoint::{self, Tensor, Tensors},
        weights,
    },
    files::{FileSum, StagedDir, checksums, read_manifest, write_manifest},
};

const FORMAT: u32 = 1;
const MANIFEST: &str = "state.json";
const WEIGHTS: &str = "model.safetensors";
const MOMENTS: &str = "moments.safetensors";
const PREFIX: &str = "step-";
const MEANS: &str = "means";
const SQUARES: &str = "squares";

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// Steps that are done.
    step: u64,
    scaling: Scaling,
    files: BTreeMap<String, FileSum>,
}

/// What half precision goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Scaling {
    /// What the loss is multiplied by.
    pub loss_scale: f32,
    /// Steps since that was last changed.
    pub steady: u64,
    /// Steps that changed the parameters: those whose gradient was finite.
    pub updates: u64,
}

/// What is written and read.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub step: u64,
    pub scaling: Scaling,
    pub state: State,
}

impl Checkpoint {
    /// Writes it into `dir`, of whose checkpoints the last `keep` stay.
    ///
    /// # Errors
    /// [`TrainError::Save`] names what could not be written; older checkpoints are still there then.
    pub(super) fn write(&self, dir: &Path, config: &BertConfig, keep: usize) -> Result<PathBuf, TrainError> {
        let target = dir.join(format!("{PREFIX}{:08}", self.step));
        let write = || -> Result<(), crate::files::StageError> {
            let staged = StagedDir::create(&target, MANIFEST, true)?;
            checkpoint::write(&staged.path().join(WEIGHTS), &weights::to_tensors(config, &self.state.parameters))?;
            let moment = |values: &Vec<f32>| Tensor { shape: vec![values.len()], data: values.clone() };
            let moments: Tensors = [(MEANS, &self.state.means), (SQUARES, &self.state.squares)]
                .map(|(name, values)| (name.to_owned(), moment(values)))
                .into();
            checkpoint::write(&staged.path().join(MOMENTS), &moments)?;
            let files = checksums(staged.path(), &[WEIGHTS, MOMENTS])?;
            let manifest = Manifest { format: FORMAT, step: self.step, scaling: self.scaling, files };
            write_manifest(&staged.path().join(MANIFEST), &manifest)?;
            staged.commit()
        };
        write().map_err(|reason| TrainError::Save { path: target.clone(), reason: reason.to_string() })?;
        let all = all(dir)?;
        for (_, old) in &all[..all.len().saturating_sub(keep)] {
            fs_err::remove_dir_all(old)?;
        }
        Ok(target)
    }

    /// Reads the last checkpoint in `dir`, if there is any.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] names the file, and what to do.
    pub(super) fn last(dir: &Path, config: &BertConfig) -> Result<Option<Self>, TrainError> {
        match all(dir)?.pop() {
            Some((step, path)) => Self::read(step, &path, config).map(Some),
            None => Ok(None),
        }
    }

    fn read(step: u64, dir: &Path, config: &BertConfig) -> Result<Self, TrainError> {
        let unusable = |reason: String| TrainError::Checkpoint { path: dir.into(), reason };
        let at = |name: &str, reason: String| unusable(format!("{}: {reason}", dir.join(name).display()));
        let manifest: Manifest = read_manifest(&dir.join(MANIFEST), FORMAT).map_err(|reason| at(MANIFEST, reason))?;
        if manifest.step != step {
            return Err(at(MANIFEST, format!("it is of step {}", manifest.step)));
        }
        let tensors = |name: &str| {
            let sum = manifest.files.get(name).ok_or_else(|| at(MANIFEST, format!("{name} is not listed")))?;
            sum.check(&dir.join(name)).map_err(|e| unusable(e.to_string()))?;
            checkpoint::read(&dir.join(name)).map_err(|e| unusable(e.to_string()))
        };
        let weights = Weights::select(tensors(WEIGHTS)?, config).map_err(|e| at(WEIGHTS, e.to_string()))?;
        let mut moments = tensors(MOMENTS)?;
        let mut moment = |name: &str| moments.remove(name).map(|tensor| tensor.data).unwrap_or_default();
        let state = State { parameters: weights.flatten(), means: moment(MEANS), squares: moment(SQUARES) };
        Ok(Self { step, scaling: manifest.scaling, state })
    }
}

/// The directory of the last checkpoint in `dir`, if there is any.
pub(super) fn newest(dir: &Path) -> Option<PathBuf> {
    all(dir).ok()?.pop().map(|(_, path)| path)
}

/// Removes what a process that was killed had not finished. No other may be at work in `dir`.
pub(super) fn clean(dir: &Path) -> Result<(), TrainError> {
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&format!(".{PREFIX}")) && entry.file_type()?.is_dir() {
            fs_err::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The checkpoints in `dir` by their steps.
fn all(dir: &Path) -> Result<Vec<(u64, PathBuf)>, TrainError> {
    let mut found = vec![];
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        let step = entry.file_name().to_string_lossy().strip_prefix(PREFIX).and_then(|step| step.parse().ok());
        found.extend(step.map(|step| (step, entry.path())));
    }
    found.sort();
    Ok(found)
}
