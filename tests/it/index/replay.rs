//! An index as input of another index: replayed facts are complete, and additions change nothing
//! else.

use std::{collections::BTreeSet, path::Path};

use saplink::{
    columns::ColumnError,
    concepts::{ConceptError, ConceptStore, Relation, Selection, StatementCollector, StoreSummary},
    domain::{ConceptId, Statement},
    job::Job,
    terminology::{BadRows, Dialect, Inputs, Scope},
};

use crate::support::{TestRng, damage, fixture, rich_index};

const FILES: [&str; 4] = ["concepts.bin", "rows.bin", "keys.fst", "words.fst"];

/// A table with concepts of the fixtures, under CUIs, retired and prefixed ids, and with others.
const TABLE: &str = "cui\tname\tsemantic_type\tsource\tsource_code\tterm_type\tlanguage\tdefinition\tparents\n\
    C0027051\tthe big one\tT184\tWARD\tW1\tPT\tENG\tWhat the ward calls it.\tC0018799, C0000007\n\
    C0027051\tMyocardial Infarction\t\tWARD\tW2\tSY\tENG\t\tWARD:1\n\
    C0027051\tder gro\u{df}e\t\tAACHEN\tA1\tSY\tGER\t\t\n\
    XYZ:0000001\tflicker of the ward\tT047\tWARD\tW3\tPT\tENG\t\tXYZ:0000002\n\
    WARD:1\tward thing\tT047\tWARD\tW4\tPT\tENG\tA thing of the ward.\t\n";

/// Collects the statements of `index`, if given, and of `emit`, and assembles them in a new
/// directory.
fn build(
    dir: &Path,
    selection: &Selection,
    index: Option<&ConceptStore>,
    emit: &dyn Fn(&mut StatementCollector),
) -> (StoreSummary, ConceptStore) {
    fs_err::create_dir(dir).unwrap();
    let mut collector = StatementCollector::new(dir, selection.clone());
    if let Some(index) = index {
        collector.collect_store(index, Job::silent()).unwrap();
    }
    emit(&mut collector);
    let assembled = collector.assemble(dir, Job::silent()).unwrap();
    let concepts = ConceptStore::open(dir, &assembled.sources, assembled.counts).unwrap();
    (assembled, concepts)
}

/// Builds from `emit`, again from that index with a hidden source, and from it twice. All files
/// must be equal.
pub(crate) fn assert_round_trip(selection: &Selection, emit: &dyn Fn(&mut StatementCollector)) {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (first, mut index) = build(&at("first"), selection, None, emit);
    let named = first.sources.iter().find(|s| s.atoms > 0).unwrap();
    index.hide(std::slice::from_ref(&named.source), None).unwrap();
    let again = |collector: &mut StatementCollector| collector.collect_store(&index, Job::silent()).unwrap();
    for (name, more) in
        [("second", &(|_: &mut StatementCollector| {}) as &dyn Fn(&mut StatementCollector)), ("third", &again)]
    {
        let (replayed, _) = build(&at(name), selection, Some(&index), more);
        assert_eq!(replayed.counts, first.counts, "{selection:?}");
        assert_eq!(replayed.sources, first.sources, "{selection:?}");
        assert_eq!(replayed.semantic_types, first.semantic_types, "{selection:?}");
        for file in FILES {
            let bytes = |name: &str| fs_err::read(at(name).join(file)).unwrap();
            assert!(bytes("first") == bytes(name), "{file} of the {name}, {selection:?}");
        }
    }
}

/// All terminologies of the fixtures.
fn fixtures() -> Inputs {
    let at = |name: &str| fixture("terminology").join(name);
    Inputs {
        umls: vec![at("META")],
        obo: vec![at("small.obo")],
        obograph: vec![at("small.json")],
        sssom: vec![at("small.sssom.tsv")],
        ..Inputs::default()
    }
}

