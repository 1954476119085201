//! All terminology inputs of one index, and the order in which they are read.
//!
//! Invariant: the order is fixed: SSSOM, OBO, OBO Graphs, tables, UMLS; inputs of one format in the
//! order of the command. It decides which of several names with equal preference becomes the
//! preferred name.

use std::path::{Path, PathBuf};

use crate::{
    files::input::InputFile,
    job::Job,
    terminology::{
        BadRows, Dialect, MergeOn, OntologyOptions, ReadSummary, Reading, Scope, StatementSink, TableOptions,
        TerminologyError, UmlsRelease, read_obo, read_obograph, read_sssom, read_table, read_umls,
    },
};

/// The terminologies to read.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Directories of UMLS releases.
    pub umls: Vec<PathBuf>,
    /// OBO files.
    pub obo: Vec<PathBuf>,
    /// OBO Graphs JSON files.
    pub obograph: Vec<PathBuf>,
    /// SSSOM mappings.
    pub sssom: Vec<PathBuf>,
    /// Tables, with tabs or commas.
    pub tables: Vec<(PathBuf, Dialect)>,
    /// Scopes of the synonyms that are read from ontologies.
    pub scopes: Vec<Scope>,
    /// Which cross-references to a CUI merge a term of an ontology into the CUI.
    pub merge_on: MergeOn,
    /// Prefix of ids in tables that have none, such as `SCTID`.
    pub id_prefix: Option<String>,
    /// Limit of bad rows for each file.
    pub bad_rows: BadRows,
}

impl Inputs {
    /// All paths as the user gave them.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let others = [&self.umls, &self.obo, &self.obograph, &self.sssom].into_iter().flatten();
        others.chain(self.tables.iter().map(|(path, _)| path)).map(PathBuf::as_path)
    }

    /// Reads every input and passes all statements to `sink`; calls `on_file_read` after each file.
    ///
    /// From UMLS releases it reads only atoms whose language (LAT) and source (SAB) `selects`
    /// accepts.
    ///
    /// # Errors
    /// [`TerminologyError`] names the file. Missing files are found before any file is read.
    pub fn read(
        &self,
        selects: &dyn Fn(&str, &str) -> bool,
        sink: &mut StatementSink,
        job: Job<'_>,
        on_file_read: &mut dyn FnMut(&InputFile, &ReadSummary),
    ) -> Result<(), TerminologyError> {
        let releases = self.umls.iter().map(|dir| UmlsRelease::find(dir)).collect::<Result<Vec<_>, _>>()?;
        let tables = self.tables.iter().map(|(path, _)| path);
        for path in self.sssom.iter().chain(&self.obo).chain(&self.obograph).chain(tables) {
            InputFile::new(path).bytes()?;
        }
        let mut read_file =
            |path: &Path, read: &mut dyn FnMut(&InputFile, &mut Reading) -> Result<(), TerminologyError>| {
                let input = InputFile::new(path);
                let mut reading = Reading::new(path, sink, job, self.bad_rows);
                read(&input, &mut reading)?;
                on_file_read(&input, &reading.finish()?);
                Ok::<_, TerminologyError>(())
            };
        let options = OntologyOptions { scopes: self.scopes.clone(), merge_on: self.merge_on };
        for path in &self.sssom {
            read_file(path, &mut |input, reading| read_sssom(input.open(job)?, reading))?;
        }
        for path in &self.obo {
            read_file(path, &mut |input, reading| read_obo(input.open(job)?, &options, reading))?;
        }
        for path in &self.obograph {
            read_file(path, &mut |input, reading| read_obograph(input.open(job)?, &options, reading))?;
        }
        for (path, dialect) in &self.tables {
            let options = TableOptions { dialect: *dialect, id_prefix: self.id_prefix.as_deref() };
            read_file(path, &mut |input, reading| read_table(input.open(job)?, &options, reading))?;
        }
        for release in &releases {
            let mut missing = release.missing();
            for (input, mut summary) in read_umls(release, selects, sink, job, self.bad_rows)? {
                summary.notes.append(&mut missing);
                on_file_read(&input, &summary);
            }
        }
        Ok(())
    }
}
