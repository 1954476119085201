//! `saplink index build` from terminologies in every format, good and bad.

use serde_json::Value;

use crate::{
    cli::index_build::BuildDir,
    index::terminologies::at,
    support::{fail, fixture, run, succeed},
};

#[test]
fn every_format_is_built_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let (model, out) = (dir.path().join("tiny"), dir.path().join("index"));
    succeed(&["model", "import", fixture("tiny").to_str().unwrap(), "--out", model.to_str().unwrap()]);
    let path = |name: &str| at(name).display().to_string();
    let inputs = [
        "--umls",
        &path("META"),
        "--obo",
        &path("small.obo"),
        "--obograph",
        &path("small.json"),
        "--sssom",
        &path("small.sssom.tsv"),
    ];
    let paths = ["--model", model.to_str().unwrap(), "--out", out.to_str().unwrap(), "--max-bad-rows", "50%"];
    let build = [&["index", "build"], &inputs[..], &paths[..]].concat();
    let output = run(&build);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let anonymous = "left out: anonymous terms, and terms whose IRI stands for no concept id: 2";
    for expected in ["small.obo:", anonymous, "names taken", "reading MRCONSO.RRF: 30 rows"] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    let manifest: Value = serde_json::from_str(&succeed(&["index", "info", out.to_str().unwrap(), "--json"])).unwrap();
    let files: Vec<_> = manifest["inputs"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
    for name in ["MRCONSO.RRF.ab.gz", "MRSTY.RRF", "small.obo", "small.json", "small.sssom.tsv"] {
        assert!(files.contains(&name), "{files:?}");
    }
    assert!(!files.contains(&"MRHIER.RRF"), "MRREL gives the same relations");
    assert!(succeed(&["index", "verify", out.to_str().unwrap()]).contains("all as they were written"));
    let text = succeed(&["index", "info", out.to_str().unwrap()]);
    for expected in ["source       SNOMEDCT_US 2024_03_01:", "restriction level 3", "source       XYZ"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // A dry run prints the same counts and writes nothing.
    let before = fs_err::read_dir(dir.path()).unwrap().count();
    let dry = succeed(&[&["index", "build", "--dry-run", "--max-bad-rows", "50%"], &inputs[..]].concat());
    let line = |text: &str| text.lines().find(|l| l.starts_with("names ")).unwrap().to_owned();
    assert_eq!(line(&dry), line(&text));
    assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), before);
}

#[test]
fn numeric_names_are_an_option_that_add_keeps() {
    let scratch = BuildDir::new(3);
    fs_err::write(scratch.at("numbers.tsv"), "cui\tname\nC9000001\t1\nC9000002\tone\n").unwrap();
    scratch.succeed("numbers.tsv", "without", &[]);
    scratch.succeed("numbers.tsv", "with", &["--numeric-names"]);
    scratch.succeed("names.tsv", "with", &["--add"]);
    let facts = |index: &str| {
        let manifest = scratch.manifest(index);
        (manifest["selection"]["numeric_names"].clone(), manifest["counts"]["concepts"].clone())
    };
    assert_eq!(facts("without"), (false.into(), 1.into()));
    assert_eq!(facts("with"), (true.into(), 5.into()), "two and the three of the other table");
    let table = scratch.at("numbers.tsv");
    let output = run(&["index", "build", "--dry-run", "--tsv", &table]);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("left out: names of digits or punctuation alone: 1"), "{log}");
    let both = ["index", "build", "--tsv", &table, "--out", &scratch.at("with"), "--add", "--numeric-names"];
    assert_eq!(run(&both).status.code(), Some(2), "--add takes the selection of the index");
}

