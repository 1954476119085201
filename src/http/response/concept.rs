//! Answers about one concept: its description, its related concepts, its successors when it is
//! retired.
//!
//! Invariant: every list that may be long comes in pages, with its total.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    concepts::{self, AtomView, ConceptStore, Relation, Retired, Successor},
    domain::{ConceptId, Succession},
    http::{
        request::{NameFilter, PageRange},
        response::{
            page::Paginated,
            semantic_type::{SemanticTypeView, semantic_types},
        },
    },
};

/// Entries of each list in the description of a concept; other routes give the complete lists.
const LISTED: PageRange = PageRange { offset: 0, limit: 100 };

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
    pub(crate) cui: String,
    /// Preferred name.
    pub(crate) name: String,
    pub(crate) status: ConceptStatus,
    pub(crate) semantic_types: Vec<SemanticTypeView>,
    /// A page of its names that pass the filters, the preferred one first.
    pub(crate) names: Vec<NameView>,
    /// Number of names that pass the filters.
    pub(crate) names_total: usize,
    /// Offset of the next page of names; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_offset: Option<usize>,
    /// Its codes by source vocabulary, the first 100 of each; `/concepts/{cui}/codes` gives them
    /// all.
    pub(crate) codes: BTreeMap<String, Vec<String>>,
    /// Number of its codes.
    pub(crate) codes_total: usize,
    /// The first 100 of its definitions, by source.
    pub(crate) definitions: Vec<DefinitionView>,
    /// Number of its definitions.
    pub(crate) definitions_total: usize,
    pub(crate) parents: RelatedView,
    pub(crate) children: RelatedView,
    pub(crate) broader: RelatedView,
    pub(crate) narrower: RelatedView,
}

/// Whether an id still names a concept.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConceptStatus {
    Active,
    /// A successor is the same concept: UMLS merged the id, or an ontology uses it for a CUI.
    Merged,
    /// It has successors, none of which is the same concept.
    Retired,
}

/// One name of a concept in one source.
#[derive(Serialize, ToSchema)]
pub(crate) struct NameView {
    pub(crate) name: String,
    /// Source vocabulary (SAB).
    pub(crate) source: String,
    /// Code in that source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) code: String,
    /// Term type (TTY).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) term_type: String,
    /// Language (LAT).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) language: String,
    /// Whether its source has withdrawn it or UMLS advises against it; absent when false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) suppressed: bool,
}

/// A definition of a concept by a source.
#[derive(Serialize, ToSchema)]
pub(crate) struct DefinitionView {
    pub(crate) source: String,
    pub(crate) text: String,
}

/// The concepts to which a concept has one relation: a page of them, by id.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"total": 250, "concepts": [{"cui": "C0155626", "name": "acute myocardial infarction"}], "next_offset": 1}))]
pub(crate) struct RelatedView {
    /// Number of these concepts.
    pub(crate) total: usize,
    pub(crate) concepts: Vec<ConceptName>,
    /// Offset of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_offset: Option<usize>,
}

/// A concept by id and preferred name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConceptName {
    pub(crate) cui: String,
    pub(crate) name: String,
}

/// The relation of other concepts to a concept.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RelationName {
    Parents,
    Children,
    Broader,
    Narrower,
}

/// Answer for the id of a retired concept.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"cui": "C0000001", "status": "merged", "successors": [
    {"cui": "C0027051", "relation": "same", "name": "myocardial infarction", "in_index": true}]}))]
pub(crate) struct RetiredView {
    pub(crate) cui: String,
    pub(crate) status: ConceptStatus,
    /// The nearest first, then by id.
    pub(crate) successors: Vec<SuccessorView>,
}

/// A successor of a retired id.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuccessorView {
    pub(crate) cui: String,
    pub(crate) relation: SuccessionView,
    /// Its preferred name; absent when the index does not have the concept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) in_index: bool,
}

/// The relation of a successor to the retired concept.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SuccessionView {
    /// The same concept under another id.
    Same,
    Broader,
    Narrower,
    /// Another relation: a person should decide.
    Other,
}

impl ConceptView {
    /// Describes `concept` with the names that pass `filter`.
    pub(crate) fn new(concept: ConceptId, filter: &NameFilter, concepts: &ConceptStore) -> Self {
        let names = concepts.atoms(concept).filter(|&atom| filter.passes(atom, concepts));
        let names = Paginated::new(names, filter.page);
        let (mut codes_total, mut codes) = (0, BTreeMap::<_, Vec<String>>::new());
        for code in concepts.codes(concept) {
            codes_total += 1;
            let of_source = codes.entry(code.source).or_default();
            if of_source.len() < LISTED.limit {
                of_source.push(code.code.into());
            }
        }
        let definitions = Paginated::new(concepts.definitions(concept), LISTED);
        let definition = |d: concepts::DefinitionRef| DefinitionView { source: d.source.into(), text: d.text.into() };
        let related = |relation| RelatedView::new(concept, relation, LISTED, concepts);
        Self {
            cui: concepts.id(concept).into(),
            name: concepts.preferred_name(concept).into(),
            status: ConceptStatus::Active,
            semantic_types: semantic_types(concept, concepts),
            names: names.items.into_iter().map(|atom| concepts.atom(atom).into()).collect(),
            names_total: names.total,
            next_offset: names.next_offset,
            codes: codes.into_iter().map(|(source, codes)| (source.into(), codes)).collect(),
            codes_total,
            definitions: definitions.items.into_iter().map(definition).collect(),
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
    /// A page of the concepts that have `relation` to `concept`.
    pub(crate) fn new(concept: ConceptId, relation: Relation, page: PageRange, concepts: &ConceptStore) -> Self {
        let Paginated { total, items, next_offset } = Paginated::new(concepts.related(concept, relation), page);
        let name = |c| ConceptName { cui: concepts.id(c).into(), name: concepts.preferred_name(c).into() };
        Self { total, concepts: items.into_iter().map(name).collect(), next_offset }
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
    /// Describes a retired id and its successors.
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
