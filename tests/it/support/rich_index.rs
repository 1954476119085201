//! A small index with every kind of fact: sources, languages, codes, definitions, relations and
//! history.
//!
//! Invariant: every text that the source `QUASSIA` gives contains its name. So a test sees in any
//! answer whether the answer shows a fact of that source.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use saplink::{
    ann::{GraphParameters, VectorPrecision},
    concepts::{Selection, StatementCollector},
    domain::{AtomRef, RelationKind, Statement, Succession},
    encoder::{Device, Encoder, EncoderOptions},
    files::StagedDir,
    index::{BuildOptions, IndexError, MANIFEST, ModelReference, SearchTarget, build},
    job::Job,
};
use serde_json::Value;

use crate::support::{RUNTIME, Service, fixture, succeed};

/// Number of concepts that are children of C0000001 and have the code `MANY` of ICDX.
pub(crate) const MANY: usize = 250;

/// Number of concepts with the name `crowd`: more than the pages of a search reach.
pub(crate) const CROWD: usize = 10_030;

/// Serves the index with `options`.
pub(crate) fn serve(options: &[&str]) -> Service {
    serve_index(&directories().1, &[], options)
}

/// Serves another `index` with the same model, with `variables` in its environment.
pub(crate) fn serve_index(index: &Path, variables: &[(&str, &str)], options: &[&str]) -> Service {
    let (index, model) = (index.to_str().unwrap(), directories().0.to_str().unwrap());
    let service = Service::spawn_in(variables, &[&["--index", index, "--model", model], options].concat());
    service.wait_until_ready();
    service
}

/// A service of the index that hides nothing, shared by tests.
pub(crate) fn shared() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| serve(&[]))
}

/// The JSON of an answer of the shared service.
pub(crate) fn get(path: &str) -> Value {
    let answer = shared().get(path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// A field of every entry of a list.
pub(crate) fn strings<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|entry| entry[field].as_str().unwrap()).collect()
}

/// A field of every entry of `list` on all pages of `path`, which contains a `?`.
pub(crate) fn pages(path: &str, list: &str, field: &str) -> Vec<String> {
    let (mut all, mut offset) = (vec![], 0);
    loop {
        let page = get(&format!("{path}&offset={offset}"));
        all.extend(strings(&page[list], field).into_iter().map(str::to_owned));
        let Some(next) = page["next_offset"].as_u64() else { return all };
        assert_eq!(next, all.len() as u64, "{path}");
        offset = next;
    }
}

pub(crate) fn assert_distinct(all: &[String], count: usize) {
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (count, count));
}

/// The directories of model and index, built once.
pub(crate) fn directories() -> &'static (PathBuf, PathBuf) {
    static BUILT: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let at = |name: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let (model, index) = (at("rich-model"), at("rich"));
        let paths = [fixture("tiny"), model.clone()].map(|path| path.display().to_string());
        succeed(&["model", "import", &paths[0], "--out", &paths[1], "--precision", "int8", "--force"]);
        build_index(&model, &index);
        (model, index)
    })
}

fn build_index(model: &Path, out: &Path) {
    let selection = Selection { languages: vec![], include_suppressed: true, ..Selection::default() };
    let staged = StagedDir::create(out, MANIFEST, true).unwrap();
    let mut collector = StatementCollector::new(staged.path(), selection.clone());
    emit(&mut |statement| collector.collect(statement).unwrap());
    let assembled = collector.assemble(staged.path(), Job::silent()).unwrap();
    let options = EncoderOptions { device: Device::Cpu, sessions: None, threads: None };
    let encoder = Encoder::load(&RUNTIME, model, options).unwrap();
    let manifest = encoder.manifest();
    let options = BuildOptions {
        calibration: None,
        name: "rich".into(),
        model: ModelReference {
            name: manifest.name.clone(),
            fingerprint: manifest.fingerprint(),
            dimensions: manifest.dimensions,
        },
        vectors: VectorPrecision::Int16,
        graph: GraphParameters { m: 16, ef_construction: 50, ef_search: 1, repaired: 0 },
        target: SearchTarget::Recall(0.99),
        nil_threshold: 0.75,
        selection,
        inputs: vec![],
        memory: 1 << 30,
    };
    let embed =
        |texts: &[&str], job: Job<'_>| encoder.embed_with(texts, job).map_err(|e| IndexError::Embed(e.to_string()));
    build(staged, assembled, &options, &[], &embed, Job::silent()).unwrap();
}

fn atom<'a>(concept: &'a str, source: &'a str, code: &'a str, name: &'a str) -> AtomRef<'a> {
    AtomRef { concept, name, source, code, term_type: "SY", language: "ENG", suppressed: false, preference: 1 }
}

fn preferred(atom: AtomRef) -> AtomRef {
    AtomRef { preference: 50, term_type: "PT", ..atom }
}

/// Emits every statement of the index.
pub(crate) fn emit(sink: &mut dyn FnMut(Statement)) {
    emit_sources(sink);
    emit_names(sink);
    emit_relations(sink);
    emit_history(sink);
}

