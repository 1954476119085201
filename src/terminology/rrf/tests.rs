//! Tests with the invented releases in `tests/fixtures/terminology` and changed copies of them.
//!
//! Statements are compared as text, in their order.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use crate::{
    domain::{AtomRef, Refusal, Statement},
    files::input::InputFile,
    job::Job,
    terminology::{BadRows, ReadSummary, Reading, TerminologyError, rrf::*},
};

const FIXTURES: &str = "tests/fixtures/terminology";
const LENIENT: BadRows = BadRows::Share(1.0);

fn text(statement: Statement) -> String {
    match statement {
        Statement::Atom(AtomRef { concept, name, source, code, term_type, language, suppressed, preference }) => {
            let suppressed = if suppressed { " suppressed" } else { "" };
            format!("{concept} {language} {source}/{term_type} {code} {preference}{suppressed}: {name}")
        }
        Statement::Type { concept, tui } => format!("{concept} is {tui}"),
        Statement::Code { .. } => unreachable!("codes are those of atoms"),
        Statement::Definition { concept, source, text } => format!("{concept} {source}: {text}"),
        Statement::Relation { narrower, broader, kind, source } => format!("{narrower} {kind:?} {broader} {source}"),
        Statement::Successor { retired, successor, kind, source } => {
            format!("{retired} {kind:?} {} {source}", successor.unwrap_or("-"))
        }
        Statement::Source { source, name, version, restriction_level } => {
            format!("{source} [{name}] [{version}] {restriction_level:?}")
        }
    }
}

/// Statements, and the summaries of the files or the error.
type ReleaseResult = (Vec<String>, Result<Vec<(InputFile, ReadSummary)>, TerminologyError>);

fn read(dir: &Path, selects: &dyn Fn(&str, &str) -> bool, allowed: BadRows) -> ReleaseResult {
    let release = UmlsRelease::find(dir).unwrap();
    let mut statements = vec![];
    let mut sink = |statement: Statement<'_>| {
        statements.push(text(statement));
        Ok(())
    };
    let summaries = read_umls(&release, selects, &mut sink, Job::silent(), allowed);
    (statements, summaries)
}

fn meta() -> PathBuf {
    Path::new(FIXTURES).join("META")
}

/// A copy of the fixture without the files whose names start with one of `without`.
fn copy(without: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in meta().read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !without.iter().any(|prefix| name.starts_with(prefix)) {
            std::fs::copy(meta().join(&name), dir.path().join(&name)).unwrap();
        }
    }
    dir
}

fn starting<'a>(statements: &'a [String], with: &str) -> Vec<&'a str> {
    statements.iter().map(String::as_str).filter(|s| s.starts_with(with)).collect()
}

fn find_error(dir: &Path) -> String {
    UmlsRelease::find(dir).unwrap_err().to_string()
}

