//! [`Reading`], which a reader of one input calls: it passes statements to the sink, counts rows,
//! and reports what it leaves out.
//!
//! A reader leaves out a *part* of a row (a synonym, a cross-reference, a definition, a relation)
//! that it cannot use, and takes the rest. A *bad row* is one that it cannot read at all.
//!
//! Invariant: both are counted by reason, but only bad rows count for the limit of [`BadRows`].

use std::{borrow::Cow, collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

use crate::{
    domain::{Refusal, Statement},
    job::Job,
    terminology::TerminologyError,
};

/// Number of places that are reported with file and line for each reason; further ones are only
/// counted.
const MAX_REPORTED: u64 = 10;
/// The reason under which bad rows are counted.
const BAD_ROWS: &str = "rows that cannot be read";
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
            // In a small file the share of a single row would exceed every sensible limit.
            Self::Share(max) => bad as f64 <= max * rows as f64 || max > 0.0 && bad == 1,
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
    /// Messages for the user: what was left out by file and line, ignored columns, missing files.
    pub notes: Vec<String>,
    /// How much was left out, by reason; bad rows are one of the reasons.
    pub left_out: BTreeMap<Cow<'static, str>, u64>,
    /// Terms that were merged into a CUI, by the kind of statement that says so.
    pub merged: BTreeMap<&'static str, u64>,
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
    /// The reports of the first bad rows.
    first_bad: Vec<String>,
    /// Number of lines with each remark.
    remarks: BTreeMap<&'static str, u64>,
}

impl<'a> Reading<'a> {
    /// Starts the reading of `path`, which errors name.
    pub fn new(path: impl Into<PathBuf>, sink: &'a mut StatementSink<'a>, job: Job<'a>, allowed: BadRows) -> Self {
        Self {
            path: path.into(),
            sink,
            job,
            allowed,
            summary: ReadSummary::default(),
            row_is_bad: false,
            first_bad: vec![],
            remarks: BTreeMap::new(),
        }
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
        let refusal = self.pass(statement)?;
        Ok(refusal.map(|reason| self.bad_row(line, reason)).is_none())
    }

    /// Passes a statement about a part of the current row to the sink. If the sink refuses it, only
    /// that part, which is at `line`, is left out: one of `parts`.
    ///
    /// # Errors
    /// [`TerminologyError::Sink`] when the sink failed.
    pub fn emit_part(
        &mut self,
        parts: &'static str,
        line: u64,
        statement: Statement,
    ) -> Result<bool, TerminologyError> {
        let refusal = self.pass(statement)?;
        Ok(refusal.map(|reason| self.leave_out(parts, line, reason)).is_none())
    }

    /// Passes a statement to the sink and returns the reason if the sink refused it.
    fn pass(&mut self, statement: Statement) -> Result<Option<String>, TerminologyError> {
        match (self.sink)(statement) {
            Ok(()) => Ok(None),
            Err(Refusal::InvalidStatement(reason)) => Ok(Some(reason)),
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
            self.first_bad.push(format!("{}:{line}: {reason}", self.path.display()));
        }
        self.leave_out(BAD_ROWS, line, reason);
    }

    /// Counts that a part of the current row, which is at `line`, is left out. `parts` names such
    /// parts in the plural; `detail` says what is wrong with this one.
    pub fn leave_out(&mut self, parts: &'static str, line: u64, detail: impl fmt::Display) {
        let count = self.summary.left_out.entry(parts.into()).or_default();
        *count += 1;
        if *count <= MAX_REPORTED {
            self.summary.notes.push(format!("{}:{line}: {detail}", self.path.display()));
        }
    }

    /// Counts a row or a part that is left out without a fault of its own, and that is not reported
    /// by line.
    pub fn skip(&mut self, parts: impl Into<Cow<'static, str>>) {
        self.skip_many(parts, 1);
    }

    /// Same as [`Reading::skip`] for `count` parts.
    pub fn skip_many(&mut self, parts: impl Into<Cow<'static, str>>, count: u64) {
        if count > 0 {
            *self.summary.left_out.entry(parts.into()).or_default() += count;
        }
    }

    /// Counts a term that was merged into a CUI because of a statement of this kind.
    pub fn merged(&mut self, by: &'static str) {
        *self.summary.merged.entry(by).or_default() += 1;
    }

    /// Adds a message for the user about the file as a whole.
    pub fn note(&mut self, note: impl fmt::Display) {
        self.summary.notes.push(format!("{}: {note}", self.path.display()));
    }

    /// Adds a message for the user about a line from which nothing is left out.
    pub fn remark(&mut self, remark: &'static str, line: u64) {
        let count = self.remarks.entry(remark).or_default();
        *count += 1;
        if *count <= MAX_REPORTED {
            self.summary.notes.push(format!("{}:{line}: {remark}", self.path.display()));
        }
    }

    /// An error about the file as a whole.
    pub fn file_error(&self, reason: impl Into<String>) -> TerminologyError {
        TerminologyError::File { path: self.path.clone(), reason: reason.into() }
    }

    /// The error about a file that ends within the row at `line`.
    pub(super) fn truncated(&self, line: u64) -> TerminologyError {
        self.file_error(format!("line {line}: its last row is cut off: the file is truncated"))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`TerminologyError::Empty`] when there was no row, [`TerminologyError::BadRows`] when there
    /// were too many bad ones.
    pub fn finish(self) -> Result<ReadSummary, TerminologyError> {
        let ReadSummary { rows, bad, .. } = self.summary;
        self.job.progress.rows_read(rows);
        if rows == 0 {
            return Err(TerminologyError::Empty(self.path));
        }
        if !self.allowed.allows(bad, rows) {
            let (path, allowed, first) = (self.path, self.allowed, self.first_bad.join("; "));
            return Err(TerminologyError::BadRows { path, bad, rows, allowed, first });
        }
        Ok(self.summary)
    }
}
