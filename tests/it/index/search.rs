//! Searches of the starter index, compared with the exact scan.

use saplink::{
    concepts::{Filter, FilterRequest},
    domain::ConceptId,
    encoder::{Device, Encoder, EncoderOptions},
    index::Index,
};

use crate::support::{RUNTIME, root, starter_index};

#[test]
fn search_is_nearly_exact_with_and_without_filters() {
    let index = Index::open(starter_index()).unwrap();
    let options = EncoderOptions { device: Device::Cpu, sessions: None, threads: None };
    let encoder = Encoder::load(&RUNTIME, &root().join("models/saplink-mini"), options).unwrap();
    let words = ["acute", "chronic", "left", "pain", "swollen", "cancer", "infection", "test", "tablet", "bone"];
    let texts: Vec<String> = words.iter().flat_map(|a| words.map(|b| format!("{a} {b} problem"))).collect();
    let vectors = encoder.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let types = |tuis: &[&str]| FilterRequest {
        semantic_types: tuis.iter().map(|t| (*t).into()).collect(),
        ..FilterRequest::default()
    };
    for request in [
        types(&[]),
        types(&["T047"]),
        types(&["T047", "T184", "T033"]),
        types(&["T121"]),
        types(&["T005"]),
        types(&["T056"]),
    ] {
        let filter = Filter::new(&request, index.concepts());
        let (mut same, mut all) = (0, 0);
        for vector in vectors.chunks_exact(encoder.dimensions()) {
            let (found, exact) = (index.search(vector, 10, &filter), index.search_exact(vector, 10, &filter));
            assert_eq!(found.len(), exact.len(), "{request:?}");
            all += exact.len();
            same += exact.iter().filter(|e| found.iter().any(|f| f.concept == e.concept)).count();
        }
        assert!(same as f64 >= 0.99 * all as f64, "{request:?}: {same} of {all}");
    }
}

#[test]
fn every_name_finds_itself() {
    let index = Index::open(starter_index()).unwrap();
    let counts = index.manifest().counts;
    assert_eq!(index.concepts().counts(), counts);
    let mut atoms = 0;
    for concept in ConceptId::all(counts.concepts as usize) {
        for atom in index.concepts().atoms(concept) {
            let row = index.concepts().name_id(&saplink::text::normalize(index.concepts().atom(atom).name)).unwrap();
            assert!(index.concepts().atoms_of_name(row).contains(&atom));
            assert_eq!(index.concepts().concept_of_atom(atom), concept);
            atoms += 1;
        }
    }
    assert_eq!(atoms, counts.atoms);
}
