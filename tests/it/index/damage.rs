//! `index build`, and indexes that were damaged.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use saplink::{
    concepts::{ConceptStore, Filter, FilterRequest, Relation},
    domain::ConceptId,
    encoder::{Device, Encoder, EncoderOptions},
    files::FileSum,
    index::{Index, IndexError},
};
use serde_json::{Value, json};

use crate::support::{RUNTIME, Service, fail, fixture, manifest, root, saplink, signal, starter_index, succeed, wait};

const PARTS: [&str; 8] =
    ["concepts.bin", "rows.bin", "keys.fst", "words.fst", "vectors.bin", "scales.bin", "residuals.bin", "graph.bin"];

const NAMES: &str = "cui\tsource\tsource_code\tterm_type\tsemantic_type\tname\n\
    C0027051\tA\t1\tPT\tT047\tmyocardial infarction\n\
    C0027051\tB\t2\tSY\tT047\theart attack\n\
    C0011849\tA\t3\tPT\tT047\tdiabetes\n\
    C0009443\tA\t4\tPT\tT047\tcold\n\
    C0009264\tA\t5\tPT\tT070\tcold temperature\n\
    C0009264\tB\t6\tSY\tT070\tCold\n";

/// A small index with a tiny model; gives its directory.
fn small(dir: &Path) -> PathBuf {
    let at = |name: &str| dir.join(name).display().to_string();
    fs_err::write(at("names.tsv"), NAMES).unwrap();
    succeed(&["model", "import", fixture("tiny").to_str().unwrap(), "--out", &at("tiny"), "--precision", "int8"]);
    succeed(&["index", "build", "--tsv", &at("names.tsv"), "--model", &at("tiny"), "--out", &at("small index")]);
    dir.join("small index")
}

/// As [`small`], with all that a terminology can say of a concept.
fn rich(dir: &Path) -> PathBuf {
    small(dir);
    let at = |name: &str| dir.join(name).display().to_string();
    let of = |name: &str| fixture("terminology").join(name).display().to_string();
    let inputs = ["--tsv", &at("names.tsv"), "--umls", &of("META"), "--obo", &of("small.obo"), "--max-bad-rows", "50%"];
    let places = ["--model", &at("tiny"), "--out", &at("rich index")];
    succeed(&[&["index", "build"], &inputs[..], &places[..]].concat());
    dir.join("rich index")
}

#[test]
fn built_and_described() {
    let dir = tempfile::tempdir().unwrap();
    let index = small(dir.path());
    let text = succeed(&["index", "info", index.to_str().unwrap()]);
    for expected in ["small index", "concepts     4", "names        6, of which 5 distinct", "A: 4 names", "names.tsv"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let manifest: Value =
        serde_json::from_str(&succeed(&["index", "info", index.to_str().unwrap(), "--json"])).unwrap();
    assert_eq!(manifest["counts"]["rows"], 5);
    let (tsv, model) = (dir.path().join("names.tsv"), dir.path().join("tiny"));
    let again = [
        "index",
        "build",
        "--tsv",
        tsv.to_str().unwrap(),
        "--model",
        model.to_str().unwrap(),
        "--out",
        index.to_str().unwrap(),
    ];
    assert!(fail(&again).contains("exists already (use --force"));
    succeed(&[&again[..], &["--force"]].concat());
}

#[test]
fn the_same_names_give_the_same_index() {
    let dir = tempfile::tempdir().unwrap();
    let build = || fs_err::read_to_string(numbered(dir.path(), 3000, &[]).join("index.json")).unwrap();
    assert!(build() == build());
}

#[test]
fn bad_input_is_named_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let error = |tsv: &str, model: &str| fail(&["index", "build", "--tsv", tsv, "--model", model, "--out", &at("out")]);
    let model = "models/saplink-mini";
    assert!(error(&at("none.tsv"), model).contains("none.tsv"));
    fs_err::write(at("bad.tsv"), "cui\tname\nC0027051\theart attack\nX\ty\n").unwrap();
    assert!(error(&at("bad.tsv"), model).contains("bad.tsv:3: `X` is neither a CUI"));
    fs_err::write(at("good.tsv"), NAMES).unwrap();
    assert!(error(&at("good.tsv"), &at("no model")).contains("no model"));
    assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 2, "only the two inputs are there");
}

