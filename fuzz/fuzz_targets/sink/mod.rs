//! A sink that refuses some statements, as the builder of an index does.
//!
//! Invariant: whether a statement is refused depends on the statement only, so that a failing input
//! fails again.

use saplink::{
    domain::{Refusal, Statement, is_concept_id},
    job::Job,
    terminology::{BadRows, Reading},
};

/// Calls `read` with a reading that allows any number of bad rows; `check` gets every statement.
pub fn read(check: fn(&Statement), read: impl FnOnce(&mut Reading)) {
    let mut sink = |statement: Statement<'_>| {
        check(&statement);
        let (concept, other) = match statement {
            Statement::Atom(atom) => (atom.concept, None),
            Statement::Type { concept, .. } | Statement::Code { concept, .. } => (concept, None),
            Statement::Definition { concept, .. } => (concept, None),
            Statement::Relation { narrower, broader, .. } => (narrower, Some(broader)),
            Statement::Successor { retired, successor, .. } => (retired, successor),
            Statement::Source { .. } => return Ok(()),
        };
        match [Some(concept), other].into_iter().flatten().all(is_concept_id) {
            true if concept.ends_with('7') => Err(Refusal::InvalidStatement("its id ends in 7".into())),
            true => Ok(()),
            false => Err(Refusal::InvalidStatement(format!("`{concept}` or {other:?} is not a concept id"))),
        }
    };
    let mut reading = Reading::new("fuzzed", &mut sink, Job::silent(), BadRows::Share(1.0));
    read(&mut reading);
    let _ = reading.finish();
}
