//! `saplink link`: files of mentions, whatever their format, are linked as the service links them.

use std::{thread, time::Duration};

use crate::support::{Place, fail, run, saplink, shared, starter_index, succeed, wait};

/// The arguments of `saplink link`.
fn with<'a>(input: &'a str, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let index = ["--index", starter_index().to_str().unwrap()];
    let index = if more.contains(&"--index") { &[][..] } else { &index };
    [&["link", "--input", input, "--output", output], index, more].concat()
}

const CORPUS: &str = "\"heart attack\"\n\n{\"id\": \"note 2\", \"text\": \"hurts when i breathe in\", \"top_k\": 2}\n\"cold\"\n{\"text\": 5}\n\"..\"\n";

#[test]
fn a_file_of_lines_is_answered_as_a_stream_of_lines_is() {
    let place = Place::new();
    let input = place.write("in.jsonl", CORPUS);
    succeed(&with(&input, &place.at("out.ndjson"), &[]));
    assert_eq!(place.read("out.ndjson"), shared().post("/link", "application/x-ndjson", CORPUS.as_bytes()).text);
    assert_eq!(place.names(), ["in.jsonl", "out.ndjson"], "nothing is left beside them");
}

#[test]
fn tables_go_in_and_out_and_keep_what_they_hold() {
    let place = Place::new();
    let table = "id,text,note\n7,\"hurts, when i \"\"breathe\"\" in\",x\n,Cold,y\nn3,..,z\n";
    let input = place.write("in.csv", table);
    for output in ["out.csv", "out.tsv.gz", "out.parquet", "out.ndjson"] {
        succeed(&with(&input, &place.at(output), &["--top-k", "1"]));
    }
    let rows = place.read("out.csv");
    let lines: Vec<&str> = rows.lines().collect();
    assert!(lines[0].starts_with("id,mention,status,rank,cui,name"), "{rows}");
    assert!(lines[1].starts_with("7,\"hurts, when i \"\"breathe\"\" in\",") && lines[1].contains(",1,C"), "{rows}");
    assert!(lines[2].starts_with("m2,Cold,ambiguous,1,C"), "{rows}");
    assert!(lines.last().unwrap().starts_with("n3,..,error,,,"), "{rows}");
    // What was written is read: ids and mentions are columns of it.
    for table in ["out.parquet", "out.tsv.gz"] {
        succeed(&with(&place.at(table), &place.at("again.csv"), &["--top-k", "1", "--force"]));
        let again = place.read("again.csv");
        // Of an ambiguous mention all owners are listed, for each of its rows.
        let ids = |text: &str| {
            let mut ids: Vec<_> = text.lines().map(|line| line.split(',').next().unwrap().to_owned()).collect();
            ids.dedup();
            ids
        };
        assert_eq!(ids(&again), ids(&rows), "{table}");
    }
    succeed(&with(&place.at("out.parquet"), &place.at("names.ndjson"), &["--column", "name", "--id-column", "cui"]));
    assert!(place.read("names.ndjson").lines().next().unwrap().contains("\"match\":\"exact\""));
}

#[test]
fn what_was_killed_goes_on_and_ends_alike() {
    let place = Place::new();
    let corpus: String = (0..30_000).map(|i| format!("\"pain in place {i} of the body, worse at night\"\n")).collect();
    let input = place.write("in.ndjson", &corpus);
    let (whole, broken) = (place.at("whole.ndjson"), place.at("broken.ndjson"));
    succeed(&with(&input, &whole, &["--top-k", "1"]));
    let mut child = saplink(&with(&input, &broken, &["--top-k", "1"])).spawn().unwrap();
    while !place.names().contains(&"broken.ndjson.partial.json".to_owned()) {
        assert!(child.try_wait().unwrap().is_none(), "it was too fast to be killed");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    wait(&mut child, Duration::from_secs(10));
    assert!(!place.names().contains(&"broken.ndjson".to_owned()), "no output before it is whole");
    let other = fail(&with(&input, &broken, &["--top-k", "2", "--resume"]));
    assert!(other.contains("other options"), "{other}");
    let more = place.write("more.ndjson", &(corpus + "\"asthma\"\n"));
    let other = fail(&with(&more, &broken, &["--top-k", "1", "--resume"]));
    assert!(other.contains("is not the file"), "{other}");
    succeed(&with(&input, &broken, &["--top-k", "1", "--resume"]));
    assert!(place.read("broken.ndjson") == place.read("whole.ndjson"));
    assert!(!place.names().iter().any(|name| name.contains("partial")));
}

#[test]
fn what_cannot_be_linked_is_named_and_nothing_is_quoted() {
    let place = Place::new();
    let out = place.at("out.csv");
    let table = place.write("in.csv", "CANARY,b\nCANARY,c\n");
    for (input, more, expected) in [
        (place.at("missing.csv"), vec![], "missing.csv"),
        (place.write("in.txt", "a"), vec![], "in.txt: its name ends in none of .ndjson"),
        (table.clone(), vec![], "in.csv: it has no column mention or text"),
        (table.clone(), vec!["--column", "words"], "in.csv: it has no column words"),
        (place.write("ragged.csv", "text,id\nCANARY,1\nCANARY\n"), vec![], "ragged.csv: CSV error"),
        (place.write("in.parquet", "CANARY"), vec![], "in.parquet: not a Parquet file"),
        (place.write("in.csv.gz", "CANARY"), vec![], "in.csv.gz: it is not gzip-compressed"),
        (place.write("ok.ndjson", "\"a\"\n"), vec!["--semantic-types", "CANARY"], "semantic_types[0]: write TUIs"),
        (place.at("ok.ndjson"), vec!["--top-k", "1000"], "top_k: top_k is between 1 and 100"),
        (place.at("ok.ndjson"), vec!["--index", "no/index"], "no/index"),
    ] {
        let output = run(&with(&input, &out, &more));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("CANARY") && !error.contains("panicked"), "{error}");
        assert!(!place.names().contains(&"out.csv".to_owned()));
    }
    place.write("out.csv", "mine");
    let error = fail(&with(&place.at("ok.ndjson"), &out, &[]));
    assert!(error.contains("is there already") && place.read("out.csv") == "mine", "{error}");
    let error = fail(&with(&place.at("ok.ndjson"), &place.at("out.doc"), &[]));
    assert!(error.contains("out.doc"), "{error}");
}