fn emit_sources(sink: &mut dyn FnMut(Statement)) {
    for (source, name, version, level) in [
        ("HPO", "Human Phenotype Ontology", "2026-01", Some(0)),
        ("ICDX", "", "", None),
        ("OPEN", "Open Vocabulary", "7", Some(0)),
        ("QUASSIA", "Quassia's Vocabulary", "quassia", Some(3)),
    ] {
        sink(Statement::Source { source, name, version, restriction_level: level });
    }
}

fn emit_names(sink: &mut dyn FnMut(Statement)) {
    let attack = "C0000001";
    for atom in [
        AtomRef { preference: 99, ..atom(attack, "QUASSIA", "QUASSIA-1", "quassia attack") },
        preferred(atom(attack, "OPEN", "22298006", "myocardial infarction")),
        atom(attack, "OPEN", "22298006", "heart attack"),
        AtomRef { language: "GER", ..atom(attack, "OPEN", "", "Herzinfarkt") },
        AtomRef { suppressed: true, ..atom(attack, "OPEN", "22298006", "cardiac infarct") },
        preferred(atom("C0000002", "OPEN", "H", "heart disease")),
        preferred(atom("C0000003", "QUASSIA", "QUASSIA-3", "quassia alone")),
        preferred(atom("C0000004", "HPO", "HP:0001250", "seizure")),
        atom("C0000004", "OPEN", "A/B: 1 \u{e9}%", "fit"),
        preferred(atom("C0000006", "OPEN", "Q", "something bitter")),
        atom("C0000006", "QUASSIA", "QUASSIA-6", "quassia something"),
    ] {
        sink(Statement::Atom(atom));
    }
    for i in 0..MANY {
        let (concept, name) = (format!("C1{i:06}"), format!("infarct variant {i}"));
        sink(Statement::Atom(preferred(atom(&concept, "OPEN", &format!("V{i}"), &name))));
        sink(Statement::Code { concept: &concept, source: "ICDX", code: "MANY", asserted_by: "ICDX" });
        sink(Statement::Type { concept: &concept, tui: if i % 2 == 0 { "T047" } else { "T121" } });
        sink(Statement::Atom(atom("C0000005", "OPEN", "N", &format!("name {i} of many"))));
        sink(Statement::Code { concept: "C0000005", source: "ICDX", code: &format!("N{i:03}"), asserted_by: "ICDX" });
        sink(Statement::Definition { concept: "C0000005", source: "OPEN", text: &format!("Definition {i} of many.") });
    }
    (0..CROWD).for_each(|i| sink(Statement::Atom(atom(&format!("CROWD:{i}"), "OPEN", "", "crowd"))));
    sink(Statement::Code { concept: "C0000004", source: "SNOMEDCT_US", code: "91175000", asserted_by: "SNOMEDCT_US" });
    for concept in [attack, "C0000002", "C0000003", "C0000006"] {
        sink(Statement::Type { concept, tui: "T047" });
    }
    for (source, code) in [("ICDX", "I21"), ("ICDX", "I21.9"), ("QUASSIA", "QUASSIA-2"), ("OPEN", "22298006")] {
        sink(Statement::Code { concept: attack, source, code, asserted_by: source });
    }
    for (source, text) in [("OPEN", "Death of heart muscle."), ("QUASSIA", "A quassia of the heart.")] {
        sink(Statement::Definition { concept: attack, source, text });
    }
}

fn emit_relations(sink: &mut dyn FnMut(Statement)) {
    let mut relation = |narrower: &str, broader: &str, kind, source| {
        sink(Statement::Relation { narrower, broader, kind, source });
    };
    relation("C0000001", "C0000002", RelationKind::Parent, "OPEN");
    relation("C0000001", "C0000003", RelationKind::Parent, "OPEN");
    relation("C0000001", "C0000006", RelationKind::Parent, "QUASSIA");
    relation("C0000001", "C0000004", RelationKind::Broader, "OPEN");
    (0..MANY).for_each(|i| relation(&format!("C1{i:06}"), "C0000001", RelationKind::Parent, "OPEN"));
}

fn emit_history(sink: &mut dyn FnMut(Statement)) {
    for (retired, successor, kind, source) in [
        ("C9000001", Some("C0000001"), Succession::Same, "OPEN"),
        ("C9000002", Some("C0000777"), Succession::Same, "OPEN"),
        ("C9000002", Some("C0000002"), Succession::Broader, "OPEN"),
        ("C9000002", Some("C0000004"), Succession::Narrower, "OPEN"),
        ("C9000003", Some("C0000777"), Succession::Other, "OPEN"),
        ("C9000004", None, Succession::Deleted, "OPEN"),
        ("C9000005", Some("C0000002"), Succession::Same, "QUASSIA"),
        ("C9000006", Some("C9000001"), Succession::Same, "OPEN"),
        ("C9000007", Some("C0000003"), Succession::Same, "OPEN"),
    ] {
        sink(Statement::Successor { retired, successor, kind, source });
    }
    for i in 700..713 {
        let successor = format!("C0000{i}");
        let (retired, kind, source) = ("C9000008", Succession::Other, "OPEN");
        sink(Statement::Successor { retired, successor: Some(&successor), kind, source });
    }
}
