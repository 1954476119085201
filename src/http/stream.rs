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

use super::{
    App,
    problem::{Kind, Problem},
    request::{Checked, parse_line},
    routes::link::{linked, written},
};
use crate::linker::Linker;

/// The media type of lines of JSON.
pub const NDJSON: &str = "application/x-ndjson";
/// Lines that are linked at once.
const TOGETHER: usize = 256;
/// Bytes of a line beside the mention: its id and its filters, and what escapes make of it.
const AROUND: usize = 16 << 10;
/// How long a line may be waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a request brings lines.
pub fn is_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(NDJSON))
}

/// Answers lines.
///
/// # Errors
/// When nothing is served yet; what is wrong later is said in a line.
pub fn answer(app: App, request: Request) -> Result<Response, Problem> {
    let linker = app.linker()?;
    let lines = Lines {
        body: request.into_body().into_data_stream(),
        waiting: VecDeque::new(),
        part: vec![],
        longest: 6 * app.limits.mention_bytes + AROUND,
        dropping: false,
        ended: false,
    };
    let stream = Linking { app, linker, lines, number: 0 };
    let answers = stream::unfold(stream, |mut stream| async move {
        let answers = stream.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(answers)), stream))
    });
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON))], Body::from_stream(answers)).into_response())
}

struct Linking {
    app: App,
    linker: Arc<Linker>,
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
        let (limits, linker) = (self.app.limits, self.linker.clone());
        let concepts = linker.index().concepts();
        let checked: Vec<Checked> = lines
            .into_iter()
            .filter_map(|line| {
                self.number += 1;
                match line {
                    Line::Whole(line) if line.trim_ascii().is_empty() => None,
                    Line::Whole(line) => Some(parse_line(&line, self.number, &limits, concepts)),
                    Line::TooLong => Some(Checked::refused(
                        self.number,
                        Problem::new(
                            Kind::MentionTooLong,
                            "the line is longer than a mention with its settings may be",
                        ),
                    )),
                }
            })
            .collect();
        if checked.is_empty() {
            return Some(vec![]);
        }
        let (metrics, linker) = (self.app.metrics.clone(), self.linker.clone());
        let work = self.app.admitted_in_turn(move |gone| {
            let results = linked(&linker, checked, &metrics, gone)?;
            written(&metrics, || lines_of(&results))
        });
        match work.await {
            Ok(answers) => Some(answers),
            Err(problem) => {
                self.lines.ended = true;
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

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// The lines of a body.
struct Lines {
    body: BodyDataStream,
    waiting: VecDeque<Line>,
    /// The beginning of a line whose end has not come.
    part: Vec<u8>,
    longest: usize,
    /// Whether what comes until the next end of a line belongs to one that is too long.
    dropping: bool,
    ended: bool,
}

impl Lines {
    /// The lines that are there, or those that come next; none when there are no more.
    async fn next(&mut self) -> Result<Vec<Line>, Problem> {
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
            if self.dropping || self.part.len() + piece.len() > self.longest {
                self.dropping = true;
                self.part.clear();
            } else {
                self.part.extend_from_slice(piece);
            }
            if pieces.peek().is_some() {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = if std::mem::take(&mut self.dropping) {
            Line::TooLong
        } else {
            Line::Whole(std::mem::take(&mut self.part))
        };
        self.waiting.push_back(line);
    }
}
