//! Spans: what each request was, exported by OTLP over HTTP to where the environment says (rule C31).
//!
//! Whoever answers a request never waits for its span. Finished spans go into a queue of bounded size,
//! which a thread of its own sends out in batches; what does not fit is dropped.

mod destination;
mod parent;
mod sender;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{StatusCode, Version};
use mcp_registry_spec::{Environment, Error, ErrorKind, Result, Scope};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::task::spawn_blocking;

use super::auth::Caller;
use super::endpoint::Endpoint;
use super::log::Log;
use super::method;
use super::query::Query;
use destination::Destination;
use sender::{Complaints, Sender};

/// How long the last spans may take when the service stops.
const FLUSH: Duration = Duration::from_secs(2);
/// The name of the service where nobody gives it another, and of what makes its spans.
const NAME: &str = "mcp-registry";
/// How a span says that a method is none that HTTP has.
const OTHER: &str = "_OTHER";

/// Makes spans of requests, and sends them out.
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    scheme: &'static str,
    complaints: Arc<Complaints>,
}

impl Traces {
    /// What the environment asks for: nothing where it names no endpoint, or switches it off. `scheme`
    /// is what requests come by, `http` or `https`. That spans are not taken is said once in the log.
    ///
    /// The headers for the collector, the sampler and the bounds of the queue are read by the SDK, from
    /// the environment of the process.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`], naming the variable; [`ErrorKind::InsecureTransport`] (rule 11);
    /// [`ErrorKind::Unavailable`] outside a Tokio runtime, which sends them.
    pub fn from_environment(environment: &dyn Environment, scheme: &'static str, log: &Log) -> Result<Option<Self>> {
        let Some(destination) = Destination::find(environment)? else { return Ok(None) };
        let complaints = Arc::new(Complaints::new(log.clone(), destination.shown()));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::new(&destination, complaints.clone())?)
            .with_endpoint(destination.endpoint.to_string())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(destination.timeout)
            .build()
            .map_err(|cause| Error::new(ErrorKind::ConfigInvalid, "spans cannot be exported").caused_by(cause))?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource(destination.service))
            .build();
        Ok(Some(Self { tracer: provider.tracer(NAME), provider, scheme, complaints }))
    }

    /// Begins the span of a request.
    pub(crate) fn begin(&self, head: &Parts) -> Span<'_> {
        Span {
            traces: self,
            began: SystemTime::now(),
            parent: parent::of(&head.headers),
            method: Some(method::name(&head.method)).filter(|name| *name != method::OTHER).unwrap_or(OTHER),
            version: head.version,
            scope: Query::parse(head.uri.query()).and_then(|query| query.scope()).ok(),
        }
    }

    /// Sends out what waits, for at most `patience`, and in any case not for long. Spans that end later
    /// are dropped.
    pub(crate) async fn stop(&self, patience: Duration) {
        let provider = self.provider.clone();
        let stopped = spawn_blocking(move || provider.shutdown_with_timeout(patience.min(FLUSH))).await;
        if !matches!(stopped, Ok(Ok(()))) {
            self.complaints.once("some were still waiting when the service stopped");
        }
    }
}

/// Who exports: what the environment says, and what is known without it.
fn resource(service: Option<String>) -> Resource {
    let detectors: [Box<dyn ResourceDetector>; 2] =
        [Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())];
    let resource = Resource::builder_empty()
        .with_service_name(NAME)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detectors(&detectors);
    match service {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// A request that is being answered.
pub(crate) struct Span<'a> {
    traces: &'a Traces,
    began: SystemTime,
    parent: Option<SpanContext>,
    method: &'static str,
    version: Version,
    scope: Option<Scope>,
}

/// How a request was answered.
pub(crate) struct Answered<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) status: StatusCode,
    pub(crate) request_id: &'a HeaderValue,
    pub(crate) caller: Option<&'a Caller>,
    pub(crate) error: Option<ErrorKind>,
}

impl Span<'_> {
    /// Ends the span now, and puts it where it waits to be sent.
    ///
    /// It names no entry, shows nothing of a query but the scope, and that only where the caller sees it:
    /// else it could be any text, such as a token in the wrong place.
    pub(crate) fn end(self, answered: &Answered<'_>) {
        let Answered { endpoint, status, request_id, caller, error } = *answered;
        let mut attributes = vec![
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
            KeyValue::new("url.scheme", self.traces.scheme),
            KeyValue::new("mcp_registry.request_id", request_id.to_str().unwrap_or_default().to_owned()),
        ];
        if let Some(version) = protocol(self.version) {
            attributes.push(KeyValue::new("network.protocol.version", version));
        }
        if let Some(scope) = self.scope.filter(|scope| caller.is_some_and(|caller| caller.sees(scope))) {
            attributes.push(KeyValue::new("mcp_registry.scope", scope.as_str().to_owned()));
        }
        let failed = status.is_server_error();
        if failed {
            let kind = error.map_or_else(|| status.as_str().to_owned(), |kind| kind.as_str().to_owned());
            attributes.push(KeyValue::new("error.type", kind));
        }
        let method = if self.method == OTHER { "HTTP" } else { self.method };
        let name = match endpoint {
            Endpoint::Unknown => method.to_owned(),
            _ => {
                attributes.push(KeyValue::new("http.route", endpoint.path()));
                format!("{method} {}", endpoint.path())
            }
        };
        let parent = Context::new();
        let parent = self.parent.map_or_else(|| parent.clone(), |span| parent.with_remote_span_context(span));
        let builder = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_start_time(self.began)
            .with_attributes(attributes);
        let mut span = self.traces.tracer.build_with_context(builder, &parent);
        if failed {
            // Which failure it was, the status and the kind say.
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

fn protocol(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        _ => None,
    }
}
