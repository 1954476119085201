//! `saplink index build` from files that break their format a little, and what it then serves.

use std::process::Output;

use crate::{
    cli::index_build::BuildDir,
    support::{Service, fail, run, succeed},
};

/// Terms in OBO with a fault each, written for this test.
const LOOSE: &str = r#"format-version: 1.2
! a comment
ontology: qq
import: http://example.org/another.obo

[Term]
id: QQ:1
name: top of the world

[Term]
id: QQ:2
name: below the top
is_a: QQ:1! top of the world
synonym: "summit fever" NEAR_MISS []
synonym: "bergkoorts" EXACT [] {lang="nl"}

[Term]
id: QQ:3
name: chosen word
name: other word

[Term]
id: QQ:4
name: lost definition
def: "it does not end \" [q:1]
synonym: "kept word" EXACT [B:Doe and Roe 2001]

[Term]
id: QQ:5
name: open quote
synonym: "no end EXACT []
synonym: "with an end" EXACT []

[Term]
id: QQ:6
name: has another id
alt_id: QQ:7

[Term]
id: QQ:7
name: former id
is_obsolete: true

[Term]
id: QQ:8
name: same as a CUI
xref: UMLS:C9100009 {source="MONDO:equivalentTo"}

[Term]
id: QQ:9
name: near a CUI
xref: UMLS:C9100009 {source="MONDO:relatedTo"}

[Term]
id: QQ:10
name: motif [KR](?!P)
xref: UMLS:C9100010
"#;

const NO_COLON: &str = "format-version: 1.2\n\n[Term]\nid: LINE_77\nname: a cell line\nsynonym: \"ACL-7\" EXACT []\n";

const GRAPH: &str = r#"{"graphs": [{"id": "http://example.org/q", "nodes": [
 {"id": "http://purl.obolibrary.org/obo/QG_1", "lbl": "alive", "type": "CLASS"},
 {"id": "http://purl.obolibrary.org/obo/QG_2", "lbl": "gone", "type": "CLASS", "meta": {"basicPropertyValues":
  [{"pred": "http://www.w3.org/2002/07/owl#deprecated", "val": "true"}]}},
 {"id": "http://purl.obolibrary.org/obo/QG_3", "lbl": "of no type"},
 {"id": "http://purl.obolibrary.org/obo/QG_4", "lbl": "a relation", "type": "PROPERTY"}], "edges": []}]}"#;

const MAPPINGS: &str = "#curie_map:\n#  QQ: http://example.org/QQ_\nsubject_id\tpredicate_id\tobject_id\n\
    QQ:1\thttp://www.w3.org/2004/02/skos/core#exactMatch\tUMLS:C9100001\n# a comment\n\
    QQ:2\tskos:exactMatch\thttp://linkedlifedata.com/resource/umls/id/C9100002\nQQ:3\tskos:broadMatch\tUMLS:C9100003\n";

/// Runs `index build` with the tiny model and returns what it printed.
fn build(scratch: &BuildDir, out: &str, inputs: &[(&str, &str)], options: &[&str]) -> Output {
    let mut args: Vec<String> =
        ["index", "build", "--model", &scratch.at("tiny"), "--out", &scratch.at(out)].map(str::to_owned).to_vec();
    for (option, file) in inputs {
        args.extend([(*option).to_owned(), scratch.at(file)]);
    }
    args.extend(options.iter().map(|option| (*option).to_owned()));
    run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The standard output and error of a build that succeeded.
fn built(scratch: &BuildDir, out: &str, inputs: &[(&str, &str)], options: &[&str]) -> (String, String) {
    let output = build(scratch, out, inputs, options);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, log) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{log}");
    (stdout, log)
}

fn assert_contains(text: &str, all: &[&str]) {
    all.iter().for_each(|part| assert!(text.contains(part), "{part} in {text}"));
}

