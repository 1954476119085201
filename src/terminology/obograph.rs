//! Ontologies in the OBO Graphs JSON format, read node by node and edge by edge.
//!
//! Nodes that are classes are terms; a node whose id is no concept id, or that has no label, is skipped. Invariant:
//! nothing but the node or edge at hand is kept, and that is bounded; where it has the wrong shape it is a bad row,
//! while broken JSON breaks the file.

use std::{
    cell::Cell,
    fmt,
    io::{self, BufRead, Read},
    rc::Rc,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::domain::Hierarchy;
use crate::{
    files::input::LineCounter,
    terminology::{
        OntologyOptions, Reading, Scope, TerminologyError, concept_id,
        ontology::{Synonym, Teller, Term, means_abbreviation, means_part_of, relate},
    },
};

/// Bytes of a node beyond which the file is refused; the longest of large ontologies have some 100,000.
const LARGEST_ITEM: u64 = 1 << 23;
/// Characters of both ends of a long reason that are shown.
const SHOWN: usize = 100;
const OBO_IN_OWL: &str = "http://www.geneontology.org/formats/oboInOwl#";
const REPLACED_BY: &str = "http://purl.obolibrary.org/obo/IAO_0100001";
const VERSION_INFO: &str = "http://www.w3.org/2002/07/owl#versionInfo";

/// Reads an OBO Graphs file.
///
/// # Errors
/// [`TerminologyError`] when it is none, its JSON is broken or reading fails.
pub fn read_obograph(
    mut input: impl BufRead,
    options: &OntologyOptions,
    reading: &mut Reading,
) -> Result<(), TerminologyError> {
    if input.fill_buf()?.is_empty() {
        return Ok(());
    }
    let (input, line) = LineCounter::new(input);
    let left = Rc::new(Cell::new(u64::MAX));
    let mut json = serde_json::Deserializer::from_reader(Rationed { input, left: left.clone() });
    let teller = Teller::new(options);
    let mut context =
        Context { options, reading, teller, about: About::default(), graphs: false, line, left, failure: None };
    let read = Walk { at: At::Document, context: &mut context }.deserialize(&mut json).and_then(|()| json.end());
    let Context { reading, graphs, line, left, failure, .. } = context;
    if let Some(failure) = failure {
        return Err(failure);
    }
    match read {
        Ok(()) if graphs => Ok(()),
        Ok(()) => Err(reading.broken("it has no `graphs`: this is no OBO Graphs document")),
        Err(_) if left.get() == 0 => {
            Err(reading.broken(format!("line {}: a node is longer than {LARGEST_ITEM} bytes", line.get())))
        }
        Err(e) if e.is_io() => Err(TerminologyError::Io(e.into())),
        Err(e) if e.is_syntax() && e.line() == 1 && e.column() < 3 => {
            Err(reading.broken("it is no JSON; other options read OBO files and tables, and OWL is not read"))
        }
        Err(e) => Err(reading.broken(shortened(&e.to_string()))),
    }
}

/// A reason of serde's, which may quote a whole value, without the middle if it is long. Control characters it escapes itself.
fn shortened(reason: &str) -> String {
    let (start, end) = (reason.char_indices().nth(SHOWN), reason.char_indices().nth_back(SHOWN));
    match (start, end) {
        (Some((start, _)), Some((end, _))) if start < end => format!("{} .. {}", &reason[..start], &reason[end..]),
        _ => reason.to_owned(),
    }
}

/// Refuses to read more than is left.
struct Rationed<R> {
    input: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.left.set(self.left.get().saturating_sub(n as u64));
        if self.left.get() == 0 { Err(io::Error::other("too long")) } else { Ok(n) }
    }
}

struct Context<'c, 'a> {
    options: &'c OntologyOptions,
    reading: &'c mut Reading<'a>,
    /// Tells the terms of the graph at hand.
    teller: Teller<'c>,
    /// What the graph at hand says of itself.
    about: About,
    /// Whether the document has graphs.
    graphs: bool,
    /// The line that was reached.
    line: Rc<Cell<u64>>,
    /// The bytes that may still be read.
    left: Rc<Cell<u64>>,
    /// What stopped the reading, where it was not the JSON.
    failure: Option<TerminologyError>,
}

