//! Answers about the deployment: probes, model and index, vocabularies, reloads.
//!
//! Invariant: no answer names a hidden source. Counts of the whole index come from its manifest and
//! include hidden names.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    concepts::{ConceptStore, SourceEntry},
    domain::semantic_type::{SEMANTIC_GROUPS, SEMANTIC_TYPES},
    index::{Calibration, Recall, ThresholdMetrics},
    linker::{LinkLimits, Linker},
};

/// Answer to `GET /info`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Info {
    /// Version of saplink.
    pub(crate) version: String,
    pub(crate) model: ModelInfo,
    pub(crate) index: IndexInfo,
    /// Build of the ONNX Runtime that is loaded.
    pub(crate) onnxruntime: String,
    pub(crate) limits: Limits,
}

/// Bounds on requests.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Limits {
    /// Bytes of a request's body.
    pub(crate) body_bytes: usize,
    /// Mentions of a request.
    pub(crate) mentions: usize,
    /// Bytes of a mention, in UTF-8.
    pub(crate) mention_bytes: usize,
    /// Candidates of a mention.
    pub(crate) top_k: usize,
    /// Candidates of a request: the maximum of the sum of `top_k` over its mentions.
    pub(crate) candidates: usize,
}

impl Limits {
    /// The limits of bodies and of their mentions.
    pub(crate) fn new(body_bytes: usize, limits: &LinkLimits) -> Self {
        let LinkLimits { mentions, mention_bytes, top_k, candidates } = *limits;
        Self { body_bytes, mentions, mention_bytes, top_k, candidates }
    }
}

/// The active model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelInfo {
    pub(crate) name: String,
    pub(crate) fingerprint: String,
    pub(crate) dimensions: usize,
    /// Tokens of a mention that the model reads; further tokens are cut off.
    pub(crate) max_tokens: usize,
    /// `cpu` or `cuda`.
    pub(crate) device: String,
}

/// The active index.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexInfo {
    pub(crate) name: String,
    pub(crate) fingerprint: String,
    pub(crate) concepts: u64,
    /// Names as the sources give them.
    pub(crate) atoms: u64,
    /// Distinct names after normalization.
    pub(crate) rows: u64,
    pub(crate) sources: Vec<SourceView>,
    /// Without a calibration, a mention whose best candidate has a lower score is answered as NIL.
    pub(crate) nil_threshold: f32,
    /// Quality of the probabilities; absent when the index is not calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calibration: Option<CalibrationView>,
    /// Whether every search compares the mention with every name.
    pub(crate) exact: bool,
    /// Candidates that a search of the graph looks at.
    pub(crate) ef_search: usize,
    /// Measured recall of searches of the graph; absent when it was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recall: Option<RecallView>,
}

/// The labeled mentions that the calibration was fitted with, and its quality on held-out ones.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalibrationView {
    /// Whether it came with the model and was fitted with another index.
    pub(crate) general: bool,
    /// A mention whose best candidate has a lower probability is answered as NIL.
    pub(crate) threshold: f32,
    /// The precision that the threshold was chosen for; absent if it gives the most right answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) precision: Option<f64>,
    /// Labeled mentions.
    pub(crate) mentions: u64,
    /// Share of mentions without a concept that is expected in use.
    pub(crate) nil_share: f64,
    /// Expected calibration error.
    pub(crate) calibration_error: f64,
    /// Share of the NIL answers that are right.
    pub(crate) nil_precision: f64,
    /// Share of the mentions without a concept that are answered as NIL.
    pub(crate) nil_recall: f64,
    /// What other thresholds would give.
    pub(crate) curve: Vec<ThresholdView>,
}

/// What a threshold of the probability gives.
#[derive(Serialize, ToSchema)]
pub(crate) struct ThresholdView {
    pub(crate) threshold: f32,
    /// Share of the linked mentions that are linked to a right concept.
    pub(crate) precision: f64,
    /// Share of the mentions with a concept that are linked to it.
    pub(crate) coverage: f64,
}

impl CalibrationView {
    fn new(calibration: &Calibration) -> Self {
        let measured = &calibration.measured;
        let point = |point: &ThresholdMetrics| {
            let ThresholdMetrics { threshold, precision, coverage } = *point;
            ThresholdView { threshold, precision, coverage }
        };
        Self {
            general: calibration.general,
            threshold: calibration.threshold,
            precision: calibration.precision,
            curve: measured.curve.iter().map(point).collect(),
            mentions: calibration.mentions,
            nil_share: calibration.nil_share,
            calibration_error: measured.calibration_error,
            nil_precision: measured.nil_precision,
            nil_recall: measured.nil_recall,
        }
    }
}

