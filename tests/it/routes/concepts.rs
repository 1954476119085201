//! `GET /concepts?q=`, `GET /concepts/{cui}` and its related concepts.

use std::path::Path;

use saplink::files::FileSum;
use serde_json::json;

use crate::support::{
    self, ScratchDir, copy_dir, fail, manifest,
    rich_index::{self, CROWD, MANY, assert_distinct, directories, get, pages, serve_index, shared, strings},
    succeed,
};

#[test]
fn a_concept_has_names_codes_definitions_and_relations() {
    let concept = get("/concepts/C0000001");
    assert_eq!((&concept["name"], &concept["status"]), (&json!("quassia attack"), &json!("active")));
    assert_eq!(concept["semantic_types"], json!([{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]));
    assert_eq!(concept["names_total"], 5);
    assert_eq!(
        concept["names"][1],
        json!({"name": "myocardial infarction", "source": "OPEN", "code": "22298006", "term_type": "PT", "language": "ENG"})
    );
    let suppressed: Vec<_> = concept["names"].as_array().unwrap().iter().filter(|n| n["suppressed"] == true).collect();
    assert_eq!((suppressed.len(), &suppressed[0]["name"]), (1, &json!("cardiac infarct")));
    assert_eq!(
        concept["codes"],
        json!({"ICDX": ["I21", "I21.9"], "OPEN": ["22298006"], "QUASSIA": ["QUASSIA-1", "QUASSIA-2"]})
    );
    assert_eq!(concept["codes_total"], 5);
    assert_eq!(concept["definitions"][0], json!({"source": "OPEN", "text": "Death of heart muscle."}));
    assert_eq!(concept["definitions_total"], 2);
    assert_eq!(strings(&concept["parents"]["concepts"], "cui"), ["C0000002", "C0000003", "C0000006"]);
    assert_eq!(concept["broader"], json!({"total": 1, "concepts": [{"cui": "C0000004", "name": "seizure"}]}));
    assert_eq!(concept["narrower"], json!({"total": 0, "concepts": []}));
    let children = &concept["children"];
    assert_eq!((&children["total"], &children["next_offset"]), (&json!(MANY), &json!(100)));
    assert_eq!(children["concepts"].as_array().unwrap().len(), 100);
}

#[test]
fn the_starter_index_lists_the_names_of_a_concept() {
    let concept = support::shared().get("/concepts/C0027051").json();
    assert_eq!((&concept["cui"], &concept["name"]), (&json!("C0027051"), &json!("myocardial infarction")));
    let names = concept["names"].as_array().unwrap();
    assert_eq!(
        names[0],
        json!({"name": "myocardial infarction", "source": "SAPLINK", "term_type": "PT", "language": "ENG"})
    );
    assert!(names.iter().any(|n| n["name"] == "heart attack"));
    assert_eq!(concept["semantic_types"][0]["tui"], "T047");
}

#[test]
fn names_are_paged_and_filtered() {
    assert_distinct(&pages("/concepts/C0000005?limit=99", "names", "name"), MANY);
    assert_distinct(&pages("/concepts/C0000005?limit=1000", "names", "name"), MANY);
    assert_eq!(get("/concepts/C0000005")["names"].as_array().unwrap().len(), 100);
    let none = get("/concepts/C0000005?limit=0");
    assert_eq!((&none["names"], &none["names_total"]), (&json!([]), &json!(MANY)));
    assert_eq!(none.get("next_offset"), None, "it would be the same page");
    let beyond = get("/concepts/C0000005?offset=18446744073709551615");
    assert_eq!((&beyond["names"], beyond.get("next_offset")), (&json!([]), None));
    for (filter, names) in [
        ("language=GER", vec!["Herzinfarkt"]),
        ("source=QUASSIA", vec!["quassia attack"]),
        ("source=QUASSIA,OPEN&language=ENG&offset=1&limit=2", vec!["myocardial infarction", "heart attack"]),
        ("source=HPO", vec![]),
    ] {
        assert_eq!(strings(&get(&format!("/concepts/C0000001?{filter}"))["names"], "name"), names, "{filter}");
    }
    assert_eq!(get("/concepts/C0000001?source=OPEN&limit=1")["names_total"], 4);
}

#[test]
fn related_concepts_are_paged() {
    assert_distinct(&pages("/concepts/C0000001/related/children?limit=60", "concepts", "cui"), MANY);
    assert_eq!(get("/concepts/C0000001/related/parents")["total"], 3);
    assert_eq!(get("/concepts/C0000001/related/children?limit=0"), json!({"total": MANY, "concepts": []}));
    assert_eq!(
        get("/concepts/C1000007/related/parents"),
        json!({"total": 1, "concepts": [{"cui": "C0000001", "name": "quassia attack"}]})
    );
    assert_eq!(strings(&get("/concepts/C0000004/related/narrower")["concepts"], "cui"), ["C0000001"]);
    let answer = shared().get("/concepts/C0000001/related/siblings");
    assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"));
}

#[test]
fn retired_ids_redirect_to_their_successors() {
    for (path, location) in [
        ("/concepts/C9000001", "/concepts/C0000001"),
        ("/concepts/C9000001?limit=7&source=OPEN", "/concepts/C0000001?limit=7&source=OPEN"),
        ("/concepts/C9000006", "/concepts/C0000001"),
        ("/concepts/C9000002", "/concepts/C0000002"),
        ("/concepts/C9000002/codes?target=OPEN", "/concepts/C0000002/codes?target=OPEN"),
        ("/concepts/C9000002/related/children", "/concepts/C0000002/related/children"),
    ] {
        let answer = shared().get(path);
        assert_eq!((answer.status, answer.location.as_deref()), (308, Some(location)), "{path}");
        assert_eq!(answer.json()["status"], "merged", "{path}");
        assert_eq!(shared().get(location).status, 200);
    }
    assert_eq!(
        shared().get("/concepts/C9000002").json(),
        json!({"cui": "C9000002", "status": "merged", "successors": [
            {"cui": "C0000777", "relation": "same", "in_index": false},
            {"cui": "C0000002", "relation": "broader", "name": "heart disease", "in_index": true},
            {"cui": "C0000004", "relation": "narrower", "name": "seizure", "in_index": true}]})
    );
    for suffix in ["", "/codes", "/related/parents"] {
        let retired = shared().get(&format!("/concepts/C9000003{suffix}"));
        assert_eq!((retired.status, retired.problem().as_str()), (410, "retired-concept"));
        assert!(retired.json()["detail"].as_str().unwrap().ends_with(": C0000777"), "{retired:?}");
        let deleted = shared().get(&format!("/concepts/C9000004{suffix}"));
        assert_eq!((deleted.status, deleted.problem().as_str()), (410, "deleted-concept"));
        let unknown = shared().get(&format!("/concepts/C9999999{suffix}"));
        assert_eq!((unknown.status, unknown.problem().as_str()), (404, "unknown-concept"));
        let bad = shared().get(&format!("/concepts/heart%ff{suffix}"));
        assert_eq!((bad.status, bad.problem().as_str()), (400, "invalid-concept-id"));
    }
}

#[test]
fn at_most_ten_successors_are_named() {
    let retired = shared().get("/concepts/C9000008");
    assert_eq!((retired.status, retired.problem().as_str()), (410, "retired-concept"));
    let detail = retired.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(": C0000700, ") && detail.ends_with(", C0000709 and 3 more"), "{detail}");
}

