//! Spans of requests for an OpenTelemetry collector: OTLP over HTTP, in protobuf.
//!
//! Invariants: what is exported is made here, of words of ours, of durations, and of the two ids of a client's trace, which are numbers by
//! then; no span of the log is looked at. No request waits for the collector: spans wait in a queue for a thread that sends them, and one
//! that finds it full is dropped. OpenTelemetry's own variables (`OTEL_TRACES_SAMPLER` and the like) are read by its library.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceState, TracerProvider},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider, Span},
};

/// What the collector has for a batch, repetitions and all.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is waited for at the end.
const LAST: Duration = Duration::from_secs(2);

static EXPORT: OnceLock<(SdkTracerProvider, SdkTracer)> = OnceLock::new();

/// Starts to export to the collector with this base URL; to be called once.
///
/// # Errors
/// When it is no URL.
pub fn start(collector: &str) -> Result<(), ExporterBuildError> {
    // The collector is beside the service: what the environment names as a proxy is for others.
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    let agent = agent.timeout_global(Some(PATIENCE)).build().into();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector { agent, fails: AtomicBool::new(false) })
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{collector}/v1/traces"))
        .with_timeout(PATIENCE)
        .build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("saplink").with_attribute(version).build();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    let tracer = provider.tracer("saplink");
    let _ = EXPORT.set((provider, tracer));
    Ok(())
}

/// Sends what waits, if the collector takes it in time, and exports nothing from then on.
pub fn finish() {
    if let Some((provider, _)) = EXPORT.get()
        && provider.shutdown_with_timeout(LAST).is_err()
    {
        tracing::warn!("the last spans were not exported in time");
    }
}

/// The span of a request, which ends when it is dropped.
pub struct RequestSpan(Span);

impl RequestSpan {
    /// A span of one of our routes, below the client's if it named one (trace, span and flags, in hexadecimal digits); none if nothing is
    /// exported. A client that does not record its own trace is not recorded either, unless `OTEL_TRACES_SAMPLER` says otherwise.
    pub fn start(method: &'static str, route: &str, id: &str, parent: Option<(&str, &str, &str)>) -> Option<Self> {
        let (_, tracer) = EXPORT.get()?;
        let span = SpanBuilder::from_name(format!("{method} {route}")).with_kind(SpanKind::Server).with_attributes([
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("saplink.request.id", id.to_owned()),
        ]);
        let context = parent.and_then(remote).map_or_else(Context::new, |parent| {
            // Not that of the thread: a request has no other parent.
            Context::new().with_remote_span_context(parent)
        });
        Some(Self(span.start_with_context(tracer, &context)))
    }

    /// What became of it, and what it took by its stages.
    pub fn answered(&mut self, status: u16, stages: &[(&'static str, Duration)]) {
        self.0.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        for (stage, took) in stages {
            self.0.set_attribute(KeyValue::new(format!("saplink.stage.{stage}"), took.as_secs_f64()));
        }
        if status >= 500 {
            self.0.set_status(Status::error(""));
        }
    }
}

fn remote((trace, span, flags): (&str, &str, &str)) -> Option<SpanContext> {
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let sampled = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    Some(SpanContext::new(trace, span, sampled, true, TraceState::NONE))
}

/// The collector, over plain HTTP.
#[derive(Debug)]
struct Collector {
    agent: ureq::Agent,
    /// Whether it took nothing when it was last asked.
    fails: AtomicBool,
}

#[async_trait]
impl HttpClient for Collector {
    /// Blocks the thread that exports, which does nothing else.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.agent.run(Request::from_parts(head, Vec::from(body)));
        // Said when it changes; what either side sent is not.
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        let fails = !status.is_some_and(|status| (200..300).contains(&status));
        match (self.fails.swap(fails, Ordering::Relaxed), fails) {
            (false, true) => tracing::warn!(status, "the collector does not take spans; they will be dropped"),
            (true, false) => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        let (head, mut body) = answer?.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}
