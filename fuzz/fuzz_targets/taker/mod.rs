//! Takes statements the way an import does: some of them it refuses.
//!
//! Invariant: it depends on a statement alone, so that an input that fails fails again.

use saplink::{domain::{Statement, is_concept_id}, job::Job, terminology::{BadRows, Reading, Refusal}};

/// Gives `read` a reading that lets all rows be bad, and ends it; `check` looks at every statement.
pub fn read(check: fn(&Statement), read: impl FnOnce(&mut Reading)) {
    let mut take = |statement: Statement<'_>| {
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
            true if concept.ends_with('7') => Err(Refusal::Statement("seven".into())),
            true => Ok(()),
            false => Err(Refusal::Statement(format!("`{concept}` or {other:?} is no concept id"))),
        }
    };
    let mut reading = Reading::new("fuzzed", &mut take, Job::silent(), BadRows::Share(1.0));
    read(&mut reading);
    let _ = reading.finish();
}
