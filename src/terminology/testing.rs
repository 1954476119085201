//! What the tests of readers share: statements as lines of text, and inputs that are damaged at random.
//!
//! Invariant: statements are refused as an index would refuse them, for ids that are none and for names that are blank.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::terminology::{BadRows, Reading, Refusal, Summary, TerminologyError};
use crate::{
    domain::{AtomRef, Statement, is_concept_id},
    job::Job,
};

/// What was read of an input, which is named `input`.
pub(super) struct Told {
    pub statements: Vec<String>,
    pub outcome: Result<Summary, TerminologyError>,
}

impl Told {
    /// The bad rows by line, or why the file was refused.
    pub(super) fn faults(&self) -> Vec<String> {
        match &self.outcome {
            Ok(summary) => summary.notes.clone(),
            Err(e) => vec![e.to_string()],
        }
    }

    /// The statements that begin with `start`.
    pub(super) fn of(&self, start: &str) -> Vec<&str> {
        self.statements.iter().map(String::as_str).filter(|s| s.starts_with(start)).collect()
    }
}

/// Reads with `read`, any number of bad rows being allowed.
pub(super) fn told(read: impl FnOnce(&mut Reading) -> Result<(), TerminologyError>) -> Told {
    let mut statements = vec![];
    let mut take = |statement: Statement| {
        if let Statement::Atom(AtomRef { name, .. }) = statement
            && name.trim().is_empty()
        {
            return Err(Refusal::Statement("its name is blank".into()));
        }
        let (ids, text) = parts(statement);
        if let Some(id) = ids.into_iter().flatten().find(|id| !is_concept_id(id)) {
            return Err(Refusal::Statement(format!("`{id}` is no concept id")));
        }
        statements.push(text);
        Ok(())
    };
    let mut reading = Reading::new("input", &mut take, Job::silent(), BadRows::Share(1.0));
    let outcome = read(&mut reading).and_then(|()| reading.finish());
    Told { statements, outcome }
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

/// Reads random bytes, and a fixture in which bytes are replaced, inserted and taken out, and that is cut off.
pub(super) fn survives_damage(whole: &str, read: impl Fn(&[u8], &mut Reading) -> Result<(), TerminologyError>) {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, telling_byte()), 0..8);
    let damaged = (edits, any::<prop::sample::Index>()).prop_map(|(edits, cut)| {
        let mut bytes = whole.as_bytes().to_vec();
        for (place, edit, byte) in edits {
            let place = place.index(bytes.len());
            match edit {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => drop(bytes.drain(place..(place + 9).min(bytes.len() - 1).max(place))),
            }
        }
        let cut = cut.index(bytes.len() * 2);
        bytes.truncate(cut);
        bytes
    });
    let random = prop::collection::vec(telling_byte(), 0..400);
    let inputs = prop_oneof![2 => damaged, 1 => random];
    TestRunner::new(Config { failure_persistence: None, ..Config::default() })
        .run(&inputs, |bytes| {
            told(|reading| read(&bytes, reading));
            Ok(())
        })
        .unwrap();
}

/// Any byte, more often one that means something to a format.
fn telling_byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), prop::sample::select(b"\n\t \\\"![]{}:,#=0CT".to_vec())]
}
