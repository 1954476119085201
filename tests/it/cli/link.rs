//! `saplink link`: files of every format, resumed runs, bad input.

use std::{thread, time::Duration};

use crate::support::{ScratchDir, fail, run, saplink, shared, starter_index, succeed, wait};

/// The arguments of `saplink link`.
fn with<'a>(input: &'a str, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let index = ["--index", starter_index().to_str().unwrap()];
    let index = if more.contains(&"--index") { &[][..] } else { &index };
    [&["link", "--input", input, "--output", output], index, more].concat()
}

const CORPUS: &str = "\"heart attack\"\n\n{\"id\": \"note 2\", \"text\": \"hurts when i breathe in\", \"top_k\": 2}\n\"cold\"\n{\"text\": 5}\n\"..\"\n";

#[test]
fn a_file_of_lines_gives_the_answers_of_the_ndjson_route() {
    let scratch = ScratchDir::new();
    let input = scratch.write("in.jsonl", CORPUS);
    succeed(&with(&input, &scratch.at("out.ndjson"), &[]));
    assert_eq!(scratch.read("out.ndjson"), shared().post("/link", "application/x-ndjson", CORPUS.as_bytes()).text);
    assert_eq!(scratch.names(), ["in.jsonl", "out.ndjson"], "no temporary file is left");
}

#[test]
fn tables_are_read_and_written_with_ids_and_mentions() {
    let scratch = ScratchDir::new();
    let table = "id,text,note\n7,\"hurts, when i \"\"breathe\"\" in\",x\n,Cold,y\nn3,..,z\n";
    let input = scratch.write("in.csv", table);
    for output in ["out.csv", "out.tsv.gz", "out.parquet", "out.ndjson"] {
        succeed(&with(&input, &scratch.at(output), &["--top-k", "1"]));
    }
    let rows = scratch.read("out.csv");
    let lines: Vec<&str> = rows.lines().collect();
    let columns = "id,mention,status,rank,cui,name,matched_name,match,score,probability,semantic_types,error,read_as,left_out,truncated,contradiction";
    assert_eq!(lines[0], columns);
    assert!(lines[1].starts_with("7,\"hurts, when i \"\"breathe\"\" in\",") && lines[1].contains(",1,C"), "{rows}");
    assert!(lines[2].starts_with("m2,Cold,ambiguous,1,C"), "{rows}");
    assert!(lines.last().unwrap().starts_with("n3,..,error,,,"), "{rows}");
    // An output table is a valid input: it has the columns id and mention.
    for table in ["out.parquet", "out.tsv.gz"] {
        succeed(&with(&scratch.at(table), &scratch.at("again.csv"), &["--top-k", "1", "--force"]));
        let again = scratch.read("again.csv");
        // An ambiguous mention has a row for each owner, and each of these rows is linked again.
        let ids = |text: &str| {
            let mut ids: Vec<_> = text.lines().map(|line| line.split(',').next().unwrap().to_owned()).collect();
            ids.dedup();
            ids
        };
        assert_eq!(ids(&again), ids(&rows), "{table}");
    }
    succeed(&with(
        &scratch.at("out.parquet"),
        &scratch.at("names.ndjson"),
        &["--column", "name", "--id-column", "cui"],
    ));
    assert!(scratch.read("names.ndjson").lines().next().unwrap().contains("\"match\":\"exact\""));
}

