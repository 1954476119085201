//! `POST /link` with NDJSON: one mention a line in, one result a line out, while lines still
//! arrive.
//!
//! All lines that have arrived are linked together, at most [`MAX_BATCH_LINES`]. Invariants: the
//! memory of a stream does not grow with its length; the result of an invalid line holds its
//! problem, and later lines are still linked.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    http::{
        app::App,
        linking::{PendingResults, link_problem, write_measured},
        problem::{Problem, ProblemKind},
        request::{LineSplitter, read_line},
        response::write_lines,
    },
    linker::{LinkDefaults, LinkService, MentionOptions},
};

/// Maximum number of lines that are linked together.
const MAX_BATCH_LINES: usize = 256;

/// Answers the lines of `body`.
///
/// # Errors
/// `not-ready`. Later problems come in lines of the answer.
pub(super) fn respond(app: App, body: Body) -> Result<Response, Problem> {
    let service = app.service()?;
    let defaults = service.defaults(MentionOptions::default());
    let defaults = defaults.map_err(|error| Problem::from(error.fault).at(error.path()))?;
    let lines = BodyLines::new(body, LineSplitter::new(service.limits()), app.options().idle_timeout);
    let results =
        stream::unfold(LineStream { app, service, defaults, lines, line_count: 0 }, |mut stream| async move {
            let results = stream.next_results().await?;
            Some((Ok::<_, Infallible>(Bytes::from(results)), stream))
        });
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))];
    Ok((content_type, Body::from_stream(results)).into_response())
}

struct LineStream {
    app: App,
    service: LinkService,
    defaults: LinkDefaults,
    lines: BodyLines,
    /// Lines that were read so far.
    line_count: usize,
}

/// The last line of a stream that ended early.
#[derive(Serialize)]
struct StreamError {
    error: Problem,
}

impl LineStream {
    /// The results of the next lines; none at the end of the stream.
    async fn next_results(&mut self) -> Option<Vec<u8>> {
        let read = tokio::select! {
            biased;
            () = self.app.streams_end() => {
                self.lines.end();
                Err(Problem::new(ProblemKind::NotReady, "the service is stopping; send the lines without a result again in a new request"))
            }
            read = self.lines.next_lines() => read,
        };
        let lines = match read {
            Ok(lines) if lines.is_empty() => return None,
            Ok(lines) => lines,
            Err(error) => return write_lines(&[StreamError { error }]).ok(),
        };
        let first = self.line_count + 1;
        self.line_count += lines.len();
        let (service, defaults, metrics) = (self.service.clone(), self.defaults.clone(), self.app.metrics().clone());
        let work = move |cancel: &_| {
            let mentions = (first..).zip(&lines).filter_map(|(number, line)| read_line(line, number, service.limits()));
            let pending = PendingResults::of_lines(&service, &defaults, mentions);
            let (results, durations) = pending.link(cancel).map_err(|e| link_problem(&e))?;
            metrics.count_results(&results);
            write_measured(&metrics, durations, || write_lines(&results))
        };
        match self.app.admission().run_when_free(work).await {
            Ok((results, _)) => Some(results),
            Err(error) => {
                self.lines.end();
                write_lines(&[StreamError { error }]).ok()
            }
        }
    }
}

/// Reads the lines of a body.
struct BodyLines {
    body: BodyDataStream,
    splitter: LineSplitter,
    /// Time to wait for the next line.
    timeout: Duration,
    is_ended: bool,
}

impl BodyLines {
    fn new(body: Body, splitter: LineSplitter, timeout: Duration) -> Self {
        Self { body: body.into_data_stream(), splitter, timeout, is_ended: false }
    }

    /// The lines that have arrived, after waiting for at least one; none at the end of the body.
    async fn next_lines(&mut self) -> Result<Vec<Vec<u8>>, Problem> {
        let deadline = Instant::now() + self.timeout;
        while self.splitter.is_empty() && !self.is_ended {
            let Ok(read) = tokio::time::timeout_at(deadline, self.body.next()).await else {
                self.is_ended = true;
                let detail = "no line arrived for the time of --idle-timeout; send the remaining lines again";
                return Err(Problem::new(ProblemKind::Timeout, detail));
            };
            match read {
                Some(Ok(bytes)) => self.splitter.push(&bytes),
                Some(Err(_)) => {
                    self.is_ended = true;
                    return Err(Problem::new(ProblemKind::InvalidRequest, "the body could not be read to its end"));
                }
                None => {
                    self.is_ended = true;
                    self.splitter.finish();
                }
            }
        }
        Ok(self.splitter.take(MAX_BATCH_LINES))
    }

    /// Drops the remaining lines and reads no further.
    fn end(&mut self) {
        self.is_ended = true;
        self.splitter.clear();
    }
}
