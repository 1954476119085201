//! [`Reading`], which a reader of one input calls: it passes statements to the sink, counts rows,
//! and reports bad rows.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::{
    domain::{Refusal, Statement},
    job::Job,
    terminology::TerminologyError,
};

/// Number of bad rows that are reported with file and line; further ones are only counted.
const MAX_REPORTED: u64 = 10;
/// Rows between two updates of the progress, with a check for cancellation.
const ROWS_PER_UPDATE: u64 = 4096;

/// A receiver of statements, such as the builder of a concept store. It may refuse a statement.
pub type StatementSink<'a> = dyn FnMut(Statement<'_>) -> Result<(), Refusal> + 'a;

/// The limit of bad rows in a file: a number of rows, or a share of all rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BadRows {
    /// At most this number of rows.
    Number(u64),
    /// At most this share of the rows, from 0 to 1.
    Share(f64),
}

impl BadRows {
    fn allows(self, bad: u64, rows: u64) -> bool {
        match self {
            Self::Number(max) => bad <= max,
            Self::Share(max) => bad as f64 <= max * rows as f64,
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

/// Counts and notes of one input that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Rows: lines, stanzas or nodes, depending on the format.
    pub rows: u64,
    /// Bad rows among them.
    pub bad: u64,
    /// Messages for the user: bad rows by file and line, ignored columns, missing files.
    pub notes: Vec<String>,
}

/// The reading of one input: passes statements to a sink, counts rows and bad rows.
pub struct Reading<'a> {
    path: PathBuf,
    sink: &'a mut StatementSink<'a>,
    job: Job<'a>,
    allowed: BadRows,
    summary: ReadSummary,
    /// Whether the current row was already counted as bad.
    row_is_bad: bool,
}

impl<'a> Reading<'a> {
    /// Starts the reading of `path`, which errors name.
    pub fn new(path: impl Into<PathBuf>, sink: &'a mut StatementSink<'a>, job: Job<'a>, allowed: BadRows) -> Self {
        Self { path: path.into(), sink, job, allowed, summary: ReadSummary::default(), row_is_bad: false }
    }

    /// Begins a row: a line, a stanza, a node. A reader calls it before it emits statements of the
    /// row.
    ///
    /// # Errors
    /// [`TerminologyError::Canceled`].
    pub fn begin_row(&mut self) -> Result<(), TerminologyError> {
        self.summary.rows += 1;
        self.row_is_bad = false;
        if self.summary.rows.is_multiple_of(ROWS_PER_UPDATE) {
            self.job.progress.rows_read(self.summary.rows);
            self.job.cancel.check()?;
        }
        Ok(())
    }

    /// Passes a statement of the current row to the sink and returns whether the sink accepted it.
    ///
    /// A refused statement makes the row, which is at `line`, a bad one.
    ///
    /// # Errors
    /// [`TerminologyError::Sink`] when the sink failed.
    pub fn emit(&mut self, line: u64, statement: Statement) -> Result<bool, TerminologyError> {
        match (self.sink)(statement) {
            Ok(()) => Ok(true),
            Err(Refusal::InvalidStatement(reason)) => {
                self.bad_row(line, reason);
                Ok(false)
            }
            Err(Refusal::SinkFailed(e)) => Err(TerminologyError::Sink(e)),
        }
    }

    /// Counts the current row, which is at `line`, as bad. Only the first reason for a row is
    /// reported.
    pub fn bad_row(&mut self, line: u64, reason: impl fmt::Display) {
        if std::mem::replace(&mut self.row_is_bad, true) {
            return;
        }
        self.summary.bad += 1;
        if self.summary.bad <= MAX_REPORTED {
            self.summary.notes.push(format!("{}:{line}: {reason}", self.path.display()));
        }
    }

    /// Adds a message for the user.
    pub fn note(&mut self, note: impl Into<String>) {
        self.summary.notes.push(note.into());
    }

    /// An error about the file as a whole.
    pub fn file_error(&self, reason: impl Into<String>) -> TerminologyError {
        TerminologyError::File { path: self.path.clone(), reason: reason.into() }
    }

    /// The error about a file that ends within a row.
    pub(super) fn truncated(&self) -> TerminologyError {
        self.file_error("its last row is cut off: the file is truncated")
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`TerminologyError::Empty`] when there was no row, [`TerminologyError::BadRows`] when there
    /// were too many bad ones.
    pub fn finish(self) -> Result<ReadSummary, TerminologyError> {
        let ReadSummary { rows, bad, notes } = &self.summary;
        self.job.progress.rows_read(*rows);
        if *rows == 0 {
            return Err(TerminologyError::Empty(self.path));
        }
        if !self.allowed.allows(*bad, *rows) {
            let bad_rows = notes.iter().filter(|n| n.starts_with(&*self.path.to_string_lossy())).cloned();
            let first = bad_rows.collect::<Vec<_>>().join("; ");
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