#[test]
fn every_file_gives_its_statements() {
    let (statements, summaries) = read(&meta(), &|_, _| true, BadRows::Number(0));
    let summaries = summaries.unwrap();
    let rows: Vec<u64> = summaries.iter().map(|(_, summary)| summary.rows).collect();
    assert_eq!(rows, [8, 10, 30, 10, 5, 14, 8]);
    assert!(summaries.iter().all(|(_, summary)| summary.bad == 0 && summary.notes.is_empty()));
    assert_eq!(summaries[2].0.parts.len(), 3);

    assert_eq!(statements[0], "C0027051 ENG MTH/PN  79: Myocardial Infarction");
    assert_eq!(statements[2], "C0027051 ENG MSH/PM D009203 13: Infarction, Myocardial");
    assert_eq!(statements[6], "C0027051 ENG SNOMEDCT_US/OAP 66189004 11 suppressed: Infarction of heart, NOS");
    // Its term type has a rank only if it is not suppressed.
    assert_eq!(statements[23], "C0011860 ENG MSH/PEP D003924 59 suppressed: NIDDM");
    assert_eq!(statements[13], "C0151744 SPA MSHSPA/MH D017202 31: Isquemia Miocárdica");
    assert_eq!(statements[29], "C0042769 ENG MTH/PN  79: β-Virus 50% w/v; “x”\t<sub>2</sub>");
    assert_eq!(statements.iter().filter(|s| s.contains(" suppressed: ")).count(), 3);
    assert_eq!(
        statements[30..36],
        [
            "MTH [UMLS Metathesaurus] [MTH] Some(0)",
            "MSH [Medical Subject Headings] [2024_2024_02_06] Some(0)",
            "MSHSPA [DeCS] [2024] Some(3)",
            "SNOMEDCT_US [SNOMED Clinical Terms, US Edition] [2024_03_01] Some(3)",
            "ICD10CM [International Classification of Diseases, 10th Edition, Clinical Modification] [2024] Some(0)",
            "LOCALCARD [] [] Some(2)",
        ]
    );
    assert_eq!(statements[36], "C0027051 is T047");
    assert_eq!(
        statements[46..],
        [
            "C0027051 MSH: Death of heart muscle after its blood supply was cut off.",
            "C0027051 MSHSPA: Muerte del músculo cardíaco.",
            "C0151744 SNOMEDCT_US: <p>Too little blood for the heart’s muscle;\u{a0}see “angina” &amp; 心絞痛 \\n 💔.</p>",
            "C0011860 MSH: Sugar (glucose) > 7.0 mmol/l,\tfasting",
            "C0027051 Parent C0151744 MSH",
            "C0027051 Parent C0151744 MSH",
            "C0151744 Parent C0018799 MSH",
            "C0004238 Parent C0018799 MSH",
            "C0011860 Parent C0011849 SNOMEDCT_US",
            "C0011860 Parent C0011849 MSH",
            "C0027051 Broader C0018799 MTH",
            "C0004238 Broader C0018799 MTH",
            "C0151744 Parent C0018799 MSHSPA",
            "C0000001 Same C0027051 MTH",
            "C0000002 Broader C0018799 MTH",
            "C0000003 Narrower C0011860 MTH",
            "C0000004 Other C0004057 MTH",
            "C0000004 Other C0019999 MTH",
            "C0000005 Deleted - MTH",
            "C0000006 Deleted - MTH",
            "C0000007 Same C0000001 MTH",
        ]
    );
}

#[test]
fn unselected_languages_and_sources_give_no_statements() {
    let calls = std::cell::RefCell::new(vec![]);
    let selects = |language: &str, source: &str| {
        calls.borrow_mut().push(format!("{language} {source}"));
        language == "ENG" && source == "MSH"
    };
    let (statements, summaries) = read(&meta(), &selects, BadRows::Number(0));
    summaries.unwrap();
    assert_eq!(starting(&statements, "C0027051 ENG"), statements[..2]);
    assert!(!statements.iter().any(|s| s.contains("SPA") || s.contains("SNOMEDCT_US")));
    assert_eq!(statements.iter().filter(|s| s.contains(" Parent ")).count(), 5);
    // The source of successors is reported although no atom of it is selected.
    assert_eq!(starting(&statements, "M").len(), 2);
    assert_eq!(calls.borrow().len(), 6, "once for each pair");
}

#[test]
fn optional_files_are_optional() {
    let dir = copy(&["MRSAB", "MRRANK", "MRDEF", "MRREL", "MRHIER", "MRCUI"]);
    let release = UmlsRelease::find(dir.path()).unwrap();
    assert_eq!(release.inputs().iter().map(|(file, _)| file.name()).collect::<Vec<_>>(), ["MRCONSO.RRF", "MRSTY.RRF"]);
    assert_eq!(
        release.missing(),
        [
            "MRSAB.RRF is missing: sources have no names and no versions, and their restriction levels are those of MRCONSO.RRF",
            "MRRANK.RRF is missing: preferred names do not follow the ranks of sources and term types",
            "MRDEF.RRF is missing: concepts have no definitions",
            "MRREL.RRF and MRHIER.RRF are missing: concepts have no broader concepts",
            "MRCUI.RRF is missing: retired CUIs have no successors",
        ]
    );
    assert_eq!(UmlsRelease::find(&meta()).unwrap().missing(), [""; 0]);
    let (statements, summaries) = read(dir.path(), &|_, _| true, BadRows::Number(0));
    summaries.unwrap();
    assert_eq!(statements[0], "C0027051 ENG MTH/PN  15: Myocardial Infarction");
    assert_eq!(starting(&statements, "SNOMEDCT_US"), ["SNOMEDCT_US [] [] Some(3)"]);
}