#[test]
fn bad_terminologies_are_named_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        fs_err::write(dir.path().join(name), content).unwrap();
        dir.path().join(name).display().to_string()
    };
    let gzip = |content: &[u8]| {
        let mut gz = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        std::io::Write::write_all(&mut gz, content).unwrap();
        gz.finish().unwrap()
    };
    let rows: String = (0..5000).map(|i| format!("C{i:07}\tname {}\n", i * 7919)).collect();
    let compressed = gzip(format!("cui\tname\n{rows}").as_bytes());
    let empty = dir.path().join("empty folder");
    fs_err::create_dir(&empty).unwrap();
    let (malformed, small) = (at("META-malformed").display().to_string(), at("small.obo").display().to_string());
    let cases = [
        (
            "--tsv",
            write("truncated.tsv.gz", &compressed[..compressed.len() / 2]),
            "truncated.tsv.gz: it ends too early",
        ),
        ("--tsv", write("no.tsv.gz", b"no gzip"), "no.tsv.gz: it is not gzip-compressed"),
        ("--tsv", write("empty.tsv.gz", b""), "empty.tsv.gz: it is not gzip-compressed"),
        ("--tsv", write("nothing.tsv.gz", &gzip(b"")), "nothing.tsv.gz: it has no rows"),
        ("--tsv", write("empty.tsv", b""), "empty.tsv: it has no rows"),
        ("--csv", write("empty.csv", b""), "empty.csv: it has no rows"),
        ("--obo", write("empty.obo", b""), "empty.obo: it has no rows"),
        ("--obograph", write("empty.json", b""), "empty.json: it has no rows"),
        ("--sssom", write("empty.sssom.tsv", b""), "empty.sssom.tsv: it has no rows"),
        ("--obo", write("utf16.obo", b"\xff\xfef\0o\0"), "utf16.obo: line 1: it is not valid UTF-8"),
        ("--csv", write("utf16.csv", b"\xff\xfec\0u\0"), "utf16.csv: line 1: it is not valid UTF-8"),
        (
            "--csv",
            write("quote.csv", format!("cui,name\nC0000001,\"a\n{}", rows.replace('\t', ",")).as_bytes()),
            "quote.csv: the quoted value that begins in line 2 does not end",
        ),
        ("--tsv", write("cut.tsv", b"cui\tname\nC0000001\ta\nC00"), "cut.tsv: line 3: its last row is cut off"),
        ("--tsv", write("rows.tsv", b"cui\tname\n"), "rows.tsv: it has no rows"),
        (
            "--csv",
            write("columns.csv", b"cui,nome\nC0000001,a\n"),
            "columns.csv: its first line names no column `name`",
        ),
        (
            "--csv",
            write("twice.csv", b"cui,name,name\nC0000001,a,b\n"),
            "twice.csv: its first line names the column `name` twice",
        ),
        ("--tsv", write("utf8.tsv", b"cui\tname\nC0000001\ta\xff\n"), "utf8.tsv:2: it is not valid UTF-8"),
        ("--tsv", write("width.tsv", b"cui\tname\nC0000001\n"), "width.tsv:2: 1 fields where the header has 2"),
        ("--tsv", write("blank.tsv", b"cui\tname\nC0000001\t...\n"), "1 are of digits or punctuation alone"),
        ("--tsv", write("id.tsv", b"cui\tname\nheart attack\ta\n"), "id.tsv:2: `heart attack` is neither a CUI"),
        ("--tsv", dir.path().join("none.tsv").display().to_string(), "none.tsv: No such file or directory"),
        ("--tsv", empty.display().to_string(), "empty folder: is a directory"),
        ("--obo", write("no.obo", b"this is a letter\n"), "no.obo"),
        ("--obo", small, "rows are bad, more than --max-bad-rows 0.1% allows"),
        ("--obograph", write("no.json", b"{\"nodes\": []}"), "no.json"),
        ("--obograph", write("obo.json", b"format-version: 1.2\n"), "obo.json: it is not JSON"),
        (
            "--tsv",
            write("language.tsv", b"cui\tname\tlanguage\nC0000001\ta\tgerman\n"),
            "language `german` is none of UMLS or ISO 639",
        ),
        ("--obograph", write("cut.json", b"{\"graphs\": [{\"nodes\": [{\"id\""), "cut.json"),
        ("--sssom", write("no.sssom.tsv", b"a\tb\n1\t2\n"), "no.sssom.tsv"),
        ("--umls", empty.display().to_string(), "empty folder: it is not a UMLS release: MRCONSO.RRF"),
        ("--umls", dir.path().join("nope").display().to_string(), "nope: No such file or directory"),
        ("--umls", write("file", b"x"), "file: it is a file"),
        ("--umls", malformed, "MRRANK.RRF: 5 of 6 rows are bad"),
    ];
    let before = fs_err::read_dir(dir.path()).unwrap().count();
    let out = dir.path().join("out").display().to_string();
    for (option, path, expected) in &cases {
        let error = fail(&["index", "build", option, path, "--out", &out]);
        assert!(error.contains(expected), "{expected}: {error}");
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), before, "{error}");
    }
    let meta = at("META").display().to_string();
    for (option, value, expected) in [
        ("--languages", "FRE", "no name is in language FRE"),
        ("--languages", "ENG,FRE", "no name is in language FRE"),
        ("--sources", "MSH,NONE", "no name is from source NONE"),
    ] {
        let error = fail(&["index", "build", "--umls", &meta, option, value, "--out", &out]);
        assert!(error.contains(expected), "{error}");
    }
    // The first ten bad rows are named, the others are counted.
    let many: String = (0..30).map(|i| format!("X{i}\ta\n")).collect();
    let many = write("many.tsv", format!("cui\tname\nC0000001\ta\n{many}").as_bytes());
    let error = fail(&["index", "build", "--tsv", &many, "--out", &out]);
    assert!(
        error.contains("30 of 31 rows") && error.contains("many.tsv:12:") && !error.contains("many.tsv:13:"),
        "{error}"
    );
    let dry = succeed(&["index", "build", "--tsv", &many, "--dry-run", "--max-bad-rows", "30"]);
    assert!(dry.contains("names        1,"), "{dry}");
}
