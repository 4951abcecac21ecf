//! `mcp`: the MCP server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcp_registry_governance::{Governance, Source, StateFolder, Target};
use mcp_registry_spec::{Error, ErrorKind, ProcessEnvironment};
use mcp_registry_store::Tokens;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use super::absolute::governed;
use super::app::{self, LocalCommand};
use super::failure::{Failure, Outcome};
use super::governed;
use super::os_user;
use super::printer::Printer;
use super::settings::Settings;
use super::stop::Stop;
use crate::catalog::tls::Tls;
use crate::catalog::{Log, descriptors};
use crate::mcp::http::{self, Door};
use crate::mcp::{Server, stdio};

/// How long calls in flight may take after it is told to stop.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the last lines of the log may take.
const FLUSH: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry mcp --agent-root agents/scout
          mcp-registry mcp --agent-root agents/scout --http 127.0.0.1:8760")]
pub(crate) struct Mcp {
    /// Listen at this address instead, for streamable HTTP; port 0 takes one that is free
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
    /// Let clients approve and reject too, where the policy says approve_over_mcp = true
    #[arg(long)]
    operator: bool,
    /// The policy's file; by default MCP_REGISTRY_POLICY, else policy.toml in your state folder. The
    /// machine's, /etc/mcp-registry/policy.toml, wins over all of them
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The certificate chain, as PEM
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "http"])]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen beyond loopback without TLS: tokens and entries cross the network in the clear
    #[arg(long, requires = "http")]
    allow_insecure_listen: bool,
}

/// The first line of the log, over HTTP.
#[derive(Serialize)]
struct Listening {
    msg: &'static str,
    url: String,
    operator: bool,
}

impl LocalCommand for Mcp {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let state = StateFolder::find(&ProcessEnvironment)?;
        let store = state.database()?;
        // Nothing is made before it is known where it may listen.
        let at = match self.http {
            Some(address) => Some((address, self.door(address, Tokens::new(store.clone()))?)),
            None => None,
        };
        state.prepare()?;
        let policy = Source::new(self.policy.as_deref(), &ProcessEnvironment);
        let governance = Governance::new(store, governed::ledger_in(&state)?, policy, Arc::new(ProcessEnvironment));
        let (request, locator, scope) = governed(&settings.request()?, &settings.backends)?;
        let target = Target::new(settings.backends.open(&request)?, &locator, scope);
        let log = Log::to(printer.log())
            .map_err(|cause| Error::new(ErrorKind::Unavailable, "the log cannot be started").caused_by(cause))?;
        let server = Server::new(target, governance, self.operator, log.clone())?;
        let runtime = app::start(&mut match at {
            Some(_) => Builder::new_multi_thread(),
            None => Builder::new_current_thread(),
        })?;
        let result = runtime.block_on(async {
            let stop = Stop::listen()?;
            let _settling = server.settle();
            match at {
                Some((address, door)) => self.over_http(address, door, &server, &log, stop).await,
                None => over_stdio(&server, stop).await,
            }?;
            server.close(PATIENCE).await
        });
        // A read of standard input that hangs must not keep the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        log.flush(FLUSH);
        Ok(result.map(|()| Outcome::Good)?)
    }
}

impl Mcp {
    fn door(&self, address: SocketAddr, tokens: Tokens) -> Result<Door, Error> {
        Door::new(address, self.tls_cert.is_some(), self.allow_insecure_listen, self.operator, tokens)
    }

    async fn over_http(
        &self,
        address: SocketAddr,
        door: Door,
        server: &Server,
        log: &Log,
        stop: Stop,
    ) -> Result<(), Error> {
        let private = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Some(Tls::from_files(certificates, key)?),
            _ => None,
        };
        descriptors::raise();
        let listening =
            |cause| Error::new(ErrorKind::Unavailable, format!("cannot listen on {address}")).caused_by(cause);
        let listener = TcpListener::bind(address).await.map_err(listening)?;
        let scheme = if private.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", listener.local_addr().map_err(listening)?, http::PATH);
        log.write(&Listening { msg: "listening", url, operator: self.operator });
        let ours = server.clone();
        http::serve(listener, private, door, move || ours.over_http(), log.clone(), stop.asked(), PATIENCE).await
    }
}

async fn over_stdio(server: &Server, stop: Stop) -> Result<(), Error> {
    let (reads, writes) = rmcp::transport::stdio_pipes();
    stdio::serve(server.clone(), reads, writes, &os_user::name(), stop.asked()).await
}
