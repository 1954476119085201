//! Answers about one concept: what it is, what lies around it, what became of it.
//!
//! Invariant: whatever may be long comes in pages, with how much there is of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::answer::{Cut, SemanticTypeView, semantic_types};
use crate::{
    domain::Succession,
    http::query::{CheckedNames, Page},
    linker::{self, AtomView, ConceptId, ConceptStore, Relation, Retired, Successor},
};

/// Of each relation and of each source's codes a concept shows so many; resources of their own give them all.
const SHOWN: Page = Page { offset: 0, limit: 100 };

/// Answer to `GET /concepts/{cui}`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "cui": "C0027051", "name": "myocardial infarction", "status": "active",
    "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}],
    "names": [{"name": "myocardial infarction", "source": "SNOMEDCT_US", "code": "22298006", "term_type": "PT", "language": "ENG"},
              {"name": "heart attack", "source": "CHV", "term_type": "SY", "language": "ENG"}],
    "names_total": 40, "next_offset": 2,
    "codes": {"ICD10CM": ["I21", "I21.9"], "SNOMEDCT_US": ["22298006"]}, "codes_total": 3,
    "definitions": [{"source": "NCI", "text": "Necrosis of the heart muscle after its blood supply was cut off."}],
    "definitions_total": 1,
    "parents": {"total": 1, "concepts": [{"cui": "C0018799", "name": "heart disease"}]},
    "children": {"total": 250, "concepts": [{"cui": "C0155626", "name": "acute myocardial infarction"}], "next_offset": 100},
    "broader": {"total": 0, "concepts": []}, "narrower": {"total": 0, "concepts": []},
}))]
pub(crate) struct ConceptView {
    pub cui: String,
    /// Preferred name.
    pub name: String,
    pub status: ConceptStatus,
    pub semantic_types: Vec<SemanticTypeView>,
    /// A page of its names that pass the filters, the preferred one first.
    pub names: Vec<NameView>,
    /// How many names pass the filters.
    pub names_total: usize,
    /// Where the names go on; absent at their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
    /// Its codes by source vocabulary, the first 100 of each; `/concepts/{cui}/codes` gives them all.
    pub codes: BTreeMap<String, Vec<String>>,
    /// How many codes it has.
    pub codes_total: usize,
    /// The first 100 of its definitions, by source.
    pub definitions: Vec<DefinitionView>,
    /// How many definitions it has.
    pub definitions_total: usize,
    pub parents: RelatedView,
    pub children: RelatedView,
    pub broader: RelatedView,
    pub narrower: RelatedView,
}

/// Whether an id still names a concept.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConceptStatus {
    Active,
    /// It is another's now: UMLS merged it, or it is an ontology's own id for a CUI.
    Merged,
    /// Others took its place that are not the same.
    Retired,
}

/// One name of a concept in one source.
#[derive(Serialize, ToSchema)]
pub(crate) struct NameView {
    pub name: String,
    /// Source vocabulary (SAB).
    pub source: String,
    /// Code in that source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Term type (TTY).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub term_type: String,
    /// Language (LAT).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// Its source has withdrawn it or the release advises against it; absent when not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suppressed: bool,
}

/// What a source says that a concept is.
#[derive(Serialize, ToSchema)]
pub(crate) struct DefinitionView {
    pub source: String,
    pub text: String,
}

/// The concepts to which a concept has one relation: a page of them, by id.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"total": 250, "concepts": [{"cui": "C0155626", "name": "acute myocardial infarction"}], "next_offset": 1}))]
pub(crate) struct RelatedView {
    /// How many there are.
    pub total: usize,
    pub concepts: Vec<ConceptName>,
    /// Where they go on; absent at their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
}

/// A concept by id and preferred name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConceptName {
    pub cui: String,
    pub name: String,
}

/// What other concepts are to a concept.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RelationName {
    Parents,
    Children,
    Broader,
    Narrower,
}

/// Answer for an id that names no concept any more.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"cui": "C0000001", "status": "merged", "successors": [
    {"cui": "C0027051", "relation": "same", "name": "myocardial infarction", "in_index": true}]}))]
