//! `POST /link` for corpora: a mention a line in, a result a line out, in their order, for as long as lines come.
//!
//! Lines are linked as they arrive, so many at once as have arrived. Invariant: what is held of a stream is bounded whatever its length; a
//! line that cannot be linked is answered in its place and the next goes on.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde::Serialize;

use crate::http::{
    App, Limits,
    metrics::Metrics,
    problem::{Kind, Problem},
    request::{Checked, LineDefaults, parse_line},
    routes::link::{linked, written},
};
use crate::{
    cancel::CancelToken,
    linker::{FilterRequest, Linker},
};

/// The media type of lines of JSON.
pub(super) const NDJSON: &str = "application/x-ndjson";
/// Lines that are linked at once.
const TOGETHER: usize = 256;
/// Bytes of a line beside the mention: its id and its filters, and what escapes make of it.
const AROUND: usize = 16 << 10;
/// How long a line may be waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a request brings lines.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(NDJSON))
}

/// Answers lines.
///
/// # Errors
/// When nothing is served yet; what is wrong later is said in a line.
pub(super) fn answer(app: App, request: Request) -> Result<Response, Problem> {
    let linker = app.linker()?;
    let defaults = LineDefaults::new(None, None, FilterRequest::default(), &app.limits, linker.index().concepts())?;
    let lines = Lines {
        body: request.into_body().into_data_stream(),
        waiting: VecDeque::new(),
        part: vec![],
        longest: longest(&app.limits),
        ended: false,
    };
    let linker = LineLinker { linker, limits: app.limits, defaults, metrics: app.metrics.clone() };
    let stream = Linking { app, linker, lines, number: 0 };
    let answers = stream::unfold(stream, |mut stream| async move {
        let answers = stream.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(answers)), stream))
    });
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON))], Body::from_stream(answers)).into_response())
}

/// Links lines, of a stream or of a file.
#[derive(Clone)]
pub struct LineLinker {
    linker: Arc<Linker>,
    limits: Limits,
    defaults: LineDefaults,
    metrics: Arc<Metrics>,
}

impl LineLinker {
    /// One that gives so many candidates, of those that pass, to lines that do not say otherwise.
    ///
    /// # Errors
    /// The field that the limits or the index do not allow.
    pub fn new(
        linker: Arc<Linker>,
        limits: Limits,
        top_k: Option<usize>,
        min_score: Option<f32>,
        filter: FilterRequest,
    ) -> Result<Self, Problem> {
        let defaults = LineDefaults::new(top_k, min_score, filter, &limits, linker.index().concepts())?;
        Ok(Self { linker, limits, defaults, metrics: Arc::new(Metrics::new(&[])) })
    }

    /// Bytes that a line may have.
    pub fn longest(&self) -> usize {
        longest(&self.limits)
    }

    /// A line of JSON for each of `lines` that is not blank, of which the first is the one after `before`.
    ///
    /// # Errors
    /// When inference failed, or nobody waits any more.
    pub fn answer(&self, lines: &[Vec<u8>], before: usize, gone: &CancelToken) -> Result<Vec<u8>, Problem> {
        let concepts = self.linker.index().concepts();
        let checked = (before + 1..).zip(lines).filter_map(|(number, line)| {
            if line.len() > self.longest() {
                let detail = "the line is longer than a mention with its settings may be";
                return Some(Checked::refused(number, Problem::new(Kind::MentionTooLong, detail)));
            }
            let blank = line.trim_ascii().is_empty();
            (!blank).then(|| parse_line(line, number, &self.defaults, &self.limits, concepts))
        });
        let (results, _) = linked(&self.linker, checked.collect(), &self.metrics, gone)?;
        Ok(written(&self.metrics, || lines_of(&results))?.0)
    }
}

fn longest(limits: &Limits) -> usize {
    6 * limits.mention_bytes + AROUND
}

struct Linking {
    app: App,
    linker: LineLinker,
    lines: Lines,
    /// Lines that were read.
    number: usize,
}

impl Linking {
    /// The answers to the lines that come next; nothing when there are no more.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let lines = match self.lines.next().await {
            Ok(lines) if lines.is_empty() => return None,
            Ok(lines) => lines,
            Err(problem) => return lines_of(&[Ended { error: problem }]).ok(),
        };
        let (linker, before) = (self.linker.clone(), self.number);
        self.number += lines.len();
        match self.app.admitted_in_turn(move |gone| linker.answer(&lines, before, gone)).await {
            Ok(answers) => Some(answers),
            Err(problem) => {
                self.lines.ended = true;
                self.lines.waiting.clear();
                lines_of(&[Ended { error: problem }]).ok()
            }
        }
    }
}

/// The last line of a stream that ended early.
#[derive(Serialize)]
struct Ended {
    error: Problem,
}

fn lines_of(values: &[impl Serialize]) -> Result<Vec<u8>, serde_json::Error> {
    let mut lines = vec![];
    for value in values {
        serde_json::to_writer(&mut lines, value)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// The lines of a body.
struct Lines {
    body: BodyDataStream,
    waiting: VecDeque<Vec<u8>>,
    /// The beginning of a line whose end has not come; of one that is too long a byte more than it may have.
    part: Vec<u8>,
    longest: usize,
    ended: bool,
}

impl Lines {
    /// The lines that are there, or those that come next; none when there are no more.
    async fn next(&mut self) -> Result<Vec<Vec<u8>>, Problem> {
        while self.waiting.is_empty() && !self.ended {
            let read = tokio::time::timeout(PATIENCE, self.body.next()).await;
            let read = match read {
                Ok(read) => read,
                Err(_) => {
                    self.ended = true;
                    return Err(Problem::new(Kind::Timeout, "no line came for too long"));
                }
            };
            match read {
                Some(Ok(bytes)) => self.take(&bytes),
                Some(Err(_)) => {
                    self.ended = true;
                    return Err(Problem::new(Kind::InvalidRequest, "the body could not be read to its end"));
                }
                None => {
                    self.ended = true;
                    if !self.part.is_empty() {
                        self.end_line();
                    }
                }
            }
        }
        let count = self.waiting.len().min(TOGETHER);
        Ok(self.waiting.drain(..count).collect())
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|&byte| byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = (self.longest + 1).saturating_sub(self.part.len());
            self.part.extend_from_slice(&piece[..piece.len().min(room)]);
            if pieces.peek().is_some() {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        self.waiting.push_back(std::mem::take(&mut self.part));
    }
}
