//! What the service answers: the data of the contract, filled from the rooms below.
//!
//! Invariant: `openapi/openapi.json` describes exactly these.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::{
    domain::{MatchKind, semantic_type::SEMANTIC_TYPES},
    linker::{Answer, AtomView, Candidate, ConceptNumber, Concepts, Linker, SourceEntry, Status},
};

/// Answers to `POST /link`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "results": [{"id": "m1", "mention": "heart attack", "status": "linked", "candidates": [{
        "cui": "C0027051", "name": "myocardial infarction", "matched_name": "heart attack", "match": "exact", "score": 1.0,
        "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]}]}],
    "model": "all-minilm-l6-v2@5f0c0f3a", "index": "starter@91bc7a10",
}))]
pub struct LinkResponse {
    /// One result for each mention, in their order.
    pub results: Vec<LinkResult>,
    /// Name and fingerprint of the model.
    pub model: String,
    /// Name and fingerprint of the index.
    pub index: String,
}

/// The answer for one mention.
#[derive(Serialize, ToSchema)]
pub struct LinkResult {
    /// The mention's id, or `m1`, `m2`, ..
    pub id: String,
    pub mention: String,
    pub status: LinkStatus,
    /// Best first: by score, then match, then concept id. An ambiguous mention lists every concept that owns its best name,
    /// even beyond `top_k`.
    pub candidates: Vec<CandidateView>,
    /// What is wrong with this mention, when `status` is `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// What the candidates amount to.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkStatus {
    /// The first candidate is the concept.
    Linked,
    /// Several concepts own the best name.
    Ambiguous,
    /// Nothing scores above the index's threshold; candidates are still listed.
    Nil,
    /// The mention was not acceptable.
    Error,
}

/// A concept that the mention may mean.
#[derive(Serialize, ToSchema)]
pub struct CandidateView {
    /// The concept's id: a CUI, or another vocabulary's prefixed id.
    #[schema(example = "C0027051")]
    pub cui: String,
    /// Its preferred name.
    pub name: String,
    /// The name through which it was found.
    pub matched_name: String,
    pub r#match: MatchView,
    /// 1 for names, and for names alone; else the cosine of the embeddings. With misspelt words, times the share of letters that
    /// were right. Rounded to four places after the candidates were ordered.
    pub score: f64,
    /// Calibrated probability that this is the concept; absent from an index that is not calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    pub semantic_types: Vec<SemanticTypeView>,
}

/// How a name was found.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatchView {
    /// The mention is the name, letter by letter.
    Exact,
    /// They are equal after normalisation.
    Normalised,
    /// The mention was misspelt: with its unknown words repaired it is the name, or its embedding is near.
    Corrected,
    /// Their embeddings are near.
    Embedding,
}

/// A semantic type of the UMLS Semantic Network.
#[derive(Serialize, ToSchema)]
pub struct SemanticTypeView {
    #[schema(example = "T047")]
    pub tui: String,
    #[schema(example = "Disease or Syndrome")]
    pub name: String,
    #[schema(example = "DISO")]
    pub group: String,
}

/// Answer to `GET /concepts/{cui}`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "cui": "C0027051", "name": "myocardial infarction",
    "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}],
    "names": [{"name": "myocardial infarction", "source": "SAPLINK", "term_type": "PT"},
              {"name": "heart attack", "source": "SAPLINK", "term_type": "SY"}],
    "codes": {},
}))]
pub struct ConceptView {
    pub cui: String,
    /// Preferred name.
    pub name: String,
    pub semantic_types: Vec<SemanticTypeView>,
    /// Every name, the preferred one first.
    pub names: Vec<NameView>,
    /// The concept's codes by source vocabulary.
    pub codes: BTreeMap<String, Vec<String>>,
}

/// One name of a concept in one source.
#[derive(Serialize, ToSchema)]
pub struct NameView {
    pub name: String,
    /// Source vocabulary (SAB).
    pub source: String,
    /// Code in that source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Term type (TTY).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub term_type: String,
}

