//! Helpers for the tests of readers: statements as lines of text, and inputs with random damage.
//!
//! The sink here refuses statements with invalid ids and blank names, as an index does.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    domain::{AtomRef, Refusal, Statement, is_concept_id},
    job::Job,
    terminology::{BadRows, ReadSummary, Reading, TerminologyError},
};

/// Statements and outcome of reading an input named `input`.
pub(super) struct ReadResult {
    pub(super) statements: Vec<String>,
    pub(super) outcome: Result<ReadSummary, TerminologyError>,
}

impl ReadResult {
    /// The notes, with bad rows by line, or the error of the file.
    pub(super) fn faults(&self) -> Vec<String> {
        match &self.outcome {
            Ok(summary) => summary.notes.clone(),
            Err(e) => vec![e.to_string()],
        }
    }

    /// The statements that begin with `start`.
    pub(super) fn starting_with(&self, start: &str) -> Vec<&str> {
        self.statements.iter().map(String::as_str).filter(|s| s.starts_with(start)).collect()
    }
}

/// Reads with `read` and allows any number of bad rows.
pub(super) fn read_with(read: impl FnOnce(&mut Reading) -> Result<(), TerminologyError>) -> ReadResult {
    let mut statements = vec![];
    let mut sink = |statement: Statement| {
        if let Statement::Atom(AtomRef { name, .. }) = statement
            && name.trim().is_empty()
        {
            return Err(Refusal::InvalidStatement("its name is blank".into()));
        }
        let (ids, text) = parts(statement);
        if let Some(id) = ids.into_iter().flatten().find(|id| !is_concept_id(id)) {
            return Err(Refusal::InvalidStatement(format!("`{id}` is not a concept id")));
        }
        statements.push(text);
        Ok(())
    };
    let mut reading = Reading::new("input", &mut sink, Job::silent(), BadRows::Share(1.0));
    let outcome = read(&mut reading).and_then(|()| reading.finish());
    ReadResult { statements, outcome }
}

/// The ids and the text of a statement.
fn parts(statement: Statement<'_>) -> ([Option<&'_ str>; 2], String) {
    match statement {
        Statement::Atom(atom) => {
            let AtomRef { concept, name, source, code, term_type, language, preference, .. } = atom;
            ([Some(concept), None], format!("{concept} = {name} [{source} {code} {term_type} {language} {preference}]"))
        }
        Statement::Type { concept, tui } => ([Some(concept), None], format!("{concept} is {tui}")),
        Statement::Code { concept, source, code, .. } => {
            ([Some(concept), None], format!("{concept} # {source} {code}"))
        }
        Statement::Definition { concept, source, text } => {
            ([Some(concept), None], format!("{concept} : {text} [{source}]"))
        }
        Statement::Relation { narrower, broader, kind, source } => {
            ([Some(narrower), Some(broader)], format!("{narrower} < {broader} {kind:?} [{source}]"))
        }
        Statement::Successor { retired, successor, kind, source } => {
            let to = successor.unwrap_or("nothing");
            ([Some(retired), successor], format!("{retired} -> {to} {kind:?} [{source}]"))
        }
        Statement::Source { source, version, .. } => ([None, None], format!("{source} is of {version}")),
    }
}

/// The text of a file of `tests/fixtures/terminology`.
pub(super) fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("tests/fixtures/terminology/{name}")).unwrap()
}

/// Reads random bytes, and a fixture with random bytes replaced, inserted and removed and a random
/// end cut off.
pub(super) fn survives_damage(whole: &str, read: impl Fn(&[u8], &mut Reading) -> Result<(), TerminologyError>) {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, syntax_byte()), 0..8);
    let damaged = (edits, any::<prop::sample::Index>()).prop_map(|(edits, cut)| {
        let mut bytes = whole.as_bytes().to_vec();
        for (position, edit, byte) in edits {
            let position = position.index(bytes.len());
            match edit {
                0 => bytes[position] = byte,
                1 => bytes.insert(position, byte),
                _ => drop(bytes.drain(position..(position + 9).min(bytes.len() - 1).max(position))),
            }
        }
        let cut = cut.index(bytes.len() * 2);
        bytes.truncate(cut);
        bytes
    });
    let random = prop::collection::vec(syntax_byte(), 0..400);
    let inputs = prop_oneof![2 => damaged, 1 => random];
    TestRunner::new(Config { failure_persistence: None, ..Config::default() })
        .run(&inputs, |bytes| {
            read_with(|reading| read(&bytes, reading));
            Ok(())
        })
        .unwrap();
}

/// Any byte; bytes with a meaning in some format are more frequent.
fn syntax_byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), prop::sample::select(b"\n\t \\\"![]{}:,#=0CT".to_vec())]
}
