//! The state that all routes share.
//!
//! Invariant: a request keeps the linker with which it began, even if a reload replaces the linker
//! meanwhile.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use crate::{
    http::{
        admission::Admission,
        metrics::Metrics,
        problem::{Problem, ProblemKind},
    },
    linker::{LinkLimits, LinkService, Linker},
};

/// A request to reload. The sender takes the outcome: the reason when nothing was reloaded.
pub type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// Settings of a service.
#[derive(Clone, Debug)]
pub struct AppOptions {
    /// Bounds on the mentions of a request.
    pub limits: LinkLimits,
    /// Bytes of the body of a request.
    pub body_bytes: usize,
    /// Requests that may be in progress or waiting at a time.
    pub queue: usize,
    /// Time that a request may take.
    pub request_timeout: Duration,
    /// Time to wait for the next line of a stream.
    pub idle_timeout: Duration,
    /// Path below which a proxy publishes the service, such as `/saplink`; may be empty.
    pub base_path: String,
    /// Build of the ONNX Runtime that is loaded.
    pub onnxruntime: String,
}

/// The state that the routes share. Clones share it.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    options: AppOptions,
    service: RwLock<Option<LinkService>>,
    /// When streams must end; `None` until the service stops.
    streams_end: watch::Sender<Option<Instant>>,
    admission: Admission,
    metrics: Arc<Metrics>,
    reload: mpsc::Sender<ReloadRequest>,
    is_reloading: AtomicBool,
}

impl App {
    /// A service that is not ready yet. `routes` are the methods and paths that metrics count from
    /// the start. The receiver yields reload requests.
    pub fn new(options: AppOptions, routes: &[(&'static str, String)]) -> (Self, mpsc::Receiver<ReloadRequest>) {
        let (reload, reload_requests) = mpsc::channel(1);
        let metrics = Arc::new(Metrics::new(routes));
        let shared = Shared {
            service: RwLock::default(),
            streams_end: watch::Sender::new(None),
            admission: Admission::new(options.queue, options.request_timeout, metrics.admitted.clone()),
            metrics,
            reload,
            is_reloading: AtomicBool::new(false),
            options,
        };
        (Self { shared: Arc::new(shared) }, reload_requests)
    }

    /// Makes `linker` the active one. Requests that have begun finish with the previous linker,
    /// which is freed after the last of them.
    pub fn activate(&self, linker: Linker) {
        let service = LinkService::new(linker, self.shared.options.limits);
        *self.shared.service.write().unwrap_or_else(PoisonError::into_inner) = Some(service);
    }

    /// Makes `/readyz` fail on connections that are still open; requests are answered all the same.
    /// Streams have the time `drain` to end.
    pub fn stop(&self, drain: Duration) {
        self.shared.streams_end.send_replace(Some(Instant::now() + drain));
    }

    /// Waits until streams must end.
    pub(super) async fn streams_end(&self) {
        let mut end = self.shared.streams_end.subscribe();
        // The sender is part of the app, so it is there as long as this waits.
        let Ok(end) = end.wait_for(Option::is_some).await.map(|end| *end) else { return };
        if let Some(end) = end {
            tokio::time::sleep_until(end).await;
        }
    }

    /// The active service; absent until the first index is loaded.
    pub fn active(&self) -> Option<LinkService> {
        self.shared.service.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The active service, or the problem that there is none yet.
    pub(super) fn service(&self) -> Result<LinkService, Problem> {
        self.active().ok_or_else(|| Problem::new(ProblemKind::NotReady, "the model and the index are being loaded"))
    }

    /// Whether the service is about to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.streams_end.borrow().is_some()
    }

    /// The settings of the service.
    pub(super) fn options(&self) -> &AppOptions {
        &self.shared.options
    }

    /// The queue.
    pub(super) fn admission(&self) -> &Admission {
        &self.shared.admission
    }

    /// The metrics.
    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// Notes that a reload begins or ends; a request for another one is refused meanwhile.
    pub fn set_reloading(&self, is_reloading: bool) {
        self.shared.is_reloading.store(is_reloading, Ordering::Release);
    }

    /// Reloads index, tokens and certificate: all of them or nothing.
    ///
    /// # Errors
    /// `not-reloaded` with the reason, or when another reload is running.
    pub(super) async fn reload(&self) -> Result<(), Problem> {
        if self.shared.is_reloading.swap(true, Ordering::AcqRel) {
            let detail = "another reload is running; send the request again after it";
            return Err(Problem::new(ProblemKind::NotReloaded, detail));
        }
        let (sender, outcome) = oneshot::channel();
        let stopping = || Problem::new(ProblemKind::NotReady, "the service is stopping");
        self.shared.reload.try_send(sender).map_err(|_| stopping())?;
        let outcome = outcome.await.map_err(|_| stopping())?;
        outcome.map_err(|reason| Problem::new(ProblemKind::NotReloaded, reason))
    }
}
