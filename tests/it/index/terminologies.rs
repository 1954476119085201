//! Terminologies through the library: facts, selections, merging, history.

use std::path::{Path, PathBuf};

use crate::support::fixture;
use saplink::{
    concepts::{ConceptStore, Relation, Selection, StatementCollector, StoreSummary},
    domain::{ConceptId, Succession},
    job::Job,
    terminology::{Dialect, Inputs, Scope},
};

/// A terminology of the fixtures.
pub(crate) fn at(name: &str) -> PathBuf {
    fixture("terminology").join(name)
}

/// Reads `inputs`, which must have no bad row, and assembles them in `dir`.
pub(crate) fn assemble(dir: &Path, inputs: &Inputs, selection: Selection) -> StoreSummary {
    let keep = |language: &str, source: &str| selection.takes(language, source);
    let mut collector = StatementCollector::new(dir, selection.clone());
    inputs
        .read(&keep, &mut |statement| collector.collect(statement), Job::silent(), &mut |input, summary| {
            assert_eq!(summary.bad, 0, "{}: {:?}", input.path.display(), summary.notes);
        })
        .unwrap();
    collector.assemble(dir, Job::silent()).unwrap()
}

fn open(dir: &Path, assembled: &StoreSummary) -> ConceptStore {
    ConceptStore::open(dir, &assembled.sources, assembled.counts).unwrap()
}

/// Assembles the UMLS release of the fixtures.
fn release(dir: &Path, selection: Selection) -> (StoreSummary, ConceptStore) {
    let assembled = assemble(dir, &Inputs { umls: vec![at("META")], ..Inputs::default() }, selection);
    let concepts = open(dir, &assembled);
    (assembled, concepts)
}

