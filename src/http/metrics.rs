//! What the service counts, in Prometheus's text format (version 0.0.4).
//!
//! Invariant: the values of labels are few and ours (routes as they are registered, kinds of problems, stages), never what a client sent;
//! what may be counted is there before the first request.

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

use crate::http::problem::Kind;
use crate::linker::{Answer, Linker, Stages, Status};

/// The media type of [`Metrics::text`].
pub(super) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Problems {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Linked {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    model: String,
    index: String,
    device: String,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The counters of a service.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    request_seconds: Histograms<Route>,
    problems: Family<Problems, Counter>,
    stage_seconds: Histograms<Stage>,
    mentions: Family<Linked, Counter>,
    /// Requests that are at work or wait for a session.
    pub admitted: Gauge,
    served: Family<Served, Gauge>,
    encoder: EncoderMetrics,
    /// One scrape at a time copies what the encoder counts.
    scraping: Mutex<()>,
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
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Counters at 0, for routes by their methods and paths.
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
            scraping: Mutex::default(),
        };
        for (method, route) in routes {
            drop(metrics.requests.get_or_create(&Answered { method, route: route.clone(), status: 200 }));
            drop(metrics.request_seconds.get_or_create(&Route { route: route.clone() }));
        }
        for kind in Kind::ALL {
            drop(metrics.problems.get_or_create(&Problems { kind: kind.code() }));
        }
        for stage in ["names", "tokenize", "queue", "encode", "search", "serialize"] {
            drop(metrics.stage_seconds.get_or_create(&Stage { stage }));
        }
        for status in ["linked", "ambiguous", "nil", "error"] {
            drop(metrics.mentions.get_or_create(&Linked { status }));
        }
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let (registry, encoder) = (&mut self.registry, &self.encoder);
        registry.register("build", "Version of saplink", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("served", "Model, index and device that are served", self.served.clone());
        registry.register("requests", "Requests answered", self.requests.clone());
        let seconds = Unit::Seconds;
        let requests = self.request_seconds.clone();
        registry.register_with_unit("request", "Time from a request's head to its answer's", seconds.clone(), requests);
        registry.register("problems", "Errors by their kind, those of single mentions too", self.problems.clone());
        let stages = self.stage_seconds.clone();
        registry.register_with_unit("stage", "Stages of linking a request's mentions", seconds, stages);
        registry.register("mentions", "Mentions by what became of them", self.mentions.clone());
        registry.register("admitted_requests", "Requests at work or waiting for a session", self.admitted.clone());
        registry.register("queued_texts", "Texts that wait for a session", encoder.waiting.clone());
        registry.register("batches", "Batches run", encoder.batches.clone());
        registry.register("batch_texts", "Texts of all batches", encoder.texts.clone());
        registry.register("batch_tokens", "Tokens of all batches, without padding", encoder.tokens.clone());
        registry.register("batch_padding", "Tokens that batches were padded with", encoder.padding.clone());
        registry.register("cache_hits", "Texts whose vector was remembered", encoder.hits.clone());
        registry.register("cache_misses", "Texts whose vector was not remembered", encoder.misses.clone());
        self
    }

    /// A request was answered.
    pub(super) fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let answered = Answered { method: known(method), route: route.into(), status: status.as_u16() };
        self.requests.get_or_create(&answered).inc();
        self.request_seconds.get_or_create(&Route { route: route.into() }).observe(took.as_secs_f64());
    }

    /// A problem was answered, of a request or of a mention.
    pub(super) fn problem(&self, kind: &'static str) {
        self.problems.get_or_create(&Problems { kind }).inc();
    }

    /// Mentions were linked.
    pub(super) fn linked(&self, answers: &[Answer], stages: Stages) {
        for (stage, took) in stages.named() {
            self.stage_seconds.get_or_create(&Stage { stage }).observe(took.as_secs_f64());
        }
        for (status, wanted) in [("linked", Status::Linked), ("ambiguous", Status::Ambiguous), ("nil", Status::Nil)] {
            let count = answers.iter().filter(|answer| answer.status == wanted).count();
            self.mentions.get_or_create(&Linked { status }).inc_by(count as u64);
        }
    }

    /// A mention could not be linked.
    pub(super) fn refused(&self, kind: &'static str) {
        self.mentions.get_or_create(&Linked { status: "error" }).inc();
        self.problem(kind);
    }

    /// An answer was written.
    pub(super) fn serialized(&self, took: Duration) {
        self.stage_seconds.get_or_create(&Stage { stage: "serialize" }).observe(took.as_secs_f64());
    }

    /// All of it, with what is served now, if anything is.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub(super) fn text(&self, linker: Option<&Linker>) -> Result<String, std::fmt::Error> {
        let _scraping = self.scraping.lock().unwrap_or_else(PoisonError::into_inner);
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
            let served = Served {
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

/// A method, those that no route has being one.
pub(super) fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}
