//! Reports of long work: stages, steps and messages.
//!
//! Invariant: modules report; only commands display.

/// Receives the reports of a long computation. Every method ignores the report by default.
pub trait Progress: Sync {
    /// A stage of `total` steps begins (0: unknown); the previous stage is complete.
    fn stage(&self, _name: &str, _total: u64) {}
    /// Like [`Progress::stage`], with bytes as steps.
    fn bytes_stage(&self, _name: &str, _total: u64) {}
    /// `steps` more steps are complete.
    fn advance(&self, _steps: u64) {}
    /// Total rows read so far, in a stage whose steps are bytes.
    fn rows_read(&self, _rows: u64) {}
    /// A short status of the stage; replaces the previous status.
    fn status(&self, _text: &str) {}
    /// A message that stays visible after the stage.
    fn message(&self, _text: &str) {}
}

/// Discards all reports.
pub struct Silent;

impl Progress for Silent {}