#[test]
fn mrhier_replaces_a_missing_mrrel() {
    let dir = copy(&["MRREL"]);
    let missing = UmlsRelease::find(dir.path()).unwrap().missing();
    assert_eq!(missing, ["MRREL.RRF is missing: concepts have no broader concepts except the parents in MRHIER.RRF"]);
    let (statements, summaries) = read(dir.path(), &|_, source| source != "MSHSPA", BadRows::Number(0));
    let relations: Vec<&String> = statements.iter().filter(|s| s.contains(" Parent ")).collect();
    let expected = [
        "C0151744 Parent C0018799 MSH",
        "C0027051 Parent C0151744 MSH",
        "C0004238 Parent C0018799 MSH",
        "C0011860 Parent C0011849 SNOMEDCT_US",
    ];
    assert_eq!(relations, expected);
    let left_out: Vec<_> = summaries.unwrap().into_iter().flat_map(|(_, summary)| summary.left_out).collect();
    let expected = [
        ("names in other languages or from other sources".into(), 5),
        ("places in a hierarchy whose parent atom is not selected".into(), 1),
    ];
    assert_eq!(left_out, expected);
}

#[test]
fn bad_rows_are_reported_by_file_and_line() {
    let (statements, summaries) = read(&Path::new(FIXTURES).join("META-malformed"), &|_, _| true, LENIENT);
    let notes: Vec<String> = summaries.unwrap().into_iter().flat_map(|(_, summary)| summary.notes).collect();
    let notes: Vec<&str> = notes.iter().map(|note| note.rsplit_once('/').map_or(&**note, |(_, rest)| rest)).collect();
    assert_eq!(
        notes,
        [
            "MRRANK.RRF:1: RANK is not a number, or too large",
            "MRRANK.RRF:2: RANK is not a number, or too large",
            "MRRANK.RRF:3: 3 fields where there should be 4",
            "MRRANK.RRF:4: SAB is empty",
            "MRRANK.RRF:5: RANK is not a number, or too large",
            "MRCONSO.RRF:3: 12 fields where there should be 18",
            "MRCONSO.RRF:4: 19 fields where there should be 18",
            "MRCONSO.RRF:5: it does not end with `|`; of 18 fields it has 16",
            "MRCONSO.RRF:6: it is not valid UTF-8; if the file is Latin-1 or Windows-1252, convert it (iconv -f WINDOWS-1252 -t UTF-8)",
            "MRCONSO.RRF:7: STR is empty",
            "MRCONSO.RRF:8: STR is empty",
            "MRCONSO.RRF:9: a CUI is not `C` and seven digits",
            "MRCONSO.RRF:10: a CUI is not `C` and seven digits",
            "MRCONSO.RRF:11: LAT is not three capital letters",
            "MRCONSO.RRF:12: SAB is empty",
            "MRSTY.RRF:2: rows of MRSTY without a semantic type",
            "MRSTY.RRF:3: 2 fields where there should be 6",
            "MRSTY.RRF:4: a CUI is not `C` and seven digits",
            "MRDEF.RRF:1: definitions without a text",
            "MRDEF.RRF:2: 9 fields where there should be 8",
            "MRDEF.RRF:3: definitions without a source",
            "MRREL.RRF:1: relations with an id that is no CUI",
            "MRREL.RRF:2: 15 fields where there should be 16",
            "MRREL.RRF:4: relations without a source",
            "MRCUI.RRF:1: REL is none of SY, RB, RN, RO, DEL and SUBX",
            "MRCUI.RRF:2: successions without a successor",
            "MRCUI.RRF:3: CUIs that succeed themselves",
            "MRCUI.RRF:5: 5 fields where there should be 7",
        ]
    );
    assert_eq!(
        statements,
        [
            "C0027051 ENG MSH/MH D009203 14: Myocardial Infarction",
            "C0027051 ENG MSH/MH D009203 14: Ataque",
            "C0027051 ENG MSH/MH D009203 14: Last one",
            "MSH [] [] Some(0)",
            "C0027051 is T047",
            "C0027051 MSH: good",
            "C0018799 Parent C0027051 MSH",
            "C0000001 Other C0027051 MTH",
            "MTH [] [] None",
        ]
    );
}