pub(crate) struct RetiredView {
    pub cui: String,
    pub status: ConceptStatus,
    /// From the nearest, then by id.
    pub successors: Vec<SuccessorView>,
}

/// What took the place of a retired id.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuccessorView {
    pub cui: String,
    pub relation: SuccessionView,
    /// Its preferred name, if the index has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub in_index: bool,
}

/// What a successor is to the retired id.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SuccessionView {
    /// The same concept under another id.
    Same,
    Broader,
    Narrower,
    /// Something to consider.
    Other,
}

impl ConceptView {
    /// What the index has of `concept`, with the names that `asked` asks for.
    pub(crate) fn new(concept: ConceptId, asked: &CheckedNames, concepts: &ConceptStore) -> Self {
        let names = Cut::new(concepts.atoms(concept).filter(|&atom| asked.takes(atom, concepts)), asked.page);
        let (mut codes_total, mut codes) = (0, BTreeMap::<_, Vec<String>>::new());
        for code in concepts.codes(concept) {
            codes_total += 1;
            let of_source = codes.entry(code.source).or_default();
            if of_source.len() < SHOWN.limit {
                of_source.push(code.code.into());
            }
        }
        let definitions = Cut::new(concepts.definitions(concept), SHOWN);
        let definition = |d: linker::DefinitionView| DefinitionView { source: d.source.into(), text: d.text.into() };
        let related = |relation| RelatedView::new(concept, relation, SHOWN, concepts);
        Self {
            cui: concepts.id(concept).into(),
            name: concepts.preferred_name(concept).into(),
            status: ConceptStatus::Active,
            semantic_types: semantic_types(concept, concepts),
            names: names.shown.into_iter().map(|atom| concepts.atom(atom).into()).collect(),
            names_total: names.total,
            next_offset: names.next_offset,
            codes: codes.into_iter().map(|(source, codes)| (source.into(), codes)).collect(),
            codes_total,
            definitions: definitions.shown.into_iter().map(definition).collect(),
            definitions_total: definitions.total,
            parents: related(Relation::Parent),
            children: related(Relation::Child),
            broader: related(Relation::Broader),
            narrower: related(Relation::Narrower),
        }
    }
}

impl From<AtomView<'_>> for NameView {
    fn from(atom: AtomView) -> Self {
        Self {
            name: atom.name.into(),
            source: atom.source.into(),
            code: atom.code.into(),
            term_type: atom.term_type.into(),
            language: atom.language.into(),
            suppressed: atom.suppressed,
        }
    }
}

impl RelatedView {
    /// A page of the concepts that are a `relation` of `concept`.
    pub(crate) fn new(concept: ConceptId, relation: Relation, page: Page, concepts: &ConceptStore) -> Self {
        let Cut { total, shown, next_offset } = Cut::new(concepts.related(concept, relation), page);
        let name = |c| ConceptName { cui: concepts.id(c).into(), name: concepts.preferred_name(c).into() };
        Self { total, concepts: shown.into_iter().map(name).collect(), next_offset }
    }
}

impl From<RelationName> for Relation {
    fn from(name: RelationName) -> Self {
        match name {
            RelationName::Parents => Self::Parent,
            RelationName::Children => Self::Child,
            RelationName::Broader => Self::Broader,
            RelationName::Narrower => Self::Narrower,
        }
    }
}

impl RetiredView {
    /// What took the place of a retired id.
    pub(crate) fn new(retired: &Retired, concepts: &ConceptStore) -> Self {
        let view = |s: &Successor| SuccessorView {
            cui: s.id.into(),
            relation: match s.kind {
                Succession::Same => SuccessionView::Same,
                Succession::Broader => SuccessionView::Broader,
                Succession::Narrower => SuccessionView::Narrower,
                Succession::Other | Succession::Deleted => SuccessionView::Other,
            },
            name: s.concept.map(|concept| concepts.preferred_name(concept).into()),
            in_index: s.concept.is_some(),
        };
        let merged = retired.successors.iter().any(|s| s.kind == Succession::Same);
        let status = if merged { ConceptStatus::Merged } else { ConceptStatus::Retired };
        let successors = retired.successors.iter().map(view).collect();
        Self { cui: retired.id.into(), status, successors }
    }
}
