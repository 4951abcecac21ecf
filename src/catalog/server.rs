//! Listening: connections, their limits, and a stop that finishes what is in flight (rules C26, C27,
//! C29).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use mcp_registry_spec::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::descriptors;
use super::guard::HEAD_BYTES;
use super::stall::Unstalled;
use super::tls::Tls;
use super::{Catalog, router};

/// How many connections there are at once, where descriptors allow it; others wait to be taken.
const CONNECTIONS: usize = 4096;
/// How long a request's headers may take, from the moment the connection is free for them.
const HEADERS: Duration = Duration::from_secs(20);
/// How long making a connection private may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long what is over may show as waiting.
const SETTLE: Duration = Duration::from_secs(60);
/// How long nothing is taken when the system is out of descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// Where a service may listen (rule C26): whether it is for this machine alone, so that what a web
/// page on it could send is to be refused.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] for an address that others reach, without TLS unless `insecure` says
/// so, and without tokens in any case.
pub fn local_only(address: SocketAddr, tls: bool, insecure: bool, anonymous_reads: bool) -> Result<bool> {
    let loopback = address.ip().to_canonical().is_loopback();
    let refused = |message: String, hint: &str| Err(Error::new(ErrorKind::ConfigInvalid, message).hint(hint));
    if !loopback && anonymous_reads {
        let hint = "make tokens for those who read";
        return refused(format!("without tokens it listens on loopback only, not on {address}"), hint);
    }
    if !loopback && !tls && !insecure {
        let hint =
            "give both --tls-cert and --tls-key; or say --allow-insecure-listen where something in front has TLS";
        return refused(format!("without TLS it listens on loopback only, not on {address}"), hint);
    }
    Ok(loopback && !tls)
}

/// Serves until `stop` is done, then finishes what is in flight, for at most `patience`.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when something was still in flight then.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    catalog: Catalog,
    stop: impl Future<Output = ()>,
    patience: Duration,
) -> Result<()> {
    let metrics = catalog.clone();
    let present = move || metrics.metrics().connection();
    tokio::pin!(stop);
    // What a process that died left behind is not being done any more, whoever asks.
    let stopped = tokio::select! {
        () = catalog.settle() => false,
        () = &mut stop => true,
    };
    let stop = async {
        if !stopped {
            stop.await;
        }
    };
    let (deadline, finished) = tokio::select! {
        never = keep_settled(&catalog) => match never {},
        served = answer(listener, tls, router(catalog.clone()), present, stop, patience) => served,
    };
    let closed = timeout_at(deadline, catalog.close()).await;
    #[cfg(feature = "otel")]
    if let Some(traces) = catalog.traces() {
        traces.stop(deadline.saturating_duration_since(Instant::now())).await;
    }
    match (finished, closed) {
        (true, Ok(closed)) => closed,
        _ => Err(Error::new(ErrorKind::Unavailable, format!("requests were still in flight after {patience:?}"))),
    }
}

/// Settles what is over, now and then.
async fn keep_settled(catalog: &Catalog) -> Never {
    loop {
        sleep(SETTLE).await;
        catalog.settle().await;
    }
}

/// Has a router answer until `stop` is done, then finishes what is in flight, for at most `patience`: until
/// when that is, and whether it did. What `present` gives is held as long as a connection.
pub(crate) async fn answer<P: Send + 'static>(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    present: impl Fn() -> P,
    stop: impl Future<Output = ()>,
    patience: Duration,
) -> (Instant, bool) {
    let graceful = GracefulShutdown::new();
    let taking = Taking { router, present, tls, open: watch::Sender::new(()) };
    tokio::select! {
        never = taking.all(&listener, &graceful) => match never {},
        () = stop => drop(listener),
    }
    drop(taking);
    let deadline = Instant::now() + patience;
    (deadline, timeout_at(deadline, graceful.shutdown()).await.is_ok())
}

/// What takes connections.
struct Taking<F> {
    router: Router,
    present: F,
    tls: Option<Tls>,
    /// Dropped when the service stops, which is how connections learn of it.
    open: watch::Sender<()>,
}

enum Never {}

impl<F: Fn() -> P, P: Send + 'static> Taking<F> {
    async fn all(&self, listener: &TcpListener, graceful: &GracefulShutdown) -> Never {
        let free = Arc::new(Semaphore::new(descriptors::left_for(CONNECTIONS)));
        loop {
            let place = free.clone().acquire_owned().await;
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(cause) => {
                    // One that went away again is nothing; else connections must end before more begin.
                    if !matches!(cause.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
                        sleep(BREATH).await;
                    }
                    continue;
                }
            };
            let (router, present, tls) = (self.router.clone(), (self.present)(), self.tls.clone());
            let (watcher, stopping) = (graceful.watcher(), self.open.subscribe());
            tokio::spawn(async move {
                let _held = (place, present);
                connection(stream, tls, router, watcher, stopping).await;
            });
        }
    }
}

/// Serves one connection. What goes wrong with it concerns its other end alone.
async fn connection(
    stream: TcpStream,
    tls: Option<Tls>,
    router: Router,
    watcher: Watcher,
    mut stopping: watch::Receiver<()>,
) {
    // Answers are sent whole: there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let stream = Unstalled::new(stream);
    let Some(Tls(acceptor)) = tls else { return plain(stream, router, watcher).await };
    // One that has asked for nothing yet is not waited for when the service stops.
    let accepted = tokio::select! {
        accepted = timeout(HANDSHAKE, acceptor.accept(stream)) => accepted,
        _ = stopping.changed() => return,
    };
    if let Ok(Ok(stream)) = accepted {
        plain(stream, router, watcher).await;
    }
}

async fn plain(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router, watcher: Watcher) {
    let mut builder = http1::Builder::new();
    // The time for headers also ends connections on which nothing is asked any more.
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(HEAD_BYTES);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let _ = watcher.watch(served).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_c26_where_it_may_listen() {
        let may =
            |address: &str, tls, insecure, anonymous| local_only(address.parse().unwrap(), tls, insecure, anonymous);
        for loopback in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(may(loopback, false, false, true), Ok(true), "{loopback}");
            assert_eq!(may(loopback, true, false, true), Ok(false), "{loopback}");
        }
        for far in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1"] {
            let refused = may(far, false, false, false).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConfigInvalid, "{far}");
            assert!(!refused.to_string().contains("***"), "nothing of ours is hidden: {refused}");
            assert_eq!(may(far, true, false, false), Ok(false), "{far}");
            assert_eq!(may(far, false, true, false), Ok(false), "{far}");
            assert!(may(far, true, true, true).is_err(), "{far}: not without tokens");
        }
    }
}
