//! The metrics of the service, in the text format of Prometheus (version 0.0.4).
//!
//! Invariants: labels have few values, all defined by saplink (registered routes, kinds of
//! problems, stages); no label has a value that a client sent. The series of kinds, stages and
//! statuses of mentions, and those of each route with status 200, exist before the first request.

use std::{
    sync::{Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::{
    http::{
        problem::ProblemKind,
        response::{LinkResult, LinkStatus},
    },
    linker::{Linker, Stage, StageDurations},
};

/// The media type of [`Metrics::text`].
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the buckets of histograms, in seconds.
const BUCKETS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MentionLabels {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServedLabels {
    model: String,
    index: String,
    device: String,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of a service.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histograms<RouteLabels>,
    problems: Family<ProblemLabels, Counter>,
    stage_seconds: Histograms<StageLabels>,
    mentions: Family<MentionLabels, Counter>,
    /// Requests in progress or waiting for a session.
    pub admitted: Gauge,
    served: Family<ServedLabels, Gauge>,
    encoder: EncoderMetrics,
    /// Held while a scrape copies the counters of the encoder.
    scrape: Mutex<()>,
}

#[derive(Default)]
struct EncoderMetrics {
    waiting: Gauge,
    batches: Counter,
    texts: Counter,
    tokens: Counter,
    padding: Counter,
    hits: Counter,
    misses: Counter,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    /// Metrics at 0; `routes` are methods and paths.
    pub(super) fn new(routes: &[(&'static str, String)]) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("saplink"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(histogram),
            problems: Family::default(),
            stage_seconds: Family::new_with_constructor(histogram),
            mentions: Family::default(),
            admitted: Gauge::default(),
            served: Family::default(),
            encoder: EncoderMetrics::default(),
            scrape: Mutex::default(),
        };
        for (method, route) in routes {
            drop(metrics.requests.get_or_create(&RequestLabels { method, route: route.clone(), status: 200 }));
            drop(metrics.request_seconds.get_or_create(&RouteLabels { route: route.clone() }));
        }
        for kind in ProblemKind::ALL {
            drop(metrics.problems.get_or_create(&ProblemLabels { kind: kind.code() }));
        }
        for stage in Stage::ALL {
            drop(metrics.stage_seconds.get_or_create(&StageLabels { stage: stage.as_str() }));
        }
        for status in LinkStatus::ALL {
            drop(metrics.mentions.get_or_create(&MentionLabels { status: status.as_str() }));
        }
        metrics.register()
    }

    fn register(mut self) -> Self {
        let (registry, encoder) = (&mut self.registry, &self.encoder);
        registry.register("build", "Version of saplink", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("served", "Active model and index, and the device of the model", self.served.clone());
        registry.register("requests", "Requests answered", self.requests.clone());
        let seconds = Unit::Seconds;
        let requests = self.request_seconds.clone();
        registry.register_with_unit(
            "request",
            "Time from the head of a request to the head of its answer",
            seconds.clone(),
            requests,
        );
        registry.register("problems", "Errors by kind, those of single mentions too", self.problems.clone());
        let stages = self.stage_seconds.clone();
        registry.register_with_unit(
            "stage",
            "Time of each stage of linking, for each request or part of a stream",
            seconds,
            stages,
        );
        registry.register("mentions", "Mentions by the status of their result", self.mentions.clone());
        registry.register("admitted_requests", "Requests in progress or waiting for a session", self.admitted.clone());
        registry.register("queued_texts", "Texts that wait for a session", encoder.waiting.clone());
        registry.register("batches", "Batches run", encoder.batches.clone());
        registry.register("batch_texts", "Texts of all batches", encoder.texts.clone());
        registry.register("batch_tokens", "Tokens of all batches, without padding", encoder.tokens.clone());
        registry.register("batch_padding", "Padding tokens of all batches", encoder.padding.clone());
        registry.register("cache_hits", "Texts whose vector was in the cache", encoder.hits.clone());
        registry.register("cache_misses", "Texts whose vector was not in the cache", encoder.misses.clone());
        self
    }

    /// Counts a request that was answered.
    pub(super) fn count_request(&self, method: &'static str, route: &str, status: StatusCode, duration: Duration) {
        let labels = RequestLabels { method, route: route.into(), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.get_or_create(&RouteLabels { route: route.into() }).observe(duration.as_secs_f64());
    }

    /// Counts a problem, of a request or of a mention.
    pub(super) fn count_problem(&self, kind: ProblemKind) {
        self.problems.get_or_create(&ProblemLabels { kind: kind.code() }).inc();
    }

    /// Counts results of mentions, and their problems.
    pub(super) fn count_results(&self, results: &[LinkResult]) {
        for status in LinkStatus::ALL {
            let count = results.iter().filter(|result| result.status == status).count();
            self.mentions.get_or_create(&MentionLabels { status: status.as_str() }).inc_by(count as u64);
        }
        results.iter().filter_map(|result| result.error.as_ref()).for_each(|problem| self.count_problem(problem.kind));
    }

    /// Observes the time of every stage of an answer.
    pub(super) fn observe_stages(&self, durations: &StageDurations) {
        for (stage, duration) in durations.iter() {
            let labels = StageLabels { stage: stage.as_str() };
            self.stage_seconds.get_or_create(&labels).observe(duration.as_secs_f64());
        }
    }

    /// All metrics as text, with those of the active linker.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub(super) fn text(&self, linker: Option<&Linker>) -> Result<String, std::fmt::Error> {
        let _scrape = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        self.served.clear();
        if let Some(linker) = linker {
            let (encoder, work) = (&self.encoder, linker.encoder().counters());
            encoder.waiting.set(work.waiting as i64);
            for (counter, value) in [
                (&encoder.batches, work.batches),
                (&encoder.texts, work.texts),
                (&encoder.tokens, work.tokens),
                (&encoder.padding, work.padding),
                (&encoder.hits, work.cache_hits),
                (&encoder.misses, work.cache_misses),
            ] {
                counter.inner().store(value, Ordering::Relaxed);
            }
            let served = ServedLabels {
                model: linker.encoder().manifest().label(),
                index: linker.index().manifest().label(),
                device: linker.encoder().device().to_string(),
            };
            self.served.get_or_create(&served).set(1);
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The label of a method: methods that no route has share one.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}
