//! Accepts connections, limits their number and idle time, and closes them at shutdown.
//!
//! Invariant: the number of connections is bounded, and so is the time that a connection may be
//! idle.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::http::tls::Tls;

/// Bytes of the head of a request.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Pause after a connection could not be accepted, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at a time; a further one waits until one of them ends.
    pub connections: usize,
    /// Time that a connection may be idle, and that it may take to send the head of a request.
    pub idle_timeout: Duration,
}

/// Serves `router`, with TLS if there is a certificate, until `stop` resolves and the accepted
/// requests are answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()>,
) {
    let mut http = Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle_timeout).max_header_size(MAX_HEAD_BYTES);
    let (slots, connections) = (Arc::new(Semaphore::new(limits.connections)), GracefulShutdown::new());
    tokio::pin!(stop);
    loop {
        let (stream, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        // Without it, the system delays small answers.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let (http, service) = (http.clone(), TowerToHyperService::new(router.clone()));
        let (watcher, tls) = (connections.watcher(), tls.as_ref().map(|tls| tls.acceptor()));
        // Errors of connections are not logged: they might quote what the client sent.
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    // The handshake has the same time limit as the head of a request.
                    if let Ok(Ok(stream)) = tokio::time::timeout(limits.idle_timeout, tls.accept(stream)).await {
                        let _ = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await;
                    }
                }
                None => drop(watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await),
            }
            drop(slot);
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// Waits for a free slot, then for the next connection.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            Err(e) => {
                tracing::warn!(error = %e.kind(), "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
