//! Nodes and edges of OBO Graphs: their JSON, and the statements that they become.
//!
//! Nodes of type `CLASS`, and nodes without a type, are terms. A node of another type, without a
//! label, or with an id that is no concept id, is left out and counted, and so is an edge with such
//! an id.
//!
//! Invariant: a part of a node with the wrong shape costs that part only.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;

use crate::{
    domain::{RelationKind, curie::concept_id, language_abbreviation},
    terminology::{
        Reading, Scope, TerminologyError,
        identity::{Identity, mapping_target},
        left_out::{BAD_DEFINITIONS, BAD_NAMES, BAD_RELATIONS, BAD_SYNONYMS, BAD_XREFS, FOREIGN_TERMS},
        ontology::{Located, Name, Synonym, Term, TermEmitter, Xref, emit_relation, is_abbreviation_type, is_part_of},
    },
    text::quoted,
};

const OBO_IN_OWL: &str = "http://www.geneontology.org/formats/oboInOwl#";
const REPLACED_BY: &str = "http://purl.obolibrary.org/obo/IAO_0100001";
const OWL: &str = "http://www.w3.org/2002/07/owl#";
const VERSION_INFO: &str = "http://www.w3.org/2002/07/owl#versionInfo";
/// Nodes that are relations or individuals.
const OTHER_NODES: &str = "nodes that are not classes";
const BAD_PROPERTIES: &str = "properties that cannot be used";
const UNREADABLE: &str = "the text has a character that cannot be read";

/// Characters that a message shows of both ends of a long reason.
const REASON_END_CHARS: usize = 100;

/// A node or an edge.
pub(super) trait GraphItem: DeserializeOwned {
    /// The kind under which a malformed item is counted; `None` makes it a bad row.
    const BAD: Option<&'static str>;

    /// Emits the statements of the item, which begins at `line`.
    fn emit(self, line: u64, emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError>;
}

/// A node. The name of this type is part of messages for bad rows.
#[derive(Deserialize)]
pub(super) struct Node {
    id: String,
    #[serde(default)]
    lbl: Json,
    r#type: Option<String>,
    meta: Option<Meta>,
}

/// The metadata of a node or a graph. Its parts are read one by one, so that a part of the wrong
/// shape does not cost the others.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    definition: Option<Json>,
    synonyms: Json,
    xrefs: Json,
    basic_property_values: Json,
    deprecated: Json,
    version: Option<String>,
}

#[derive(Deserialize)]
struct Value {
    val: String,
    #[serde(default)]
    pred: String,
}

#[derive(Deserialize)]
struct Property {
    pred: String,
    /// A text, or in some files a boolean or a number.
    val: Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SynonymValue {
    pred: String,
    val: String,
    synonym_type: Option<String>,
    lang: Option<String>,
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
        let mut properties = items::<Property>(self.basic_property_values).filter_map(Result::ok);
        let info = properties.find(|p| p.pred == VERSION_INFO).map(|p| text_of(p.val));
        self.version.or(info).unwrap_or_default()
    }
}

/// The items of a list, each with its own fault.
fn items<T: DeserializeOwned>(list: Json) -> impl Iterator<Item = Result<T, String>> {
    let items = match list {
        Json::Null => vec![],
        Json::Array(items) => items,
        other => vec![other],
    };
    items.into_iter().map(|item| serde_json::from_value(item).map_err(|e| shortened(&e.to_string())))
}

/// The items of a list that can be read; the others are left out as `parts`.
fn usable<T: DeserializeOwned>(list: Json, parts: &'static str, line: u64, reading: &mut Reading) -> Vec<T> {
    let mut usable = vec![];
    for item in items(list) {
        match item {
            Ok(item) => usable.push(item),
            Err(reason) => reading.leave_out(parts, line, reason),
        }
    }
    usable
}

impl SynonymValue {
    fn into_synonym(self, line: u64) -> Synonym {
        let scope = match self.pred.strip_prefix(OBO_IN_OWL).unwrap_or(&self.pred) {
            "hasExactSynonym" => Scope::Exact,
            "hasBroadSynonym" => Scope::Broad,
            "hasNarrowSynonym" => Scope::Narrow,
            _ => Scope::Related,
        };
        let abbreviation = self.synonym_type.is_some_and(|t| is_abbreviation_type(&t));
        let language = self.lang.and_then(|tag| language_abbreviation(&tag));
        Synonym { name: Name { line, text: self.val, language }, scope, abbreviation }
    }
}

impl GraphItem for Node {
    const BAD: Option<&'static str> = None;

