//! Fuzzes the reader of lines of JSON, as in the bodies of `POST /link` and the files of `saplink
//! link`.
//!
//! The first byte selects the pieces in which the rest comes. In the rest, a byte `0xFF`, which no
//! UTF-8 has, stands for as many letters as nearly fill a line; pieces are larger then.
//!
//! Properties: the lines do not depend on the pieces; each line gives a mention or a problem, and a
//! blank line neither; a mention is the one that another reader of JSON reads; a problem names the
//! line or the field at fault.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saplink::{
    http::{LineSplitter, NumberedMention, max_line_bytes, read_line},
    linker::LinkLimits,
};
use serde_json::Value;

/// Limits with the shortest lines.
const LIMITS: LinkLimits = LinkLimits { mentions: 1, mention_bytes: 0, top_k: 1, candidates: 1 };
/// How many bytes `0xFF` are replaced; more would only make an input slow.
const MAX_FILLED: usize = 3;
/// Bytes of a full line beside the letters that a byte `0xFF` stands for.
const UNFILLED_BYTES: usize = 24;
/// Lines that are taken at a time.
const TAKEN_LINES: usize = 3;
/// How many times larger the pieces of a body with filled lines are; small ones would be slow.
const FILLED_PIECE_FACTOR: usize = 67;

/// The input with bytes `0xFF` replaced by letters.
fn filled(data: &[u8]) -> Vec<u8> {
    let letters = vec![b'x'; max_line_bytes(&LIMITS) - UNFILLED_BYTES];
    let (mut filled, mut count) = (vec![], 0);
    for &byte in data {
        if byte == 0xFF && count < MAX_FILLED {
            filled.extend_from_slice(&letters);
            count += 1;
        } else {
            filled.push(byte);
        }
    }
    filled
}

/// The lines of `body`, which comes in pieces of `piece_bytes`.
fn split(body: &[u8], piece_bytes: usize) -> Vec<Vec<u8>> {
    let mut splitter = LineSplitter::new(&LIMITS);
    let mut lines = vec![];
    for piece in body.chunks(piece_bytes) {
        splitter.push(piece);
        lines.extend(splitter.take(TAKEN_LINES));
    }
    splitter.finish();
    while !splitter.is_empty() {
        lines.extend(splitter.take(TAKEN_LINES));
    }
    lines
}

/// What a client can see of a line.
fn seen(read: &NumberedMention) -> (usize, Option<&str>, &str, Option<Value>) {
    let problem = read.problem.as_ref().map(|problem| serde_json::to_value(problem).unwrap());
    (read.number, read.mention.id.as_deref(), &read.mention.text, problem)
}

/// Checks the result of line `number`, which has no byte order mark before it.
fn check(line: &[u8], number: usize, read: Option<&NumberedMention>) {
    let is_long = line.len() > max_line_bytes(&LIMITS);
    let Some(read) = read else {
        assert!(!is_long && line.iter().all(u8::is_ascii_whitespace));
        return;
    };
    let (read_number, id, text, problem) = seen(read);
    assert_eq!(read_number, number);
    let json = serde_json::from_slice::<Value>(line).ok();
    let Some(problem) = problem else {
        let json = json.expect("a mention is valid JSON");
        assert!(!is_long);
        assert_eq!(json.as_str().or(json["text"].as_str()), Some(text));
        assert_eq!(json["id"].as_str(), id);
        return;
    };
    let (kind, detail) = (problem["type"].as_str().unwrap(), problem["detail"].as_str().unwrap());
    let field = problem["field"].as_str();
    assert_eq!(is_long, kind.ends_with(":mention-too-long"));
    if kind.ends_with(":invalid-json") {
        assert!(json.is_none(), "valid JSON is not refused as invalid");
        assert!(detail.starts_with(&format!("the error is in line {number}, column ")), "{detail}");
        assert_eq!(field, None);
    } else if !is_long {
        assert!(kind.ends_with(":invalid-request"));
        let name = field.unwrap().strip_prefix("mention").unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._[]".contains(&b)));
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, rest)) = data.split_first() else { return };
    let body = filled(rest);
    let lines = split(&body, body.len().max(1));
    let factor = if body.len() > rest.len() { FILLED_PIECE_FACTOR } else { 1 };
    let piece_bytes = (usize::from(*piece) + 1) * factor;
    assert_eq!(lines, split(&body, piece_bytes), "the pieces do not matter");
    let mut whole: Vec<&[u8]> = body.split(|&byte| byte == b'\n').collect();
    // The bytes after the last line end are a line, unless there are none.
    if whole.last().is_some_and(|line| line.is_empty()) {
        whole.pop();
    }
    assert_eq!(lines.len(), whole.len());
    for (number, (kept, line)) in (1..).zip(lines.iter().zip(whole)) {
        assert!(line.starts_with(kept));
        let read = read_line(kept, number, &LIMITS);
        let of_whole = read_line(line, number, &LIMITS);
        assert_eq!(read.as_ref().map(seen), of_whole.as_ref().map(seen), "a long line may be cut off");
        let mark = "\u{feff}".as_bytes();
        let line = if number == 1 { line.strip_prefix(mark).unwrap_or(line) } else { line };
        check(line, number, read.as_ref());
    }
});
