//! The starter vocabulary: form, size, and CUIs compared with public data.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io::Read,
    path::Path,
};

use saplink::{domain::semantic_type, text};

use crate::support::{root, starter::rows};

#[test]
fn every_row_is_well_formed() {
    let mut concepts: BTreeMap<String, (usize, BTreeSet<String>, Vec<String>)> = BTreeMap::new();
    for (atom, types) in rows() {
        let id = &atom.concept;
        assert!(id.len() == 8 && id.starts_with('C'), "{id} is no CUI");
        assert_eq!(atom.source, "SAPLINK", "{id}");
        assert!(["PT", "SY", "AB"].contains(&atom.term_type.as_str()), "{id}: {}", atom.term_type);
        assert!(!types.is_empty() && types.iter().all(|t| semantic_type::position(t).is_some()), "{id}");
        let (preferred, names, of_types) = concepts.entry(id.clone()).or_insert((0, BTreeSet::new(), types.clone()));
        *preferred += usize::from(atom.term_type == "PT");
        assert!(names.insert(atom.name.to_lowercase()), "{id}: {} occurs twice", atom.name);
        assert_eq!(*of_types, types, "{id}: all rows have the same types");
    }
    assert!(concepts.values().all(|(preferred, ..)| *preferred == 1), "each concept has one preferred term");
    let names: usize = concepts.values().map(|(_, names, _)| names.len()).sum();
    assert!(concepts.len() >= 2000 && names >= 8000, "{} concepts, {names} names", concepts.len());
    for group in ["DISO", "ANAT", "CHEM", "PROC", "LIVB", "DEVI", "PHYS"] {
        let of_group = |types: &Vec<String>| {
            types.iter().any(|t| semantic_type::SEMANTIC_TYPES[semantic_type::position(t).unwrap()].group == group)
        };
        assert!(concepts.values().any(|(.., types)| of_group(types)), "no concept of group {group}");
    }
}

fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    let file = fs_err::File::open(path).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

/// The names of each CUI in the public data beside the checkout.
fn reference(shared: &Path) -> HashMap<String, HashSet<String>> {
    let mut names: HashMap<String, HashSet<String>> = HashMap::new();
    for line in gunzip(&shared.join("data/terminology/open_concepts.tsv.gz")).lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        names.entry(fields[0].into()).or_default().insert(text::normalize(fields[5]));
    }
    for file in ["queries.train.tsv.gz", "queries.dev.raw.tsv.gz"] {
        for line in gunzip(&shared.join("data/eval/medmentions-st21pv").join(file)).lines() {
            let (mention, cuis) = line.split_once('\t').unwrap();
            for cui in cuis.split('|') {
                names.entry(cui.into()).or_default().insert(text::normalize(mention));
            }
        }
    }
    names
}

#[test]
fn every_cui_is_confirmed_by_public_data() {
    let shared = root().join("../shared");
    if !shared.join("data").is_dir() {
        eprintln!("skipped: the reference data are not beside this checkout");
        return;
    }
    let reference = reference(&shared);
    let mut concepts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (atom, _) in rows() {
        concepts.entry(atom.concept).or_default().push(text::normalize(&atom.name));
    }
    // Concepts of drugs and procedures that the reference data lack, with other public sources.
    let listed = fs_err::read_to_string(root().join("index/confirmed.tsv")).unwrap();
    let listed: HashSet<&str> = listed.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    assert!(listed.iter().all(|cui| concepts.contains_key(*cui)), "index/confirmed.tsv has a CUI of no concept");
    concepts.retain(|cui, _| !listed.contains(cui.as_str()));
    let (mut same, mut unconfirmed) = (0, vec![]);
    for (cui, ours) in &concepts {
        let Some(theirs) = reference.get(cui) else {
            unconfirmed.push(cui);
            continue;
        };
        // Either a name is equal, or words of two names have a common stem.
        let stems = |name: &String| -> Vec<String> {
            name.split(' ').filter(|w| w.chars().count() > 2).map(|w| w.chars().take(5).collect()).collect()
        };
        let stems_of: HashSet<String> = theirs.iter().flat_map(stems).collect();
        if ours.iter().any(|n| theirs.contains(n)) {
            same += 1;
        } else if !ours.iter().flat_map(stems).any(|s| stems_of.contains(&s)) {
            unconfirmed.push(cui);
        }
    }
    assert!(unconfirmed.is_empty(), "not confirmed: {unconfirmed:?}");
    assert!(same * 100 >= concepts.len() * 97, "only {same} of {} share a name", concepts.len());
}
