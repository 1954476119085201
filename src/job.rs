//! The context that a caller gives to a long computation: a receiver of reports and a cancel token.

use crate::{
    cancel::{CancelToken, Canceled},
    progress::{Progress, Silent},
};

/// Receives the progress of a computation and can cancel it.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// Receives the reports.
    pub progress: &'a dyn Progress,
    /// Checked between units of work.
    pub cancel: &'a CancelToken,
}

static NEVER: CancelToken = CancelToken::never();

impl<'a> Job<'a> {
    /// A job that reports to `progress` and that `cancel` can stop.
    pub fn new(progress: &'a dyn Progress, cancel: &'a CancelToken) -> Self {
        Self { progress, cancel }
    }

    /// A job without reports that `cancel` can stop.
    pub fn quiet(cancel: &'a CancelToken) -> Self {
        Self { progress: &Silent, cancel }
    }
}

impl Job<'static> {
    /// A job without reports that runs to its end.
    pub fn silent() -> Self {
        Self { progress: &Silent, cancel: &NEVER }
    }
}

/// Counts steps that are too small to report or check one by one.
pub struct StepCounter<'a> {
    job: Job<'a>,
    steps: u64,
}

impl<'a> StepCounter<'a> {
    /// Steps between two reports.
    const INTERVAL: u64 = 1 << 14;

    /// A counter at zero.
    pub fn new(job: Job<'a>) -> Self {
        Self { job, steps: 0 }
    }

    /// Counts one step. Every `INTERVAL` steps it reports them and checks for cancellation.
    ///
    /// # Errors
    /// [`Canceled`].
    pub fn step(&mut self) -> Result<(), Canceled> {
        self.steps += 1;
        if !self.steps.is_multiple_of(Self::INTERVAL) {
            return Ok(());
        }
        self.job.progress.advance(Self::INTERVAL);
        self.job.cancel.check()
    }
}
