//! Figures, in Prometheus' text format. Counting takes no lock and no memory; no figure names a
//! scope, an entry or a token (rule C14).

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use mcp_registry_spec::ErrorKind;
use mcp_registry_store::AgentState;

use super::endpoint::Endpoint;
use super::method;

/// The statuses the catalog answers with, and that of whoever went away; the last stands for any other.
const STATUSES: [u16; 25] = [
    200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 428, 429, 431, 499, 500, 501, 502, 503,
    504, 0,
];
/// Bounds of the latency's buckets, in microseconds.
const BOUNDS: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000];
const ENDPOINTS: usize = Endpoint::ALL.len();

/// Counters of requests, latencies, the cache, and the storage's errors.
pub(crate) struct Metrics {
    requests: [[[AtomicU64; STATUSES.len()]; method::NAMES.len()]; ENDPOINTS],
    latencies: [Histogram; ENDPOINTS],
    hits: AtomicU64,
    misses: AtomicU64,
    store_errors: [AtomicU64; ErrorKind::ALL.len()],
    connections: AtomicI64,
}

#[derive(Default)]
struct Histogram {
    /// Each observation counts in one bucket; sums are made when they are read.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

/// A connection, counted for as long as it lives.
pub(crate) struct Connection(Arc<Metrics>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            requests: Default::default(),
            latencies: Default::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            store_errors: Default::default(),
            connections: AtomicI64::new(0),
        }
    }

    /// Counts a request that has ended; its method is one of [`method::NAMES`].
    pub(crate) fn request(&self, endpoint: Endpoint, method: &str, status: StatusCode, took: Duration) {
        let method = method::NAMES.iter().position(|name| *name == method).unwrap_or(method::NAMES.len() - 1);
        let status = STATUSES.iter().position(|s| *s == status.as_u16()).unwrap_or(STATUSES.len() - 1);
        let counter = self.requests.get(endpoint as usize).and_then(|m| m.get(method)).and_then(|s| s.get(status));
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(histogram) = self.latencies.get(endpoint as usize) {
            let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            if let Some(bucket) = histogram.buckets.get(BOUNDS.partition_point(|bound| *bound < took)) {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
            histogram.microseconds.fetch_add(took, Ordering::Relaxed);
        }
    }

    /// Counts an answer from memory.
    pub(crate) fn cache_hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a read that went to the storage.
    pub(crate) fn cache_miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an error that the storage gave.
    pub(crate) fn store_error(&self, kind: ErrorKind) {
        let index = ErrorKind::ALL.iter().position(|k| *k == kind);
        if let Some(counter) = index.and_then(|index| self.store_errors.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a connection until the answer is dropped.
    pub(crate) fn connection(self: &Arc<Self>) -> Connection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection(self.clone())
    }

    /// All figures as text, those of agents where they are known.
    pub(crate) fn text(&self, log_dropped: u64, agents: Option<&[(AgentState, u64)]>) -> String {
        let mut out = String::with_capacity(8 << 10);
        // Writing to a string does not fail.
        let _ = self.write(&mut out, log_dropped);
        let _ = agents.map_or(Ok(()), |agents| write_agents(&mut out, agents));
        out
    }

    fn write(&self, out: &mut String, log_dropped: u64) -> std::fmt::Result {
        head(out, "http_requests_total", "counter", "Requests that have ended.")?;
        for (endpoint, methods) in Endpoint::ALL.iter().zip(&self.requests) {
            for (method, statuses) in method::NAMES.iter().zip(methods) {
                for (status, count) in STATUSES.iter().zip(statuses) {
                    let count = count.load(Ordering::Relaxed);
                    if count > 0 {
                        let (route, status) = (endpoint.path(), Status(*status));
                        writeln!(
                            out,
                            "{PREFIX}http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {count}"
                        )?;
                    }
                }
            }
        }
        head(out, "http_request_duration_seconds", "histogram", "Time from a request's headers to its answer.")?;
        for (endpoint, histogram) in Endpoint::ALL.iter().zip(&self.latencies) {
            histogram.write(out, endpoint.path())?;
        }
        head(out, "store_errors_total", "counter", "Errors that the storage gave, by kind.")?;
        for (kind, count) in ErrorKind::ALL.iter().zip(&self.store_errors) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                writeln!(out, "{PREFIX}store_errors_total{{kind=\"{kind}\"}} {count}")?;
            }
        }
        let hits = self.hits.load(Ordering::Relaxed);
        let misses = self.misses.load(Ordering::Relaxed);
        let connections = self.connections.load(Ordering::Relaxed);
        one(out, "cache_hits_total", "counter", "Reads answered from memory.", hits)?;
        one(out, "cache_misses_total", "counter", "Reads that went to the storage.", misses)?;
        one(out, "connections", "gauge", "Connections that are open.", connections)?;
        one(out, "log_lines_dropped_total", "counter", "Lines of the log that nobody took in time.", log_dropped)
    }
}

