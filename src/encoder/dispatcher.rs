//! Dispatches queued calls to idle sessions.
//!
//! Callers ([`Dispatcher::embed`]) put a call into the queue. If a session is idle, the caller
//! takes it and runs batches itself, so that a single text wakes no other thread; the caller stops
//! when its own call has ended. Each session also has a worker thread ([`Dispatcher::run_worker`])
//! that runs the batches that callers leave. On CUDA only workers run sessions, because ONNX
//! Runtime allocates handles and device memory for each thread that runs one.
//!
//! Locks: one mutex for queue and idle sessions. It is held to push a call, to form a batch and to
//! take or return a session, never while a session runs, a call is finished or progress is
//! reported. So it is never held together with the lock of a call.
//!
//! Invariants: vectors have the order of the texts, regardless of batches; no session is idle
//! while texts wait; a session whose run fails or panics goes on with the next batch.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    encoder::{
        call::Call,
        device::Device,
        error::EncoderError,
        queue::{Batch, BatchLimits, Queue},
        session::EncoderSession,
    },
    job::Job,
};

/// Totals of an encoder since it was loaded, and the texts that wait now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncoderCounters {
    /// Batches run.
    pub batches: u64,
    /// Texts of these batches.
    pub texts: u64,
    /// Tokens of these texts.
    pub tokens: u64,
    /// Padding tokens of these batches.
    pub padding: u64,
    /// Texts whose vector was in the cache; 0 without a cache.
    pub cache_hits: u64,
    /// Texts whose vector was not in the cache; 0 without a cache.
    pub cache_misses: u64,
    /// Texts that wait for a session.
    pub waiting: u64,
}

/// The sessions of a model and the queue before them.
pub(super) struct Dispatcher {
    state: Mutex<DispatcherState>,
    /// Notified if there is work for a worker, or at the close.
    changed: Condvar,
    sessions: usize,
    /// Whether callers run sessions themselves.
    callers_run: bool,
    batches: AtomicU64,
    texts: AtomicU64,
    tokens: AtomicU64,
    padding: AtomicU64,
}

struct DispatcherState {
    queue: Queue,
    idle: Vec<EncoderSession>,
    closed: bool,
}

impl Dispatcher {
    /// A dispatcher of these sessions, all of them on `device`.
    pub(super) fn new(idle: Vec<EncoderSession>, device: Device) -> Self {
        let limits = if device == Device::Cuda { BatchLimits::GPU } else { BatchLimits::CPU };
        Self {
            sessions: idle.len(),
            callers_run: device != Device::Cuda,
            state: Mutex::new(DispatcherState { queue: Queue::new(limits), idle, closed: false }),
            changed: Condvar::new(),
            batches: AtomicU64::new(0),
            texts: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
            padding: AtomicU64::new(0),
        }
    }

    /// Computes the vectors of a call: on this thread if a session is idle, else waits for them.
    ///
    /// # Errors
    /// As [`Call::wait`].
    pub(super) fn embed(&self, call: &Arc<Call>, job: Job<'_>) -> Result<Vec<f32>, EncoderError> {
        let mut state = self.lock();
        state.queue.push(call.clone());
        match state.idle.pop() {
            Some(session) if self.callers_run => self.run_batches(state, session, &|| call.poll(job)),
            Some(session) => {
                state.idle.push(session);
                drop(state);
                self.changed.notify_one();
            }
            None => drop(state),
        }
        call.wait(job)
    }

    /// The body of a worker thread: runs batches that callers leave, until [`Dispatcher::close`].
    pub(super) fn run_worker(&self) {
        let mut state = self.lock();
        while !state.closed {
            match state.idle.pop() {
                Some(session) if !state.queue.is_empty() => {
                    self.run_batches(state, session, &|| false);
                    state = self.lock();
                }
                idle => {
                    state.idle.extend(idle);
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Ends the workers after their current batches.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether a caller would run its texts at once.
    pub(super) fn is_idle(&self) -> bool {
        self.callers_run && !self.lock().idle.is_empty()
    }

    /// The totals, without those of a cache.
    pub(super) fn counters(&self) -> EncoderCounters {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EncoderCounters {
            batches: count(&self.batches),
            texts: count(&self.texts),
            tokens: count(&self.tokens),
            padding: count(&self.padding),
            waiting: self.lock().queue.texts() as u64,
            ..EncoderCounters::default()
        }
    }

    /// Runs batches on `session` until no text waits or `should_stop` returns true, then returns
    /// the session to the idle ones. Wakes a worker whenever texts wait and a session is idle.
    fn run_batches<'a>(
        &'a self,
        mut state: MutexGuard<'a, DispatcherState>,
        mut session: EncoderSession,
        should_stop: &dyn Fn() -> bool,
    ) {
        while let Some(batch) = state.queue.next_batch(self.sessions) {
            let wake = !state.idle.is_empty() && !state.queue.is_empty();
            drop(state);
            if wake {
                self.changed.notify_one();
            }
            match self.run_batch(&mut session, &batch) {
                // One text that breaks a run must not fail the other texts: run each by itself.
                Err(_) if !batch.is_single() => batch.into_singles().for_each(|single| {
                    let outcome = self.run_batch(&mut session, &single);
                    single.finish(outcome);
                }),
                outcome => batch.finish(outcome),
            }
            // Reports progress, which may take long: before the lock is taken again.
            let stop = should_stop();
            state = self.lock();
            if stop {
                break;
            }
        }
        state.idle.push(session);
        if !state.queue.is_empty() {
            self.changed.notify_one();
        }
    }

    /// Runs one batch and counts it. A panic of the session becomes an error.
    fn run_batch(&self, session: &mut EncoderSession, batch: &Batch) -> Result<Vec<f32>, EncoderError> {
        let ids = batch.ids();
        let outcome = catch_unwind(AssertUnwindSafe(|| session.run(&ids)));
        let (texts, tokens) = (ids.len(), batch.tokens());
        for (counter, added) in [
            (&self.batches, 1),
            (&self.texts, texts),
            (&self.tokens, tokens),
            (&self.padding, texts * batch.longest - tokens),
        ] {
            counter.fetch_add(added as u64, Ordering::Relaxed);
        }
        outcome.unwrap_or_else(|_| Err(EncoderError::Inference("the session panicked".into())))
    }

    fn lock(&self) -> MutexGuard<'_, DispatcherState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