#[test]
fn a_loose_ontology_is_read_and_served() {
    let scratch = BuildDir::new(1);
    fs_err::write(scratch.at("loose.obo"), LOOSE).unwrap();
    fs_err::write(scratch.at("line.obo"), NO_COLON).unwrap();
    fs_err::write(scratch.at("graph.json"), format!("\u{feff}{GRAPH}")).unwrap();
    let inputs = [("--obo", "loose.obo"), ("--obo", "line.obo"), ("--obograph", "graph.json")];
    let (summary, log) = built(&scratch, "index", &inputs, &[]);
    assert_contains(
        &log,
        &[
            "the import `http://example.org/another.obo` is not followed",
            "loose.obo:14: synonym: `NEAR_MISS` is not a synonym scope",
            "loose.obo:20: a second name of the term is taken as an exact synonym",
            "loose.obo:25: def: the quote of its text does not end",
            "loose.obo:31: synonym: the quote of its text does not end",
            "loose.obo:52: `UMLS:C9100009` is not the same as the term",
        ],
    );
    let info = succeed(&["index", "info", &scratch.at("index")]);
    for text in [&summary, &info] {
        assert_contains(
            text,
            &[
                "concepts     12,",
                "merged       terms into CUIs by an equivalent cross-reference: 1",
                "merged       terms into CUIs by an unqualified cross-reference: 1",
                "left out     cross-references that are not an identity: 1",
                "left out     definitions that cannot be used: 1",
                "left out     names in other languages: 1",
                "left out     nodes that are not classes: 1",
                "left out     synonyms of an unknown scope: 1",
                "left out     synonyms that cannot be used: 1",
            ],
        );
    }
    let service = Service::spawn(&["--index", &scratch.at("index"), "--model", &scratch.at("tiny")]);
    service.wait_until_ready();
    for (id, location) in [
        ("QQ:7", "QQ:6"),
        ("QQ:8", "C9100009"),
        ("QQ:10", "C9100010"),
        ("QQ_1", "QQ:1"),
        ("qq:1", "QQ:1"),
        ("http%3A%2F%2Fpurl.obolibrary.org%2Fobo%2FQQ_1", "QQ:1"),
        ("qq_8", "C9100009"),
        ("c9100009", "C9100009"),
        ("UMLS:C9100009", "C9100009"),
        ("LINE:77", "LINE_77"),
    ] {
        let answer = service.get(&format!("/concepts/{id}"));
        let expected = format!("/concepts/{location}");
        assert_eq!((answer.status, answer.location.as_deref()), (308, Some(&*expected)), "{id}");
        assert_eq!(answer.json()["successors"][0]["cui"], location, "{id}");
        let codes = service.get(&format!("/concepts/{id}/codes?limit=1"));
        assert_eq!(codes.location.as_deref(), Some(&*format!("{expected}/codes?limit=1")), "{id}");
    }
    for (id, name) in
        [("QQ:9", "near a CUI"), ("LINE_77", "a cell line"), ("QG:3", "of no type"), ("QQ:3", "chosen word")]
    {
        assert_eq!(service.get(&format!("/concepts/{id}")).json()["name"], name);
    }
    for (id, status) in [("QG:2", 410), ("QG:4", 404), ("QQ:99", 404), ("heart", 400)] {
        assert_eq!(service.get(&format!("/concepts/{id}")).status, status, "{id}");
    }
    let below = service.get("/concepts/QQ:2").json();
    assert_eq!((&below["parents"]["concepts"][0]["cui"], &below["names_total"]), (&"QQ:1".into(), &1.into()));
    assert_eq!(service.get("/concepts/QQ:4").json()["definitions_total"], 0);
    assert_eq!(service.get("/concepts/LINE_77").json()["names_total"], 2);

    // Gold ids are understood in the same forms, and those of merged terms as their CUIs.
    fs_err::write(scratch.at("mentions.tsv"), "same as a CUI\tQQ:8\nnear a CUI\tqq_9\na cell line\tLINE_77\n").unwrap();
    let mentions = scratch.at("mentions.tsv");
    let table =
        succeed(&["eval", "--mentions", &mentions, "--index", &scratch.at("index"), "--model", &scratch.at("tiny")]);
    assert_contains(&table, &["3 of mentions.tsv, 3 of them covered"]);

    let (strict, _) = built(&scratch, "strict", &[("--obo", "loose.obo")], &["--merge-on", "equivalent"]);
    assert_contains(&strict, &["left out     unqualified cross-references to CUIs (--merge-on equivalent): 1"]);
    assert!(!strict.contains("by an unqualified"), "{strict}");
    let (dutch, _) = built(&scratch, "dutch", &[("--obo", "loose.obo")], &["--languages", "ENG,DUT"]);
    assert_contains(&dutch, &["; DUT, ENG"]);
}

