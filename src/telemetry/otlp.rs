//! Spans of requests for an OpenTelemetry collector: OTLP over HTTP, in protobuf.
//!
//! Invariants: an exported span contains names that saplink defines, durations, and the trace and
//! span id of the client, parsed as numbers. Log spans are not exported. No request waits for the
//! collector: spans wait in a queue for a thread that sends them, and a span that finds the queue
//! full is dropped. The library reads OpenTelemetry's own variables (`OTEL_TRACES_SAMPLER` and
//! others).

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

/// Time that the collector may take for a batch of spans, retries included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time that the last spans may take when the service stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

static EXPORT: OnceLock<(SdkTracerProvider, SdkTracer)> = OnceLock::new();

/// Starts to export to the collector with the base URL `collector`. Call it once.
///
/// # Errors
/// When `collector` is no URL.
pub fn start(collector: &str) -> Result<(), ExporterBuildError> {
    // The collector is near the service: the proxy of the environment is for other hosts.
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    let agent = agent.timeout_global(Some(EXPORT_TIMEOUT)).build().into();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector { agent, is_failing: AtomicBool::new(false) })
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{collector}/v1/traces"))
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("saplink").with_attribute(version).build();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    let tracer = provider.tracer("saplink");
    let _ = EXPORT.set((provider, tracer));
    Ok(())
}

/// Sends the waiting spans, if the collector takes them in time, and stops exporting.
pub fn finish() {
    if let Some((provider, _)) = EXPORT.get()
        && provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT).is_err()
    {
        tracing::warn!("the last spans were not exported in time");
    }
}

/// The span of a request; ends when it is dropped.
pub struct RequestSpan(Span);

impl RequestSpan {
    /// Starts a span for a request to a registered route. `parent` is the span of the client:
    /// trace, span and flags in hexadecimal digits. Returns none when nothing is exported. A trace
    /// that the client does not sample is not exported, unless `OTEL_TRACES_SAMPLER` decides
    /// otherwise.
    pub fn start(method: &'static str, route: &str, id: &str, parent: Option<(&str, &str, &str)>) -> Option<Self> {
        let (_, tracer) = EXPORT.get()?;
        let span = SpanBuilder::from_name(format!("{method} {route}")).with_kind(SpanKind::Server).with_attributes([
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("saplink.request.id", id.to_owned()),
        ]);
        let context = parent.and_then(remote).map_or_else(Context::new, |parent| {
            // A new context: spans that are active on this thread are no parents of a request.
            Context::new().with_remote_span_context(parent)
        });
        Some(Self(span.start_with_context(tracer, &context)))
    }

    /// Sets the status of the answer, and the time of each stage.
    pub fn finish(&mut self, status: u16, stages: impl Iterator<Item = (&'static str, Duration)>) {
        self.0.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        for (stage, duration) in stages {
            self.0.set_attribute(KeyValue::new(format!("saplink.stage.{stage}"), duration.as_secs_f64()));
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
    /// Whether it refused the last batch.
    is_failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Collector {
    /// Blocks the thread of the exporter, which does nothing else.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.agent.run(Request::from_parts(head, Vec::from(body)));
        // Logged when it changes, without the content that either side sent.
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        let is_failing = !status.is_some_and(|status| (200..300).contains(&status));
        match (self.is_failing.swap(is_failing, Ordering::Relaxed), is_failing) {
            (false, true) => tracing::warn!(status, "the collector does not take spans; they will be dropped"),
            (true, false) => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        let (head, mut body) = answer?.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}
