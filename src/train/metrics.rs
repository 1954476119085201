//! What a run tells of itself: `metrics.jsonl`, one record a line.
//!
//! Invariant: a run that is resumed has each step once.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::train::TrainError;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Record {
    Step(StepRecord),
    Dev(DevRecord),
}

impl Record {
    /// The step after which it was written.
    pub fn step(&self) -> u64 {
        match self {
            Self::Step(record) => record.step,
            Self::Dev(record) => record.step,
        }
    }
}

/// A step of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// From 1.
    pub step: u64,
    /// Epochs that have passed.
    pub epoch: f64,
    pub loss: f32,
    pub learning_rate: f32,
    /// Pairs of the batch's names that the miner chose, of the same concept and of different ones; each pair counts in both directions.
    pub positives: u64,
    pub negatives: u64,
    /// Of all parameters' gradients, before clipping; none where it overflowed in half precision, and nothing was learned.
    pub gradient_norm: Option<f32>,
    /// Factor of the loss in half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<f32>,
    /// Pairs that were learned from in this step.
    pub pairs: u64,
    /// Tokens of the batch, and rows that were computed for them.
    pub tokens: u64,
    pub rows: u64,
    /// Seconds that the step took, and those of it that it waited for its batch.
    pub seconds: f64,
    pub waited: f64,
}

/// Held-out retrieval: each held-out name's nearest among the other names of held-out concepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DevRecord {
    /// 0 before training.
    pub step: u64,
    /// Share of `queries` whose best name is of the right concept, and whose five best names hold one.
    pub accuracy_at_1: f64,
    pub accuracy_at_5: f64,
    pub queries: u64,
    pub names: u64,
}

/// Appends to the file.
pub(super) struct Metrics {
    path: PathBuf,
    file: fs_err::File,
}

impl Metrics {
    /// Opens `path`, and leaves out what was written after `step`; without one, everything.
    ///
    /// # Errors
    /// [`TrainError::Damaged`] names the file and the line that is no record.
    pub(super) fn open(path: &Path, step: Option<u64>) -> Result<Self, TrainError> {
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        let mut kept = 0;
        for (record, end) in records(path)? {
            if step.is_some_and(|step| record.step() <= step) {
                kept = end;
            }
        }
        file.set_len(kept as u64)?;
        Ok(Self { path: path.into(), file })
    }

    /// Appends a record.
    pub(super) fn push(&mut self, record: &Record) -> Result<(), TrainError> {
        let line = serde_json::to_string(record).map_err(std::io::Error::from)? + "\n";
        Ok(self.file.write_all(line.as_bytes())?)
    }

    /// Flushes what was written to disk.
    pub(super) fn sync(&self) -> Result<(), TrainError> {
        Ok(self.file.sync_data()?)
    }

    /// All that was written.
    pub(super) fn read(&self) -> Result<Vec<Record>, TrainError> {
        Ok(records(&self.path)?.into_iter().map(|(record, _)| record).collect())
    }
}

/// The records of a file and where each ends; a last line that a killed process left half-written is none.
fn records(path: &Path) -> Result<Vec<(Record, usize)>, TrainError> {
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
    fn opening_again_leaves_out_later_steps_and_half_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let record =
            |step| Record::Dev(DevRecord { step, accuracy_at_1: 0.5, accuracy_at_5: 0.75, queries: 8, names: 8 });
        let mut metrics = Metrics::open(&path, None).unwrap();
        (0..5).for_each(|step| metrics.push(&record(step)).unwrap());
        metrics.file.write_all(b"{\"kind\":\"de").unwrap();
        let mut metrics = Metrics::open(&path, Some(2)).unwrap();
        metrics.push(&record(3)).unwrap();
        assert_eq!(metrics.read().unwrap(), [0, 1, 2, 3].map(record));
        fs_err::write(&path, "{}\n").unwrap();
        let error = Metrics::open(&path, Some(2)).err().unwrap().to_string();
        assert!(error.contains("metrics.jsonl: line 1"), "{error}");
        assert!(Metrics::open(&path, None).is_err(), "what is no record is not thrown away");
    }
}