#[test]
fn mappings_with_iris_merge_terms() {
    let scratch = BuildDir::new(1);
    fs_err::write(scratch.at("loose.obo"), LOOSE).unwrap();
    fs_err::write(scratch.at("iris.sssom.tsv"), MAPPINGS).unwrap();
    let (summary, log) = built(&scratch, "index", &[("--obo", "loose.obo"), ("--sssom", "iris.sssom.tsv")], &[]);
    assert_contains(
        &summary,
        &[
            "merged       terms into CUIs by a mapping: 2",
            "left out     mappings that are not an identity (`broadMatch`): 1",
        ],
    );
    assert_contains(&log, &["it has neither subject_label nor object_label"]);
    let service = Service::spawn(&["--index", &scratch.at("index"), "--model", &scratch.at("tiny")]);
    service.wait_until_ready();
    for (id, location) in [("QQ:1", "/concepts/C9100001"), ("QQ:2", "/concepts/C9100002")] {
        assert_eq!(service.get(&format!("/concepts/{id}")).location.as_deref(), Some(location));
    }
    assert_eq!(service.get("/concepts/QQ:3").status, 200);
}

#[test]
fn names_without_letters_are_counted_or_kept() {
    let scratch = BuildDir::new(1);
    let table = "cui\tname\nC9100004\t7\nC9100005\t0.5\nC9100006\t...\nC9100007\tfactor 8\n";
    fs_err::write(scratch.at("numbers.tsv"), table).unwrap();
    let inputs = [("--tsv", "numbers.tsv")];
    let (summary, _) = built(&scratch, "without", &inputs, &[]);
    assert_contains(&summary, &["concepts     1,", "left out     names of digits or punctuation alone: 3"]);
    let lacking = "cui\tname\tparents\nC9100004\tone\tC9100009\n";
    fs_err::write(scratch.at("lacking.tsv"), lacking).unwrap();
    let (summary_of_lacking, _) = built(&scratch, "lacking", &[("--tsv", "lacking.tsv")], &[]);
    assert_contains(&summary_of_lacking, &["left out     relations to ids that the index lacks: 1"]);
    let (summary, _) = built(&scratch, "with", &inputs, &["--keep-bare-numbers"]);
    assert_contains(&summary, &["concepts     4,"]);
    assert!(!summary.contains("left out"), "{summary}");
    let service = Service::spawn(&["--index", &scratch.at("with"), "--model", &scratch.at("tiny")]);
    service.wait_until_ready();
    assert_eq!(service.get("/concepts/C9100006").json()["name"], "...");
    assert_eq!(service.get("/concepts?q=factor").json()["concepts"][0]["cui"], "C9100007");
}

#[test]
fn a_release_with_incomplete_rows_is_built() {
    let scratch = BuildDir::new(1);
    let meta = scratch.path().join("META");
    fs_err::create_dir(&meta).unwrap();
    let name = |cui: &str, aui: &str, name: &str, suppress: &str| {
        format!("{cui}|ENG|P|L|PF|S|Y|{aui}||||QQQ|PT|X|{name}|0|{suppress}||\n")
    };
    let names = [
        name("C9100001", "A9100001", "first trouble", "N"),
        name("C9100001", "A9100002", "trouble number one", "N"),
        name("C9100002", "A9100003", "second trouble", "N"),
        name("C9100003", "A9100004", "hidden trouble", "O"),
    ];
    fs_err::write(meta.join("MRCONSO.RRF"), names.concat()).unwrap();
    fs_err::write(meta.join("MRSTY.RRF"), "C9100001|T047|||||\nC9100002|T999|||||\n").unwrap();
    let relations = "|||PAR|C9100001|A9100001||inverse_isa|R1||||||N||\n\
        C9100001|A9100001|AUI|PAR|C9100002|A9100003|AUI||R2||QQQ|QQQ|||N||\n|||RB|C9100002||||||||||N||\n";
    fs_err::write(meta.join("MRREL.RRF"), relations).unwrap();
    let (summary, _) = built(&scratch, "index", &[("--umls", "META")], &[]);
    assert_contains(
        &summary,
        &[
            "concepts     2, of 1 semantic types",
            "names        3,",
            "left out     relations without a first concept: 2",
            "left out     semantic types that cannot be used: 1",
            "left out     suppressed names: 1",
        ],
    );
    let whole = fs_err::read_to_string(meta.join("MRREL.RRF")).unwrap();
    fs_err::write(meta.join("MRREL.RRF"), &whole[..whole.len() - 4]).unwrap();
    let error = String::from_utf8(build(&scratch, "cut", &[("--umls", "META")], &[]).stderr).unwrap();
    assert_contains(&error, &["MRREL.RRF: line 3: its last row is cut off: the file is truncated"]);
}

