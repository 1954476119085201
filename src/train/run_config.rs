//! The configuration of a run that does not decide its result: its directory, device, intervals and
//! limits.
//!
//! The directory holds `run.json` (settings), `metrics.jsonl`, `report.html` and `checkpoints/`.
//!
//! Invariant: one process works on a run at a time, by a lock on `run.json`.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use crate::train::{
    TrainError, checkpoint,
    settings::{SETTINGS_FILE, TrainSettings},
};
use crate::{encoder::Device, files::StagedDir};

const METRICS_FILE: &str = "metrics.jsonl";
const REPORT_FILE: &str = "report.html";
const CHECKPOINTS_DIR: &str = "checkpoints";

/// Where and how a run is computed.
#[derive(Clone, Debug)]
pub(crate) struct RunConfig {
    /// Directory of the run.
    pub(crate) dir: PathBuf,
    /// Name of the model, for the report.
    pub(crate) model_name: String,
    pub(crate) device: Device,
    /// Threads on the CPU.
    pub(crate) threads: usize,
    /// Steps between two checkpoints.
    pub(crate) save_every: u64,
    /// Steps between two measurements of held-out retrieval.
    pub(crate) dev_every: u64,
    /// Checkpoints that stay, the last ones.
    pub(crate) keep_checkpoints: usize,
    /// Ids of the concepts in the report's map; if empty, those with the most pairs.
    pub(crate) map_concepts: Vec<String>,
    /// Continue the run in `dir`.
    pub(crate) resume: bool,
    /// Replace a run in `dir`.
    pub(crate) force: bool,
}

impl RunConfig {
    /// Checks whether a run can start or resume in the directory. Changes nothing.
    ///
    /// # Errors
    /// [`TrainError::Exists`] when a new run would replace something without `force`. When the run
    /// cannot be resumed: [`TrainError::NoRun`], [`TrainError::Damaged`] or
    /// [`TrainError::OtherRun`].
    pub(crate) fn check(&self, settings: &TrainSettings) -> Result<(), TrainError> {
        if self.resume {
            let is_run = self.dir.join(SETTINGS_FILE).is_file();
            return if is_run { settings.check_same(&self.dir) } else { Err(TrainError::NoRun(self.dir.clone())) };
        }
        let is_run = TrainSettings::read(&self.dir).is_ok();
        let is_empty = self.dir.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        if self.dir.exists() && !is_empty && (!self.force || !is_run) {
            return Err(TrainError::Exists { path: self.dir.clone(), is_run });
        }
        Ok(())
    }

    /// Creates the directory of a new run, or cleans up that of a resumed one. Returns the lock of
    /// the run, which ends with the process.
    ///
    /// # Errors
    /// As [`RunConfig::check`]; [`TrainError::Busy`] when another process has the lock.
    pub(super) fn prepare_dir(&self, settings: &TrainSettings) -> Result<File, TrainError> {
        self.check(settings)?;
        if !self.resume {
            // Locks the old run too: it is not removed while another process works on it.
            let _old = self.dir.join(SETTINGS_FILE).exists().then(|| lock(&self.dir)).transpose()?;
            let staged = StagedDir::create(&self.dir, SETTINGS_FILE, self.force)?;
            fs_err::create_dir(staged.path().join(CHECKPOINTS_DIR))?;
            settings.write(staged.path())?;
            staged.commit()?;
        }
        let lock = lock(&self.dir)?;
        checkpoint::remove_unfinished(&self.checkpoints_dir())?;
        Ok(lock)
    }

    pub(super) fn checkpoints_dir(&self) -> PathBuf {
        self.dir.join(CHECKPOINTS_DIR)
    }

    pub(super) fn metrics_path(&self) -> PathBuf {
        self.dir.join(METRICS_FILE)
    }

    pub(super) fn report_path(&self) -> PathBuf {
        self.dir.join(REPORT_FILE)
    }
}

fn lock(dir: &Path) -> Result<File, TrainError> {
    let file = File::open(dir.join(SETTINGS_FILE))?;
    file.try_lock().map_err(|_| TrainError::Busy(dir.into()))?;
    Ok(file)
}
