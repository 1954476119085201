//! Cancellation of long work.
//!
//! Invariant: canceled work ends with [`Canceled`] at its next check and leaves no half-written
//! output.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// The error of work that was canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Canceled;

/// Cancels work: when a flag is raised, when a deadline has passed, or never.
#[derive(Clone, Debug, Default)]
pub struct CancelToken {
    flag: Option<Arc<AtomicBool>>,
    deadline: Option<Instant>,
}

impl CancelToken {
    /// A token that never cancels.
    pub const fn never() -> Self {
        Self { flag: None, deadline: None }
    }

    /// A token that cancels once `flag` is true.
    pub fn on(flag: Arc<AtomicBool>) -> Self {
        Self { flag: Some(flag), deadline: None }
    }

    /// A token that cancels at `deadline`.
    pub fn at(deadline: Instant) -> Self {
        Self { flag: None, deadline: Some(deadline) }
    }

    /// Whether the work should stop.
    pub fn is_canceled(&self) -> bool {
        self.flag.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Fails if the work should stop, so that `check()?` ends it.
    ///
    /// # Errors
    /// [`Canceled`] if [`CancelToken::is_canceled`].
    pub fn check(&self) -> Result<(), Canceled> {
        if self.is_canceled() { Err(Canceled) } else { Ok(()) }
    }
}
