//! Admission: limits the requests in progress or waiting, and cancels their work.
//!
//! Invariant: work is canceled when its time limit passes. Work on another thread is also canceled
//! when the client disconnects.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    cancel::CancelToken,
    http::problem::{Problem, ProblemKind},
};

/// Admits work up to a number of requests.
pub(super) struct Admission {
    permits: Arc<Semaphore>,
    timeout: Duration,
    in_flight: Gauge,
}

impl Admission {
    /// Admits `queue` requests at a time, each of which may take `timeout`; `in_flight` counts
    /// them.
    pub(super) fn new(queue: usize, timeout: Duration, in_flight: Gauge) -> Self {
        Self { permits: Arc::new(Semaphore::new(queue)), timeout, in_flight }
    }

    /// Runs `work` on a thread that serves no connections. Its token cancels when the caller drops
    /// the future: when the client has left, or the time of the request is over.
    ///
    /// # Errors
    /// `overloaded` when the queue is full, and the errors of `work`.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&CancelToken) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.permit()?;
        self.spawn(permit, work).await
    }

    /// Runs `work` on the thread that read the request. Use it for one mention when a session is
    /// idle: waking another thread and waiting for it takes a quarter of a millisecond. The token
    /// has a deadline, but does not notice a disconnect.
    ///
    /// # Errors
    /// As [`Admission::run`].
    pub(super) fn run_inline<T>(&self, work: impl FnOnce(&CancelToken) -> Result<T, Problem>) -> Result<T, Problem> {
        let _permit = self.permit()?;
        let _in_flight = InFlightGuard::new(&self.in_flight);
        tokio::task::block_in_place(|| work(&CancelToken::at(Instant::now() + self.timeout)))
    }

    /// As [`Admission::run`], but waits while the queue is full.
    ///
    /// # Errors
    /// The errors of `work`.
    pub(super) async fn run_when_free<T: Send + 'static>(
        &self,
        work: impl FnOnce(&CancelToken) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.permits.clone().acquire_owned();
        let permit = permit.await.map_err(|_| Problem::new(ProblemKind::NotReady, "the service is stopping"))?;
        self.spawn(permit, work).await
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let detail = "the queue is full; try again after the time that Retry-After gives";
        self.permits.clone().try_acquire_owned().map_err(|_| Problem::new(ProblemKind::Overloaded, detail))
    }

    async fn spawn<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(&CancelToken) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let cancel_on_drop = CancelOnDrop::default();
        let cancel = CancelToken::on(cancel_on_drop.0.clone());
        let in_flight = self.in_flight.clone();
        let span = tracing::Span::current();
        let work = tokio::task::spawn_blocking(move || {
            let _admitted = (permit, InFlightGuard::new(&in_flight));
            span.in_scope(|| work(&cancel))
        });
        work.await.map_err(|_| Problem::new(ProblemKind::Internal, "saplink failed; the log has the reason"))?
    }
}

/// Counts a request in a gauge while it lives.
struct InFlightGuard(Gauge);

impl InFlightGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Cancels work when the future that waits for it is dropped.
#[derive(Default)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
