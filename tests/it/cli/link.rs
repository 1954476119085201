//! `saplink link`: files of every format, resumed runs, bad input.

use std::{
    io::Write,
    process::{Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};

use crate::support::{ScratchDir, fail, run, saplink, shared, starter_index, succeed, wait};

/// The arguments of `saplink link`.
fn with<'a>(input: &'a str, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let index = ["--index", starter_index().to_str().unwrap()];
    let index = if more.contains(&"--index") { &[][..] } else { &index };
    [&["link", "--input", input, "--output", output], index, more].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
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
    let columns = "id,mention,status,rank,cui,name,matched_name,match,score,probability,semantic_types,error,read_as,left_out,truncated,contradiction,note";
    assert_eq!(lines[0], columns);
    assert!(lines[1].starts_with("7,\"hurts, when i \"\"breathe\"\" in\",") && lines[1].contains(",1,C"), "{rows}");
    assert!(lines[2].starts_with("m2,Cold,ambiguous,1,C"), "{rows}");
    assert!(lines.last().unwrap().starts_with("n3,..,error,,,"), "{rows}");
    for (row, note) in [(1, ",x"), (2, ",y"), (lines.len() - 1, ",z")] {
        assert!(lines[row].ends_with(note), "other columns are kept: {rows}");
    }
    let json = scratch.read("out.ndjson");
    assert!(json.lines().next().unwrap().ends_with(",\"columns\":{\"note\":\"x\"}}"), "{json}");
    // An output table is a valid input: it has the columns id and mention.
    for table in ["out.parquet", "out.tsv.gz"] {
        let output = run(&with(&scratch.at(table), &scratch.at("again.csv"), &["--top-k", "1", "--force"]));
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{log}");
        // Rows of Parquet are counted as rows, and bytes of text as bytes.
        let line = log.lines().find(|line| line.contains(" in 0.") || line.contains(" in 1.")).unwrap_or_default();
        assert_eq!(line.contains(" B, ") || line.contains("B/s"), table != "out.parquet", "{log}");
        let again = scratch.read("again.csv");
        // An ambiguous mention has a row for each owner, and each of these rows is linked again.
        let ids = |text: &str| {
            let mut ids: Vec<_> = text.lines().map(|line| line.split(',').next().unwrap().to_owned()).collect();
            ids.dedup();
            ids
        };
        assert_eq!(ids(&again), ids(&rows), "{table}");
        let header = again.lines().next().unwrap();
        assert!(header.starts_with(&columns.replace(",note", ",input_status,input_rank")), "{header}");
        assert!(header.ends_with(",input_contradiction,note"), "{header}");
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
fn a_run_that_begins_anew_removes_what_another_left() {
    let scratch = ScratchDir::new();
    let corpus: String = (0..30_000).map(|i| format!("\"pain in place {i} of the body, worse at night\"\n")).collect();
    let input = scratch.write("in.ndjson", &corpus);
    let out = scratch.at("out.ndjson");
    let journal = "out.ndjson.partial.json".to_owned();
    let mut child = saplink(&with(&input, &out, &["--top-k", "1"])).spawn().unwrap();
    while !scratch.names().contains(&journal) {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
        thread::sleep(Duration::from_millis(5));
    }
    // A second run for the same output is refused at once.
    let begun = Instant::now();
    for more in [&["--top-k", "1"][..], &["--top-k", "1", "--resume"], &["--top-k", "2", "--force"]] {
        let refused = fail(&with(&input, &out, more));
        assert!(refused.contains("out.ndjson.partial: another run writes this file"), "{refused}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    child.kill().unwrap();
    wait(&mut child, Duration::from_secs(10));
    assert!(scratch.names().contains(&journal));
    // Begun anew with other options, and killed before its first batch is complete.
    let mut child = saplink(&with(&input, &out, &["--top-k", "3"])).spawn().unwrap();
    while scratch.names().contains(&journal) {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    wait(&mut child, Duration::from_secs(10));
    let short = scratch.write("short.ndjson", "\"asthma\"\n");
    succeed(&with(&short, &out, &["--top-k", "3", "--resume"]));
    assert_eq!(scratch.read("out.ndjson").lines().count(), 1, "no line of another run is taken");
    assert!(!scratch.names().iter().any(|name| name.contains("partial")));
}

/// The output of `saplink link` with `input` as its standard input.
fn pipe(input: &str, args: &[&str]) -> Output {
    let index = ["link", "--index", starter_index().to_str().unwrap()];
    let mut child = saplink(&[&index[..], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A run that fails early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn a_dash_is_standard_input_and_output() {
    let scratch = ScratchDir::new();
    let expected = shared().post("/link", "application/x-ndjson", CORPUS.as_bytes()).text;
    let piped = pipe(CORPUS, &["--input", "-", "--output", "-"]);
    assert_eq!(String::from_utf8_lossy(&piped.stdout), expected);
    assert!(String::from_utf8_lossy(&piped.stderr).contains("6 lines linked"), "{piped:?}");
    let one = pipe("\"asthma\"\n", &["--input", "-", "--output", "-"]);
    assert!(String::from_utf8_lossy(&one.stderr).contains("1 line linked"), "{one:?}");
    let table = ["--input", "-", "--input-format", "csv", "--output", "-", "--output-format", "tsv", "--top-k", "1"];
    let rows = String::from_utf8(pipe("note,text\nx,asthma\n", &table).stdout).unwrap();
    let lines: Vec<Vec<&str>> = rows.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((lines.len(), lines[0].last(), lines[1].last()), (2, Some(&"note"), Some(&"x")), "{rows}");
    let out = scratch.at("out.ndjson");
    assert!(pipe(CORPUS, &["--input", "-", "--output", &out]).status.success());
    assert_eq!(scratch.read("out.ndjson"), expected);
    assert_eq!(scratch.names(), ["out.ndjson"]);
    for (args, expected) in [
        (&["--input", "-", "--output", "-", "--resume"][..], "--resume needs files"),
        (&["--input", "-", "--output", &out, "--resume", "--force"], "--resume needs files"),
        (&["--input", "-", "--input-format", "parquet", "--output", "-"], "--input - cannot be Parquet"),
        (&["--input", "-", "--output", "-", "--output-format", "parquet"], "--output - cannot be Parquet"),
        (&["--input", "-", "--output", "-", "--output-format", "csv", "--explain"], "no room for explanations"),
        (
            &["--input", "-", "--input-format", "csv", "--output", "-"],
            "standard input: it has no column mention or text",
        ),
    ] {
        let refused = pipe("CANARY\n", args);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{args:?}: {error}");
        assert!(error.contains(expected) && !error.contains("CANARY"), "{error}");
    }
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
    let long_table: Vec<u8> = (0..300).flat_map(|i| format!("text\n{i}").into_bytes()).collect();
    for (input, more, expected) in [
        (scratch.at("missing.csv"), vec![], "missing.csv"),
        (scratch.write("in.txt", "a"), vec![], "in.txt: unsupported extension; use .ndjson"),
        (table.clone(), vec![], "in.csv: it has no column mention or text"),
        (table.clone(), vec!["--column", "words"], "in.csv: it has no column words"),
        (
            scratch.write("quote.csv", "text,id\nasthma,1\n\"CANARY,2\nCANARY,3\n"),
            vec![],
            "quote.csv: the quoted value that begins in line 3 does not end",
        ),
        (
            scratch.write("cut.csv.gz", &gzip(&long_table)[..300]),
            vec![],
            "saplink: SCRATCH/cut.csv.gz: it ends too early: the file is truncated",
        ),
        (scratch.write("in.parquet", "CANARY"), vec![], "in.parquet: not a Parquet file"),
        (scratch.write("in.csv.gz", "CANARY"), vec![], "in.csv.gz: it is not gzip-compressed"),
        (
            scratch.write("ok.ndjson", "\"a\"\n"),
            vec!["--semantic-types", "CANARY"],
            "--semantic-types: value 1: not a semantic type of UMLS",
        ),
        (
            scratch.at("ok.ndjson"),
            vec!["--semantic-types", "Amino Acid, Peptide, or Protein,CANARY"],
            "--semantic-types: value 2: not a semantic type of UMLS",
        ),
        (scratch.at("ok.ndjson"), vec!["--top-k", "1000"], "--top-k: must be between 1 and 100"),
        (scratch.at("ok.ndjson"), vec!["--index", "no/index"], "no/index"),
    ] {
        let output = run(&with(&input, &out, &more));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = expected.replace("SCRATCH", &scratch.at("")).replace("//", "/");
        assert!(!output.status.success() && error.contains(&expected), "{expected}: {error}");
        assert!(!scratch.names().iter().any(|name| name.contains("partial")), "{expected}: {:?}", scratch.names());
        assert!(!error.contains("CANARY") && !error.contains("panicked"), "{error}");
        assert!(!scratch.names().contains(&"out.csv".to_owned()));
    }
    scratch.write("out.csv", "mine");
    let error = fail(&with(&scratch.at("ok.ndjson"), &out, &[]));
    assert!(error.contains("exists already") && scratch.read("out.csv") == "mine", "{error}");
    let input = scratch.at("ok.ndjson");
    let error = fail(&with(&input, &input, &["--force"]));
    assert!(error.contains("--output and --input name the same file"), "{error}");
    assert_eq!(scratch.read("ok.ndjson"), "\"a\"\n");
    let error = fail(&with(&scratch.at("ok.ndjson"), &scratch.at("out.doc"), &[]));
    assert!(error.contains("out.doc"), "{error}");
}

#[test]
fn a_bad_row_of_a_table_costs_its_own_result() {
    let scratch = ScratchDir::new();
    let table = scratch.write("in.csv", b"note,Text\nx,asthma\ny\nz,CANARY\xff\nw,cold,x\nv,fever,,\n,\n");
    let summary = run(&with(&table, &scratch.at("out.ndjson"), &["--top-k", "1"]));
    let log = String::from_utf8_lossy(&summary.stderr).into_owned();
    assert!(log.contains("6 lines linked in") && log.contains(", 3 lines with an error"), "{log}");
    let results: Vec<serde_json::Value> =
        scratch.read("out.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["linked", "error", "error", "error", "linked"]);
    for (result, detail) in
        results[1..4].iter().zip(["line 3: 1 fields", "line 4: it is not valid UTF-8", "line 5: 3 fields"])
    {
        assert!(result["error"]["detail"].as_str().unwrap().starts_with(detail), "{result}");
    }
    // TSV is read as it is written: it has no quotes.
    let quoted = scratch.write("in.tsv", "text\n\"asthma\"\n");
    succeed(&with(&quoted, &scratch.at("out.tsv"), &["--top-k", "1"]));
    assert!(scratch.read("out.tsv").lines().nth(1).unwrap().starts_with("m1\t\"asthma\"\t"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once() {
    let scratch = ScratchDir::new();
    let fifo = scratch.at("in.ndjson");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs_err::write(fifo, "\"asthma\"\n").unwrap()
    });
    succeed(&with(&fifo, &scratch.at("out.ndjson"), &["--top-k", "1"]));
    writer.join().unwrap();
    assert!(scratch.read("out.ndjson").contains("\"linked\""));
    let error = fail(&with(&fifo, &scratch.at("other.ndjson"), &["--resume"]));
    assert!(error.contains("--resume needs files"), "{error}");
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
