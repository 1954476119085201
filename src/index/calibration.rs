//! Calibration: how the features of a best candidate become the probability that it is right, and
//! from which probability on a mention is linked.
//!
//! Invariant: a calibration says with how many mentions it was fitted, and its figures are of
//! mentions that it was not fitted on.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{error::IndexError, references::InputRecord};
use crate::{
    confidence::ConfidenceModel,
    files::{read_manifest, write_sealed},
};

/// File of a model directory with the general calibration of the model.
pub const CALIBRATION_FILE: &str = "calibration.json";
/// Version of this file.
const FILE_FORMAT: u32 = 1;

/// The calibration of an index, as its manifest stores it; `saplink eval --calibrate` fits it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Whether it came with the model and was fitted with another index.
    pub general: bool,
    /// From features to probabilities.
    pub confidence: ConfidenceModel,
    /// A mention whose best candidate has a lower probability is NIL.
    pub threshold: f32,
    /// The precision of answers that the operator wanted; absent if the threshold gives the most
    /// right answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// Number of labeled mentions that it was fitted with.
    pub mentions: u64,
    /// The files of these mentions.
    pub inputs: Vec<InputRecord>,
    /// Expected share of mentions without a concept, 0 to 1.
    pub nil_share: f64,
    /// Quality of the calibration.
    pub measured: CalibrationMetrics,
}

/// Quality of a calibration, measured by cross-validation. All figures are between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationMetrics {
    /// Expected calibration error, with ten bins of equal width.
    pub calibration_error: f64,
    /// Area under the curve of right against wrong best candidates, ordered by probability.
    pub area: f64,
    /// Share of the NIL answers that are right: no concept covers the mention.
    pub nil_precision: f64,
    /// Share of the mentions without a concept that are answered with NIL.
    pub nil_recall: f64,
    /// Share of the mentions that are answered rightly: with a right concept, or rightly with NIL.
    pub accuracy: f64,
    /// Figures of the best candidates by their match.
    pub by_match: BTreeMap<String, MatchMetrics>,
    /// What other thresholds would give, from the highest threshold to the lowest.
    pub curve: Vec<ThresholdMetrics>,
}

/// Figures of the best candidates with one kind of match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchMetrics {
    /// Number of candidates.
    pub candidates: u64,
    /// Weighted share of them that is right, 0 to 1.
    pub right: f64,
    /// Their expected calibration error.
    pub calibration_error: f64,
}

/// What a threshold gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdMetrics {
    /// The threshold.
    pub threshold: f32,
    /// Share of the linked mentions that are linked to a right concept.
    pub precision: f64,
    /// Share of the mentions with a concept that are linked to it.
    pub coverage: f64,
}

/// A calibration in a file of a model directory.
#[derive(Serialize, Deserialize)]
struct CalibrationFile {
    format: u32,
    calibration: Calibration,
}

impl Calibration {
    /// The reason why the calibration is invalid; `None` if it is valid.
    pub fn fault(&self) -> Option<&'static str> {
        if !self.threshold.is_finite() {
            return Some("its calibration has a threshold that is not finite");
        }
        self.confidence.fault()
    }

    /// Reads the calibration that came with a model; absent if the file does not exist.
    ///
    /// # Errors
    /// [`IndexError::Manifest`] if the file is damaged.
    pub fn read(path: &Path) -> Result<Option<Self>, IndexError> {
        if !path.exists() {
            return Ok(None);
        }
        let fail = |reason: String| IndexError::Manifest { path: path.into(), reason };
        let file: CalibrationFile = read_manifest(path, FILE_FORMAT).map_err(fail)?;
        match file.calibration.fault() {
            Some(fault) => Err(fail(fault.into())),
            None => Ok(Some(Self { general: true, ..file.calibration })),
        }
    }

    /// Writes the calibration to a file, in place of an older one.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), IndexError> {
        Ok(write_sealed(path, &CalibrationFile { format: FILE_FORMAT, calibration: self.clone() })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(threshold: f32) -> Calibration {
        Calibration {
            general: false,
            confidence: ConfidenceModel::default(),
            threshold,
            precision: None,
            mentions: 1,
            inputs: vec![],
            nil_share: 0.2,
            measured: CalibrationMetrics::default(),
        }
    }

    #[test]
    fn a_file_is_read_as_general() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("calibration.json");
        assert_eq!(Calibration::read(&path).unwrap(), None);
        calibration(0.5).write(&path).unwrap();
        assert_eq!(Calibration::read(&path).unwrap(), Some(Calibration { general: true, ..calibration(0.5) }));
        let damaged = fs_err::read_to_string(&path).unwrap().replace("0.5", "0.6");
        fs_err::write(&path, damaged).unwrap();
        assert!(Calibration::read(&path).unwrap_err().to_string().contains("calibration.json"));
    }

    #[test]
    fn an_invalid_threshold_is_refused() {
        assert!(calibration(f32::NAN).fault().is_some() && calibration(2.0).fault().is_none());
    }
}