/// A file with unknown semantic types and a matching checksum.
#[test]
fn a_damaged_semantic_type_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    copy_dir(&directories().1, dir.path());
    let (part, path) = (dir.path().join("concepts.bin"), dir.path().join("index.json"));
    let mut bytes = fs_err::read(&part).unwrap();
    let entry = bytes.windows(16).position(|name| name == b"set.types\0\0\0\0\0\0\0").unwrap();
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let (start, length) = (number(entry + 16), number(entry + 24));
    bytes[start..start + length].fill(u8::MAX);
    fs_err::write(&part, bytes).unwrap();
    let mut described = manifest(&path);
    described["files"]["concepts.bin"] = serde_json::to_value(FileSum::of(&part).unwrap()).unwrap();
    fs_err::write(&path, described.to_string()).unwrap();
    let service = serve_index(dir.path(), &[], &[]);
    for path in ["/concepts/C0000001", "/concepts?q=heart%20attack", "/codes/OPEN/22298006"] {
        let answer = service.get(path);
        assert!(answer.status == 200 && answer.text.contains("\"semantic_types\":[]"), "{path}: {answer:?}");
    }
}

#[test]
fn concepts_are_found_by_name_prefix_and_misspelling() {
    let named = get("/concepts?q=Heart%20Attack");
    assert_eq!(
        named["concepts"][0],
        json!({"cui": "C0000001", "name": "quassia attack", "matched_name": "heart attack", "match": "name",
            "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]})
    );
    let prefix = get("/concepts?q=heart");
    assert_eq!(strings(&prefix["concepts"], "matched_name"), ["heart attack", "heart disease"]);
    assert_eq!(strings(&prefix["concepts"], "match"), ["words", "words"]);
    assert_eq!(strings(&get("/concepts?q=hear")["concepts"], "match"), ["prefix", "prefix"]);
    let fuzzy = get("/concepts?q=heart+atack");
    assert_eq!((&fuzzy["concepts"][0]["match"], &fuzzy["concepts"][0]["edits"]), (&json!("fuzzy"), &json!(1)));
    assert_eq!(get("/concepts?q=nothing%20of%20the%20kind"), json!({"concepts": []}));
    // One more concept has the word in another name.
    let found = pages("/concepts?q=infarct&limit=33", "concepts", "cui");
    assert_distinct(&found, MANY + 1);
    assert_eq!(found, pages("/concepts?q=infarct&limit=100", "concepts", "cui"));
    assert_eq!(get("/concepts?q=infarct")["concepts"].as_array().unwrap().len(), 20);
    for filter in [
        "semantic_types=T121",
        "semantic_types=Amino+Acid,+Peptide,+or+Protein,pharmacologic+substance",
        "semantic_groups=CHEM",
        "semantic_types=T121,T121&sources=OPEN,HPO",
    ] {
        assert_distinct(&pages(&format!("/concepts?q=infarct&limit=100&{filter}"), "concepts", "cui"), MANY / 2);
    }
    assert_eq!(get("/concepts?q=infarct&sources=HPO"), json!({"concepts": []}));
}

#[test]
fn words_are_found_in_any_order_and_common_concepts_come_first() {
    let scratch = ScratchDir::new();
    let common = ["heart attack", "cardiac infarction", "MI of the heart", "myocardial infarction"];
    let names = common.map(|name| format!("C0000009\t{name}\n")).concat()
        + "C0000001\tcerebral infarction\nC0000002\tinfarction of the spleen\nC0000002\tsplenic infarction\n\
           C0000003\tradiography, ribs\nC0000004\tribavirin therapy\nC0000005\tinfarctions, old\n\
           C0000006\tAnterior infarct pain pain\nC0000007\t心筋梗塞\n";
    let table = scratch.write("names.tsv", &format!("cui\tname\n{names}"));
    let (model, _) = rich_index::directories();
    let index = scratch.at("index");
    let model = model.to_str().unwrap();
    succeed(&["index", "build", "--tsv", &table, "--model", model, "--out", &index]);
    let service = serve_index(index.as_ref(), &[], &[]);
    let find = |q: &str| {
        let answer = service.get(&format!("/concepts?q={q}"));
        assert_eq!(answer.status, 200, "{q}: {answer:?}");
        let concepts = answer.json()["concepts"].clone();
        let of = |field| strings(&concepts, field).into_iter().map(str::to_owned).collect::<Vec<_>>();
        of("cui").into_iter().zip(of("match")).map(|(cui, found)| format!("{}:{found}", &cui[7..])).collect::<Vec<_>>()
    };
    for (q, expected) in [
        // The concepts with four names, two and one, then the beginning of a word.
        ("infarction", &["9:words", "2:words", "1:words", "5:prefix"][..]),
        ("infarction+myocardial", &["9:words"]),
        ("inf+myo", &["9:prefix"]),
        ("infarction+spl", &["2:prefix"]),
        ("heart", &["9:words"]),
        ("ribs", &["3:words"]),
        ("rib", &["3:prefix", "4:prefix"]),
        ("ribs+radio", &["3:prefix"]),
        ("pain+pain", &["6:words"]),
        ("pai+inf", &["6:prefix"]),
        ("infarction+infarction+cerebral", &["1:words"]),
        ("%E5%BF%83", &["7:prefix"]),
        ("radiography%2C+ribs", &["3:name"]),
        ("radiographi+ribs", &["3:fuzzy"]),
        ("ribs+nothing", &[]),
    ] {
        assert_eq!(find(q), expected, "{q}");
    }
    // An index without the words, as earlier versions wrote it, finds beginnings of names.
    let path = Path::new(&index).join("index.json");
    let mut described = manifest(&path);
    fs_err::remove_file(Path::new(&index).join("search.bin")).unwrap();
    assert!(fail(&["index", "info", &index]).contains("search.bin"), "a listed file that is missing is an error");
    described["files"].as_object_mut().unwrap().remove("search.bin");
    fs_err::write(&path, described.to_string()).unwrap();
    let service = serve_index(index.as_ref(), &[], &[]);
    let found = service.get("/concepts?q=infarction").json();
    assert_eq!(strings(&found["concepts"], "cui"), ["C0000002", "C0000005"]);
    let starter = support::shared().get("/concepts?q=infarction&limit=1").json();
    assert_eq!(starter["concepts"][0]["name"], "myocardial infarction");
}

#[test]
fn the_last_reachable_page_has_no_next_offset() {
    for (offset, next) in [(0, Some(20)), (9940, Some(9960)), (9960, Some(9980)), (9970, None), (9980, None)] {
        let page = get(&format!("/concepts?q=crowd&offset={offset}"));
        assert_eq!(page["concepts"].as_array().unwrap().len(), 20);
        assert_eq!(page["next_offset"].as_u64(), next, "{offset}");
    }
    let all = pages("/concepts?q=crowd&limit=100", "concepts", "cui");
    assert!(CROWD > all.len());
    assert_distinct(&all, 10_000);
}