/// Share of the concepts found by comparing every name that a search of the graph finds too.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecallView {
    /// Number of mention-like texts that it was measured with.
    pub(crate) queries: usize,
    /// Share for the best concept.
    pub(crate) at_1: f64,
    /// Share for the ten best concepts.
    pub(crate) at_10: f64,
}

/// Answer to `GET /sources`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"sources": [{"source": "SNOMEDCT_US", "name": "SNOMED CT, US Edition", "version": "2025_09_01",
    "restriction_level": 9, "languages": ["ENG"], "concepts": 380_000, "atoms": 900_000, "codes": 360_000}]}))]
pub(crate) struct SourcesView {
    /// By abbreviation.
    pub(crate) sources: Vec<SourceView>,
}

/// A source vocabulary and the number of its concepts, names and codes.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceView {
    /// Its abbreviation (SAB).
    pub(crate) source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    /// UMLS restriction level (SRL), 0 to 4, or 9; absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restriction_level: Option<u8>,
    /// Languages (LAT) of its names.
    pub(crate) languages: Vec<String>,
    /// Concepts that have a name from it.
    pub(crate) concepts: u64,
    pub(crate) atoms: u64,
    /// Codes that concepts have in it.
    pub(crate) codes: u64,
}

/// Answer to `GET /semantic-types`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"semantic_types": [
    {"tui": "T047", "name": "Disease or Syndrome", "group": "DISO", "group_name": "Disorders", "concepts": 1503}]}))]
pub(crate) struct SemanticTypesView {
    /// Every type of the UMLS Semantic Network, by TUI.
    pub(crate) semantic_types: Vec<CountedType>,
}

/// A semantic type and the number of its concepts.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountedType {
    pub(crate) tui: String,
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) group_name: String,
    /// Concepts of the index with this type.
    pub(crate) concepts: u64,
}

/// Answer of the probes.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ok")]
    pub(crate) status: &'static str,
}

impl From<&SourceEntry> for SourceView {
    fn from(entry: &SourceEntry) -> Self {
        let SourceEntry { source, name, version, restriction_level, languages, concepts, atoms, codes } = entry.clone();
        Self { source, name, version, restriction_level, languages, concepts, atoms, codes }
    }
}

impl SourcesView {
    /// The sources that the index shows.
    pub(crate) fn new(concepts: &ConceptStore) -> Self {
        Self { sources: concepts.sources().map(SourceView::from).collect() }
    }
}

impl SemanticTypesView {
    /// Every type, with its number of concepts in the index of `linker`.
    pub(crate) fn new(linker: &Linker) -> Self {
        let counts = &linker.index().manifest().semantic_types;
        let group_name = |group| SEMANTIC_GROUPS.iter().find(|(g, _)| *g == group).map_or("", |(_, name)| name);
        let view = |t: &crate::domain::semantic_type::SemanticType| CountedType {
            tui: t.tui.into(),
            name: t.name.into(),
            group: t.group.into(),
            group_name: group_name(t.group).into(),
            concepts: counts.get(t.tui).copied().unwrap_or(0),
        };
        Self { semantic_types: SEMANTIC_TYPES.iter().map(view).collect() }
    }
}

impl Info {
    /// Describes `linker` and the settings of the service.
    pub(crate) fn new(linker: &Linker, onnxruntime: &str, limits: Limits) -> Self {
        let (model, index) = (linker.encoder().manifest(), linker.index().manifest());
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            model: ModelInfo {
                name: model.name.clone(),
                fingerprint: model.fingerprint(),
                dimensions: model.dimensions,
                max_tokens: model.max_tokens,
                device: linker.encoder().device().to_string(),
            },
            index: IndexInfo {
                name: index.name.clone(),
                fingerprint: index.fingerprint(),
                concepts: index.counts.concepts,
                atoms: index.counts.atoms,
                rows: index.counts.rows,
                sources: SourcesView::new(linker.index().concepts()).sources,
                nil_threshold: index.nil_threshold,
                calibration: index.calibration.as_ref().map(CalibrationView::new),
                exact: linker.index().is_exact(),
                ef_search: index.graph.ef_search,
                recall: index.recall.map(|Recall { queries, at_1, at_10 }| RecallView { queries, at_1, at_10 }),
            },
            onnxruntime: onnxruntime.into(),
            limits,
        }
    }
}

/// Answer to `POST /admin/reload`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reloaded {
    /// Name and fingerprint of the active model.
    pub(crate) model: String,
    /// Name and fingerprint of the active index.
    pub(crate) index: String,
}

impl Reloaded {
    /// The model and index of `linker`.
    pub(crate) fn new(linker: &Linker) -> Self {
        Self { model: linker.encoder().manifest().label(), index: linker.index().manifest().label() }
    }
}
