//! Open terminologies beside the checkout: counts of concepts, names and codes, compared with a
//! simple count over their files.
//!
//! These data are not part of the project. Without them the tests print that they are skipped.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::Read,
    path::{Path, PathBuf},
};

use saplink::{
    concepts::{Selection, StoreSummary},
    terminology::{BadRows, Dialect, Inputs, Scope},
};
use serde_json::Value;

use crate::{
    index::{
        replay::{assert_adding_equals_building, assert_round_trip, collect},
        terminologies::assemble,
    },
    support::root,
};

/// A path in the data beside the checkout; prints that the test is skipped if it does not exist.
fn shared(part: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data").join(part);
    if !path.exists() {
        eprintln!("skipped: {part} is not beside this checkout");
    }
    path.exists().then_some(path)
}

/// The text of a compressed file.
fn text_of(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(fs_err::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// A name as the index holds it: with characters in place of HTML entities, so that two names that
/// differ by an entity are one. These files have no other entities.
fn without_entities(name: &str) -> String {
    name.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// An id with the prefix in capitals where the files have it in both cases.
fn canonical(id: &str) -> String {
    match id.split_once(':') {
        Some((prefix @ ("chebi" | "cl" | "go" | "hp"), local)) => format!("{}:{local}", prefix.to_uppercase()),
        _ => id.to_owned(),
    }
}

/// Numbers of concepts, names and codes.
type Counts = (usize, usize, usize);

fn counts(assembled: &StoreSummary) -> Counts {
    let codes: u64 = assembled.sources.iter().map(|s| s.codes).sum();
    (assembled.counts.concepts as usize, assembled.counts.atoms as usize, codes as usize)
}

/// Counts distinct concepts, names (with source, code and term type) and codes (with concept) in
/// columns of a table.
fn counts_of_columns(text: &str, separator: char, columns: [usize; 5]) -> Counts {
    let (mut concepts, mut names, mut codes) = (HashSet::new(), HashSet::new(), HashSet::new());
    for line in text.lines() {
        let fields: Vec<&str> = line.split(separator).collect();
        let [concept, source, term_type, code, name] = columns.map(|c| fields[c]);
        let concept = canonical(concept);
        concepts.insert(concept.clone());
        names.insert((concept.clone(), source, term_type, code, without_entities(name)));
        if !code.is_empty() {
            codes.insert((concept, source, code));
        }
    }
    (concepts.len(), names.len(), codes.len())
}

#[test]
fn releases_and_tables_have_the_counts_of_their_files() {
    let Some(meta) = shared("umls-open") else { return };
    let dir = tempfile::tempdir().unwrap();
    let all = Selection { languages: vec![], numeric_names: true, ..Selection::default() };
    let read = |inputs: Inputs| counts(&assemble(dir.path(), &inputs, all.clone()));
    let expected = counts_of_columns(&text_of(&meta.join("META/MRCONSO.RRF.gz")), '|', [0, 11, 12, 13, 14]);
    assert_eq!(read(Inputs { umls: vec![meta], ..Inputs::default() }), expected);
    for file in ["open_concepts.tsv.gz", "synonyms_without_cui.tsv.gz"] {
        let path = shared("terminology").unwrap().join(file);
        let text = text_of(&path);
        let expected = counts_of_columns(text.split_once('\n').unwrap().1, '\t', [0, 1, 3, 2, 5]);
        assert_eq!(read(Inputs { tables: vec![(path, Dialect::Tabs)], ..Inputs::default() }), expected, "{file}");
    }
}

/// A term, as a simple reader of lines or JSON finds it.
#[derive(Default)]
struct Term {
    id: String,
    name: String,
    /// Text, and whether it is an abbreviation.
    synonyms: Vec<(String, bool)>,
    xrefs: Vec<String>,
    obsolete: bool,
}

fn counts_of_terms(terms: &[Term]) -> Counts {
    let (mut concepts, mut names, mut codes) = (HashSet::new(), HashSet::new(), HashSet::new());
    for term in terms.iter().filter(|t| !t.obsolete && !t.name.is_empty()) {
        let cui = |x: &String| x.strip_prefix("UMLS:").or(x.strip_prefix("UMLS_CUI:")).map(str::to_owned);
        let mut ids: BTreeSet<String> = term.xrefs.iter().filter_map(cui).filter(|c| c.len() == 8).collect();
        if ids.is_empty() {
            ids.insert(term.id.clone());
        }
        for id in ids {
            names.insert((id.clone(), "PT", without_entities(&term.name), term.id.clone()));
            let synonym = |(text, short): &(String, bool)| {
                (id.clone(), if *short { "AB" } else { "SY" }, without_entities(text), term.id.clone())
            };
            names.extend(term.synonyms.iter().map(synonym));
            codes.insert((id.clone(), term.id.clone()));
            let counted = term.xrefs.iter().filter(|x| is_code(x)).map(|x| (id.clone(), without_version(x)));
            codes.extend(counted);
            concepts.insert(id);
        }
    }
    (concepts.len(), names.len(), codes.len())
}

fn is_code(xref: &str) -> bool {
    let Some((prefix, local)) = xref.split_once(':') else { return false };
    let none = ["umls", "umls_cui", "http", "https", "url", "pmid", "doi", "isbn", "orcid", "wikipedia"];
    !none.contains(&prefix.to_lowercase().as_str()) && local.bytes().any(|b| b.is_ascii_digit()) && !local.contains(' ')
}

/// Maps `SNOMEDCT_US_2025_09_01:1` and `SNOMEDCT_US_2022_03_01:1` to one code, and `OMIM:1` to
/// `MIM:1`.
fn without_version(xref: &str) -> String {
    let (prefix, local) = xref.split_once(':').unwrap();
    let kept: Vec<&str> = prefix.split('_').filter(|part| !part.bytes().all(|b| b.is_ascii_digit())).collect();
    let prefix = match kept.join("_").as_str() {
        "OMIM" => "MIM".to_owned(),
        other => other.to_owned(),
    };
    format!("{prefix}:{local}")
}

/// The terms of an OBO file, read line by line.
fn obo_terms(text: &str) -> Vec<Term> {
    let stanzas = text.split("\n[").skip(1).filter_map(|s| s.strip_prefix("Term]"));
    let term = |stanza: &str| {
        let (mut term, mut same, mut other) = (Term::default(), vec![], vec![]);
        for line in stanza.lines() {
            let Some((tag, value)) = line.split_once(": ") else { continue };
            let quoted = || value.split('"').nth(1).unwrap().to_owned();
            match tag {
                "id" => term.id = value.to_owned(),
                "name" => term.name = value.replace('\\', ""),
                "synonym" if value.splitn(3, '"').nth(2).unwrap().trim_start().starts_with("EXACT") => {
                    term.synonyms.push((quoted(), value.contains("EXACT HP:0045077")));
                }
                "xref" => {
                    let target = value.split([' ', '{']).next().unwrap().replace('\\', "");
                    term.xrefs.push(target.replace("http://linkedlifedata.com/resource/umls/id/", "UMLS:"));
                }
                "property_value" if value.starts_with("skos:exactMatch") => same.push(quoted()),
                // A relation that says that a cross-reference is not the term itself.
                "property_value" if value.starts_with("skos:") => other.push(quoted()),
                // The id of an anonymous term has no meaning outside its file.
                "is_obsolete" | "is_anonymous" => term.obsolete |= value == "true",
                _ => {}
            }
        }
        term.xrefs.retain(|xref| !other.contains(xref));
        term.xrefs.extend(same);
        term
    };
    stanzas.map(term).collect()
}

/// The terms of an OBO Graph, read as one JSON value.
fn graph_terms(text: &str) -> Vec<Term> {
    let graph: Value = serde_json::from_str(text).unwrap();
    let nodes = graph["graphs"].as_array().unwrap().iter().flat_map(|g| g["nodes"].as_array().unwrap());
    let list = |list: &Value| list.as_array().cloned().unwrap_or_default().into_iter();
    let text = |v: Value| v["val"].as_str().unwrap().to_owned();
    let synonym = |s: Value| {
        let short = s["synonymType"].as_str().is_some_and(|t| t.ends_with("abbreviation"));
        (text(s), short)
    };
    let term = |node: &Value| {
        let id = node["id"].as_str().unwrap().rsplit('/').next().unwrap().replacen('_', ":", 1);
        Term {
            id,
            name: node["lbl"].as_str().unwrap_or_default().to_owned(),
            synonyms: list(&node["meta"]["synonyms"]).filter(|s| s["pred"] == "hasExactSynonym").map(synonym).collect(),
            xrefs: list(&node["meta"]["xrefs"]).map(text).collect(),
            obsolete: node["meta"]["deprecated"] == true,
        }
    };
    // A node without a type is a term, too.
    nodes.filter(|n| n["type"] == "CLASS" || n["type"].is_null()).map(term).collect()
}

#[test]
fn ontologies_and_mappings_have_the_counts_of_their_files() {
    let Some(originals) = shared("terminology/originals") else { return };
    let dir = tempfile::tempdir().unwrap();
    let read = |inputs: Inputs| {
        let inputs = Inputs { scopes: vec![Scope::Exact], bad_rows: BadRows::Number(0), ..inputs };
        counts(&assemble(dir.path(), &inputs, Selection::default()))
    };
    let mut seen = BTreeMap::new();
    for file in ["symp", "doid-ncithesaurus-subset", "hp-2017-04-13", "uberon-circulatory-minimal"] {
        let path = originals.join(format!("{file}.obo.gz"));
        let expected = counts_of_terms(&obo_terms(&text_of(&path)));
        seen.insert(file, (read(Inputs { obo: vec![path], ..Inputs::default() }), expected));
    }
    for file in ["hp", "uberon-circulatory-minimal"] {
        let path = originals.join(format!("{file}.json.gz"));
        let expected = counts_of_terms(&graph_terms(&text_of(&path)));
        let key = if file == "hp" { "hp.json" } else { "uberon.json" };
        seen.insert(key, (read(Inputs { obograph: vec![path], ..Inputs::default() }), expected));
    }
    let path = originals.join("mondo_exactmatch_umls.sssom.tsv.gz");
    let text = text_of(&path);
    let rows = text.lines().filter(|l| l.contains("\tskos:exactMatch\tUMLS:C"));
    let pairs: HashSet<_> = rows.map(|l| (l.split('\t').nth(3).unwrap(), l.split('\t').next().unwrap())).collect();
    let cuis = pairs.iter().map(|(cui, _)| cui).collect::<HashSet<_>>().len();
    seen.insert("mondo", (read(Inputs { sssom: vec![path], ..Inputs::default() }), (cuis, pairs.len(), pairs.len())));
    for (file, (found, expected)) in &seen {
        eprintln!("{file}: concepts, names, codes {found:?}");
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn an_index_of_open_data_replays_and_accepts_more_inputs() {
    let (Some(meta), Some(terminology)) = (shared("umls-open"), shared("terminology")) else { return };
    let original = |name: &str| terminology.join("originals").join(name);
    let ontologies = ["symp", "doid-ncithesaurus-subset", "hp-2017-04-13", "uberon-circulatory-minimal"];
    let inputs = Inputs {
        umls: vec![meta],
        obo: ontologies.map(|name| original(&format!("{name}.obo.gz"))).into(),
        ..Inputs::default()
    };
    let all = Selection { languages: vec![], include_suppressed: true, ..Selection::default() };
    assert_round_trip(&all, &|collector| collect(&inputs, &all, collector));
    let chosen = Selection { semantic_groups: vec!["DISO".into()], max_names_per_concept: Some(3), ..all.clone() };
    assert_round_trip(&chosen, &|collector| collect(&inputs, &chosen, collector));
    let added = Inputs {
        sssom: vec![original("mondo_exactmatch_umls.sssom.tsv.gz")],
        tables: vec![(terminology.join("open_concepts.tsv.gz"), Dialect::Tabs)],
        ..Inputs::default()
    };
    assert_adding_equals_building(&all, &inputs, &added);
}
