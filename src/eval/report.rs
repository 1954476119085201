//! The report of an evaluation and its JSON.
//!
//! Invariants: only [`ErrorExample`] quotes mentions, and a report has none if the options ask for
//! none. The names of the JSON fields do not change: `eval compare` reads old reports.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    eval::{
        EvalError,
        error_kind::LinkingErrorKind,
        metrics::{AccuracyMetrics, GoldRanks},
        missing::MissingIds,
    },
    files::read_manifest,
};

/// Version of the JSON format.
pub(super) const REPORT_FORMAT: u32 = 1;

/// The report of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvalReport {
    /// Version of the JSON format.
    pub format: u32,
    /// Version of saplink.
    pub saplink: String,
    /// The files of mentions.
    pub folds: Vec<FoldEntry>,
    /// Number of mentions that count: those with an id, or only the covered ones.
    pub mentions: usize,
    /// Number of mentions that count and whose gold concept the dictionary has.
    pub covered: usize,
    /// Whether mentions that are not covered were left out.
    pub only_covered: bool,
    /// The names that were searched.
    pub dictionary: DictionaryEntry,
    /// The model that computed the vectors.
    pub model: ModelEntry,
    /// How vectors were compared: `cosine` or `dot`.
    pub score: String,
    /// Recall of the graph against the exact scan; absent if the graph was not searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallEntry>,
    /// The systems; the last one is the main one.
    pub systems: Vec<SystemEntry>,
}

/// A file of mentions and how many of them count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldEntry {
    /// Name of the file or directory.
    pub name: String,
    /// sha256 of the uncompressed text; of a directory, sha256 of those of its files.
    pub sha256: String,
    /// Number of mentions that count.
    pub mentions: usize,
    /// Number of mentions left out because they have no id.
    pub without_id: usize,
    /// Number of mentions left out because they are labeled NIL.
    pub nil: usize,
    /// Number of mentions left out because the dictionary does not cover them (`--covered`).
    pub not_covered: usize,
    /// Gold ids that the dictionary lacks, by prefix.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing_ids: BTreeMap<String, MissingIds>,
}

/// The names that were searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DictionaryEntry {
    /// Name of the file or the index.
    pub name: String,
    /// sha256 of the file, or the fingerprint of the index.
    pub sha256: String,
    /// Number of distinct names in lower case.
    pub names: usize,
    /// Number of concepts.
    pub concepts: usize,
}

/// The model that computed the vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// Name of the model.
    pub name: String,
    /// 16 hexadecimal digits that differ for models that give different vectors.
    pub fingerprint: String,
    /// Length of the vectors.
    pub dimensions: usize,
    /// `cls` or `mean`.
    pub pooling: String,
    /// `fp32`, `fp16` or `int8`.
    pub precision: String,
    /// Maximum number of tokens of a text.
    pub max_tokens: usize,
    /// Device that ran the model.
    pub device: String,
    /// Seconds that embedding the names took; 0 if the index had their vectors.
    pub dictionary_seconds: f64,
}

/// Recall of the graph against the exact scan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallEntry {
    /// Number of candidates that a search looked at.
    pub ef_search: usize,
    /// Share of the best names that the graph finds.
    pub at_1: f64,
    /// Share of the ten best names that the graph finds.
    pub at_10: f64,
}

/// The result of one system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemEntry {
    /// Name of the system, such as `character n-grams`.
    pub name: String,
    /// Its accuracy.
    #[serde(rename = "figures")]
    pub metrics: AccuracyMetrics,
    /// Acc@1 of each fold by the paper's rule.
    pub fold_acc_1: Vec<f64>,
    /// Seconds from all distinct texts to their names.
    pub seconds: f64,
    /// Distinct texts per second.
    pub texts_per_second: f64,
    /// Accuracy by semantic type, the type with the most mentions first.
    pub types: Vec<TypeEntry>,
    /// Wrong links by kind, the most frequent kind first.
    pub errors: Vec<ErrorGroup>,
    /// The ranks of the gold concepts for each mention, in the order of the mentions.
    #[serde(rename = "outcomes")]
    pub gold_ranks: Vec<GoldRanks>,
}

/// Accuracy on the mentions of one semantic type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeEntry {
    /// TUI, or the type that the file of the mentions has.
    pub semantic_type: String,
    /// Number of mentions.
    pub mentions: usize,
    /// Acc@1 by the paper's rule.
    pub acc_1: f64,
    /// Acc@1 by the strict rule.
    pub strict_acc_1: f64,
}

/// Wrong links of one kind: mentions whose first concept is not gold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorGroup {
    /// The kind.
    pub kind: LinkingErrorKind,
    /// Number of mentions.
    pub mentions: usize,
    /// The most frequent ones.
    pub examples: Vec<ErrorExample>,
}

/// A wrong link and how often it occurred. The only part of a report that quotes mentions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorExample {
    /// The mention, or the wrong part of a composite mention.
    pub mention: String,
    /// How often it occurred.
    pub times: usize,
    /// The gold ids, joined by `|`.
    pub gold: String,
    /// A name of the gold concept, if the dictionary has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gold_name: Option<String>,
    /// Ids of the concept that was answered, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The name by which it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_name: Option<String>,
    /// Score of the name.
    pub score: f32,
}

impl EvalReport {
    /// Reads the JSON of a report.
    ///
    /// # Errors
    /// [`EvalError::File`] if the file cannot be read or is not a report.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        let fail = |reason| EvalError::File { path: path.into(), reason };
        let report: Self = read_manifest(path, REPORT_FORMAT).map_err(fail)?;
        if report.systems.iter().any(|system| system.gold_ranks.len() != report.mentions) {
            return Err(fail("the length of `outcomes` of a system is not the number of mentions".into()));
        }
        Ok(report)
    }

    /// The system with a name.
    pub(super) fn system(&self, name: &str) -> Option<&SystemEntry> {
        self.systems.iter().find(|system| system.name == name)
    }
}
