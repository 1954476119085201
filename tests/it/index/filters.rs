//! Filtered searches of a large index, compared with the exact scan.

use std::cell::Cell;

use saplink::{
    ann::{GraphParameters, VectorPrecision},
    concepts::{Filter, FilterRequest, Selection, StatementCollector},
    domain::{AtomRef, Statement},
    files::StagedDir,
    index::{BuildOptions, Index, IndexError, MANIFEST, ModelReference, SearchTarget, build},
    job::Job,
};

const NAMES: usize = 100_000;

const DIMENSIONS: usize = 32;

/// Seeds of the vectors of names, mentions and queries.
const NAME_SEED: u64 = 2_000_000;

const MENTION_SEED: u64 = 3_000_000;

const QUERY_SEED: u64 = 4_000_000;

/// A semantic type, and `n` where every `n`-th concept has it.
const TYPES: [(&str, usize); 7] =
    [("T047", 1), ("T184", 2), ("T033", 10), ("T121", 100), ("T005", 1000), ("T074", 10_000), ("T131", 100_000)];

/// A semantic type, and how many of the first concepts have it. Their vectors are near each other.
const CLUSTERED: [(&str, usize); 3] = [("T190", 50_000), ("T191", 5000), ("T046", 300)];

/// Random numbers between -1 and 1, the same in every run.
fn noise(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
}

/// A unit vector near the vectors of the same hundred numbers; another seed gives another one.
fn vector(number: u64, seed: u64) -> Vec<f32> {
    let near = noise(number / 100 + 1).skip(8).zip(noise(number / 5000 + 1_000_000).skip(8));
    let itself = noise(number + seed).skip(8);
    let vector: Vec<f32> = near.zip(itself).map(|((a, b), c)| a + b + 0.7 * c).take(DIMENSIONS).collect();
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter().map(|v| v / norm).collect()
}

fn index(dir: &std::path::Path) -> Index {
    let out = dir.join("index");
    let staged = StagedDir::create(&out, MANIFEST, false).unwrap();
    let selection = Selection::default();
    let mut collector = StatementCollector::new(staged.path(), selection.clone());
    for i in 0..NAMES {
        let (concept, name) = (format!("C{i:07}"), format!("name {i}"));
        let source = if i % 3 == 0 { "THIRD" } else { "REST" };
        let atom = AtomRef {
            concept: &concept,
            name: &name,
            source,
            code: "",
            term_type: "PT",
            language: "ENG",
            suppressed: false,
            preference: 1,
        };
        collector.collect(Statement::Atom(atom)).unwrap();
        let scattered = TYPES.iter().filter(|(_, one_of)| i % one_of == 7 % one_of);
        for (tui, _) in scattered.chain(CLUSTERED.iter().filter(|(_, first)| i < *first)) {
            collector.collect(Statement::Type { concept: &concept, tui }).unwrap();
        }
    }
    let assembled = collector.assemble(staged.path(), Job::silent()).unwrap();
    let model = ModelReference { name: "none".into(), fingerprint: "0".into(), dimensions: DIMENSIONS };
    let options = BuildOptions {
        calibration: None,
        name: "filters".into(),
        model,
        vectors: VectorPrecision::Int16,
        graph: GraphParameters { m: 16, ef_construction: 80, ef_search: 1, repaired: 0 },
        target: SearchTarget::Recall(0.99),
        nil_threshold: 0.75,
        selection,
        inputs: vec![],
        memory: 1 << 30,
    };
    // Texts that are embedded after the names are mentions that measure the recall.
    let embedded = Cell::new(0);
    let digits_of = |text: &str| text.bytes().filter(u8::is_ascii_digit).fold(0, |n, b| n * 10 + u64::from(b - b'0'));
    let embed = |texts: &[&str], _: Job<'_>| -> Result<Vec<f32>, IndexError> {
        let seed = if embedded.get() < NAMES { NAME_SEED } else { MENTION_SEED };
        embedded.set(embedded.get() + texts.len());
        Ok(texts.iter().flat_map(|text| vector(digits_of(text), seed)).collect())
    };
    build(staged, assembled, &options, &[], &embed, Job::silent()).unwrap();
    Index::open(&out).unwrap()
}

#[test]
fn filtered_searches_find_every_concept_that_passes() {
    let dir = tempfile::tempdir().unwrap();
    let index = index(dir.path());
    assert!(index.manifest().recall.unwrap().at_1 >= 0.99);
    let types = |tui: &str| FilterRequest { semantic_types: vec![tui.into()], ..FilterRequest::default() };
    let third = |request: FilterRequest| FilterRequest { sources: vec!["THIRD".into()], ..request };
    let all = || FilterRequest::default();
    let scattered = TYPES.iter().map(|(tui, one_of)| (types(tui), NAMES / one_of));
    let clustered = CLUSTERED.iter().map(|(tui, first)| (types(tui), *first));
    let both = [(third(all()), NAMES.div_ceil(3)), (third(types("T184")), 16_667), (third(types("T131")), 0)];
    for (request, passing) in [(all(), NAMES)].into_iter().chain(scattered).chain(clustered).chain(both) {
        let filter = Filter::new(&request, index.concepts());
        for k in [1, 10, 50] {
            let (mut same, mut expected) = (0, 0);
            for query in (0..100).map(|i| vector(i * 991, QUERY_SEED)) {
                let (found, exact) = (index.search(&query, k, &filter), index.search_exact(&query, k, &filter));
                assert_eq!(exact.len(), k.min(passing), "{request:?}");
                assert_eq!(found.len(), exact.len(), "{request:?}: as many as the exact scan");
                expected += exact.len();
                same += exact.iter().filter(|e| found.iter().any(|f| f.concept == e.concept)).count();
            }
            assert!(same as f64 >= 0.99 * expected as f64, "{request:?}, {k}: {same} of {expected}");
        }
    }
}