#[test]
fn an_interrupted_build_leaves_nothing_and_a_killed_one_is_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let parts = || fs_err::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let out = dir.path().join("starter");
    let build = || {
        let mut child = saplink(&["index", "build", "--tsv", "index/starter.tsv", "--out", out.to_str().unwrap()])
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while parts().is_empty() {
            assert!(child.try_wait().unwrap().is_none(), "it ended too early");
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(300));
        child
    };
    let mut child = build();
    signal(child.id(), "INT");
    assert_eq!(wait(&mut child, Duration::from_secs(20)), Some(130));
    assert!(parts().is_empty(), "{:?}", parts());

    let mut child = build();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(parts().len(), 1);
    assert!(!out.exists(), "the index itself never appeared");
    let tsv = dir.path().join("names.tsv");
    fs_err::write(&tsv, NAMES).unwrap();
    succeed(&["index", "build", "--tsv", tsv.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(parts().len(), 2, "what the killed build left is gone: {:?}", parts());
}

#[test]
fn a_name_with_thousands_of_owners_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    small(dir.path());
    let at = |name: &str| dir.path().join(name).display().to_string();
    let owners: String = (0..20_000).map(|i| format!("C{i:07}\tshared name\n")).collect();
    fs_err::write(at("same.tsv"), format!("cui\tname\n{owners}")).unwrap();
    let places = ["--tsv", &at("same.tsv"), "--model", &at("tiny"), "--out", &at("same")];
    succeed(&[&["index", "build"], &places[..]].concat());
    let service = Service::spawn(&["--index", &at("same"), "--model", &at("tiny")]);
    service.wait_until_ready();
    let started = Instant::now();
    for mention in ["shared name", "a shared names"] {
        let answer = service.link(&json!({"mention": mention, "top_k": 1, "min_score": -1.0})).json();
        let candidates = answer["results"][0]["candidates"].as_array().unwrap();
        assert_eq!(candidates.len(), 1000, "{mention}");
        assert_eq!(candidates[0]["cui"], "C0000000");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// A generator of numbers that are the same in every run.
pub(crate) struct Numbers(pub u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs_err::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

pub(crate) fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    match numbers.below(3) {
        0 => bytes.truncate(numbers.below(bytes.len())),
        1 => bytes.push(numbers.below(256) as u8),
        _ => {
            let i = numbers.below(bytes.len());
            bytes[i] ^= 1 << numbers.below(8);
        }
    }
}

#[test]
fn a_thousand_damages_are_typed_errors() {
    let dir = tempfile::tempdir().unwrap();
    let (index, copied) = (rich(dir.path()), dir.path().join("damaged"));
    let mut numbers = Numbers(1);
    for part in PARTS.into_iter().chain(["index.json"]) {
        copy(&index, &copied);
        let whole = fs_err::read(index.join(part)).unwrap();
        for _ in 0..300 {
            let mut bytes = whole.clone();
            damage(&mut bytes, &mut numbers);
            fs_err::write(copied.join(part), &bytes).unwrap();
            let error = Index::open(&copied).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
    copy(&index, &copied);
    for part in PARTS.into_iter().chain(["index.json"]) {
        fs_err::remove_file(copied.join(part)).unwrap();
        assert!(Index::open(&copied).err().unwrap().to_string().contains(part));
        copy(&index, &copied);
    }
}

#[test]
fn parts_of_another_index_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (index, copied) = (rich(dir.path()), dir.path().join("mixed"));
    let other = dir.path().join("small index");
    for part in PARTS {
        copy(&index, &copied);
        fs_err::copy(other.join(part), copied.join(part)).unwrap();
        let error = Index::open(&copied).err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    }
    // Two parts of one index, each under the name of the other.
    copy(&index, &copied);
    for (part, by) in [("keys.fst", "words.fst"), ("words.fst", "keys.fst")] {
        fs_err::copy(index.join(by), copied.join(part)).unwrap();
    }
    assert!(matches!(Index::open(&copied), Err(IndexError::File(_))));
}

/// Indexes that people have, made by the versions that wrote these formats.
#[test]
fn indexes_of_older_formats_are_refused_by_name() {
    for format in [1, 2] {
        let index = fixture(&format!("index_v{format}"));
        let error = fail(&["index", "info", index.to_str().unwrap()]);
        assert!(
            error.contains("index.json") && error.contains(&format!("format {format} where this saplink reads")),
            "{error}"
        );
        assert!(error.contains("make it again"), "{error}");
    }
}

/// The present format: an index that a later version must open, or refuse by name.
#[test]
fn an_index_of_this_format_opens_and_answers() {
    let index = Index::open(&fixture("index_v3")).unwrap();
    assert_eq!(index.manifest().format, 3);
    let concepts = index.concepts();
    assert_eq!((concepts.counts().concepts, concepts.counts().rows), (4, 5));
    let row = concepts.name_id("heart attack").unwrap();
    assert_eq!(concepts.id(concepts.concept_of_atom(concepts.atoms_of_name(row)[0])), "C0027051");
    let everything = Filter::new(&FilterRequest::default(), concepts);
    let mut query = vec![0.0; 32];
    query[0] = 1.0;
    let found = index.search(&query, 4, &everything);
    assert_eq!(found.len(), 4);
    assert_eq!(found, index.search_exact(&query, 4, &everything));
}

/// Reads all that there is, which must not panic, whatever it gives.
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

/// An index of names that are numbers, so many that its graph is searched; gives its directory.
fn numbered(dir: &Path, names: usize, options: &[&str]) -> PathBuf {
    let at = |name: &str| dir.join(name).display().to_string();
    if !dir.join("tiny").exists() {
        succeed(&["model", "import", fixture("tiny").to_str().unwrap(), "--out", &at("tiny"), "--precision", "int8"]);
    }
    let names: Vec<_> = (0..names).map(|i| format!("C{i:07}\t{}", i * 7919)).collect();
    fs_err::write(at("numbers.tsv"), format!("cui\tname\n{}\n", names.join("\n"))).unwrap();
    let places =
        ["index", "build", "--tsv", &at("numbers.tsv"), "--model", &at("tiny"), "--out", &at("numbers"), "--force"];
    succeed(&[&places[..], options].concat());
    dir.join("numbers")
}

/// As below, of the parts that a search reads once it walks the graph.
#[test]
fn a_search_of_a_damaged_graph_does_not_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (index, copied) = (numbered(dir.path(), 3000, &["--ef-search", "16"]), dir.path().join("damaged"));
    let manifest = manifest(&index.join("index.json"));
    let mut numbers = Numbers(3);
    let mut opened = 0;
    for part in ["vectors.bin", "scales.bin", "residuals.bin", "graph.bin"] {
        copy(&index, &copied);
        let whole = fs_err::read(index.join(part)).unwrap();
        for _ in 0..150 {
            let mut bytes = whole.clone();
            match numbers.below(4) {
                0 => damage(&mut bytes, &mut numbers),
                _ => (0..100).for_each(|_| {
                    let i = numbers.below(bytes.len());
                    bytes[i] = numbers.below(256) as u8;
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
    assert!(opened > 300, "most damage of these parts shows only in what is found: {opened}");
}

/// Damage that comes with matching checksums must still not crash: an error, or an index that answers something.
#[test]
fn damage_behind_right_checksums_does_not_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (index, copied) = (rich(dir.path()), dir.path().join("damaged"));
    let manifest = manifest(&index.join("index.json"));
    let mut numbers = Numbers(2);
    let mut opened = 0;
    for part in PARTS {
        copy(&index, &copied);
        let whole = fs_err::read(index.join(part)).unwrap();
        for _ in 0..400 {
            let mut bytes = whole.clone();
            damage(&mut bytes, &mut numbers);
            fs_err::write(copied.join(part), &bytes).unwrap();
            let mut manifest = manifest.clone();
            let sum = FileSum::of(&copied.join(part)).unwrap();
            manifest["files"][part] = serde_json::to_value(sum).unwrap();
            fs_err::write(copied.join("index.json"), manifest.to_string()).unwrap();
            if let Ok(index) = Index::open(&copied) {
                opened += 1;
                let open = Filter::new(&FilterRequest::default(), index.concepts());
                let mut query = vec![0.0; 32];
                query[numbers.below(32)] = 1.0;
                index.search(&query, 3, &open);
                read_everything(index.concepts(), &open);
            }
        }
    }
    assert!(opened > 100, "some damage is harmless: {opened}");
}

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
            let row = index.concepts().name_id(&saplink::text::key(index.concepts().atom(atom).name)).unwrap();
            assert!(index.concepts().atoms_of_name(row).contains(&atom));
            assert_eq!(index.concepts().concept_of_atom(atom), concept);
            atoms += 1;
        }
    }
    assert_eq!(atoms, counts.atoms);
}
