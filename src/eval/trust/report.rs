//! The figures of a measurement and their JSON.
//!
//! Invariant: the names of the JSON fields do not change.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    eval::calibrate::ReliabilityBin,
    index::{MatchMetrics, ThresholdMetrics},
};

/// Version of the JSON format.
pub(super) const REPORT_FORMAT: u32 = 1;
/// Quantile of the normal distribution for an interval of 95 %.
const Z_95: f64 = 1.959_964;

/// How far the answers of an index can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrustReport {
    /// Version of the JSON format.
    pub format: u32,
    /// Version of saplink.
    pub saplink: String,
    /// Name of the index.
    pub index: String,
    /// Fingerprint of the index.
    pub fingerprint: String,
    /// Number of concepts of the index.
    pub concepts: u64,
    /// Number of distinct names of the index.
    pub names: u64,
    /// A mention whose best candidate has a lower probability is NIL.
    pub threshold: f32,
    /// Everyday words, which mean no concept.
    pub words: UnknownFigures,
    /// Terms whose concept the index does not have.
    pub terms: UnknownFigures,
    /// Mentions of concepts of the index.
    pub known: KnownFigures,
    /// Mentions that must not be linked to a certain concept; absent without such a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opposites: Option<OppositeFigures>,
    /// Words, terms and known mentions together, each list with a third of the weight.
    pub pool: PoolFigures,
    /// Wrong answers, the most probable of each list first; only if the caller asked for them.
    pub examples: Vec<TrustExample>,
}

/// A file of mentions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListEntry {
    /// Name of the file.
    pub file: String,
    /// sha256 of the uncompressed text.
    pub sha256: String,
    /// Number of mentions that count.
    pub mentions: u64,
    /// Number of mentions that do not count: terms whose concept the index has; other mentions
    /// whose concept it does not have.
    pub left_out: u64,
}

/// A share of mentions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Number of mentions in the share.
    pub count: u64,
    /// The share, 0 to 1.
    pub share: f64,
    /// Its interval of 95 % by Wilson's method.
    pub interval: [f64; 2],
}

impl Share {
    /// `count` of `all`, which is not 0.
    pub(super) fn new(count: usize, all: usize) -> Self {
        let (n, share) = (all as f64, count as f64 / all as f64);
        let z2 = Z_95 * Z_95;
        let middle = share + z2 / (2.0 * n);
        let half = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
        let interval = [middle - half, middle + half].map(|bound| (bound / (1.0 + z2 / n)).clamp(0.0, 1.0));
        Self { count: count as u64, share, interval }
    }
}

/// A share of the mentions of a list for two cutoffs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CutoffShares {
    /// Of the mentions that are linked at the threshold of the index.
    pub at_threshold: Share,
    /// Of the mentions that are linked with a probability of at least 0.5.
    pub at_half: Share,
}

/// Figures of a list whose mentions have no concept in the index.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnknownFigures {
    /// The file.
    #[serde(flatten)]
    pub list: ListEntry,
    /// Linked mentions, all of them wrong.
    pub linked: CutoffShares,
}

/// Figures of mentions whose concept the index has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KnownFigures {
    /// The file.
    #[serde(flatten)]
    pub list: ListEntry,
    /// Mentions linked to a right concept, or to several of which one is right.
    pub right: CutoffShares,
    /// Mentions linked to wrong concepts only.
    pub wrong: CutoffShares,
}

/// Figures of mentions with a concept that they do not mean.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OppositeFigures {
    /// The file.
    #[serde(flatten)]
    pub list: ListEntry,
    /// Mentions linked to this concept.
    pub forbidden: CutoffShares,
    /// Mentions linked to any concept.
    pub any: CutoffShares,
}

/// Figures of words, terms and known mentions together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolFigures {
    /// Area under the curve of right against wrong best candidates by probability, whether or not
    /// they are linked.
    pub area: f64,
    /// Expected calibration error of the probabilities that the answers show, with ten bins.
    pub calibration_error: f64,
    /// The same by the match of the best candidate.
    pub by_match: BTreeMap<String, MatchMetrics>,
    /// What the threshold of the index gives: the precision of all answers, and the share of the
    /// known mentions that are answered rightly.
    pub at_threshold: ThresholdMetrics,
    /// What a threshold of 0.5 gives; of a higher threshold of the index, what that one gives.
    pub at_half: ThresholdMetrics,
    /// The lowest thresholds with a precision of 0.9 and 0.95.
    pub at_precision: Vec<PrecisionPoint>,
    /// What thresholds from the highest to that of the index give.
    pub curve: Vec<ThresholdMetrics>,
    /// The bins of the calibration error.
    pub bins: Vec<ReliabilityBin>,
}

/// The lowest threshold with a precision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PrecisionPoint {
    /// The precision.
    pub wanted: f64,
    /// What the threshold gives; absent if no threshold gives the precision.
    pub found: Option<ThresholdMetrics>,
}

/// A wrong answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrustExample {
    /// `words`, `terms`, `known` or `opposites`.
    pub list: &'static str,
    /// The mention.
    pub mention: String,
    /// Id of the first concept of the answer.
    pub found: String,
    /// Its preferred name.
    pub found_name: String,
    /// How it was found.
    #[serde(rename = "match")]
    pub kind: &'static str,
    /// Probability of the answer.
    pub probability: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_wilson() {
        let close = |share: Share, low: f64, high: f64| {
            assert!((share.interval[0] - low).abs() < 1e-4 && (share.interval[1] - high).abs() < 1e-4, "{share:?}");
        };
        close(Share::new(10, 50), 0.1124, 0.3304);
        close(Share::new(0, 100), 0.0, 0.0370);
        close(Share::new(3, 3), 0.4385, 1.0);
    }
}
