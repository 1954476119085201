//! Validates and links batches of mentions: the single entry point for JSON requests, NDJSON
//! streams and files.
//!
//! A batch is checked first ([`LinkService::check`]), which is cheap, and linked later
//! ([`LinkService::link`]), which takes a session. Each distinct filter is validated once and
//! resolved once. Invariant: a mention that is wrong has its own error; the others are linked.

use std::{collections::HashMap, ops::Range, sync::Arc, time::Instant};

use crate::{
    cancel::CancelToken,
    concepts::{Filter, FilterRequest},
    encoder::EncoderError,
    linker::{
        answer::Answer,
        engine::Linker,
        mention::{FieldError, LinkLimits, LinkOptions, Mention, MentionOptions, check_filter, check_id, check_text},
        query::Query,
        stages::{Stage, StageDurations},
    },
};

/// Candidates of a mention when neither the mention nor the request gives `top_k`.
const DEFAULT_TOP_K: usize = 5;
/// Filters that are resolved at a time: each may take a bit for every row of the index.
const MAX_RESOLVED_FILTERS: usize = 16;

/// A linker with the limits of its callers. Clones share the linker.
#[derive(Clone)]
pub struct LinkService {
    linker: Arc<Linker>,
    limits: LinkLimits,
}

/// Options of a request that were validated; they apply to mentions without options of their own.
#[derive(Clone)]
pub struct LinkDefaults {
    top_k: usize,
    min_score: Option<f32>,
    filter: FilterRequest,
    options: LinkOptions,
}

/// Mentions that were checked, each with its effective options or its error.
pub struct LinkBatch {
    mentions: Vec<CheckedMention>,
    /// The distinct filters of the mentions.
    filters: Vec<FilterRequest>,
}

struct CheckedMention {
    mention: Mention,
    options: Result<EffectiveOptions, FieldError>,
}

#[derive(Clone, Copy)]
struct EffectiveOptions {
    top_k: usize,
    min_score: Option<f32>,
    /// Position in [`LinkBatch::filters`].
    filter: usize,
    options: LinkOptions,
}

/// The distinct filters of a batch, while it is checked.
struct DistinctFilters<'a> {
    default: &'a FilterRequest,
    /// Position of the default filter, once a mention uses it.
    default_position: Option<usize>,
    positions: HashMap<FilterRequest, usize>,
}

/// A mention with its answer, or the field that is wrong.
pub struct LinkedMention {
    /// The mention; its options were consumed.
    pub mention: Mention,
    /// The answer for it.
    pub outcome: Result<Answer, FieldError>,
}

/// A batch that was linked.
pub struct LinkedBatch {
    /// The mentions in their order.
    pub mentions: Vec<LinkedMention>,
    /// The time that each stage took.
    pub durations: StageDurations,
}

impl LinkService {
    /// A service that accepts mentions within `limits`.
    pub fn new(linker: Linker, limits: LinkLimits) -> Self {
        Self { linker: Arc::new(linker), limits }
    }

    /// The linker.
    pub fn linker(&self) -> &Linker {
        &self.linker
    }

    /// The limits.
    pub fn limits(&self) -> &LinkLimits {
        &self.limits
    }

    /// Validates the options of a request.
    ///
    /// # Errors
    /// The field that the limits or the index do not allow.
    pub fn defaults(&self, mut options: MentionOptions) -> Result<LinkDefaults, FieldError> {
        options.check_numbers(&self.limits)?;
        let filter = options.take_filter(&FilterRequest::default());
        check_filter(&filter, self.linker.index().concepts())?;
        let top_k = options.top_k.unwrap_or(DEFAULT_TOP_K.min(self.limits.top_k));
        let min_score = options.min_score;
        Ok(LinkDefaults { top_k, min_score, filter, options: options.link_options(LinkOptions::default()) })
    }

    /// Validates mentions, each by itself. Limits on a request as a whole are the caller's to
    /// check.
    pub fn check(&self, mentions: impl IntoIterator<Item = Mention>, defaults: &LinkDefaults) -> LinkBatch {
        let mut filters =
            DistinctFilters { default: &defaults.filter, default_position: None, positions: HashMap::new() };
        let check = |mut mention| {
            let options = self.check_mention(&mut mention, defaults, &mut filters);
            CheckedMention { mention, options }
        };
        let mentions = mentions.into_iter().map(check).collect();
        LinkBatch { mentions, filters: filters.into_list() }
    }