#[test]
fn a_killed_run_resumes_and_gives_the_same_output() {
    let scratch = ScratchDir::new();
    let corpus: String = (0..30_000).map(|i| format!("\"pain in place {i} of the body, worse at night\"\n")).collect();
    let input = scratch.write("in.ndjson", &corpus);
    let (complete, broken) = (scratch.at("complete.ndjson"), scratch.at("broken.ndjson"));
    succeed(&with(&input, &complete, &["--top-k", "1"]));
    let mut child = saplink(&with(&input, &broken, &["--top-k", "1"])).spawn().unwrap();
    while !scratch.names().contains(&"broken.ndjson.partial.json".to_owned()) {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    wait(&mut child, Duration::from_secs(10));
    assert!(!scratch.names().contains(&"broken.ndjson".to_owned()), "no output before it is complete");
    for more in [&["--top-k", "2"][..], &["--top-k", "1", "--no-readings"], &["--top-k", "1", "--no-spelling"]] {
        let other = fail(&with(&input, &broken, &[more, &["--resume"]].concat()));
        assert!(other.contains("other options"), "{other}");
    }
    let more = scratch.write("more.ndjson", &(corpus + "\"asthma\"\n"));
    let other = fail(&with(&more, &broken, &["--top-k", "1", "--resume"]));
    assert!(other.contains("differs from the input"), "{other}");
    succeed(&with(&input, &broken, &["--top-k", "1", "--resume"]));
    assert!(scratch.read("broken.ndjson") == scratch.read("complete.ndjson"));
    assert!(!scratch.names().iter().any(|name| name.contains("partial")));
}

#[test]
fn options_of_linking_give_the_answers_of_the_route() {
    let scratch = ScratchDir::new();
    let line = |text: &str, options: &str| format!("{{\"text\": \"{text}\"{options}}}\n");
    let corpus = |options| line("an attack of the heart", options) + &line("h/o asthma", options);
    let input = scratch.write("in.ndjson", &corpus(""));
    for (options, fields) in [
        (&["--no-readings", "--no-spelling"][..], ", \"readings\": false, \"spelling\": false"),
        (&["--explain"], ", \"explain\": true"),
    ] {
        succeed(&with(&input, &scratch.at("out.ndjson"), &[options, &["--force"]].concat()));
        let answer = shared().post("/link", "application/x-ndjson", corpus(fields).as_bytes()).text;
        assert_eq!(scratch.read("out.ndjson"), answer, "{fields}");
    }
    for table in ["out.csv", "out.tsv.gz", "out.parquet"] {
        let error = fail(&with(&input, &scratch.at(table), &["--explain"]));
        assert!(error.contains(&format!("{table}: a table has no room for explanations; write .ndjson")), "{error}");
    }
}

#[test]
fn bad_input_is_named_and_no_mention_is_quoted() {
    let scratch = ScratchDir::new();
    let out = scratch.at("out.csv");
    let table = scratch.write("in.csv", "CANARY,b\nCANARY,c\n");
    for (input, more, expected) in [
        (scratch.at("missing.csv"), vec![], "missing.csv"),
        (scratch.write("in.txt", "a"), vec![], "in.txt: unsupported extension; use .ndjson"),
        (table.clone(), vec![], "in.csv: it has no column mention or text"),
        (table.clone(), vec!["--column", "words"], "in.csv: it has no column words"),
        (scratch.write("ragged.csv", "text,id\nCANARY,1\nCANARY\n"), vec![], "ragged.csv: CSV error"),
        (scratch.write("in.parquet", "CANARY"), vec![], "in.parquet: not a Parquet file"),
        (scratch.write("in.csv.gz", "CANARY"), vec![], "in.csv.gz: it is not gzip-compressed"),
        (
            scratch.write("ok.ndjson", "\"a\"\n"),
            vec!["--semantic-types", "CANARY"],
            "semantic_types[0]: not a TUI of the UMLS Semantic Network",
        ),
        (scratch.at("ok.ndjson"), vec!["--top-k", "1000"], "top_k: top_k is between 1 and 100"),
        (scratch.at("ok.ndjson"), vec!["--index", "no/index"], "no/index"),
    ] {
        let output = run(&with(&input, &out, &more));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("CANARY") && !error.contains("panicked"), "{error}");
        assert!(!scratch.names().contains(&"out.csv".to_owned()));
    }
    scratch.write("out.csv", "mine");
    let error = fail(&with(&scratch.at("ok.ndjson"), &out, &[]));
    assert!(error.contains("exists already") && scratch.read("out.csv") == "mine", "{error}");
    let error = fail(&with(&scratch.at("ok.ndjson"), &scratch.at("out.doc"), &[]));
    assert!(error.contains("out.doc"), "{error}");
}

#[test]
fn words_of_a_lexicon_are_not_repaired() {
    let scratch = ScratchDir::new();
    let input = scratch.write("in.ndjson", "\"asprin\"\n");
    let lexicon = scratch.write("words.txt", "asprin\n");
    let options: [&[&str]; 2] = [&[], &["--lexicon", &lexicon]];
    for (options, expected) in options.into_iter().zip(["corrected", "embedding"]) {
        succeed(&with(&input, &scratch.at("out.ndjson"), &[options, &["--force", "--top-k", "1"]].concat()));
        assert!(scratch.read("out.ndjson").contains(&format!("\"match\":\"{expected}\"")), "{expected}");
    }
    fs_err::write(&lexicon, "two words\n").unwrap();
    let error = fail(&with(&input, &scratch.at("out.ndjson"), &["--force", "--lexicon", &lexicon]));
    assert!(error.contains("cannot read the lexicon") && error.contains("words.txt:1"), "{error}");
}