#[test]
fn too_many_bad_rows_end_the_reading() {
    let (_, result) = read(&Path::new(FIXTURES).join("META-malformed"), &|_, _| true, BadRows::Number(2));
    let error = result.unwrap_err().to_string();
    assert!(error.contains("MRRANK.RRF: 5 of 6 rows are bad, more than --max-bad-rows 2 allows"), "{error}");
}

#[test]
fn refused_statements_are_bad_rows_and_failures_end_the_reading() {
    let release = UmlsRelease::find(&meta()).unwrap();
    let mut sink = |statement: Statement<'_>| match statement {
        Statement::Source { source: "LOCALCARD", .. } => Err(Refusal::InvalidStatement("unknown source".into())),
        _ => Ok(()),
    };
    let summaries = read_umls(&release, &|_, _| true, &mut sink, Job::silent(), LENIENT).unwrap();
    assert!(summaries[2].1.notes[0].ends_with("MRCONSO.RRF:19: unknown source"));
    let mut sink = |_: Statement<'_>| Err(Refusal::SinkFailed("full".into()));
    let result = read_umls(&release, &|_, _| true, &mut sink, Job::silent(), LENIENT);
    assert!(matches!(result, Err(TerminologyError::Sink(_))));
}

#[test]
fn other_directories_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let none = at.join("none");
    assert!(find_error(&none).starts_with(&format!("{}: No such file", none.display())));
    assert!(find_error(at).ends_with("is missing, also in META"));
    std::fs::create_dir(at.join("META")).unwrap();
    assert!(find_error(at).contains("it is not a UMLS release: MRCONSO.RRF"));
    let names = at.join("META/MRCONSO.RRF");
    std::fs::write(&names, "").unwrap();
    assert!(find_error(&names).contains("MRCONSO.RRF: it is a file; name the directory"));
    assert!(find_error(at).ends_with("META: MRSTY.RRF is missing: concepts have no semantic types"));
    std::fs::write(at.join("META/MRSTY.RRF"), "").unwrap();
    let release = UmlsRelease::find(at).unwrap();
    assert_eq!(release, UmlsRelease::find(&at.join("META")).unwrap());
    let mut sink = |_: Statement<'_>| Ok(());
    let result = read_umls(&release, &|_, _| true, &mut sink, Job::silent(), LENIENT);
    assert!(result.unwrap_err().to_string().ends_with("MRCONSO.RRF: it has no rows"));
}

#[test]
fn an_empty_optional_file_is_reported_like_a_missing_one() {
    let dir = copy(&["MRDEF"]);
    std::fs::write(dir.path().join("MRDEF.RRF"), "").unwrap();
    let summaries = read(dir.path(), &|_, _| true, BadRows::Number(0)).1.unwrap();
    assert_eq!(summaries[4].1.notes, ["MRDEF.RRF has no rows: concepts have no definitions"]);
}

