//! Ontologies in the OBO Graphs JSON format, read node by node and edge by edge.
//!
//! [`Walk`] descends from the document over its graphs to lists of nodes and edges, and parses one
//! [`GraphItem`] at a time. `serde_json` streams the rest.
//!
//! Invariant: only the current node or edge is in memory, and its size is bounded. A node or edge
//! of the wrong shape is a bad row. Invalid JSON is an error of the file.

use std::{
    cell::Cell,
    fmt,
    io::{self, BufRead, Read},
    rc::Rc,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    files::input::LineCounter,
    terminology::{
        OntologyOptions, Reading, TerminologyError,
        obograph_items::{Edge, GraphItem, Meta, Node, shortened},
        ontology::TermEmitter,
    },
};

/// Maximum bytes of a node or edge; a longer one is an error of the file. The longest nodes of
/// large ontologies have about 100,000.
const MAX_ITEM_BYTES: u64 = 1 << 23;

/// Reads an OBO Graphs file.
///
/// # Errors
/// [`TerminologyError`] when the file is not OBO Graphs, its JSON is broken or reading fails.
pub fn read_obograph(
    mut input: impl BufRead,
    options: &OntologyOptions,
    reading: &mut Reading,
) -> Result<(), TerminologyError> {
    if input.fill_buf()?.is_empty() {
        return Ok(());
    }
    let (input, line) = LineCounter::new(input);
    let budget = Rc::new(Cell::new(u64::MAX));
    let mut json = serde_json::Deserializer::from_reader(BudgetReader { input, budget: budget.clone() });
    let mut document = Document {
        options,
        reading,
        emitter: TermEmitter::new(options),
        header: OntologyHeader::default(),
        has_graphs: false,
        line,
        budget,
        failure: None,
    };
    let walk = Walk { level: Level::Document, document: &mut document };
    let read = walk.deserialize(&mut json).and_then(|()| json.end());
    let Document { reading, has_graphs, line, budget, failure, .. } = document;
    if let Some(failure) = failure {
        return Err(failure);
    }
    match read {
        Ok(()) if has_graphs => Ok(()),
        Ok(()) => Err(reading.file_error("it has no `graphs`: this is not an OBO Graphs document")),
        Err(_) if budget.get() == 0 => {
            Err(reading.file_error(format!("line {}: a node is longer than {MAX_ITEM_BYTES} bytes", line.get())))
        }
        Err(e) if e.is_io() => Err(TerminologyError::Io(e.into())),
        Err(e) if e.is_syntax() && e.line() == 1 && e.column() < 3 => {
            Err(reading
                .file_error("it is not JSON: --obo reads OBO files, --tsv and --csv read tables, OWL is not read"))
        }
        Err(e) => Err(reading.file_error(shortened(&e.to_string()))),
    }
}

/// Fails when more bytes are read than the budget has left.
struct BudgetReader<R> {
    input: R,
    /// Bytes that may still be read.
    budget: Rc<Cell<u64>>,
}

impl<R: Read> Read for BudgetReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.budget.set(self.budget.get().saturating_sub(n as u64));
        if self.budget.get() == 0 { Err(io::Error::other("too long")) } else { Ok(n) }
    }
}

/// The state of reading one document.
struct Document<'c, 'a> {
    options: &'c OntologyOptions,
    reading: &'c mut Reading<'a>,
    /// Emits the terms of the current graph.
    emitter: TermEmitter<'c>,
    header: OntologyHeader,
    /// Whether the document has graphs.
    has_graphs: bool,
    /// The line that reading has reached.
    line: Rc<Cell<u64>>,
    /// Bytes that may still be read of the current item.
    budget: Rc<Cell<u64>>,
    /// The error that stopped the reading, unless it is one of the JSON.
    failure: Option<TerminologyError>,
}

/// Id and version of the current graph.
#[derive(Default)]
struct OntologyHeader {
    id: String,
    version: String,
}

impl Document<'_, '_> {
    /// Reads a node or an edge that begins at `line`.
    fn read_item<T: GraphItem>(&mut self, line: u64, json: &RawValue) -> Result<(), TerminologyError> {
        self.reading.begin_row()?;
        match parse::<T>(json) {
            Ok(item) => item.emit(line, &mut self.emitter, self.reading),
            Err((lines_before, reason)) => {
                match T::BAD {
                    Some(parts) => self.reading.leave_out(parts, line + lines_before, reason),
                    None => self.reading.bad_row(line + lines_before, reason),
                }
                Ok(())
            }
        }
    }

