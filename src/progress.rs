//! How long work tells what it is doing, and learns that it should stop.
//!
//! Invariant: the rooms report, the commands draw.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// Receives the stages of a long computation; what is not received is nobody's.
pub trait Progress: Sync {
    /// A stage of `total` steps begins, the one before it is over.
    fn stage(&self, _name: &str, _total: u64) {}
    /// As [`Progress::stage`], the steps being bytes.
    fn bytes_stage(&self, _name: &str, _total: u64) {}
    /// `steps` more are done.
    fn advance(&self, _steps: u64) {}
    /// Rows of the stage that are done, where its steps are something else.
    fn detail(&self, _rows: u64) {}
    /// How the stage goes, beside its steps; it replaces what was said before.
    fn note(&self, _text: &str) {}
    /// Something that is to be read afterwards as well.
    fn remark(&self, _text: &str) {}
    /// Whether to stop at the next opportunity.
    fn interrupted(&self) -> bool {
        false
    }
}

/// Reports steps that are too small to be reported one by one.
pub struct Pulse<'a> {
    progress: &'a dyn Progress,
    steps: u64,
}

impl<'a> Pulse<'a> {
    /// Steps between two reports.
    const EVERY: u64 = 1 << 14;

    /// Nothing is done yet.
    pub fn new(progress: &'a dyn Progress) -> Self {
        Self { progress, steps: 0 }
    }

    /// One more step is done; whether to stop.
    pub fn interrupted(&mut self) -> bool {
        self.steps += 1;
        if !self.steps.is_multiple_of(Self::EVERY) {
            return false;
        }
        self.progress.advance(Self::EVERY);
        self.progress.interrupted()
    }
}

/// Reports to nobody.
pub struct Silent;

impl Progress for Silent {}

/// Reports to nobody, and stops when the flag is raised.
pub struct Flag(pub Arc<AtomicBool>);

impl Progress for Flag {
    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Reports to nobody, and stops when the time is over.
pub struct Until(pub Instant);

impl Progress for Until {
    fn interrupted(&self) -> bool {
        Instant::now() >= self.0
    }
}