#[test]
fn parts_have_no_gap_and_files_one_form() {
    let dir = copy(&[]);
    let at = |name: &str| dir.path().join(name);
    std::fs::rename(at("MRCONSO.RRF.ab.gz"), at("away")).unwrap();
    let error = find_error(dir.path());
    assert!(error.ends_with("MRCONSO.RRF.ab.gz is missing, though there is MRCONSO.RRF.ac.gz"), "{error}");
    std::fs::rename(at("MRCONSO.RRF.aa.gz"), at("MRCONSO.RRF.ab.gz")).unwrap();
    assert!(find_error(dir.path()).contains("MRCONSO.RRF.aa.gz is missing"));
    std::fs::rename(at("MRCONSO.RRF.ab.gz"), at("MRCONSO.RRF.aa.gz")).unwrap();
    std::fs::rename(at("away"), at("MRCONSO.RRF.ab.gz")).unwrap();
    std::fs::write(at("MRCONSO.RRF.md5"), "").unwrap();
    UmlsRelease::find(dir.path()).unwrap();
    for second in ["MRCONSO.RRF", "MRCONSO.RRF.gz", "MRCONSO.RRF.ad"] {
        std::fs::write(at(second), "").unwrap();
        let error = find_error(dir.path());
        assert!(error.contains("it has MRCONSO.RRF in two forms") && error.contains(second), "{error}");
        std::fs::remove_file(at(second)).unwrap();
    }
}

#[test]
fn a_truncated_part_is_named() {
    let dir = copy(&[]);
    let part = dir.path().join("MRCONSO.RRF.ab.gz");
    let bytes = std::fs::read(&part).unwrap();
    std::fs::write(&part, &bytes[..bytes.len() / 2]).unwrap();
    let error = read(dir.path(), &|_, _| true, LENIENT).1.unwrap_err().to_string();
    assert!(error.ends_with("MRCONSO.RRF.ab.gz: it ends too early: the file is truncated"), "{error}");
}

#[test]
fn a_plain_file_that_is_cut_off_is_named() {
    let dir = copy(&["MRSTY", "MRDEF"]);
    let types = std::fs::read(meta().join("MRSTY.RRF")).unwrap();
    let (whole, last) =
        (types.len() - 1, types.len() - types[..types.len() - 1].rsplit(|b| *b == b'\n').next().unwrap().len());
    let cut = |length: usize| {
        std::fs::write(dir.path().join("MRSTY.RRF"), &types[..length]).unwrap();
        read(dir.path(), &|_, _| true, LENIENT).1
    };
    // A row without a line end is complete.
    cut(whole).unwrap();
    for length in [whole - 1, last + 3] {
        let error = cut(length).unwrap_err().to_string();
        assert!(error.ends_with("MRSTY.RRF: line 10: its last row is cut off: the file is truncated"), "{error}");
    }
}

#[test]
fn names_that_umls_prefers_come_first_without_ranks() {
    let selects = |_: &str, _: &str| true;
    let mut reader = UmlsReader::new(&selects, false);
    let row = |ts: &str, tty: &str| format!("C0000001|ENG|{ts}||PF||Y|A1234567||||MSH|{tty}|1|a|0|N||\n");
    let (ranks, names) =
        ("2|MSH|MH|N|\n0|MSH|PM|N|\n", row("P", "MH") + &row("P", "PM") + &row("P", "XX") + &row("S", "XX"));
    let mut statements = vec![];
    let mut sink = |statement: Statement<'_>| {
        if let Statement::Atom(atom) = statement {
            statements.push(atom.preference);
        }
        Ok(())
    };
    let mut reading = Reading::new("x", &mut sink, Job::silent(), LENIENT);
    reader.read(RrfFile::Mrrank, ranks.as_bytes(), &mut reading).unwrap();
    reader.read(RrfFile::Mrconso, names.as_bytes(), &mut reading).unwrap();
    reading.finish().unwrap();
    assert_eq!(statements, [23, 15, 15, 3]);
}

#[test]
fn many_parts_are_in_order() {
    let dir = copy(&["MRSTY"]);
    let row = |i: usize| format!("C{i:07}|T047||||");
    let all: String = (0..30).map(|i| row(i) + "|\n").collect();
    for (i, part) in all.as_bytes().chunks(all.len() / 29).enumerate() {
        let name = format!("MRSTY.RRF.{}{}.gz", char::from(b'a' + i as u8 / 26), char::from(b'a' + i as u8 % 26));
        let mut file = GzEncoder::new(std::fs::File::create(dir.path().join(name)).unwrap(), Compression::fast());
        file.write_all(part).unwrap();
        file.finish().unwrap();
    }
    let (statements, summaries) = read(dir.path(), &|_, _| false, BadRows::Number(0));
    summaries.unwrap();
    assert_eq!(statements.iter().filter(|s| s.ends_with(" is T047")).count(), 30);
}

