//! Files of a UMLS release, one after the other: a NUL ends each, and its first byte chooses which it is (`0` to `7` in the order of
//! `RrfFile::ALL`).
//!
//! Invariant: what is said is well-formed.

#![no_main]

mod taker;

use libfuzzer_sys::fuzz_target;
use saplink::{domain::{Statement, is_concept_id}, terminology::{RrfFile, TerminologyError, UmlsReader}};

fn check(statement: &Statement) {
    match *statement {
        Statement::Atom(atom) => {
            assert!(is_concept_id(atom.concept));
            assert!(!atom.name.trim().is_empty() && !atom.source.is_empty() && !atom.term_type.is_empty());
            assert_eq!(atom.language.len(), 3);
            assert!(atom.source != "UNWANTED");
        }
        Statement::Type { concept, tui } => assert!(is_concept_id(concept) && !tui.is_empty()),
        Statement::Definition { concept, source, text } => {
            assert!(is_concept_id(concept) && !source.is_empty() && !text.trim().is_empty());
            assert!(source != "UNWANTED");
        }
        Statement::Relation { narrower, broader, source, .. } => {
            assert!(is_concept_id(narrower) && is_concept_id(broader) && narrower != broader);
            assert!(source != "UNWANTED");
        }
        Statement::Successor { retired, successor, .. } => {
            assert!(is_concept_id(retired) && successor.is_none_or(|id| is_concept_id(id) && id != retired));
        }
        Statement::Source { source, .. } => assert!(!source.is_empty()),
        Statement::Code { .. } => unreachable!("codes are those of atoms"),
    }
}

fuzz_target!(|data: &[u8]| {
    let keep = |_: &str, source: &str| source != "UNWANTED";
    let mut reader = UmlsReader::new(&keep, true);
    taker::read(check, |reading| {
        for piece in data.split(|byte| *byte == 0) {
            if let Some((file, rows)) = piece.split_first() {
                let file = RrfFile::ALL[usize::from(*file) % RrfFile::ALL.len()];
                let result = reader.read(file, rows, reading);
                let refused = matches!(result, Err(TerminologyError::File { .. }));
                assert!(result.is_ok() || refused, "what is read from memory can be read, unless it is cut off");
            }
        }
    });
});
