//! Turns the mentions of a client into results, for JSON requests, streams and `saplink link`.
//!
//! Invariant: results have the order of the mentions. The result of an invalid mention holds its
//! problem.

use std::{collections::BTreeMap, time::Instant};

use utoipa::{
    IntoResponses,
    openapi::{RefOr, response},
};

use crate::{
    cancel::CancelToken,
    concepts::ConceptStore,
    encoder::EncoderError,
    http::{
        metrics::Metrics,
        problem::{Problem, ProblemKind, described_problems},
        request::{LinkRequest, MentionPath, NumberedMention},
        response::LinkResult,
    },
    linker::{FieldError, LinkBatch, LinkDefaults, LinkService, LinkedMention, Mention, Stage, StageDurations},
};

/// The problems of every route that runs the model, for the description.
pub(super) struct InferenceProblems;

impl IntoResponses for InferenceProblems {
    fn responses() -> BTreeMap<String, RefOr<response::Response>> {
        described_problems([
            ("400", "The body is not JSON"),
            ("413", "The body is too large"),
            ("415", "The media type or the compression of the body is not supported"),
            ("422", "A field is missing, unknown or wrong"),
            ("429", "Too many requests are waiting"),
            ("500", "Inference failed"),
            ("503", "Starting, stopping or out of time"),
        ])
    }
}

/// Mentions that were checked and wait to be linked.
pub(crate) struct PendingResults {
    service: LinkService,
    batch: LinkBatch,
    slots: Vec<ResultSlot>,
}

/// The position of one result, and its problem if the line has no mention.
struct ResultSlot {
    number: usize,
    path: MentionPath,
    /// A mention that could not be decoded, with its problem; the others are in the batch.
    invalid: Option<(Mention, Problem)>,
}

impl PendingResults {
    /// Checks lines of a stream or file, or rows of a table.
    pub(crate) fn of_lines(
        service: &LinkService,
        defaults: &LinkDefaults,
        lines: impl IntoIterator<Item = NumberedMention>,
    ) -> Self {
        let (mut slots, mut mentions) = (vec![], vec![]);
        for NumberedMention { number, path, mention, problem } in lines {
            let invalid = match problem {
                Some(problem) => Some((mention, problem)),
                None => {
                    mentions.push(mention);
                    None
                }
            };
            slots.push(ResultSlot { number, path, invalid });
        }
        Self { service: service.clone(), batch: service.check(mentions, defaults), slots }
    }

    /// Checks the body of a request.
    ///
    /// # Errors
    /// The problem of the request as a whole: of its options, of the number of its mentions or
    /// candidates, or of its one mention.
    pub(super) fn of_request(service: &LinkService, request: LinkRequest) -> Result<Self, Problem> {
        let (options, mentions) = request.into_parts();
        let defaults = service.defaults(options).map_err(|error| Problem::from(error.fault).at(error.path()))?;
        let is_single = mentions.is_single();
        let pending = Self::of_lines(service, &defaults, mentions.numbered(service.limits())?);
        if let Some(error) = pending.batch.first_error().filter(|_| is_single) {
            return Err(pending.slots[0].field_problem(error));
        }
        let (candidates, max) = (pending.batch.candidates(), service.limits().candidates);
        if candidates > max {
            let detail = format!("the top_k of all mentions add up to {candidates}, at most {max} are allowed");
            return Err(Problem::new(ProblemKind::TooManyCandidates, detail).at("mentions"));
        }
        Ok(pending)
    }

    /// Whether there is one mention only.
    pub(super) fn is_one(&self) -> bool {
        self.slots.len() == 1
    }

    /// Links the valid mentions: a result for each slot, and the time of each stage.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] when inference fails, [`EncoderError::Canceled`].
    pub(crate) fn link(self, cancel: &CancelToken) -> Result<(Vec<LinkResult>, StageDurations), EncoderError> {
        let linked = self.service.link(self.batch, cancel)?;
        let concepts = self.service.linker().index().concepts();
        let mut mentions = linked.mentions.into_iter();
        let results = self.slots.into_iter().map(|slot| slot.result(&mut mentions, concepts)).collect();
        Ok((results, linked.durations))
    }
}

impl ResultSlot {
    fn result(self, mentions: &mut impl Iterator<Item = LinkedMention>, concepts: &ConceptStore) -> LinkResult {
        let default_id = format!("m{}", self.number);
        if let Some((mention, problem)) = self.invalid {
            let id = mention.valid_id().map_or(default_id, str::to_owned);
            return LinkResult::error(id, mention.text, problem);
        }
        let Some(LinkedMention { mention, outcome }) = mentions.next() else {
            return LinkResult::error(default_id, String::new(), Problem::new(ProblemKind::Internal, "no answer"));
        };
        let id = mention.valid_id().map_or(default_id, str::to_owned);
        match outcome {
            Ok(answer) => LinkResult::new(id, mention.text, &answer, concepts),
            Err(error) => LinkResult::error(id, mention.text, self.field_problem(error)),
        }
    }

    fn field_problem(&self, error: FieldError) -> Problem {
        Problem::from(error.fault).at(self.path.of(&error))
    }
}

/// The problem of a batch that could not be linked.
pub(super) fn link_problem(error: &EncoderError) -> Problem {
    if matches!(error, EncoderError::Canceled(_)) {
        return Problem::new(ProblemKind::Timeout, "the client has left or the time is over");
    }
    // The error names the model and has the message of ONNX Runtime, but no text.
    tracing::error!(%error, "linking failed");
    Problem::new(ProblemKind::Internal, "inference failed; the log has the reason")
}

/// Writes an answer with `write` and counts the time of all stages, `durations` and the writing.
///
/// # Errors
/// `internal` when the answer cannot be written.
pub(super) fn write_measured(
    metrics: &Metrics,
    mut durations: StageDurations,
    write: impl FnOnce() -> serde_json::Result<Vec<u8>>,
) -> Result<(Vec<u8>, StageDurations), Problem> {
    let started = Instant::now();
    let body = write();
    durations.add(Stage::Serialize, started.elapsed());
    metrics.observe_stages(&durations);
    let body = body.map_err(|_| Problem::new(ProblemKind::Internal, "the answer could not be written"))?;
    Ok((body, durations))
}
