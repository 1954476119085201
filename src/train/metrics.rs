//! The metrics of a run: `metrics.jsonl`, one JSON record a line.
//!
//! Invariant: a resumed run has exactly one record of each step.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::train::TrainError;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum MetricsRecord {
    /// A step of training.
    Step(StepRecord),
    /// A measurement of held-out retrieval.
    Dev(DevRecord),
}

impl MetricsRecord {
    /// The number of complete steps when the record was written.
    pub(super) fn step(&self) -> u64 {
        match self {
            Self::Step(record) => record.step,
            Self::Dev(record) => record.step,
        }
    }
}

/// A step of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StepRecord {
    /// Number of the step, from 1.
    pub(super) step: u64,
    /// Epochs that are complete.
    pub(super) epoch: f64,
    pub(super) loss: f32,
    pub(super) learning_rate: f32,
    /// Mined pairs of names of the same concept, each in both directions.
    pub(super) positives: u64,
    /// Mined pairs of names of different concepts, each in both directions.
    pub(super) negatives: u64,
    /// L2 norm of the gradient before clipping. `None` if it overflowed in float16: the step did
    /// not change the parameters then.
    pub(super) gradient_norm: Option<f32>,
    /// Factor of the loss in float16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) loss_scale: Option<f32>,
    /// Pairs of the batch.
    pub(super) pairs: u64,
    /// Tokens of the batch's names.
    pub(super) tokens: u64,
    /// Rows that were computed for them, padding included.
    pub(super) rows: u64,
    /// Seconds of the step.
    pub(super) seconds: f64,
    /// Seconds of the step in which it waited for its batch.
    pub(super) waited: f64,
}

/// A measurement of held-out retrieval: each held-out name searches the other held-out names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DevRecord {
    /// Complete steps; 0 before training.
    pub(super) step: u64,
    /// Share of `queries` whose nearest concept is the right one.
    pub(super) accuracy_at_1: f64,
    /// Share of `queries` whose five nearest concepts include the right one.
    pub(super) accuracy_at_5: f64,
    /// Names that were looked up.
    pub(super) queries: u64,
    /// Names that were searched.
    pub(super) names: u64,
}

/// Appends records to the file.
pub(super) struct MetricsLog {
    path: PathBuf,
    file: fs_err::File,
}

impl MetricsLog {
    /// Opens the file at `path` and removes the records after `step`; with `None`, all records.
    ///
    /// # Errors
    /// [`TrainError::Damaged`] names the file and the line that is not a record.
    pub(super) fn open(path: &Path, step: Option<u64>) -> Result<Self, TrainError> {
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        let mut kept_bytes = 0;
        for (record, end) in read_records(path)? {
            if step.is_some_and(|step| record.step() <= step) {
                kept_bytes = end;
            }
        }
        file.set_len(kept_bytes as u64)?;
        Ok(Self { path: path.into(), file })
    }

    /// Appends a record.
    pub(super) fn push(&mut self, record: &MetricsRecord) -> Result<(), TrainError> {
        let line = serde_json::to_string(record).map_err(std::io::Error::from)? + "\n";
        Ok(self.file.write_all(line.as_bytes())?)
    }

    /// Flushes the records to disk.
    pub(super) fn sync(&self) -> Result<(), TrainError> {
        Ok(self.file.sync_data()?)
    }

    /// Reads all records.
    pub(super) fn read(&self) -> Result<Vec<MetricsRecord>, TrainError> {
        Ok(read_records(&self.path)?.into_iter().map(|(record, _)| record).collect())
    }
}

/// The records of a file, each with the offset of its end in bytes. A last line without a line feed
/// comes from a killed process and is ignored.
fn read_records(path: &Path) -> Result<Vec<(MetricsRecord, usize)>, TrainError> {
    let text = fs_err::read_to_string(path)?;
    let (mut records, mut end) = (vec![], 0);
    for (i, line) in text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate() {
        end += line.len();
        let record = serde_json::from_str(line)
            .map_err(|e| TrainError::Damaged { path: path.into(), reason: format!("line {}: {e}", i + 1) })?;
        records.push((record, end));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_removes_later_steps_and_half_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let record = |step| {
            MetricsRecord::Dev(DevRecord { step, accuracy_at_1: 0.5, accuracy_at_5: 0.75, queries: 8, names: 8 })
        };
        let mut metrics = MetricsLog::open(&path, None).unwrap();
        (0..5).for_each(|step| metrics.push(&record(step)).unwrap());
        metrics.file.write_all(b"{\"kind\":\"de").unwrap();
        let mut metrics = MetricsLog::open(&path, Some(2)).unwrap();
        metrics.push(&record(3)).unwrap();
        assert_eq!(metrics.read().unwrap(), [0, 1, 2, 3].map(record));
        fs_err::write(&path, "{}\n").unwrap();
        let error = MetricsLog::open(&path, Some(2)).err().unwrap().to_string();
        assert!(error.contains("metrics.jsonl: line 1"), "{error}");
        assert!(MetricsLog::open(&path, None).is_err(), "a file of something else is not truncated");
    }
}