    fn check_mention(
        &self,
        mention: &mut Mention,
        defaults: &LinkDefaults,
        filters: &mut DistinctFilters<'_>,
    ) -> Result<EffectiveOptions, FieldError> {
        check_text(&mention.text, &self.limits)?;
        check_id(mention.id.as_deref())?;
        let options = &mut mention.options;
        options.check_numbers(&self.limits)?;
        let filter = if options.has_filter() {
            // The lists of the defaults are valid, so an error is in a list of the mention.
            let request = options.take_filter(&defaults.filter);
            filters.position_of(request, |request| check_filter(request, self.linker.index().concepts()))?
        } else {
            filters.position_of_default()
        };
        let (top_k, min_score) = (options.top_k.unwrap_or(defaults.top_k), options.min_score.or(defaults.min_score));
        Ok(EffectiveOptions { top_k, min_score, filter, options: options.link_options(defaults.options) })
    }

    /// Links the mentions of a batch that are valid.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] when inference fails, [`EncoderError::Canceled`].
    pub fn link(&self, batch: LinkBatch, cancel: &CancelToken) -> Result<LinkedBatch, EncoderError> {
        let mut durations = StageDurations::default();
        let mut answers: Vec<Option<Answer>> = vec![None; batch.mentions.len()];
        for first in (0..batch.filters.len()).step_by(MAX_RESOLVED_FILTERS) {
            let started = Instant::now();
            let range = first..batch.filters.len().min(first + MAX_RESOLVED_FILTERS);
            let concepts = self.linker.index().concepts();
            let resolved: Vec<Filter> = batch.filters[range.clone()].iter().map(|f| Filter::new(f, concepts)).collect();
            let (positions, queries) = batch.queries(&range, &resolved);
            durations.add(Stage::Names, started.elapsed());
            let (linked, stages) = self.linker.link(&queries, cancel)?;
            durations += stages;
            positions.into_iter().zip(linked).for_each(|(position, answer)| answers[position] = Some(answer));
        }
        let linked = |(checked, answer): (CheckedMention, Option<Answer>)| match (checked.options, answer) {
            (Ok(_), Some(answer)) => Some(LinkedMention { mention: checked.mention, outcome: Ok(answer) }),
            (Err(error), _) => Some(LinkedMention { mention: checked.mention, outcome: Err(error) }),
            // Every valid mention has a filter in exactly one range, so it has an answer.
            (Ok(_), None) => None,
        };
        Ok(LinkedBatch { mentions: batch.mentions.into_iter().zip(answers).filter_map(linked).collect(), durations })
    }
}

impl LinkBatch {
    /// The error of the first mention, if it has one.
    pub fn first_error(&self) -> Option<FieldError> {
        self.mentions.first()?.options.err()
    }

    /// Sum of `top_k` over the valid mentions.
    pub fn candidates(&self) -> usize {
        self.mentions.iter().filter_map(|checked| Some(checked.options.ok()?.top_k)).sum()
    }

    /// The queries with a filter in `range`, and the positions of their mentions. `filters` are the
    /// resolved filters of `range`.
    fn queries<'a>(&'a self, range: &Range<usize>, filters: &'a [Filter]) -> (Vec<usize>, Vec<Query<'a>>) {
        let queries = self.mentions.iter().enumerate().filter_map(|(position, checked)| {
            let EffectiveOptions { top_k, min_score, filter, options } = checked.options.ok()?;
            let filter = range.contains(&filter).then(|| &filters[filter - range.start])?;
            Some((position, Query { text: &checked.mention.text, top_k, min_score, filter, options }))
        });
        queries.unzip()
    }
}

impl DistinctFilters<'_> {
    fn position_of_default(&mut self) -> usize {
        if let Some(position) = self.default_position {
            return position;
        }
        let position = self.insert(self.default.clone());
        self.default_position = Some(position);
        position
    }

    /// The position of `request`, which `check` validates unless an equal filter was valid before.
    fn position_of(
        &mut self,
        request: FilterRequest,
        check: impl FnOnce(&FilterRequest) -> Result<(), FieldError>,
    ) -> Result<usize, FieldError> {
        if let Some(&position) = self.positions.get(&request) {
            return Ok(position);
        }
        check(&request)?;
        Ok(self.insert(request))
    }

    fn insert(&mut self, request: FilterRequest) -> usize {
        let next = self.positions.len();
        *self.positions.entry(request).or_insert(next)
    }

    fn into_list(self) -> Vec<FilterRequest> {
        let mut list: Vec<_> = self.positions.into_iter().collect();
        list.sort_unstable_by_key(|(_, position)| *position);
        list.into_iter().map(|(request, _)| request).collect()
    }
}
