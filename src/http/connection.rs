//! One connection: notices when it is idle, and when its client takes no answers.
//!
//! Invariant: a connection ends when for a time limit no request is in progress and no byte of an
//! answer is taken. A client that takes no byte of an answer for that time is cut off.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    http::{Request, Response},
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    service::Service,
};
use hyper_util::service::TowerToHyperService;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Sleep, sleep},
};

/// Marks the requests of a connection beyond `--max-connections`: only probes are answered.
#[derive(Clone, Copy)]
pub(super) struct ProbesOnly;

/// Counts the requests in progress on a connection; every event marks the value as changed.
#[derive(Clone)]
pub(super) struct Activity(Arc<watch::Sender<usize>>);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Resolves when for `timeout` no request is in progress and nothing happens.
    pub(super) async fn idle(&self, timeout: Duration) {
        let mut events = self.0.subscribe();
        while events.wait_for(|requests| *requests == 0).await.is_ok() {
            if tokio::time::timeout(timeout, events.changed()).await.is_err() {
                return;
            }
        }
    }

    fn note(&self) {
        self.0.send_modify(|_| ());
    }

    fn begin(&self) -> RequestGuard {
        self.0.send_modify(|requests| *requests += 1);
        RequestGuard(self.clone())
    }
}

/// A request in progress, until the last byte of its answer is handed over.
struct RequestGuard(Activity);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.0.send_modify(|requests| *requests -= 1);
    }
}

/// Sends the requests of one connection to the router.
pub(super) struct ConnectionService {
    pub(super) router: TowerToHyperService<Router>,
    pub(super) activity: Activity,
    pub(super) probes_only: bool,
}

impl Service<Request<Incoming>> for ConnectionService {
    type Response = Response<GuardedBody>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let guard = self.activity.begin();
        if self.probes_only {
            request.extensions_mut().insert(ProbesOnly);
        }
        let answer = self.router.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| GuardedBody { body, _guard: guard })) })
    }
}

/// The body of an answer; its request is in progress until it is dropped.
pub(super) struct GuardedBody {
    body: Body,
    _guard: RequestGuard,
}

impl HttpBody for GuardedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream of bytes whose writes fail when the client takes none for a time limit.
pub(super) struct ConnectionStream<S> {
    stream: S,
    activity: Activity,
    timeout: Duration,
    /// Runs while a write waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> ConnectionStream<S> {
    pub(super) fn new(stream: S, activity: Activity, timeout: Duration) -> Self {
        Self { stream, activity, timeout, stalled: None }
    }

    /// Notes that the client took bytes. Flushes are not noted: the server flushes whenever it
    /// looks at the connection, which a note makes it do.
    fn note_written(&self, outcome: &Poll<io::Result<usize>>) {
        if matches!(outcome, Poll::Ready(Ok(1..))) {
            self.activity.note();
        }
    }

    /// Starts or stops the time limit by the outcome of a write.
    fn check<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let timeout = self.timeout;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ConnectionStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ConnectionStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_written(&outcome);
        self.check(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.note_written(&outcome);
        self.check(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.check(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.check(cx, outcome)
    }
}