    /// Emits the version of the current graph and starts the next graph.
    fn end_graph(&mut self) -> Result<(), TerminologyError> {
        let OntologyHeader { id, version } = std::mem::take(&mut self.header);
        let emitter = std::mem::replace(&mut self.emitter, TermEmitter::new(self.options));
        emitter.emit_version(self.line.get(), &id, &version, self.reading)
    }

    /// Keeps a failure and makes serde stop.
    fn or_stop<E: Error>(&mut self, result: Result<(), TerminologyError>) -> Result<(), E> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("stopped")
        })
    }
}

/// Parses an item. The error is the number of lines of the item before the fault, and the reason.
///
/// An escape of half a surrogate pair stands for no character. It becomes U+FFFD, so that it costs
/// the text that has it.
fn parse<T: DeserializeOwned>(json: &RawValue) -> Result<T, (u64, String)> {
    let text = json.get();
    let repaired = || serde_json::from_str(&without_lone_surrogates(text)).ok();
    serde_json::from_str(text).or_else(|e| repaired().ok_or(e)).map_err(|e| {
        let reason = e.to_string();
        let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(reason, _)| reason);
        (e.line().saturating_sub(1) as u64, shortened(reason))
    })
}

/// A JSON text with escapes of U+FFFD in place of those of lone surrogates.
fn without_lone_surrogates(json: &str) -> String {
    let unit = |text: &str| u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let (mut whole, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        let (escape, after) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => escape.split_at(12),
            (Some(0xD800..=0xDFFF), _) => ("\\ufffd", &escape[6..]),
            _ => escape.split_at_checked(2).unwrap_or((escape, "")),
        };
        whole.push_str(before);
        whole.push_str(escape);
        rest = after;
    }
    whole + rest
}

/// A level of the document that is read piece by piece.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Document,
    Graphs,
    Graph,
    Nodes,
    Edges,
}

/// Reads one level of the document, and the levels below it.
struct Walk<'x, 'c, 'a> {
    level: Level,
    document: &'x mut Document<'c, 'a>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.level {
            Level::Document | Level::Graph => json.deserialize_map(self),
            Level::Graphs => json.deserialize_seq(self),
            Level::Nodes | Level::Edges => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self.level {
            Level::Document => "an OBO Graphs document",
            Level::Graphs => "a list of graphs",
            Level::Graph => "a graph",
            Level::Nodes => "a list of nodes",
            Level::Edges => "a list of edges",
        })
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { level, document } = self;
        while let Some(key) = map.next_key::<String>()? {
            match (level, &*key) {
                (Level::Document, "graphs") => {
                    document.has_graphs = true;
                    map.next_value_seed(Walk { level: Level::Graphs, document })?;
                }
                (Level::Graph, "nodes") => map.next_value_seed(Walk { level: Level::Nodes, document })?,
                (Level::Graph, "edges") => map.next_value_seed(Walk { level: Level::Edges, document })?,
                (Level::Graph, "id") => {
                    let (_, id) = map.next_value_seed(RawItem(document))?;
                    document.header.id = parse(&id).unwrap_or_default();
                }
                (Level::Graph, "meta") => {
                    let (_, meta) = map.next_value_seed(RawItem(document))?;
                    document.header.version = parse(&meta).map(Meta::version).unwrap_or_default();
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let ended = if level == Level::Graph { document.end_graph() } else { Ok(()) };
        document.or_stop(ended)
    }

    /// An absent list.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.level {
            Level::Nodes | Level::Edges => Ok(()),
            _ => Err(E::invalid_type(Unexpected::Unit, &self)),
        }
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let Self { level, document } = self;
        if level == Level::Graphs {
            while seq.next_element_seed(Walk { level: Level::Graph, document })?.is_some() {}
            return Ok(());
        }
        while let Some((line, item)) = seq.next_element_seed(RawItem(document))? {
            let read = match level {
                Level::Nodes => document.read_item::<Node>(line, &item),
                _ => document.read_item::<Edge>(line, &item),
            };
            document.or_stop(read)?;
        }
        Ok(())
    }
}