    fn emit(self, line: u64, emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError> {
        if self.r#type.as_deref().is_some_and(|kind| kind != "CLASS") {
            reading.skip(OTHER_NODES);
            return Ok(());
        }
        let Some(id) = concept_id(&self.id) else {
            reading.skip(FOREIGN_TERMS);
            return Ok(());
        };
        let label = self.lbl.as_str().filter(|label| is_readable(label)).map(str::to_owned);
        if label.is_none() && !self.lbl.is_null() {
            reading.leave_out(BAD_NAMES, line, "the label is no text that can be read");
        }
        let name = label.filter(|label| !label.trim().is_empty());
        let mut term =
            Term { id: id.into_owned(), name: name.map(|text| Name { line, text, language: None }), ..Term::default() };
        term.add_meta(line, self.meta.unwrap_or_default(), reading);
        emitter.emit(line, &term, reading)
    }
}

impl Term {
    fn add_meta(&mut self, line: u64, meta: Meta, reading: &mut Reading) {
        let located = |text| Located { line, text };
        let definition = usable::<Value>(meta.definition.unwrap_or_default(), BAD_DEFINITIONS, line, reading);
        for Value { val, .. } in definition.into_iter().take(1) {
            if is_readable(&val) {
                self.definition = located(val);
            } else {
                reading.leave_out(BAD_DEFINITIONS, line, UNREADABLE);
            }
        }
        let synonyms = usable::<SynonymValue>(meta.synonyms, BAD_SYNONYMS, line, reading);
        for synonym in synonyms.into_iter().map(|synonym| synonym.into_synonym(line)) {
            if synonym.name.text.trim().is_empty() {
                reading.leave_out(BAD_SYNONYMS, line, "a synonym is empty");
            } else if !is_readable(&synonym.name.text) {
                reading.leave_out(BAD_SYNONYMS, line, UNREADABLE);
            } else {
                self.synonyms.push(synonym);
            }
        }
        for Value { val, pred } in usable(meta.xrefs, BAD_XREFS, line, reading) {
            self.xrefs.push(Xref { line, target: val, identity: Identity::of(&pred) });
        }
        self.obsolete = text_of(meta.deprecated).eq_ignore_ascii_case("true");
        for Property { pred, val } in usable(meta.basic_property_values, BAD_PROPERTIES, line, reading) {
            let val = text_of(val);
            let name = pred.strip_prefix(OBO_IN_OWL).or(pred.strip_prefix(OWL)).unwrap_or(&pred);
            let ids = match name {
                "hasAlternativeId" => &mut self.alt_ids,
                "consider" => &mut self.consider,
                REPLACED_BY => &mut self.replaced_by,
                "deprecated" => {
                    self.obsolete |= val.eq_ignore_ascii_case("true");
                    continue;
                }
                "hasDbXref" => {
                    self.xrefs.push(Xref { line, target: val, identity: Identity::Unqualified });
                    continue;
                }
                _ => {
                    let identity = Identity::of(&pred);
                    if identity != Identity::Unqualified {
                        self.xrefs.push(Xref { line, target: mapping_target(&val), identity });
                    }
                    continue;
                }
            };
            ids.extend(concept_id(&val).map(|id| located(id.into_owned())));
        }
    }
}

/// Whether every character of a text could be read.
fn is_readable(text: &str) -> bool {
    !text.contains(char::REPLACEMENT_CHARACTER)
}

/// The text of a value.
fn text_of(value: Json) -> String {
    match value {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

impl GraphItem for Edge {
    const BAD: Option<&'static str> = Some(BAD_RELATIONS);

    fn emit(self, line: u64, _emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError> {
        let kind = match &*self.pred {
            "is_a" => RelationKind::Parent,
            relation if is_part_of(relation) => RelationKind::Broader,
            _ => return Ok(()),
        };
        match (concept_id(&self.sub), concept_id(&self.obj)) {
            (Some(narrower), Some(broader)) => emit_relation(line, &narrower, &broader, kind, reading),
            (None, _) | (_, None) => {
                let (subject, object) = (quoted(&self.sub), quoted(&self.obj));
                reading.leave_out(BAD_RELATIONS, line, format_args!("{subject} or {object} stands for no concept id"));
                Ok(())
            }
        }
    }
}

/// A reason of `serde_json` without its middle if it is long: it may quote a whole value.
/// `serde_json` itself escapes control characters.
pub(super) fn shortened(reason: &str) -> String {
    let (start, end) = (reason.char_indices().nth(REASON_END_CHARS), reason.char_indices().nth_back(REASON_END_CHARS));
    match (start, end) {
        (Some((start, _)), Some((end, _))) if start < end => format!("{} .. {}", &reason[..start], &reason[end..]),
        _ => reason.to_owned(),
    }
}