fn write_agents(out: &mut String, agents: &[(AgentState, u64)]) -> std::fmt::Result {
    head(out, "agents", "gauge", "Agents that ever registered, by state.")?;
    agents.iter().try_for_each(|(state, count)| writeln!(out, "{PREFIX}agents{{state=\"{state}\"}} {count}"))
}

const PREFIX: &str = "mcp_registry_";

/// A status, or that it was none of those the catalog answers with.
struct Status(u16);

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 { f.write_str("other") } else { write!(f, "{}", self.0) }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}")
}

fn one(out: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) -> std::fmt::Result {
    head(out, name, kind, help)?;
    writeln!(out, "{PREFIX}{name} {value}")
}

impl Histogram {
    fn write(&self, out: &mut String, route: &str) -> std::fmt::Result {
        let name = "http_request_duration_seconds";
        let counts: Vec<_> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return Ok(());
        }
        let mut below = 0;
        for (bound, count) in BOUNDS.iter().zip(&counts) {
            below += count;
            let bound = Duration::from_micros(*bound).as_secs_f64();
            writeln!(out, "{PREFIX}{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {below}")?;
        }
        writeln!(out, "{PREFIX}{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {total}")?;
        let sum = Duration::from_micros(self.microseconds.load(Ordering::Relaxed)).as_secs_f64();
        writeln!(out, "{PREFIX}{name}_sum{{route=\"{route}\"}} {sum}")?;
        writeln!(out, "{PREFIX}{name}_count{{route=\"{route}\"}} {total}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_add_up() {
        let metrics = Metrics::new();
        for (micros, status) in [(40, 200), (60, 200), (20_000_000, 503), (1, 299)] {
            let status = StatusCode::from_u16(status).unwrap();
            metrics.request(Endpoint::Servers, "GET", status, Duration::from_micros(micros));
        }
        metrics.store_error(ErrorKind::Unavailable);
        let text = metrics.text(3, Some(&[(AgentState::Online, 7), (AgentState::Failed, 0)]));
        for line in [
            r#"mcp_registry_http_requests_total{route="/mcp-servers",method="GET",status="200"} 2"#,
            r#"mcp_registry_http_requests_total{route="/mcp-servers",method="GET",status="503"} 1"#,
            r#"mcp_registry_http_requests_total{route="/mcp-servers",method="GET",status="other"} 1"#,
            r#"mcp_registry_http_request_duration_seconds_bucket{route="/mcp-servers",le="0.00005"} 2"#,
            r#"mcp_registry_http_request_duration_seconds_bucket{route="/mcp-servers",le="0.0001"} 3"#,
            r#"mcp_registry_http_request_duration_seconds_bucket{route="/mcp-servers",le="10"} 3"#,
            r#"mcp_registry_http_request_duration_seconds_bucket{route="/mcp-servers",le="+Inf"} 4"#,
            r#"mcp_registry_http_request_duration_seconds_count{route="/mcp-servers"} 4"#,
            r#"mcp_registry_store_errors_total{kind="unavailable"} 1"#,
            "mcp_registry_log_lines_dropped_total 3",
            r#"mcp_registry_agents{state="online"} 7"#,
            r#"mcp_registry_agents{state="failed"} 0"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!metrics.text(3, None).contains("agents"), "what is not known is not claimed");
    }
}
