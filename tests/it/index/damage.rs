//! Damaged indexes: errors that name the file, and no crash.

use saplink::{
    concepts::{ConceptStore, Filter, FilterRequest, Relation},
    domain::ConceptId,
    files::FileSum,
    index::{Index, IndexError},
};

use crate::support::{
    TestRng, copy_dir, damage, manifest,
    small_index::{full_index, numbered_index},
};

/// The files of an index beside its manifest.
const PARTS: [&str; 8] =
    ["concepts.bin", "rows.bin", "keys.fst", "words.fst", "vectors.bin", "scales.bin", "residuals.bin", "graph.bin"];

#[test]
fn damaged_files_give_typed_errors() {
    let dir = tempfile::tempdir().unwrap();
    let (index, copied) = (full_index(dir.path()), dir.path().join("damaged"));
    let mut rng = TestRng(1);
    for part in PARTS.into_iter().chain(["index.json"]) {
        copy_dir(&index, &copied);
        let original = fs_err::read(index.join(part)).unwrap();
        for _ in 0..300 {
            let mut bytes = original.clone();
            damage(&mut bytes, &mut rng);
            fs_err::write(copied.join(part), &bytes).unwrap();
            let error = Index::open(&copied).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
    copy_dir(&index, &copied);
    for part in PARTS.into_iter().chain(["index.json"]) {
        fs_err::remove_file(copied.join(part)).unwrap();
        assert!(Index::open(&copied).err().unwrap().to_string().contains(part));
        copy_dir(&index, &copied);
    }
}

#[test]
fn files_of_another_index_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (index, copied) = (full_index(dir.path()), dir.path().join("mixed"));
    let other = dir.path().join("small index");
    for part in PARTS {
        copy_dir(&index, &copied);
        fs_err::copy(other.join(part), copied.join(part)).unwrap();
        let error = Index::open(&copied).err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    }
    // Two files of one index under each other's name.
    copy_dir(&index, &copied);
    for (part, other) in [("keys.fst", "words.fst"), ("words.fst", "keys.fst")] {
        fs_err::copy(index.join(other), copied.join(part)).unwrap();
    }
    assert!(matches!(Index::open(&copied), Err(IndexError::File(_))));
}

/// Reads every fact; no read may panic.
fn read_everything(concepts: &ConceptStore, filter: &Filter) {
    for concept in ConceptId::all(concepts.counts().concepts as usize + 1) {
        concepts.concept(concepts.id(concept));
        concepts.preferred_name(concept);
        concepts.semantic_types(concept);
        concepts.atoms(concept).for_each(|atom| assert!(concepts.atom(atom).name.len() < 10_000));
        concepts.definitions(concept).for_each(|d| assert!(d.text.len() < 10_000));
        for code in concepts.codes(concept) {
            concepts.concepts_with_code(code.source, code.code).count();
        }
        for relation in Relation::ALL {
            concepts.related(concept, relation).for_each(|other| _ = concepts.preferred_name(other));
        }
    }
    for id in ["C0027051", "C0000001", "C0000004", "C0000007", "XYZ:0000001", "XYZ:0000004", "XYZ:0000012"] {
        concepts.retired(id);
    }
    for query in ["cold", "c", "co", "myocardial infraction", "zzz"] {
        concepts.find(query, filter, 0, 10);
    }
}

/// Damage with matching checksums, in the files that a search of the graph reads.
#[test]
fn searches_of_a_damaged_graph_do_not_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (index, copied) = (numbered_index(dir.path(), 3000, &["--ef-search", "16"]), dir.path().join("damaged"));
    let manifest = manifest(&index.join("index.json"));
    let mut rng = TestRng(3);
    let mut opened = 0;
    for part in ["vectors.bin", "scales.bin", "residuals.bin", "graph.bin"] {
        copy_dir(&index, &copied);
        let original = fs_err::read(index.join(part)).unwrap();
        for _ in 0..150 {
            let mut bytes = original.clone();
            match rng.below(4) {
                0 => damage(&mut bytes, &mut rng),
                _ => (0..100).for_each(|_| {
                    let i = rng.below(bytes.len());
                    bytes[i] = rng.below(256) as u8;
                }),
            }
            fs_err::write(copied.join(part), &bytes).unwrap();
            let mut manifest = manifest.clone();
            manifest["files"][part] = serde_json::to_value(FileSum::of(&copied.join(part)).unwrap()).unwrap();
            fs_err::write(copied.join("index.json"), manifest.to_string()).unwrap();
            if let Ok(index) = Index::open(&copied) {
                opened += 1;
                let open = Filter::new(&FilterRequest::default(), index.concepts());
                for i in 0..8 {
                    let mut query = vec![0.1; 32];
                    query[i * 4] = -1.0;
                    assert!(index.search(&query, 3, &open).iter().all(|hit| hit.score.is_finite()));
                }
            }
        }
    }
    assert!(opened > 300, "most damaged indexes open, because these files have no structure to check: {opened}");
}

/// Damage with matching checksums gives an error or an index that answers, and no crash.
#[test]
fn damage_with_matching_checksums_does_not_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (index, copied) = (full_index(dir.path()), dir.path().join("damaged"));
    let manifest = manifest(&index.join("index.json"));
    let mut rng = TestRng(2);
    let mut opened = 0;
    for part in PARTS {
        copy_dir(&index, &copied);
        let original = fs_err::read(index.join(part)).unwrap();
        for _ in 0..400 {
            let mut bytes = original.clone();
            damage(&mut bytes, &mut rng);
            fs_err::write(copied.join(part), &bytes).unwrap();
            let mut manifest = manifest.clone();
            let sum = FileSum::of(&copied.join(part)).unwrap();
            manifest["files"][part] = serde_json::to_value(sum).unwrap();
            fs_err::write(copied.join("index.json"), manifest.to_string()).unwrap();
            if let Ok(index) = Index::open(&copied) {
                opened += 1;
                let open = Filter::new(&FilterRequest::default(), index.concepts());
                let mut query = vec![0.0; 32];
                query[rng.below(32)] = 1.0;
                index.search(&query, 3, &open);
                read_everything(index.concepts(), &open);
            }
        }
    }
    assert!(opened > 100, "too few damaged indexes opened: {opened}");
}
