//! Nodes and edges of OBO Graphs: their JSON, and the statements that they become.
//!
//! Nodes of type `CLASS` are terms. A node without a label, or with an id that is no concept id, is
//! skipped, and so is an edge with such an id.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    domain::{RelationKind, curie::concept_id},
    terminology::{
        Reading, Scope, TerminologyError,
        ontology::{Synonym, Term, TermEmitter, emit_relation, is_abbreviation_type, is_part_of},
    },
};

const OBO_IN_OWL: &str = "http://www.geneontology.org/formats/oboInOwl#";
const REPLACED_BY: &str = "http://purl.obolibrary.org/obo/IAO_0100001";
const VERSION_INFO: &str = "http://www.w3.org/2002/07/owl#versionInfo";

/// A node or an edge.
pub(super) trait GraphItem: DeserializeOwned {
    /// Emits the statements of the item, which begins at `line`.
    fn emit(self, line: u64, emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError>;
}

/// A node. The name of this type is part of messages for bad rows.
#[derive(Deserialize)]
pub(super) struct Node {
    id: String,
    lbl: Option<String>,
    r#type: Option<String>,
    meta: Option<Meta>,
}

/// The metadata of a node or a graph.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    definition: Option<Value>,
    synonyms: Vec<SynonymValue>,
    xrefs: Vec<Value>,
    basic_property_values: Vec<Property>,
    deprecated: bool,
    version: Option<String>,
}

#[derive(Deserialize)]
struct Value {
    val: String,
}

#[derive(Deserialize)]
struct Property {
    pred: String,
    val: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SynonymValue {
    pred: String,
    val: String,
    synonym_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Edge {
    sub: String,
    pred: String,
    obj: String,
}

impl Meta {
    /// The version in the metadata of a graph; empty when it has none.
    pub(super) fn version(self) -> String {
        let info = self.basic_property_values.into_iter().find(|p| p.pred == VERSION_INFO).map(|p| p.val);
        self.version.or(info).unwrap_or_default()
    }
}

impl SynonymValue {
    fn into_synonym(self) -> Synonym {
        let scope = match self.pred.strip_prefix(OBO_IN_OWL).unwrap_or(&self.pred) {
            "hasExactSynonym" => Scope::Exact,
            "hasBroadSynonym" => Scope::Broad,
            "hasNarrowSynonym" => Scope::Narrow,
            _ => Scope::Related,
        };
        let abbreviation = self.synonym_type.is_some_and(|t| is_abbreviation_type(&t));
        Synonym { text: self.val, scope, abbreviation }
    }
}

impl GraphItem for Node {
    fn emit(self, line: u64, emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError> {
        let Some(id) = concept_id(&self.id).filter(|_| self.r#type.as_deref() == Some("CLASS")) else {
            return Ok(());
        };
        let meta = self.meta.unwrap_or_default();
        let mut term = Term {
            id: id.into_owned(),
            name: self.lbl.unwrap_or_default(),
            definition: meta.definition.map(|d| d.val).unwrap_or_default(),
            synonyms: meta.synonyms.into_iter().map(SynonymValue::into_synonym).collect(),
            xrefs: meta.xrefs.into_iter().map(|x| x.val).collect(),
            obsolete: meta.deprecated,
            ..Term::default()
        };
        for Property { pred, val } in meta.basic_property_values {
            let ids = match pred.strip_prefix(OBO_IN_OWL).unwrap_or(&pred) {
                "hasAlternativeId" => &mut term.alt_ids,
                "consider" => &mut term.consider,
                REPLACED_BY => &mut term.replaced_by,
                "hasDbXref" => {
                    term.xrefs.push(val);
                    continue;
                }
                _ => continue,
            };
            ids.extend(concept_id(&val).map(|id| id.into_owned()));
        }
        term.synonyms.retain(|synonym| !synonym.text.trim().is_empty());
        if term.name.trim().is_empty() && !term.obsolete {
            return Ok(());
        }
        emitter.emit(line, &term, reading)
    }
}

impl GraphItem for Edge {
    fn emit(self, line: u64, _emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError> {
        let kind = match &*self.pred {
            "is_a" => RelationKind::Parent,
            relation if is_part_of(relation) => RelationKind::Broader,
            _ => return Ok(()),
        };
        match (concept_id(&self.sub), concept_id(&self.obj)) {
            (Some(narrower), Some(broader)) => emit_relation(line, &narrower, &broader, kind, reading),
            _ => Ok(()),
        }
    }
}
