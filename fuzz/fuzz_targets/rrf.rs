//! Fuzzes the reader of UMLS releases with several files in one input.
//!
//! A NUL ends each file, and its first byte selects the file (`0` to `7` in the order of
//! `RrfFile::ALL`).
//!
//! Property: every statement is well-formed, and no source that was not selected gives a statement.

#![no_main]

mod sink;

use libfuzzer_sys::fuzz_target;
use saplink::{
    domain::{Statement, is_concept_id},
    terminology::{RrfFile, TerminologyError, UmlsReader},
};

/// The source that is not selected.
const UNSELECTED: &str = "UNWANTED";

fn check(statement: &Statement) {
    match *statement {
        Statement::Atom(atom) => {
            assert!(is_concept_id(atom.concept));
            assert!(!atom.name.trim().is_empty() && !atom.source.is_empty() && !atom.term_type.is_empty());
            assert_eq!(atom.language.len(), 3);
            assert!(atom.source != UNSELECTED);
        }
        Statement::Type { concept, tui } => assert!(is_concept_id(concept) && !tui.is_empty()),
        Statement::Definition { concept, source, text } => {
            assert!(is_concept_id(concept) && !source.is_empty() && !text.trim().is_empty());
            assert!(source != UNSELECTED);
        }
        Statement::Relation { narrower, broader, source, .. } => {
            assert!(is_concept_id(narrower) && is_concept_id(broader) && narrower != broader);
            assert!(source != UNSELECTED);
        }
        Statement::Successor { retired, successor, .. } => {
            assert!(is_concept_id(retired) && successor.is_none_or(|id| is_concept_id(id) && id != retired));
        }
        Statement::Source { source, .. } => assert!(!source.is_empty()),
        Statement::Code { .. } => unreachable!("in RRF the only codes are those of atoms"),
    }
}

fuzz_target!(|data: &[u8]| {
    let selects = |_: &str, source: &str| source != UNSELECTED;
    let mut reader = UmlsReader::new(&selects, true);
    sink::read(check, |reading| {
        for piece in data.split(|byte| *byte == 0) {
            if let Some((file, rows)) = piece.split_first() {
                let file = RrfFile::ALL[usize::from(*file) % RrfFile::ALL.len()];
                let result = reader.read(file, rows, reading);
                let refused = matches!(result, Err(TerminologyError::File { .. }));
                assert!(result.is_ok() || refused, "reading from memory only fails for a file that is cut off");
            }
        }
    });
});
