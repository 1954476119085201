//! Older formats of an index are refused by number; the current one opens.

use saplink::{
    concepts::{Filter, FilterRequest},
    index::Index,
};

use crate::support::{fail, fixture, manifest};

/// These fixtures were written by the versions that used the formats.
#[test]
fn older_formats_are_refused_by_number() {
    for format in [1, 2, 3] {
        let index = fixture(&format!("index_v{format}"));
        let error = fail(&["index", "info", index.to_str().unwrap()]);
        assert!(
            error.contains("index.json") && error.contains(&format!("format {format} where this saplink reads")),
            "{error}"
        );
        assert!(error.contains("make it again"), "{error}");
    }
}

/// A later version must open this fixture, or refuse it like the formats above.
#[test]
fn the_current_format_opens_and_answers() {
    let index = Index::open(&fixture("index_v4")).unwrap();
    assert_eq!(index.manifest().format, 4);
    let concepts = index.concepts();
    assert_eq!((concepts.counts().concepts, concepts.counts().rows), (4, 5));
    assert_eq!((index.names_with_word("attack"), index.names_with_word("attac")), (Some(1), None));
    let row = concepts.name_id("heart attack").unwrap();
    assert_eq!(concepts.id(concepts.concept_of_atom(concepts.atoms_of_name(row)[0])), "C0027051");
    let everything = Filter::new(&FilterRequest::default(), concepts);
    let mut query = vec![0.0; 32];
    query[0] = 1.0;
    let found = index.search(&query, 4, &everything);
    assert_eq!(found.len(), 4);
    assert_eq!(found, index.search_exact(&query, 4, &everything));
}

/// Exact lookup would miss keys of another version.
#[test]
fn an_older_normalization_is_refused_by_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut older = manifest(&fixture("index_v4").join("index.json"));
    assert_eq!(older["normalisation"], 2);
    older["normalisation"] = 1.into();
    fs_err::write(dir.path().join("index.json"), older.to_string()).unwrap();
    let error = fail(&["index", "info", dir.path().to_str().unwrap()]);
    assert!(error.contains("normalized by version 1") && error.contains("build it again"), "{error}");
}