/// Reads a value of bounded size as it is written, and the line on which it begins.
struct RawItem<'x, 'c, 'a>(&'x Document<'c, 'a>);

impl<'de> DeserializeSeed<'de> for RawItem<'_, '_, '_> {
    type Value = (u64, Box<RawValue>);

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        let line = self.0.line.get();
        self.0.budget.set(MAX_ITEM_BYTES);
        let item = Box::deserialize(json)?;
        self.0.budget.set(u64::MAX);
        Ok((line, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::{
        Scope,
        testing::{ReadResult, fixture, read_with, survives_damage},
    };

    fn read(text: &str, options: &OntologyOptions) -> ReadResult {
        read_with(|reading| read_obograph(text.as_bytes(), options, reading))
    }

    #[test]
    fn nodes_and_edges_become_statements() {
        let result = read(&fixture("small.json"), &OntologyOptions::default());
        assert_eq!(
            result.starting_with("XYZ:0000001 "),
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
            result.statements.iter().map(String::as_str).filter(|s| !s.starts_with("XYZ:0000001 ")).collect();
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
                "XYZ:0000007 = untyped [XYZ XYZ:0000007 PT ENG 7]",
                "XYZ:0000008 = bad [XYZ XYZ:0000008 PT ENG 7]",
                "XYZ is of 2026-01-31",
            ]
        );
    }

    #[test]
    fn only_selected_scopes_become_names() {
        let options = OntologyOptions { scopes: vec![Scope::Narrow, Scope::Related], ..OntologyOptions::default() };
        let result = read(&fixture("small.json"), &options);
        assert_eq!(
            result.starting_with("XYZ:0000001 ="),
            [
                "XYZ:0000001 = glimmering disorder [XYZ XYZ:0000001 PT ENG 7]",
                "XYZ:0000001 = pale glimmer [XYZ XYZ:0000001 SY_NARROW ENG 0]",
                "XYZ:0000001 = GL [XYZ XYZ:0000001 SY_RELATED ENG 0]",
            ]
        );
    }

    #[test]
    fn a_bad_edge_or_label_costs_that_part() {
        let node = |id: &str, more: &str| format!("{{\"id\": \"http://purl.obolibrary.org/obo/XY_{id}\"{more}}}");
        let nodes = [node("1", ", \"lbl\": \"one\""), node("2", ", \"lbl\": 7")].join(",");
        for edges in ["null", "[{\"sub\": \"XY:1\", \"pred\": \"is_a\", \"obj\": null}, {\"sub\": \"XY:1\"}]"] {
            let text = format!("{{\"graphs\": [{{\"nodes\": [{nodes}], \"edges\": {edges}}}]}}");
            let result = read(&text, &OntologyOptions::default());
            assert_eq!(result.statements, ["XY:1 = one [XY XY:1 PT ENG 7]"]);
            let summary = result.outcome.unwrap();
            assert_eq!((summary.bad, summary.left_out["names of terms that cannot be used"]), (0, 1));
            let relations = summary.left_out.get("relations that cannot be used").copied();
            assert_eq!(relations, (edges != "null").then_some(2));
        }
    }

    #[test]
    fn half_a_surrogate_pair_costs_the_text_that_has_it() {
        let text = r#"{"graphs": [{"nodes": [{"id": "XY:1", "lbl": "one \ud83d\ude00 \\ud800", "meta": {
            "definition": {"val": "\udc00"}, "synonyms": [{"pred": "hasExactSynonym", "val": "a\ud800"},
            {"pred": "hasExactSynonym", "val": "b\u0063"}]}}, {"id": "XY:2", "lbl": "\ud800\ud800"}]}]}"#;
        let result = read(text, &OntologyOptions::default());
        assert_eq!(
            result.statements,
            ["XY:1 = one \u{1f600} \\ud800 [XY XY:1 PT ENG 7]", "XY:1 = bc [XY XY:1 SY ENG 0]"]
        );
        let summary = result.outcome.unwrap();
        assert_eq!(summary.bad, 0);
        for kind in ["names of terms", "synonyms", "definitions"] {
            assert_eq!(summary.left_out[&*format!("{kind} that cannot be used")], 1, "{kind}");
        }
    }

    #[test]
    fn items_of_the_wrong_shape_are_reported_by_line() {
        let text = fixture("small.json");
        let result = read(&text, &OntologyOptions::default());
        let line = |part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
        let expected = [
            (line("_:blank"), "`http://purl.obolibrary.org/obo/XYZ_00000` or `_:blank` stands for no concept id"),
            (line("[\"is_a\"]"), "invalid type: sequence, expected a string"),
            (line("\"nodes\"") + 1, "a synonym is empty"),
            (line("XYZ_0000006\""), "`XYZ:0000006` has no name"),
            (line("XYZ_0000008\""), "invalid type: string \"none\", expected struct SynonymValue"),
            (line("\"no id\""), "missing field `id`"),
            (line("        7"), "invalid type: integer `7`, expected struct Node"),
        ];
        assert_eq!(result.faults(), expected.map(|(line, reason)| format!("input:{line}: {reason}")));
        let summary = result.outcome.unwrap();
        assert_eq!((summary.rows, summary.bad), (17, 2));
        assert_eq!(summary.left_out["synonyms that cannot be used"], 2);
    }

    #[test]
    fn nodes_of_other_writers_are_read() {
        let text = "{\"graphs\": [{\"nodes\": [\n\
            {\"id\": \"http://purl.obolibrary.org/obo/AB_1\", \"lbl\": \"no type\"},\n\
            {\"id\": \"AB:2\", \"lbl\": \"a relation\", \"type\": \"PROPERTY\"},\n\
            {\"id\": \"AB:3\", \"lbl\": \"old\", \"type\": \"CLASS\", \"meta\": {\"basicPropertyValues\": \
             [{\"pred\": \"http://www.w3.org/2002/07/owl#deprecated\", \"val\": \"true\"}]}},\n\
            {\"id\": \"AB:4\", \"lbl\": \"older\", \"meta\": {\"basicPropertyValues\": \
             [{\"pred\": \"owl:deprecated\", \"val\": 1}, {\"pred\": \"OWL:x\"}, \
              {\"pred\": \"http://www.w3.org/2004/02/skos/core#exactMatch\", \"val\": \"UMLS:C9000001\"}], \
             \"definition\": 7, \"xrefs\": [{\"val\": \"MESH:D1\"}, 3], \"deprecated\": false, \
             \"synonyms\": [{\"pred\": \"hasExactSynonym\"}, {\"pred\": \"hasExactSynonym\", \"val\": \"kept\"}]}}]}]}";
        let result = read(text, &OntologyOptions::default());
        assert_eq!(
            result.statements,
            [
                "AB:1 = no type [AB AB:1 PT ENG 7]",
                "AB:3 -> nothing Deleted [AB]",
                "AB:4 -> C9000001 Same [AB]",
                "AB:4 = older [AB AB:4 PT ENG 7]",
                "AB:4 = kept [AB AB:4 SY ENG 0]",
                "AB:4 # MSH D1",
            ]
        );
        let summary = result.outcome.unwrap();
        let left_out: Vec<_> = summary.left_out.iter().map(|(reason, count)| (&**reason, *count)).collect();
        assert_eq!(
            left_out,
            [
                ("cross-references that cannot be used", 1),
                ("definitions that cannot be used", 1),
                ("nodes that are not classes", 1),
                ("properties that cannot be used", 1),
                ("synonyms that cannot be used", 1),
            ]
        );
        assert_eq!(summary.bad, 0);
    }

    #[test]
    fn other_documents_are_errors() {
        let text = fixture("small.json");
        for (text, reason) in [
            ("", "it has no rows"),
            ("{\"graphs\":", "EOF while parsing a value at line 1 column 10"),
            ("[]", "invalid type: sequence, expected an OBO Graphs document at line 1 column 1"),
            ("{}", "it has no `graphs`: this is not an OBO Graphs document"),
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
            assert!(fault.contains("invalid type: string") && fault.contains("expected "), "{fault}");
            assert!(fault.chars().count() < 250 && !fault.contains(char::is_control), "{fault}");
        }
    }

    #[test]
    fn a_node_is_bounded() {
        let long = "a".repeat(MAX_ITEM_BYTES as usize);
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