#[test]
fn leading_zeros_distinguish_atoms() {
    let selects = |_: &str, _: &str| true;
    let mut reader = UmlsReader::new(&selects, true);
    let names =
        "C0000001|ENG|P||PF||Y|A1234567||||MSH|PT|1|one|0|N||\nC0000002|ENG|P||PF||Y|A01234567||||MSH|PT|2|two|0|N||\n";
    let hierarchy = "C0000003|A9|1|A1234567|MSH|||||\nC0000003|A9|1|A01234567|MSH|||||\n";
    let mut statements = vec![];
    let mut sink = |statement: Statement<'_>| {
        statements.push(text(statement));
        Ok(())
    };
    let mut reading = Reading::new("x", &mut sink, Job::silent(), LENIENT);
    reader.read(RrfFile::Mrconso, names.as_bytes(), &mut reading).unwrap();
    reader.read(RrfFile::Mrhier, hierarchy.as_bytes(), &mut reading).unwrap();
    reading.finish().unwrap();
    assert_eq!(statements[3..], ["C0000003 Parent C0000001 MSH", "C0000003 Parent C0000002 MSH"]);
}

proptest! {
    #[test]
    fn no_input_causes_a_panic(
        pieces in prop::collection::vec(
            (0..8usize, prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "((C0027051|A0000001|MSH|ENG|PAR|SY|N|Y|0|é|)\\|){0,26}\r?\n".prop_map(String::into_bytes),
                (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| {
                    let mut row = b"C0027051|ENG|P|L1|PF|S1|Y|A0000001||c||MSH|MH|D1|Name|0|N||\n".to_vec();
                    let at = at.index(row.len());
                    row[at] = byte;
                    row
                }),
            ]),
            0..8,
        )
    ) {
        let selects = |_: &str, _: &str| true;
        let mut reader = UmlsReader::new(&selects, true);
        let mut sink = |statement: Statement<'_>| { text(statement); Ok(()) };
        let mut reading = Reading::new("x", &mut sink, Job::silent(), LENIENT);
        for (file, bytes) in &pieces {
            let result = reader.read(RrfFile::ALL[*file], &bytes[..], &mut reading);
            // The last row of a file may be cut off.
            let refused = matches!(result, Err(TerminologyError::File { .. }));
            prop_assert!(result.is_ok() || refused);
        }
    }
}

#[test]
fn rows_that_lack_a_value_are_counted_and_do_not_fail_a_release() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: &str| std::fs::write(dir.path().join(name), rows).unwrap();
    write("MRCONSO.RRF", "C9000001|ENG|P|L1|PF|S1|Y|A9000001||||XX|PT|1|a cough|0|N||\n");
    write("MRSTY.RRF", "C9000001|T184|||||\n|T184|||||\n");
    write("MRDEF.RRF", "C9000001|||||a text|N||\n||||XX|a text|N||\n");
    let relation = |first: &str, second: &str, sab: &str| format!("{first}|||PAR|{second}||||||{sab}||||N||\n");
    let (one, two) = ("C9000001", "C9000002");
    write(
        "MRREL.RRF",
        &[relation("", two, "XX"), relation("", two, ""), relation(one, "", "XX"), relation(one, two, "")].concat(),
    );
    let summaries = read(dir.path(), &|_, _| true, BadRows::Number(0)).1.unwrap();
    assert!(summaries.iter().all(|(_, summary)| summary.bad == 0));
    let left_out = summaries.iter().flat_map(|(_, summary)| &summary.left_out);
    assert_eq!(
        left_out.map(|(reason, count)| (&**reason, *count)).collect::<Vec<_>>(),
        [
            ("semantic types without a concept", 1),
            ("definitions without a concept", 1),
            ("definitions without a source", 1),
            ("relations without a first concept", 2),
            ("relations without a second concept", 1),
            ("relations without a source", 1),
        ]
    );
}
