//! Terminology files to a stream of statements.
//!
//! Reading order: this file (what readers share), `input` (files, compressed, in parts, by lines), then a file for each format.
//!
//! Invariant: a reader knows its format and nothing of vectors or of the index, and its memory does not grow with the file; kept are only
//! the atoms of MRCONSO where MRHIER is read, whose rows name nothing else.
//! A bad row is counted and named by file and line; too many of them, and whatever breaks a file as a whole, is an error.

mod inputs;
mod obo;
mod obo_text;
mod obograph;
mod ontology;
mod rrf;
mod sssom;
mod table;
#[cfg(test)]
mod testing;

use std::{fmt, path::PathBuf, str::FromStr};

pub use crate::files::input::{Input, Lines};
pub use inputs::Inputs;
pub use obo::read_obo;
pub use obograph::read_obograph;
pub use ontology::{OntologyOptions, Scope};
pub use rrf::{Release, RrfFile, UmlsReader, read_umls};
pub use sssom::read_sssom;
pub use table::{Dialect, read_table};

pub use crate::domain::{
    Refusal,
    curie::{concept_id, umls_cui, vocabulary},
};
use crate::{cancel::Canceled, domain::Statement, job::Job};

/// Bad rows that are reported with file and line.
const REPORTED: usize = 10;
/// Rows between two looks at whether to stop.
const PULSE: u64 = 4096;

/// Why a terminology could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TerminologyError {
    /// Reading failed; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{}: {bad} of {rows} rows are bad, more than --max-bad-rows {allowed} lets pass; {first}", path.display())]
    BadRows { path: PathBuf, bad: u64, rows: u64, allowed: BadRows, first: String },
    #[error("{}: it has no rows", .0.display())]
    Empty(PathBuf),
    /// Who takes the statements has failed.
    #[error(transparent)]
    Taker(Box<dyn std::error::Error + Send + Sync>),
    /// The caller canceled the work.
    #[error("interrupted")]
    Canceled(#[from] Canceled),
}

/// Takes statements.
pub type Taker<'a> = dyn FnMut(Statement<'_>) -> Result<(), Refusal> + 'a;

/// How many bad rows a file may have: a number, or a share of its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BadRows {
    Number(u64),
    /// Between 0 and 1.
    Share(f64),
}

impl BadRows {
    fn allows(self, bad: u64, rows: u64) -> bool {
        match self {
            Self::Number(most) => bad <= most,
            Self::Share(most) => bad as f64 <= most * rows as f64,
        }
    }
}

impl Default for BadRows {
    fn default() -> Self {
        Self::Share(0.001)
    }
}

impl fmt::Display for BadRows {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Share(share) => write!(f, "{}%", share * 100.0),
        }
    }
}

impl FromStr for BadRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text.strip_suffix('%') {
            Some(percent) => {
                percent.trim().parse().ok().filter(|p| (0.0..=100.0).contains(p)).map(|p: f64| Self::Share(p / 100.0))
            }
            None => text.parse().ok().map(Self::Number),
        };
        parsed.ok_or_else(|| "must be a number of rows, such as 20, or a share of them, such as 0.1%".into())
    }
}

/// What was read of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub rows: u64,
    pub bad: u64,
    /// What the user should know: bad rows by file and line, columns that were ignored, files that are missing.
    pub notes: Vec<String>,
}

/// One input on its way from a reader to who takes its statements: counts rows, and the bad ones.
pub struct Reading<'a> {
    path: PathBuf,
    take: &'a mut Taker<'a>,
    job: Job<'a>,
    allowed: BadRows,
    summary: Summary,
    bad_row: bool,
}

impl<'a> Reading<'a> {
    /// The reading of `path`, which errors name.
    pub fn new(path: impl Into<PathBuf>, take: &'a mut Taker<'a>, job: Job<'a>, allowed: BadRows) -> Self {
        Self { path: path.into(), take, job, allowed, summary: Summary::default(), bad_row: false }
    }

    /// Begins a row: a line, a stanza, a node. To be called before its statements.
    ///
    /// # Errors
    /// [`TerminologyError::Canceled`].
    pub fn row(&mut self) -> Result<(), TerminologyError> {
        self.summary.rows += 1;
        self.bad_row = false;
        if self.summary.rows.is_multiple_of(PULSE) {
            self.job.progress.rows_read(self.summary.rows);
            self.job.cancel.check()?;
        }
        Ok(())
    }

    /// Hands on a statement of the current row, which is at `line`; if it is refused the row is bad. Gives whether it was taken.
    ///
    /// # Errors
    /// [`TerminologyError::Taker`] when nothing more can be taken.
    pub fn say(&mut self, line: u64, statement: Statement) -> Result<bool, TerminologyError> {
        match (self.take)(statement) {
            Ok(()) => Ok(true),
            Err(Refusal::Statement(reason)) => {
                self.bad(line, reason);
                Ok(false)
            }
            Err(Refusal::Failure(e)) => Err(TerminologyError::Taker(e)),
        }
    }

    /// Declares the current row, which is at `line`, as bad; only the first reason is kept.
    pub fn bad(&mut self, line: u64, reason: impl fmt::Display) {
        if std::mem::replace(&mut self.bad_row, true) {
            return;
        }
        self.summary.bad += 1;
        if self.summary.bad <= REPORTED as u64 {
            self.summary.notes.push(format!("{}:{line}: {reason}", self.path.display()));
        }
    }

    /// Tells the user something about the input.
    pub fn note(&mut self, note: impl Into<String>) {
        self.summary.notes.push(note.into());
    }

    /// An error about the file as a whole.
    pub fn broken(&self, reason: impl Into<String>) -> TerminologyError {
        TerminologyError::File { path: self.path.clone(), reason: reason.into() }
    }

    /// The error about a file that ends within a row.
    fn cut_off(&self) -> TerminologyError {
        self.broken("its last row is cut off: the file is truncated")
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`TerminologyError::Empty`] without rows, [`TerminologyError::BadRows`] with more bad ones than are allowed.
    pub fn finish(self) -> Result<Summary, TerminologyError> {
        let Summary { rows, bad, notes } = &self.summary;
        self.job.progress.rows_read(*rows);
        if *rows == 0 {
            return Err(TerminologyError::Empty(self.path));
        }
        if !self.allowed.allows(*bad, *rows) {
            let first = notes.iter().filter(|n| n.starts_with(&*self.path.to_string_lossy())).cloned();
            let first = first.collect::<Vec<_>>().join("; ");
            return Err(TerminologyError::BadRows {
                path: self.path,
                bad: *bad,
                rows: *rows,
                allowed: self.allowed,
                first,
            });
        }
        Ok(self.summary)
    }
}
