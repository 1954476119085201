//! Accepts connections of HTTP/1.1 and HTTP/2, limits their number and idle time, and closes them
//! at shutdown.
//!
//! Invariants: the number of connections is bounded, and so is the time that a connection may be
//! idle. A probe is answered even when the limit of connections is reached.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::http::{
    connection::{Activity, ConnectionService, ConnectionStream},
    tls::Tls,
};

/// Bytes of the head of a request that are read. The router refuses smaller heads, too: an answer
/// of the router has an id and the form of a problem.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Requests in progress on one connection of HTTP/2.
const MAX_STREAMS: u32 = 32;
/// Connections beyond the limit that are accepted for probes.
const PROBE_CONNECTIONS: usize = 16;
/// Time limit of such a connection for the head of its request.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after a connection could not be accepted, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at a time. A few more are accepted, but only their probes are answered.
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
    let regular = Arc::new(Semaphore::new(limits.connections));
    let all = Arc::new(Semaphore::new(limits.connections + PROBE_CONNECTIONS));
    let connections = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let (stream, slot) = tokio::select! {
            accepted = accept(&listener, &all) => accepted,
            () = &mut stop => break,
        };
        // Without it, the system delays small answers.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let regular_slot = regular.clone().try_acquire_owned().ok();
        let probes_only = regular_slot.is_none();
        let timeout = if probes_only { limits.idle_timeout.min(PROBE_TIMEOUT) } else { limits.idle_timeout };
        let connection = Connection { router: router.clone(), watcher: connections.watcher(), timeout, probes_only };
        let tls = tls.as_ref().map(|tls| tls.acceptor());
        // Errors of connections are not logged: they might quote what the client sent.
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    // The handshake has the same time limit as the head of a request.
                    if let Ok(Ok(stream)) = tokio::time::timeout(timeout, tls.accept(stream)).await {
                        connection.serve(stream).await;
                    }
                }
                None => connection.serve(stream).await,
            }
            drop((slot, regular_slot));
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// What one connection is served with.
struct Connection {
    router: Router,
    watcher: Watcher,
    timeout: Duration,
    probes_only: bool,
}

impl Connection {
    /// Answers requests of HTTP/1.1 or HTTP/2 until one side closes the connection or it is idle.
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let activity = Activity::new();
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .keep_alive(!self.probes_only);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_BYTES as u32);
        let service = ConnectionService {
            router: TowerToHyperService::new(self.router),
            activity: activity.clone(),
            probes_only: self.probes_only,
        };
        let stream = ConnectionStream::new(stream, activity.clone(), self.timeout);
        let connection = http.serve_connection(TokioIo::new(stream), service).into_owned();
        tokio::select! {
            _ = self.watcher.watch(connection) => {}
            () = activity.idle(self.timeout) => {}
        }
    }
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
