//! Any server of the protocol over streamable HTTP (rules M9 and M13): as the catalog is served, on a path of
//! its own. [`Server::over_http`](super::Server::over_http) makes ours.

mod front;
mod sessions;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use mcp_registry_spec::{Error, ErrorKind, Result};
use mcp_registry_store::Tokens;
use rmcp::handler::server::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;

use crate::catalog::tls::Tls;
use crate::catalog::{Log, server};
use front::Front;
use sessions::Sessions;

/// Where it answers.
pub const PATH: &str = "/mcp";

/// Who is let in over HTTP (rule M9).
#[derive(Debug, Clone)]
pub struct Door {
    tokens: Tokens,
    local_only: bool,
    without_token: bool,
}

impl Door {
    /// The door of a server that listens at `address`, with TLS or not, for the bearers of `tokens`. On loopback
    /// others are let in too, unless it is an `operator`'s server, whose clients decide on changes.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] for an address that others reach, without TLS unless `insecure` says so.
    pub fn new(address: SocketAddr, tls: bool, insecure: bool, operator: bool, tokens: Tokens) -> Result<Self> {
        let without_token = address.ip().to_canonical().is_loopback() && !operator;
        let local_only = server::local_only(address, tls, insecure, without_token)?;
        Ok(Self { tokens, local_only, without_token })
    }
}

/// Serves until `stop` is done, then finishes what is in flight, for at most `patience`. `make` makes the side
/// of the server that a client talks to.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when something was still in flight then.
pub async fn serve<H: ServerHandler>(
    listener: TcpListener,
    tls: Option<Tls>,
    door: Door,
    make: impl Fn() -> H + Send + Sync + 'static,
    log: Log,
    stop: impl Future<Output = ()>,
    patience: Duration,
) -> Result<()> {
    // Hosts and origins are told apart, and bodies are read, before a request comes to it.
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
    let streams = config.cancellation_token.clone();
    let sessions = Sessions::default();
    let service = StreamableHttpService::new(move || Ok(make()), sessions.manager().clone(), config);
    let front = Front::new(service, sessions, door, log);
    // Streams that tell of changes end only when they are told to.
    let stop = async move {
        stop.await;
        streams.cancel();
    };
    let (_, finished) = server::answer(listener, tls, router(front), || (), stop, patience).await;
    if finished {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unavailable, format!("requests were still in flight after {patience:?}")))
}

fn router<H: ServerHandler>(front: Front<H>) -> Router {
    let unknown = front.clone();
    Router::new()
        .route(PATH, any(move |request: Request| front.clone().answer(request)))
        .fallback(move |request: Request| unknown.clone().unknown(request))
}

type Service<H> = StreamableHttpService<H, LocalSessionManager>;
