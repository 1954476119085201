//! Connections: how many there may be, how long they may be silent, and how they end.
//!
//! Invariant: whatever a client does, it keeps one connection of a bounded number, for a bounded time between requests.

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

/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// After a connection could not be accepted, for instance because no file may be opened: how long until the next.
const PAUSE: Duration = Duration::from_millis(100);

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at once; one more waits until one of them ends.
    pub connections: usize,
    /// How long a connection may be silent, and how long it may take to send a request's head.
    pub idle: Duration,
}

/// Serves `router`, with TLS if there is a certificate, until `stop` resolves, and then until what was accepted is answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()>,
) {
    let mut http = Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle).max_header_size(HEAD_BYTES);
    let (places, connections) = (Arc::new(Semaphore::new(limits.connections)), GracefulShutdown::new());
    tokio::pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        // A small answer is sent at once.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let (http, service) = (http.clone(), TowerToHyperService::new(router.clone()));
        let (watcher, tls) = (connections.watcher(), tls.as_ref().map(|tls| tls.acceptor()));
        // What ends a connection early is the client's doing, and might quote what it sent.
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    // A handshake is a head that is sent before the head.
                    if let Ok(Ok(stream)) = tokio::time::timeout(limits.idle, tls.accept(stream)).await {
                        let _ = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await;
                    }
                }
                None => drop(watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await),
            }
            drop(place);
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(e) => {
                tracing::warn!(error = %e.kind(), "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
