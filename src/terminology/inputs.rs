//! Everything that one index is made of, read in a documented order.
//!
//! Invariant: kinds come in one order, and of one kind inputs as they were given: of names preferred alike the first leads.

use std::path::{Path, PathBuf};

use crate::job::Job;
use crate::terminology::{
    BadRows, Dialect, Input, OntologyOptions, Reading, Release, Scope, Summary, Taker, TerminologyError, read_obo,
    read_obograph, read_sssom, read_table, read_umls,
};

/// Terminologies to read.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Folders of UMLS releases.
    pub umls: Vec<PathBuf>,
    pub obo: Vec<PathBuf>,
    pub obograph: Vec<PathBuf>,
    pub sssom: Vec<PathBuf>,
    pub tables: Vec<(PathBuf, Dialect)>,
    /// Scopes of synonyms that are taken from ontologies.
    pub scopes: Vec<Scope>,
    pub bad_rows: BadRows,
}

impl Inputs {
    /// What is to be read, as it was given.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let others = [&self.umls, &self.obo, &self.obograph, &self.sssom].into_iter().flatten();
        others.chain(self.tables.iter().map(|(path, _)| path)).map(PathBuf::as_path)
    }

    /// Hands every statement of every input to `take`; `done` is told what was read of each file. Of UMLS releases, only names in languages
    /// (LAT) and from sources (SAB) that `keep` wants are looked at.
    ///
    /// # Errors
    /// [`TerminologyError`] names the file; files that are missing are found before anything is read.
    pub fn read(
        &self,
        keep: &dyn Fn(&str, &str) -> bool,
        take: &mut Taker,
        job: Job<'_>,
        done: &mut dyn FnMut(&Input, &Summary),
    ) -> Result<(), TerminologyError> {
        let releases = self.umls.iter().map(|dir| Release::find(dir)).collect::<Result<Vec<_>, _>>()?;
        let tables = self.tables.iter().map(|(path, _)| path);
        for path in self.sssom.iter().chain(&self.obo).chain(&self.obograph).chain(tables) {
            Input::file(path).bytes()?;
        }
        let mut one = |path: &Path, read: &mut dyn FnMut(&Input, &mut Reading) -> Result<(), TerminologyError>| {
            let input = Input::file(path);
            let mut reading = Reading::new(path, take, job, self.bad_rows);
            read(&input, &mut reading)?;
            done(&input, &reading.finish()?);
            Ok::<_, TerminologyError>(())
        };
        let options = OntologyOptions { scopes: self.scopes.clone() };
        for path in &self.sssom {
            one(path, &mut |input, reading| read_sssom(input.open(job)?, reading))?;
        }
        for path in &self.obo {
            one(path, &mut |input, reading| read_obo(input.open(job)?, &options, reading))?;
        }
        for path in &self.obograph {
            one(path, &mut |input, reading| read_obograph(input.open(job)?, &options, reading))?;
        }
        for (path, dialect) in &self.tables {
            one(path, &mut |input, reading| read_table(input.open(job)?, *dialect, reading))?;
        }
        for release in &releases {
            let mut missing = release.missing();
            for (input, mut summary) in read_umls(release, keep, take, job, self.bad_rows)? {
                summary.notes.append(&mut missing);
                done(&input, &summary);
            }
        }
        Ok(())
    }
}
