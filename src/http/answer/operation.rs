//! Answers about the deployment: its probes, its model and index, the vocabularies that it knows.
//!
//! Invariant: a hidden source is not named; counts of the whole index are those of its manifest, hidden names included.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::semantic_type::{SEMANTIC_GROUPS, SEMANTIC_TYPES},
    http::Limits,
    linker::{Calibration, ConceptStore, Linker, Recall, SourceEntry},
};

/// Answer to `GET /info`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Info {
    /// Version of saplink.
    pub version: String,
    pub model: ModelInfo,
    pub index: IndexInfo,
    /// Build of the ONNX Runtime that is loaded.
    pub onnxruntime: String,
    pub limits: Limits,
}

/// The model in use.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelInfo {
    pub name: String,
    pub fingerprint: String,
    pub dimensions: usize,
    /// Tokens of a mention that are read.
    pub max_tokens: usize,
    /// `cpu` or `cuda`.
    pub device: String,
}

/// The index in use.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexInfo {
    pub name: String,
    pub fingerprint: String,
    pub concepts: u64,
    /// Names as the sources give them.
    pub atoms: u64,
    /// Distinct names after normalization.
    pub rows: u64,
    pub sources: Vec<SourceView>,
    /// Below this score the best candidate is answered as NIL.
    pub nil_threshold: f32,
    /// How good the probabilities of answers are; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationView>,
    /// Whether every search compares every name.
    pub exact: bool,
    /// Candidates that a search looks at otherwise.
    pub ef_search: usize,
    /// What such searches find, as it was measured; absent if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallView>,
}

/// What probabilities were fitted on, and how good they are on labeled mentions that were not.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalibrationView {
    /// Labeled mentions.
    pub mentions: u64,
    /// Share of mentions that no concept covers, as it is expected in use.
    pub nil_share: f64,
    /// Expected calibration error.
    pub calibration_error: f64,
    /// Of the mentions answered as NIL, the share that no concept covers.
    pub nil_precision: f64,
    /// Of the mentions that no concept covers, the share answered as NIL.
    pub nil_recall: f64,
}

impl CalibrationView {
    fn new(calibration: &Calibration) -> Self {
        let measured = &calibration.measured;
        Self {
            mentions: calibration.mentions,
            nil_share: calibration.nil_share,
            calibration_error: measured.calibration_error,
            nil_precision: measured.nil_precision,
            nil_recall: measured.nil_recall,
        }
    }
}

/// The share of the concepts that comparing every name finds which a search finds too.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecallView {
    /// Texts like mentions that it was measured with.
    pub queries: usize,
    /// Of the best concept.
    pub at_1: f64,
    /// Of the ten best concepts.
    pub at_10: f64,
}

/// Answer to `GET /sources`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"sources": [{"source": "SNOMEDCT_US", "name": "SNOMED CT, US Edition", "version": "2025_09_01",
    "restriction_level": 9, "languages": ["ENG"], "concepts": 380_000, "atoms": 900_000, "codes": 360_000}]}))]
pub(crate) struct SourcesView {
    /// By abbreviation.
    pub sources: Vec<SourceView>,
}

/// A source vocabulary and what it gives.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceView {
    /// Its abbreviation (SAB).
    pub source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// UMLS restriction level (SRL), 0 to 4, or 9; absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restriction_level: Option<u8>,
    /// Languages (LAT) of its names.
    pub languages: Vec<String>,
    /// Concepts that have a name from it.
    pub concepts: u64,
    pub atoms: u64,
    /// Codes of concepts in it.
    pub codes: u64,
}

/// Answer to `GET /semantic-types`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"semantic_types": [
    {"tui": "T047", "name": "Disease or Syndrome", "group": "DISO", "group_name": "Disorders", "concepts": 1503}]}))]
pub(crate) struct SemanticTypesView {
    /// Every type of the UMLS Semantic Network, by TUI.
    pub semantic_types: Vec<CountedType>,
}

/// A semantic type and how many concepts are of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountedType {
    pub tui: String,
    pub name: String,
    pub group: String,
    pub group_name: String,
    /// Concepts of the index that are of it.
    pub concepts: u64,
}

/// Answer of the probes.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ok")]
    pub status: &'static str,
}

impl From<&SourceEntry> for SourceView {
    fn from(entry: &SourceEntry) -> Self {
        let SourceEntry { source, name, version, restriction_level, languages, concepts, atoms, codes } = entry.clone();
        Self { source, name, version, restriction_level, languages, concepts, atoms, codes }
    }
}

impl SourcesView {
    /// The sources that may be shown.
    pub(crate) fn new(concepts: &ConceptStore) -> Self {
        Self { sources: concepts.sources().map(SourceView::from).collect() }
    }
}

impl SemanticTypesView {
    /// Every type, with the concepts that the index of `linker` has of it.
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
    /// What `linker` is made of.
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
    /// Name and fingerprint of the model that is served now.
    pub model: String,
    /// Name and fingerprint of the index that is served now.
    pub index: String,
}

impl Reloaded {
    /// What `linker` is.
    pub(crate) fn new(linker: &Linker) -> Self {
        Self { model: linker.encoder().manifest().label(), index: linker.index().manifest().label() }
    }
}