#[test]
fn a_release_gives_all_facts_of_a_concept() {
    let dir = tempfile::tempdir().unwrap();
    let (assembled, concepts) = release(dir.path(), Selection::default());
    // Counted by hand: English names that are not suppressed.
    assert_eq!((assembled.counts.concepts, assembled.counts.atoms), (8, 22));
    let infarction = concepts.concept("C0027051").unwrap();
    assert_eq!(concepts.preferred_name(infarction), "Myocardial Infarction");
    let atoms: Vec<_> = concepts.atoms(infarction).map(|a| concepts.atom(a)).collect();
    let names: Vec<_> = atoms.iter().map(|a| (a.source, a.term_type, a.code)).collect();
    let ranked = [
        ("MTH", "PN", ""),
        ("MSH", "MH", "D009203"),
        ("SNOMEDCT_US", "PT", "22298006"),
        ("SNOMEDCT_US", "FN", "22298006"),
        ("SNOMEDCT_US", "SY", "22298006"),
        ("ICD10CM", "PT", "I21.9"),
        ("MSH", "PM", "D009203"),
    ];
    assert_eq!(names, ranked, "in the order of MRRANK, names without a rank last");
    assert!(atoms.iter().all(|a| a.language == "ENG" && !a.suppressed));
    let codes: Vec<_> = concepts.codes(infarction).map(|c| (c.source, c.code)).collect();
    assert_eq!(codes, [("ICD10CM", "I21.9"), ("MSH", "D009203"), ("SNOMEDCT_US", "22298006")]);
    assert_eq!(concepts.concepts_with_code("SNOMEDCT_US", "22298006").collect::<Vec<_>>(), [infarction]);
    assert_eq!(concepts.concepts_with_code("SNOMEDCT_US", "2229800").count(), 0);
    let definitions: Vec<_> = concepts.definitions(infarction).map(|d| (d.source, d.text)).collect();
    assert_eq!(definitions, [("MSH", "Death of heart muscle after its blood supply was cut off.")]);
    let related = |id: &str, relation| {
        let concept = concepts.concept(id).unwrap();
        concepts.related(concept, relation).map(|c| concepts.id(c).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(related("C0027051", Relation::Parent), ["C0151744"]);
    assert_eq!(related("C0151744", Relation::Child), ["C0027051"]);
    assert_eq!(related("C0027051", Relation::Broader), ["C0018799"]);
    assert_eq!(related("C0018799", Relation::Narrower), ["C0004238", "C0027051"]);
    assert_eq!(related("C0018799", Relation::Child), ["C0004238", "C0151744"]);
    assert_eq!(related("C0011849", Relation::Child), ["C0011860"], "once, although two sources give it");

    let retired = |id: &str| {
        let retired = concepts.retired(id)?;
        Some(retired.successors.iter().map(|s| (s.id.to_owned(), s.kind, s.concept.is_some())).collect::<Vec<_>>())
    };
    let to = |id: &str, kind, in_index| (id.to_owned(), kind, in_index);
    assert_eq!(retired("C0000001"), Some(vec![to("C0027051", Succession::Same, true)]));
    assert_eq!(retired("C0000007"), Some(vec![to("C0027051", Succession::Same, true)]), "through C0000001");
    assert_eq!(retired("C0000002"), Some(vec![to("C0018799", Succession::Broader, true)]));
    let both = vec![to("C0004057", Succession::Other, true), to("C0019999", Succession::Other, false)];
    assert_eq!(retired("C0000004"), Some(both));
    assert_eq!(retired("C0000005"), Some(vec![]), "deleted");
    assert!(concepts.retired("C0000005").unwrap().deleted);
    assert_eq!((retired("C0027051"), retired("C9999999")), (None, None));

    let source = |name: &str| assembled.sources.iter().find(|s| s.source == name).unwrap();
    let snomed = source("SNOMEDCT_US");
    assert_eq!((snomed.version.as_str(), snomed.restriction_level, snomed.concepts), ("2024_03_01", Some(3), 4));
    assert_eq!(snomed.name, "SNOMED Clinical Terms, US Edition");
    assert_eq!(
        source("LOCALCARD").restriction_level,
        Some(2),
        "without a row in MRSAB: the highest level of its names"
    );
    assert_eq!(assembled.semantic_types["T047"], 6);
}

#[test]
fn selections_choose_names() {
    let count = |selection: Selection| {
        let dir = tempfile::tempdir().unwrap();
        let (assembled, _) = release(dir.path(), selection);
        (assembled.counts.concepts, assembled.counts.atoms)
    };
    let all = Selection::default;
    let list = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    assert_eq!(count(Selection { languages: list(&["SPA"]), ..all() }), (4, 5));
    assert_eq!(count(Selection { languages: vec![], ..all() }), (8, 27));
    assert_eq!(count(Selection { include_suppressed: true, ..all() }), (8, 25));
    assert_eq!(count(Selection { sources: list(&["ICD10CM"]), ..all() }), (3, 3));
    assert_eq!(count(Selection { semantic_types: list(&["T109"]), ..all() }), (1, 2));
    assert_eq!(count(Selection { semantic_groups: list(&["CHEM"]), semantic_types: list(&["T005"]), ..all() }), (2, 3));
    assert_eq!(count(Selection { max_names_per_concept: Some(1), ..all() }), (8, 8));
    assert_eq!(count(Selection { languages: list(&["all"]), ..all() }), (8, 27));
    let dir = tempfile::tempdir().unwrap();
    let (_, concepts) = release(dir.path(), Selection { languages: list(&["ENG", "all"]), ..all() });
    assert_eq!(concepts.preferred_name(concepts.concept("C0027051").unwrap()), "Myocardial Infarction");
    let (_, concepts) = release(dir.path(), Selection { languages: list(&["SPA", "ENG"]), ..all() });
    assert_eq!(concepts.preferred_name(concepts.concept("C0027051").unwrap()), "Infarto del Miocardio");
    assert_eq!(concepts.preferred_name(concepts.concept("C0011849").unwrap()), "Diabetes Mellitus");
}

#[test]
fn names_without_a_letter_are_left_out_unless_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("numbers.tsv");
    let names = "cui\tname\nC0000001\t1\nC0000001\t2's\nC0000002\t0.9 %\nC0000002\t0.9 % saline\nC0000003\tS\n";
    fs_err::write(&table, names).unwrap();
    let assembled = |selection: Selection| {
        let dir = tempfile::tempdir().unwrap();
        let inputs = Inputs { tables: vec![(table.clone(), Dialect::Tabs)], ..Inputs::default() };
        let assembled = assemble(dir.path(), &inputs, selection.clone());
        let concepts = open(dir.path(), &assembled);
        let all = Selection { numeric_names: true, ..Selection::default() };
        for concept in ConceptId::all(concepts.counts().concepts as usize) {
            let taken = concepts.selected_names(concept, &selection);
            assert!(taken.eq(concepts.selected_names(concept, &all)), "the index has only names that were taken");
        }
        (assembled.counts.concepts, assembled.counts.atoms, assembled.tally.numeric)
    };
    assert_eq!(assembled(Selection::default()), (2, 2, 3));
    assert_eq!(assembled(Selection { numeric_names: true, ..Selection::default() }), (3, 5, 0));

    fs_err::write(&table, "cui\tname\nC0000001\t1\n").unwrap();
    let mut collector = StatementCollector::new(dir.path(), Selection::default());
    let inputs = Inputs { tables: vec![(table, Dialect::Tabs)], ..Inputs::default() };
    inputs.read(&|_, _| true, &mut |s| collector.collect(s), Job::silent(), &mut |_, _| {}).unwrap();
    let error = collector.assemble(dir.path(), Job::silent()).unwrap_err().to_string();
    assert!(error.contains("1 are of digits or punctuation alone"), "{error}");
}

#[test]
fn several_inputs_are_merged_by_concept() {
    let dir = tempfile::tempdir().unwrap();
    let (obo, tsv, csv) = (dir.path().join("a.obo"), dir.path().join("a.tsv"), dir.path().join("a.csv"));
    fs_err::write(
        &obo,
        "format-version: 1.2\nontology: xyz\ndata-version: 2026-01-01\n\n\
         [Term]\nid: XYZ:0000001\nname: cardiac infarct\nxref: UMLS:C0027051\nxref: ICD10CM:I21.9\nis_a: XYZ:0000002\n\n\
         [Term]\nid: XYZ:0000002\nname: thing of the heart\nsynonym: \"heart thing\" RELATED []\nalt_id: XYZ:0000003\n",
    )
    .unwrap();
    fs_err::write(&tsv, "cui\tname\tparents\nC0027051\tthe big one\tXYZ:0000003, C0018799\n").unwrap();
    fs_err::write(&csv, "name,cui,term_type,language,source\n\"attack, heart\",C0027051,PT,ENG,WARD\n").unwrap();
    let inputs = Inputs {
        umls: vec![at("META")],
        obo: vec![obo],
        tables: vec![(tsv, Dialect::Tabs), (csv, Dialect::Commas)],
        scopes: vec![Scope::Exact, Scope::Related],
        ..Inputs::default()
    };
    let assembled = assemble(dir.path(), &inputs, Selection::default());
    let concepts = open(dir.path(), &assembled);
    let infarction = concepts.concept("C0027051").unwrap();
    assert_eq!(concepts.preferred_name(infarction), "Myocardial Infarction", "ranked names come first");
    let names: Vec<_> = concepts.atoms(infarction).map(|a| (concepts.atom(a).name, concepts.atom(a).source)).collect();
    for name in [
        ("cardiac infarct", "XYZ"),
        ("the big one", "LOCAL"),
        ("attack, heart", "WARD"),
        ("Heart attack", "SNOMEDCT_US"),
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let codes: Vec<_> = concepts.codes(infarction).map(|c| (c.source, c.code)).collect();
    assert_eq!(codes.iter().filter(|c| **c == ("ICD10CM", "I21.9")).count(), 1, "{codes:?}");
    assert!(codes.contains(&("XYZ", "XYZ:0000001")), "{codes:?}");
    let thing = concepts.concept("XYZ:0000002").unwrap();
    assert_eq!(concepts.atoms(thing).count(), 2);
    let parents: Vec<_> = concepts.related(infarction, Relation::Parent).map(|c| concepts.id(c)).collect();
    assert_eq!(parents, ["C0018799", "C0151744", "XYZ:0000002"], "replaced ids stand for their successors");
    assert_eq!(concepts.retired("XYZ:0000001").unwrap().successors[0].concept, Some(infarction));
    assert_eq!(concepts.retired("XYZ:0000003").unwrap().successors[0].concept, Some(thing));
}

/// An OBO file of `stanzas`, each the lines of a term.
fn obo(path: &Path, stanzas: impl IntoIterator<Item = String>) {
    let terms: String = stanzas.into_iter().map(|lines| format!("\n[Term]\n{lines}\n")).collect();
    fs_err::write(path, format!("format-version: 1.2\nontology: xx\n{terms}")).unwrap();
}

/// The concepts of OBO files.
fn concepts_of(dir: &Path, files: &[&Path]) -> ConceptStore {
    let inputs = Inputs { obo: files.iter().map(|f| f.to_path_buf()).collect(), ..Inputs::default() };
    let assembled = assemble(dir, &Inputs { scopes: vec![Scope::Exact], ..inputs }, Selection::default());
    open(dir, &assembled)
}

#[test]
fn a_mapped_term_is_its_cui_in_every_input() {
    let dir = tempfile::tempdir().unwrap();
    let (mapped, plain) = (dir.path().join("mapped.obo"), dir.path().join("plain.obo"));
    obo(&mapped, ["id: HP:0001250\nname: seizure\nxref: UMLS:C0036572".into()]);
    let child = "id: HP:0007359\nname: focal seizure\nis_a: HP:0001250";
    obo(&plain, ["id: HP:0001250\nname: seizure\nsynonym: \"fit\" EXACT []".into(), child.into()]);
    for files in [[&*mapped, &*plain], [&*plain, &*mapped]] {
        let concepts = concepts_of(dir.path(), &files);
        assert_eq!(concepts.counts().concepts, 2);
        let seizure = concepts.concept("C0036572").unwrap();
        let names: Vec<_> = concepts.atoms(seizure).map(|a| concepts.atom(a).name).collect();
        assert_eq!(names, ["seizure", "fit"]);
        assert_eq!(concepts.retired("HP:0001250").unwrap().successors[0].concept, Some(seizure));
        let child = concepts.concept("HP:0007359").unwrap();
        assert_eq!(concepts.related(child, Relation::Parent).collect::<Vec<_>>(), [seizure]);
        assert_eq!(concepts.concepts_with_code("HPO", "HP:0001250").collect::<Vec<_>>(), [seizure]);
    }
}

#[test]
fn mappings_add_cuis_to_those_of_a_term() {
    let dir = tempfile::tempdir().unwrap();
    let (terms, mappings) = (dir.path().join("terms.obo"), dir.path().join("mappings.sssom.tsv"));
    obo(&terms, ["id: XX:1\nname: one\nxref: UMLS:C0000001".into(), "id: XX:2\nname: two\nis_a: XX:1".into()]);
    let rows = "XX:1\tskos:exactMatch\tUMLS:C0000009\nXX:2\tskos:exactMatch\tUMLS:C0000002\n";
    fs_err::write(&mappings, format!("subject_id\tpredicate_id\tobject_id\n{rows}")).unwrap();
    let inputs = Inputs { obo: vec![terms], sssom: vec![mappings], ..Inputs::default() };
    let concepts = open(dir.path(), &assemble(dir.path(), &inputs, Selection::default()));
    let named: Vec<_> = ConceptId::all(3).map(|c| (concepts.id(c), concepts.preferred_name(c))).collect();
    assert_eq!(named, [("C0000001", "one"), ("C0000002", "two"), ("C0000009", "one")]);
    assert_eq!(concepts.related(ConceptId::new(1), Relation::Parent).collect::<Vec<_>>(), [0, 2].map(ConceptId::new));
    let codes: Vec<_> = concepts.codes(ConceptId::new(2)).map(|c| (c.source, c.code)).collect();
    assert_eq!(codes, [("XX", "XX:1")]);
}

#[test]
fn long_and_circular_histories_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.obo");
    let obsolete =
        |id: &str, replaced_by: &str| format!("id: {id}\nname: x\nis_obsolete: true\nreplaced_by: {replaced_by}");
    let mut terms = vec!["id: XX:9999999\nname: the end\nis_a: CC:0\nis_a: KK:0\nis_a: LL:0".to_owned()];
    terms.extend((0..100_000).map(|i| obsolete(&format!("CC:{i}"), &format!("CC:{}", i + 1))));
    terms.extend((0..200).map(|i| obsolete(&format!("LL:{i}"), &format!("LL:{}", i + 1))));
    terms.push(obsolete("LL:200", "XX:9999999"));
    terms.extend((0..40).map(|i| {
        let others: String = (0..40).map(|j| format!("\nreplaced_by: KK:{j}")).collect();
        format!("id: KK:{i}\nname: x\nis_obsolete: true{others}")
    }));
    obo(&path, terms);
    let concepts = concepts_of(dir.path(), &[&path]);
    let successors =
        |id: &str| concepts.retired(id).unwrap().successors.iter().map(|s| s.id.to_owned()).collect::<Vec<_>>();
    assert_eq!(successors("LL:0"), ["XX:9999999"]);
    assert!(successors("CC:0").is_empty() && successors("KK:0").is_empty());
    assert!(!concepts.retired("KK:0").unwrap().deleted);
    assert_eq!(concepts.related(concepts.concept("XX:9999999").unwrap(), Relation::Parent).count(), 0);
}

#[test]
fn facts_of_hidden_sources_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let (path, tsv) = (dir.path().join("hidden.obo"), dir.path().join("open.tsv"));
    obo(
        &path,
        [
            "id: HP:0000001\nname: secret\nxref: UMLS:C0000001\nxref: SNOMEDCT_US:91175000\nxref: MESH:D000001"
                .to_owned(),
            "id: MONDO:0000005\nname: hidden".into(),
            "id: XX:0000002\nname: x\nis_obsolete: true\nreplaced_by: MONDO:0000005".into(),
        ],
    );
    fs_err::write(&tsv, "cui\tname\tsource\tsource_code\nC0000001\topen\tOPEN\t7\nC0000001\topen\tMSH\tD000001\n")
        .unwrap();
    let inputs = Inputs { obo: vec![path], tables: vec![(tsv, Dialect::Tabs)], ..Inputs::default() };
    let assembled = assemble(dir.path(), &inputs, Selection::default());
    let mut concepts = open(dir.path(), &assembled);
    let codes = |concepts: &ConceptStore| {
        let concept = concepts.concept("C0000001").unwrap();
        concepts.codes(concept).map(|c| c.source.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&concepts), ["HPO", "MSH", "OPEN", "SNOMEDCT_US"]);
    assert_eq!(concepts.concepts_with_code("SNOMEDCT_US", "91175000").count(), 1);
    concepts.hide(&["HPO".into(), "MONDO".into()], None).unwrap();
    assert_eq!(codes(&concepts), ["MSH", "OPEN"], "MSH gives its code itself; only HPO gives the one of SNOMEDCT_US");
    assert_eq!(concepts.concepts_with_code("SNOMEDCT_US", "91175000").count(), 0);
    assert_eq!(concepts.concepts_with_code("MSH", "D000001").count(), 1);
    assert_eq!(concepts.retired("XX:0000002").unwrap().successors, [], "the successor has only names of MONDO");
}