#[test]
fn a_single_bad_row_fails_no_small_file() {
    let scratch = BuildDir::new(1);
    let rows = |bad: usize, good: usize| {
        let bad: String = (0..bad).map(|i| format!("no id {i}\tname\n")).collect();
        let good: String = (0..good).map(|i| format!("C{i:07}\tname number {i}\n")).collect();
        format!("cui\tname\n{bad}{good}")
    };
    for (bad, good, fails) in [(1, 10, false), (2, 10, true), (1, 2000, false), (2, 2000, false), (3, 2000, true)] {
        fs_err::write(scratch.at("rows.tsv"), rows(bad, good)).unwrap();
        let output = run(&["index", "build", "--dry-run", "--tsv", &scratch.at("rows.tsv")]);
        assert_eq!(output.status.success(), !fails, "{bad} of {good}");
    }
    fs_err::write(scratch.at("rows.tsv"), rows(1, 10)).unwrap();
    let strict = ["index", "build", "--dry-run", "--tsv", &scratch.at("rows.tsv"), "--max-bad-rows", "0"];
    assert_contains(&fail(&strict), &["1 of 11 rows are bad", "rows.tsv:2: `no id 0` is neither a CUI"]);
}

#[test]
fn bare_codes_and_other_names_of_sources_are_taken() {
    let scratch = BuildDir::new(1);
    let table = "Name\tCUI\tSource\tSource_Code\tSemantic_Type\n\
        chest trouble\t91000001\tSNOMED\t91000001\tdisease or syndrome\nskin trouble\tD91001\tmesh\tD91001\tT047\n";
    fs_err::write(scratch.at("codes.tsv"), table).unwrap();
    let inputs = [("--tsv", "codes.tsv")];
    assert_contains(&String::from_utf8_lossy(&build(&scratch, "refused", &inputs, &[]).stderr), &["--id-prefix"]);
    built(&scratch, "index", &inputs, &["--id-prefix", "sctid"]);
    let (only, _) = built(&scratch, "mesh", &inputs, &["--id-prefix", "SCTID", "--sources", "MeSH"]);
    assert_contains(&only, &["source       MSH: 1 name,"]);
    let start = |options: &[&str]| {
        let service =
            Service::spawn(&[&["--index", &scratch.at("index"), "--model", &scratch.at("tiny")], options].concat());
        service.wait_until_ready();
        service
    };
    let service = start(&[]);
    for path in [
        "/concepts/SCTID:91000001",
        "/codes/SNOMED/91000001",
        "/codes/snomedct_us/91000001",
        "/codes/MESH/D91001",
        "/concepts?q=chest&semantic_types=Disease%20or%20Syndrome&sources=SNOMED",
        "/concepts?q=chest&semantic_groups=Disorders",
        "/concepts/SCTID:91000001?source=snomed",
    ] {
        let answer = service.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let found = answer.json();
        assert!(found["cui"].is_string() || !found["concepts"].as_array().unwrap().is_empty(), "{path}: {found}");
    }
    let hidden = start(&["--hide-sources", "MESH"]);
    assert_eq!(hidden.get("/codes/MSH/D91001").status, 404);
    assert_eq!(hidden.get("/codes/SNOMED/91000001").status, 200);
}