#[derive(Default)]
struct About {
    id: String,
    version: String,
}

impl Context<'_, '_> {
    /// Reads a node or an edge, which begins at `line`.
    fn item<T: Told>(&mut self, line: u64, json: &RawValue) -> Result<(), TerminologyError> {
        self.reading.row()?;
        match parse::<T>(json) {
            Ok(item) => item.tell(line, self),
            Err((lines, reason)) => {
                self.reading.bad(line + lines, reason);
                Ok(())
            }
        }
    }

    fn end_graph(&mut self) -> Result<(), TerminologyError> {
        let About { id, version } = std::mem::take(&mut self.about);
        let teller = std::mem::replace(&mut self.teller, Teller::new(self.options));
        teller.version(self.line.get(), &id, &version, self.reading)
    }

    /// Makes serde stop on a failure.
    fn or_stop<E: Error>(&mut self, done: Result<(), TerminologyError>) -> Result<(), E> {
        done.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("stopped")
        })
    }
}

/// Parses an item; the error is the number of lines before it, and the reason.
fn parse<T: DeserializeOwned>(json: &RawValue) -> Result<T, (u64, String)> {
    serde_json::from_str(json.get()).map_err(|e| {
        let reason = e.to_string();
        let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(reason, _)| reason);
        (e.line().saturating_sub(1) as u64, shortened(reason))
    })
}

/// A part of the document that is read piece by piece.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Document,
    Graphs,
    Graph,
    Nodes,
    Edges,
}

struct Walk<'x, 'c, 'a> {
    at: At,
    context: &'x mut Context<'c, 'a>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.at {
            At::Document | At::Graph => json.deserialize_map(self),
            At::Graphs | At::Nodes | At::Edges => json.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self.at {
            At::Document => "an OBO Graphs document",
            At::Graphs => "a list of graphs",
            At::Graph => "a graph",
            At::Nodes => "a list of nodes",
            At::Edges => "a list of edges",
        })
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { at, context } = self;
        while let Some(key) = map.next_key::<String>()? {
            match (at, &*key) {
                (At::Document, "graphs") => {
                    context.graphs = true;
                    map.next_value_seed(Walk { at: At::Graphs, context })?;
                }
                (At::Graph, "nodes") => map.next_value_seed(Walk { at: At::Nodes, context })?,
                (At::Graph, "edges") => map.next_value_seed(Walk { at: At::Edges, context })?,
                (At::Graph, "id") => {
                    let (_, id) = map.next_value_seed(Item(context))?;
                    context.about.id = parse(&id).unwrap_or_default();
                }
                (At::Graph, "meta") => {
                    let (_, meta) = map.next_value_seed(Item(context))?;
                    context.about.version = parse(&meta).map(Meta::version).unwrap_or_default();
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let done = if at == At::Graph { context.end_graph() } else { Ok(()) };
        context.or_stop(done)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let Self { at, context } = self;
        if at == At::Graphs {
            while seq.next_element_seed(Walk { at: At::Graph, context })?.is_some() {}
            return Ok(());
        }
        while let Some((line, item)) = seq.next_element_seed(Item(context))? {
            let told = match at {
                At::Nodes => context.item::<Node>(line, &item),
                _ => context.item::<Edge>(line, &item),
            };
            context.or_stop(told)?;
        }
        Ok(())
    }
}

/// A value that is kept as it is written, with the line on which it begins.
struct Item<'x, 'c, 'a>(&'x Context<'c, 'a>);

impl<'de> DeserializeSeed<'de> for Item<'_, '_, '_> {
    type Value = (u64, Box<RawValue>);

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        let line = self.0.line.get();
        self.0.left.set(LARGEST_ITEM);
        let item = Box::deserialize(json)?;
        self.0.left.set(u64::MAX);
        Ok((line, item))
    }
}

