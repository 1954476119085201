//! One request for vectors, from the queue to its result.
//!
//! The caller creates a [`Call`], puts it into the queue and waits for it. Sessions store vectors
//! with [`Call::store`] or [`Call::fail`], in any order and from any thread.
//!
//! Locks: a call has one mutex of its own. Its holder takes no other lock and reports no progress.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{cancel::Canceled, encoder::error::EncoderError, job::Job};

/// Interval at which a waiting caller checks whether its work was canceled.
const CANCEL_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Texts that one caller waits for together.
pub(super) struct Call {
    texts: Vec<Vec<i64>>,
    dimensions: usize,
    queued_at: Instant,
    started_at: OnceLock<Instant>,
    canceled: AtomicBool,
    result: Mutex<CallResult>,
    changed: Condvar,
}

struct CallResult {
    /// Row-major `[texts, dimensions]`; empty after the caller took it.
    vectors: Vec<f32>,
    /// Texts whose vector is stored.
    done: usize,
    /// Texts of `done` that were reported to the job.
    reported: usize,
    error: Option<String>,
}

impl Call {
    /// A call for the vectors of `texts`, each a list of token ids.
    pub(super) fn new(texts: Vec<Vec<i64>>, dimensions: usize) -> Arc<Self> {
        let vectors = vec![0.0; texts.len() * dimensions];
        Arc::new(Self {
            texts,
            dimensions,
            queued_at: Instant::now(),
            started_at: OnceLock::new(),
            canceled: AtomicBool::new(false),
            result: Mutex::new(CallResult { vectors, done: 0, reported: 0, error: None }),
            changed: Condvar::new(),
        })
    }

    /// The token ids of each text.
    pub(super) fn texts(&self) -> &[Vec<i64>] {
        &self.texts
    }

    /// Notes that the first text is in a batch; later calls have no effect.
    pub(super) fn mark_started(&self) {
        self.started_at.get_or_init(Instant::now);
    }

    /// Time from the creation of the call until its first text was in a batch; zero before that.
    pub(super) fn queue_time(&self) -> Duration {
        self.started_at.get().map_or(Duration::ZERO, |started_at| *started_at - self.queued_at)
    }

    /// Whether the caller gave up or a batch failed: the remaining texts need not run.
    pub(super) fn is_canceled(&self) -> bool {
        self.canceled.load(Ordering::Relaxed)
    }

    /// Waits for the vectors, row-major `[texts, dimensions]`. Reports each finished text to `job`.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] if a batch failed, or [`EncoderError::Canceled`]; both cancel
    /// the call.
    pub(super) fn wait(&self, job: Job<'_>) -> Result<Vec<f32>, EncoderError> {
        loop {
            let ended = self.poll(job);
            let mut result = self.lock();
            if let Some(reason) = result.error.take() {
                self.canceled.store(true, Ordering::Relaxed);
                return Err(EncoderError::Inference(reason));
            }
            if result.done == self.texts.len() && ended {
                return Ok(std::mem::take(&mut result.vectors));
            }
            if ended {
                self.canceled.store(true, Ordering::Relaxed);
                return Err(Canceled.into());
            }
            if result.done == result.reported {
                let waited = self.changed.wait_timeout(result, CANCEL_CHECK_INTERVAL);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Reports finished texts to `job`, and returns whether the wait has ended: all texts are done,
    /// a batch failed, or the job was canceled.
    pub(super) fn poll(&self, job: Job<'_>) -> bool {
        let mut result = self.lock();
        let (done, ended) = (result.done, result.done == self.texts.len() || result.error.is_some());
        let reported = std::mem::replace(&mut result.reported, done);
        drop(result);
        if done > reported {
            job.progress.advance((done - reported) as u64);
        }
        ended || job.cancel.is_canceled()
    }

    /// Stores the vector of the text `index` and wakes the caller.
    pub(super) fn store(&self, index: usize, vector: &[f32]) {
        let mut result = self.lock();
        let start = index * self.dimensions;
        // A caller that gave up has taken the vectors away.
        if let Some(row) = result.vectors.get_mut(start..start + self.dimensions) {
            row.copy_from_slice(vector);
        }
        result.done += 1;
        self.changed.notify_all();
    }

    /// Ends the call with an error and wakes the caller.
    pub(super) fn fail(&self, reason: &str) {
        self.lock().error = Some(reason.to_owned());
        self.changed.notify_all();
    }

    /// Values of a vector.
    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn lock(&self) -> MutexGuard<'_, CallResult> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
