//! Everything that one index is made of, read in the right order.
//!
//! Invariant: mappings come first, since ontologies read after them are merged by them; of one kind, inputs come as they were given.

use std::path::{Path, PathBuf};

use super::{
    BadRows, Dialect, Input, OntologyOptions, Reading, Release, Scope, Summary, Taker, TerminologyError, read_mappings,
    read_obo, read_obograph, read_table, read_umls,
};
use crate::progress::Progress;

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
    /// Hands every statement of every input to `take`; `done` is told what was read of each file. Of UMLS releases, only names in languages
    /// (LAT) and from sources (SAB) that `keep` wants are looked at.
    ///
    /// # Errors
    /// [`TerminologyError`] names the file; files that are missing are found before anything is read.
    pub fn read(
        &self,
        keep: &dyn Fn(&str, &str) -> bool,
        take: &mut Taker,
        progress: &dyn Progress,
        done: &mut dyn FnMut(&Input, &Summary),
    ) -> Result<(), TerminologyError> {
        let releases = self.umls.iter().map(|dir| Release::find(dir)).collect::<Result<Vec<_>, _>>()?;
        let tables = self.tables.iter().map(|(path, _)| path);
        for path in self.sssom.iter().chain(&self.obo).chain(&self.obograph).chain(tables) {
            Input::file(path).bytes()?;
        }
        let mut one = |path: &Path, read: &mut dyn FnMut(&Input, &mut Reading) -> Result<(), TerminologyError>| {
            let input = Input::file(path);
            let mut reading = Reading::new(path, take, progress, self.bad_rows);
            read(&input, &mut reading)?;
            done(&input, &reading.finish()?);
            Ok::<_, TerminologyError>(())
        };
        let mut options = OntologyOptions { scopes: self.scopes.clone(), ..OntologyOptions::default() };
        for path in &self.sssom {
            one(path, &mut |input, reading| {
                options.mappings.merge(read_mappings(input.open(progress)?, reading)?);
                Ok(())
            })?;
        }
        for path in &self.obo {
            one(path, &mut |input, reading| read_obo(input.open(progress)?, &options, reading))?;
        }
        for path in &self.obograph {
            one(path, &mut |input, reading| read_obograph(input.open(progress)?, &options, reading))?;
        }
        for (path, dialect) in &self.tables {
            one(path, &mut |input, reading| read_table(input.open(progress)?, *dialect, reading))?;
        }
        for release in &releases {
            let mut missing = release.missing();
            for (input, mut summary) in read_umls(release, keep, take, progress, self.bad_rows)? {
                summary.notes.append(&mut missing);
                done(&input, &summary);
            }
        }
        Ok(())
    }
}