/// A node or an edge.
trait Told: DeserializeOwned {
    fn tell(self, line: u64, context: &mut Context) -> Result<(), TerminologyError>;
}

#[derive(Deserialize)]
struct Node {
    id: String,
    lbl: Option<String>,
    r#type: Option<String>,
    meta: Option<Meta>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    definition: Option<Value>,
    synonyms: Vec<SynonymOf>,
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
struct SynonymOf {
    pred: String,
    val: String,
    synonym_type: Option<String>,
}

#[derive(Deserialize)]
struct Edge {
    sub: String,
    pred: String,
    obj: String,
}

impl Meta {
    /// The version of a graph.
    fn version(self) -> String {
        let info = self.basic_property_values.into_iter().find(|p| p.pred == VERSION_INFO).map(|p| p.val);
        self.version.or(info).unwrap_or_default()
    }
}

impl SynonymOf {
    fn synonym(self) -> Synonym {
        let scope = match self.pred.strip_prefix(OBO_IN_OWL).unwrap_or(&self.pred) {
            "hasExactSynonym" => Scope::Exact,
            "hasBroadSynonym" => Scope::Broad,
            "hasNarrowSynonym" => Scope::Narrow,
            _ => Scope::Related,
        };
        let abbreviation = self.synonym_type.is_some_and(|t| means_abbreviation(&t));
        Synonym { text: self.val, scope, abbreviation }
    }
}

impl Told for Node {
    fn tell(self, line: u64, context: &mut Context) -> Result<(), TerminologyError> {
        let Some(id) = concept_id(&self.id).filter(|_| self.r#type.as_deref() == Some("CLASS")) else {
            return Ok(());
        };
        let meta = self.meta.unwrap_or_default();
        let mut term = Term {
            id: id.into_owned(),
            name: self.lbl.unwrap_or_default(),
            definition: meta.definition.map(|d| d.val).unwrap_or_default(),
            synonyms: meta.synonyms.into_iter().map(SynonymOf::synonym).collect(),
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
        context.teller.tell(line, &term, context.reading)
    }
}

impl Told for Edge {
    fn tell(self, line: u64, context: &mut Context) -> Result<(), TerminologyError> {
        let kind = match &*self.pred {
            "is_a" => Hierarchy::Parent,
            relation if means_part_of(relation) => Hierarchy::Broader,
            _ => return Ok(()),
        };
        match (concept_id(&self.sub), concept_id(&self.obj)) {
            (Some(narrower), Some(broader)) => relate(line, &narrower, &broader, kind, context.reading),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::testing::{Told, fixture, survives_damage, told};

    fn read(text: &str, options: &OntologyOptions) -> Told {
        told(|reading| read_obograph(text.as_bytes(), options, reading))
    }

    #[test]
    fn nodes_and_edges_are_told() {
        let told = read(&fixture("small.json"), &OntologyOptions::default());
        assert_eq!(
            told.of("XYZ:0000001 "),
            [
                "XYZ:0000001 -> C0000001 Same [XYZ]",
                "XYZ:0000001 -> C0000002 Same [XYZ]",
                "XYZ:0000001 = glimmering disorder [XYZ XYZ:0000001 PT ENG 7]",
                "XYZ:0000001 = glimmers [XYZ XYZ:0000001 SY ENG 0]",
                "XYZ:0000001 = GD [XYZ XYZ:0000001 AB ENG 0]",
                "XYZ:0000001 : A disorder that glimmers,\nand says \"look\". [XYZ]",
                "XYZ:0000001 # MSH D000001",
                "XYZ:0000001 # HPO HP:0000009",
            ]
        );
        let others: Vec<&str> =
            told.statements.iter().map(String::as_str).filter(|s| !s.starts_with("XYZ:0000001 ")).collect();
        assert_eq!(
            others,
            [
                "XYZ:0000002 < XYZ:0000001 Parent [XYZ]",
                "XYZ:0000002 < UBERON:0000001 Broader [XYZ]",
                "XYZ:0000011 -> XYZ:0000001 Same [XYZ]",
                "XYZ:0000002 = left-sided glimmering [XYZ XYZ:0000002 PT ENG 7]",
                "UBERON:0000001 = body [UBERON UBERON:0000001 PT ENG 7]",
                "XYZ:0000004 -> XYZ:0000001 Same [XYZ]",
                "XYZ:0000004 -> XYZ:0000002 Other [XYZ]",
                "XYZ:0000005 -> nothing Deleted [XYZ]",
                "XYZ is of 2026-01-31",
            ]
        );
    }

    #[test]
    fn scopes_are_heeded() {
        let options = OntologyOptions { scopes: vec![Scope::Narrow, Scope::Related] };
        let told = read(&fixture("small.json"), &options);
        assert_eq!(
            told.of("XYZ:0000001 ="),
            [
                "XYZ:0000001 = glimmering disorder [XYZ XYZ:0000001 PT ENG 7]",
                "XYZ:0000001 = pale glimmer [XYZ XYZ:0000001 SY_NARROW ENG 0]",
                "XYZ:0000001 = GL [XYZ XYZ:0000001 SY_RELATED ENG 0]",
            ]
        );
    }

    #[test]
    fn items_of_the_wrong_shape_are_named_by_line() {
        let text = fixture("small.json");
        let told = read(&text, &OntologyOptions::default());
        let line = |part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
        let expected = [
            (line("[\"is_a\"]"), "invalid type: sequence, expected a string"),
            (line("\"synonyms\": \"none\""), "invalid type: string \"none\", expected a sequence"),
            (line("\"no id\""), "missing field `id`"),
            (line("        7"), "invalid type: integer `7`, expected struct Node"),
        ];
        assert_eq!(told.faults(), expected.map(|(line, reason)| format!("input:{line}: {reason}")));
        assert_eq!(told.outcome.unwrap().rows, 17);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let text = fixture("small.json");
        for (text, reason) in [
            ("", "it has no rows"),
            ("{\"graphs\":", "EOF while parsing a value at line 1 column 10"),
            ("[]", "invalid type: sequence, expected an OBO Graphs document at line 1 column 1"),
            ("{}", "it has no `graphs`: this is no OBO Graphs document"),
            ("{\"graphs\": {}}", "invalid type: map, expected a list of graphs at line 1 column"),
            ("{\"graphs\": [\n{\"nodes\": [{]}", "key must be a string at line 2 column 13"),
            ("{\"graphs\": []} {}", "trailing characters at line 1 column 16"),
            (&text[..text.len() / 2], "EOF while parsing"),
        ] {
            let faults = read(text, &OntologyOptions::default()).faults();
            assert!(faults[0].starts_with("input: ") && faults[0].contains(reason), "{faults:?}");
        }
    }

    #[test]
    fn reasons_are_short() {
        let long = format!("\\u001b{}", "é".repeat(1000));
        let nodes =
            format!("{{\"graphs\": [{{\"nodes\": [{{\"id\": \"X:1\", \"meta\": {{\"synonyms\": \"{long}\"}}}}]}}]}}");
        for text in [nodes, format!("{{\"graphs\": \"{long}\"}}")] {
            let faults = read(&text, &OntologyOptions::default()).faults();
            let fault = &faults[0];
            assert!(fault.contains("invalid type: string") && fault.contains("expected a"), "{fault}");
            assert!(fault.chars().count() < 250 && !fault.contains(char::is_control), "{fault}");
        }
    }

    #[test]
    fn a_node_is_bounded() {
        let long = "a".repeat(LARGEST_ITEM as usize);
        let text = format!("{{\"graphs\": [{{\"other\": \"{long}\", \"nodes\": [\n{{\"id\": \"{long}\"}}]}}]}}");
        let faults = read(&text, &OntologyOptions::default()).faults();
        assert_eq!(faults, ["input: line 2: a node is longer than 8388608 bytes"]);
    }

    #[test]
    fn damage_is_survived() {
        let options = OntologyOptions::default();
        survives_damage(&fixture("small.json"), |bytes, reading| read_obograph(bytes, &options, reading));
    }
}