/// Collects the statements of `inputs`; bad rows are skipped.
pub(crate) fn collect(inputs: &Inputs, selection: &Selection, collector: &mut StatementCollector) {
    let scopes = vec![Scope::Exact, Scope::Related];
    let inputs = Inputs { scopes, bad_rows: BadRows::Share(1.0), ..inputs.clone() };
    let keep = |language: &str, source: &str| selection.takes(language, source);
    inputs.read(&keep, &mut |statement| collector.collect(statement), Job::silent(), &mut |_, _| {}).unwrap();
}

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn replaying_an_index_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.tsv");
    fs_err::write(&table, format!("{TABLE}C0027051\t42\t\tWARD\tW5\tSY\tENG\t\t\n")).unwrap();
    let inputs = Inputs { tables: vec![(table, Dialect::Tabs)], ..fixtures() };
    let all = || Selection { languages: vec![], include_suppressed: true, ..Selection::default() };
    for selection in [
        all(),
        Selection::default(),
        Selection { numeric_names: true, ..all() },
        Selection { languages: list(&["SPA", "all"]), ..all() },
        Selection { languages: list(&["ENG", "SPA"]), max_names_per_concept: Some(1), ..all() },
        Selection { semantic_types: list(&["T047"]), ..all() },
        Selection { languages: list(&["SPA", "ENG"]), semantic_groups: list(&["CHEM", "DEVI"]), ..all() },
        Selection { sources: list(&["MSH", "XYZ", "WARD"]), ..all() },
    ] {
        assert_round_trip(&selection, &|collector| collect(&inputs, &selection, collector));
    }
    assert_round_trip(&all(), &|collector| rich_index::emit(&mut |statement| collector.collect(statement).unwrap()));
}

/// All facts of an index as text.
fn facts(concepts: &ConceptStore, retired: &BTreeSet<String>) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for concept in ConceptId::all(concepts.counts().concepts as usize) {
        let id = concepts.id(concept);
        facts.insert(format!("{id} {:?}", concepts.semantic_types(concept)));
        facts.extend(concepts.atoms(concept).map(|atom| format!("{id} {:?}", concepts.atom(atom))));
        facts.extend(concepts.codes(concept).map(|code| format!("{id} {code:?}")));
        facts.extend(concepts.definitions(concept).map(|definition| format!("{id} {definition:?}")));
        for relation in Relation::ALL {
            facts
                .extend(concepts.related(concept, relation).map(|to| format!("{id} {relation:?} {}", concepts.id(to))));
        }
    }
    facts.extend(retired.iter().map(|id| format!("{id} {:?}", concepts.retired(id))));
    facts
}

/// Adds `added` to an index of `inputs`, and builds from both at once. The facts must be equal.
pub(crate) fn assert_adding_equals_building(selection: &Selection, inputs: &Inputs, added: &Inputs) {
    let dir = tempfile::tempdir().unwrap();
    let built = |name: &str, index: Option<&ConceptStore>, inputs: &[&Inputs]| {
        let emit =
            |collector: &mut StatementCollector| inputs.iter().for_each(|inputs| collect(inputs, selection, collector));
        build(&dir.path().join(name), selection, index, &emit)
    };
    let (_, index) = built("index", None, &[inputs]);
    let (assembled, both) = built("both", Some(&index), &[added]);
    let (counts, at_once) = built("at once", None, &[inputs, added]);
    assert_eq!((assembled.counts, assembled.sources), (counts.counts, counts.sources));
    assert_eq!(assembled.semantic_types, counts.semantic_types);

    let mut retired = BTreeSet::new();
    let mut collect_retired = |statement: Statement<'_>| {
        if let Statement::Successor { retired: id, .. } = statement {
            retired.insert(id.to_owned());
        }
        Ok(())
    };
    for inputs in [inputs, added] {
        let inputs = Inputs { bad_rows: BadRows::Share(1.0), ..inputs.clone() };
        inputs.read(&|_, _| true, &mut collect_retired, Job::silent(), &mut |_, _| {}).unwrap();
    }
    let (found, expected) = (facts(&both, &retired), facts(&at_once, &retired));
    assert!(retired.len() > 10 && expected.len() > 100, "{} retired, {} facts", retired.len(), expected.len());
    let differ: Vec<_> = found.symmetric_difference(&expected).take(20).collect();
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(found.difference(&facts(&index, &retired)).count() > 10);
    for concept in ConceptId::all(index.counts().concepts as usize) {
        // A prefixed id may have become a CUI.
        if let Some(same) = both.concept(index.id(concept)) {
            assert_eq!(both.preferred_name(same), index.preferred_name(concept), "existing names stay preferred");
        }
    }
}

