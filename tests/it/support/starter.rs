//! The rows of the starter vocabulary.

use saplink::{
    domain::Statement,
    files::input::InputFile,
    job::Job,
    terminology::{BadRows, Dialect, Reading, TableOptions, read_table},
};

use crate::support::root;

/// A name of the vocabulary.
pub(crate) struct Atom {
    pub concept: String,
    pub name: String,
    pub source: String,
    pub term_type: String,
}

/// The names, each with its semantic types.
pub(crate) fn rows() -> Vec<(Atom, Vec<String>)> {
    let mut rows: Vec<(Atom, Vec<String>)> = vec![];
    let input = InputFile::new(&root().join("index/starter.tsv"));
    let mut collect = |statement: Statement<'_>| {
        match statement {
            // The reader gives the types of a row after its name.
            Statement::Type { tui, .. } => rows.last_mut().unwrap().1.push(tui.to_owned()),
            Statement::Atom(a) => {
                let [concept, name, source, term_type] = [a.concept, a.name, a.source, a.term_type].map(str::to_owned);
                rows.push((Atom { concept, name, source, term_type }, vec![]));
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    };
    let mut reading = Reading::new(&input.path, &mut collect, Job::silent(), BadRows::Number(0));
    let options = TableOptions { dialect: Dialect::Tabs, id_prefix: None };
    read_table(input.open(Job::silent()).unwrap(), &options, &mut reading).unwrap();
    reading.finish().unwrap();
    rows
}