/// Answer to `GET /info`.
#[derive(Serialize, ToSchema)]
pub struct Info {
    /// Version of saplink.
    pub version: String,
    pub model: ModelInfo,
    pub index: IndexInfo,
    /// Build of the ONNX Runtime that is loaded.
    pub onnxruntime: String,
    pub limits: super::Limits,
}

/// The model in use.
#[derive(Serialize, ToSchema)]
pub struct ModelInfo {
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
pub struct IndexInfo {
    pub name: String,
    pub fingerprint: String,
    pub concepts: u64,
    /// Names as the sources give them.
    pub atoms: u64,
    /// Distinct names after normalisation.
    pub rows: u64,
    pub sources: Vec<SourceView>,
    /// Below this score the best candidate is answered as NIL.
    pub nil_threshold: f32,
}

/// A source vocabulary and how many names it gives.
#[derive(Serialize, ToSchema)]
pub struct SourceView {
    pub source: String,
    pub atoms: u64,
}

impl From<&SourceEntry> for SourceView {
    fn from(count: &SourceEntry) -> Self {
        Self { source: count.source.clone(), atoms: count.atoms }
    }
}

/// Answer of the probes.
#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(example = "ok")]
    pub status: &'static str,
}

impl LinkResult {
    /// The result of a mention that was linked.
    pub fn new(id: String, mention: String, answer: &Answer, concepts: &Concepts) -> Self {
        let status = match answer.status {
            Status::Linked => LinkStatus::Linked,
            Status::Ambiguous => LinkStatus::Ambiguous,
            Status::Nil => LinkStatus::Nil,
        };
        let candidates = answer.candidates.iter().map(|c| CandidateView::new(c, concepts)).collect();
        Self { id, mention, status, candidates, error: None }
    }

    /// The result of a mention that was not acceptable.
    pub fn error(id: String, mention: String, error: Problem) -> Self {
        Self { id, mention, status: LinkStatus::Error, candidates: vec![], error: Some(error) }
    }
}

impl CandidateView {
    fn new(candidate: &Candidate, concepts: &Concepts) -> Self {
        Self {
            cui: concepts.id(candidate.concept).into(),
            name: concepts.preferred(candidate.concept).into(),
            matched_name: concepts.atom(candidate.atom).name.into(),
            r#match: match candidate.kind {
                MatchKind::Exact => MatchView::Exact,
                MatchKind::Normalised => MatchView::Normalised,
                MatchKind::Corrected => MatchView::Corrected,
                MatchKind::Embedding => MatchView::Embedding,
            },
            score: (f64::from(candidate.score) * 1e4).round() / 1e4,
            probability: None,
            semantic_types: semantic_types(candidate.concept, concepts),
        }
    }
}

fn semantic_types(concept: ConceptNumber, concepts: &Concepts) -> Vec<SemanticTypeView> {
    let types = concepts.types(concept).iter().map(|&place| SEMANTIC_TYPES[usize::from(place)]);
    types.map(|t| SemanticTypeView { tui: t.tui.into(), name: t.name.into(), group: t.group.into() }).collect()
}

impl ConceptView {
    /// Everything that the index has of `concept`.
    pub fn new(concept: ConceptNumber, concepts: &Concepts) -> Self {
        let atoms = || concepts.atoms(concept).map(|atom| concepts.atom(atom));
        let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for atom in atoms().filter(|a| !a.code.is_empty()) {
            let of_source = codes.entry(atom.source.into()).or_default();
            if !of_source.iter().any(|code| code == atom.code) {
                of_source.push(atom.code.into());
            }
        }
        let view = |a: AtomView| NameView {
            name: a.name.into(),
            source: a.source.into(),
            code: a.code.into(),
            term_type: a.term_type.into(),
        };
        Self {
            cui: concepts.id(concept).into(),
            name: concepts.preferred(concept).into(),
            semantic_types: semantic_types(concept, concepts),
            names: atoms().map(view).collect(),
            codes,
        }
    }
}

impl Info {
    /// What `linker` is made of.
    pub fn new(linker: &Linker, onnxruntime: &str, limits: super::Limits) -> Self {
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
                sources: linker.index().concepts().sources().map(SourceView::from).collect(),
                nil_threshold: index.nil_threshold,
            },
            onnxruntime: onnxruntime.into(),
            limits,
        }
    }
}