#[test]
fn adding_to_an_index_equals_building_from_all_inputs() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.tsv");
    fs_err::write(&table, TABLE).unwrap();
    let added = Inputs { tables: vec![(table, Dialect::Tabs)], ..Inputs::default() };
    let selection = Selection { languages: vec![], include_suppressed: true, ..Selection::default() };
    assert_adding_equals_building(&selection, &fixtures(), &added);
}

#[test]
fn an_added_mapping_joins_existing_concepts() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs_err::write(at("a.tsv"), "cui\tname\tparents\nAA:1\ta wart\tAA:2\nC0000001\tverruca\t\nAA:2\tgrowth\t\n")
        .unwrap();
    fs_err::write(at("a.sssom.tsv"), "subject_id\tpredicate_id\tobject_id\nAA:1\tskos:exactMatch\tUMLS:C0000001\n")
        .unwrap();
    let tables = Inputs { tables: vec![(at("a.tsv"), Dialect::Tabs)], ..Inputs::default() };
    let mappings = Inputs { sssom: vec![at("a.sssom.tsv")], ..Inputs::default() };
    let selection = Selection::default();
    let (_, index) = build(&at("index"), &selection, None, &|collector| collect(&tables, &selection, collector));
    let (_, both) =
        build(&at("both"), &selection, Some(&index), &|collector| collect(&mappings, &selection, collector));
    let wart = both.concept("C0000001").unwrap();
    let names: Vec<_> = both.atoms(wart).map(|atom| both.atom(atom).name).collect();
    assert_eq!(names, ["verruca", "a wart"], "names of the CUI come first");
    let parents: Vec<_> = both.related(wart, Relation::Parent).map(|c| both.id(c)).collect();
    assert_eq!(parents, ["AA:2"]);
    assert_eq!(both.retired("AA:1").unwrap().successors[0].concept, Some(wart));
}

#[test]
fn relations_of_concepts_without_a_name_are_not_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs_err::write(at("a.tsv"), "cui\tname\tparents\nC0000001\ta part\tC0000002\n").unwrap();
    fs_err::write(at("b.tsv"), "cui\tname\nC0000002\ta whole\n").unwrap();
    let tables = |names: &[&str]| Inputs {
        tables: names.iter().map(|name| (at(name), Dialect::Tabs)).collect(),
        ..Inputs::default()
    };
    let selection = Selection::default();
    let built = |name: &str, index: Option<&ConceptStore>, names: &[&str]| {
        build(&at(name), &selection, index, &|collector| collect(&tables(names), &selection, collector)).1
    };
    let parents = |concepts: &ConceptStore| concepts.related(ConceptId::new(0), Relation::Parent).count();
    assert_eq!(parents(&built("at once", None, &["a.tsv", "b.tsv"])), 1);
    let index = built("index", None, &["a.tsv"]);
    let both = built("both", Some(&index), &["b.tsv"]);
    assert_eq!((both.counts().concepts, parents(&both)), (2, 0), "C0000002 had no name when the index was built");
    let again = built("again", Some(&index), &["a.tsv", "b.tsv"]);
    assert_eq!((again.counts().atoms, parents(&again)), (2, 1), "an input that repeats the relation adds it");
}

#[test]
fn replaying_a_damaged_index_gives_an_error_or_facts() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let selection = Selection { languages: vec![], include_suppressed: true, ..Selection::default() };
    let (assembled, _) =
        build(&at("index"), &selection, None, &|collector| collect(&fixtures(), &selection, collector));
    let (mut rng, mut replayed, mut refused) = (TestRng(3), 0, 0);
    for file in ["concepts.bin", "rows.bin"] {
        let original = fs_err::read(at("index").join(file)).unwrap();
        for _ in 0..1000 {
            let mut bytes = original.clone();
            damage(&mut bytes, &mut rng);
            fs_err::write(at("index").join(file), bytes).unwrap();
            let Ok(index) = ConceptStore::open(&at("index"), &assembled.sources, assembled.counts) else { continue };
            let mut collector = StatementCollector::new(dir.path(), selection.clone());
            match collector.collect_store(&index, Job::silent()) {
                Ok(()) => replayed += 1,
                Err(ConceptError::Column(ColumnError::Damaged { path, .. })) => {
                    assert_eq!(path, at("index").join("concepts.bin"));
                    refused += 1;
                }
                Err(e) => panic!("{e}"),
            }
        }
        fs_err::write(at("index").join(file), original).unwrap();
    }
    assert!(replayed > 100 && refused > 100, "{replayed} replayed, {refused} refused");
}
