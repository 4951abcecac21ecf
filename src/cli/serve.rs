//! `serve`: the catalog service.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use mcp_registry_spec::wire::Tier;
use mcp_registry_spec::{Backends, Error, ErrorKind, Locator, OpenRequest, Scope};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use super::absolute::{place_of, spelt};
use super::app::{self, LocalCommand};
use super::args::up_to_a_day;
use super::data::{self, Database};
use super::failure::{Failure, Outcome};
use super::policy::Where;
use super::printer::Printer;
use super::settings::Settings;
use super::stop::Stop;
#[cfg(feature = "otel")]
use crate::ProcessEnvironment;
#[cfg(feature = "otel")]
use crate::catalog::Traces;
use crate::catalog::tls::{self, Tls};
use crate::catalog::{Catalog, Log, Options, descriptors, server};

/// How long the last lines of the log may take.
const FLUSH: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry serve
          mcp-registry serve --store filesystem:agents --listen 127.0.0.1:0 --allow-anonymous-reads
          mcp-registry serve --store postgres://catalog@db/catalog --listen 0.0.0.0:8750 \\
              --tls-cert cert.pem --tls-key key.pem")]
pub(crate) struct Serve {
    /// The address to listen on; port 0 takes one that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8750")]
    listen: SocketAddr,
    /// Where entries are kept; a database in your data folder when nobody says
    #[arg(long, value_name = "LOCATOR")]
    store: Option<String>,
    /// The database of the tokens; the store when it is one, else one for it in your data folder
    #[arg(long, value_name = "LOCATOR")]
    tokens: Option<String>,
    /// What is offered: 1 reads, 2 also writes, 3 also an audit; the most that the store can when
    /// nobody says
    #[arg(long, value_name = "1|2|3", value_parser = tier)]
    tier: Option<Tier>,
    /// The certificate chain, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen beyond loopback without TLS: tokens and entries cross the network in the clear
    #[arg(long)]
    allow_insecure_listen: bool,
    /// Let whoever can reach it read every scope without a token; on loopback only
    #[arg(long)]
    allow_anonymous_reads: bool,
    /// Take entries with literals that look like secrets
    #[arg(long)]
    allow_literals: bool,
    /// For how long an agent counts as alive after it reported: whole seconds, from 1s to 1day
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = up_to_a_day)]
    agent_timeout: Duration,
    #[command(flatten)]
    policy: Where,
    /// How long requests in flight may take after it is told to stop
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    shutdown_timeout: Duration,
    /// Requests a second of each token; 0 for any number
    #[arg(long, value_name = "NUMBER", default_value_t = 2000)]
    rate: u32,
}

fn tier(text: &str) -> Result<Tier, String> {
    let number: u8 = text.parse().map_err(|_| "a tier is 1, 2 or 3".to_owned())?;
    Tier::try_from(number).map_err(str::to_owned)
}

/// The first line of the log.
#[derive(Serialize)]
struct Listening<'a> {
    msg: &'static str,
    url: String,
    tier: Tier,
    store: &'a str,
}

/// That the policy denies everything.
#[derive(Serialize)]
struct BadPolicy {
    msg: &'static str,
    error: String,
}

/// What somebody who has just begun may not know.
#[derive(Serialize)]
struct Advice {
    msg: &'static str,
    hint: &'static str,
}

const NO_TOKENS: Advice = Advice {
    msg: "nobody has a token that is valid",
    hint: "make one with mcp-registry token create --scope SCOPE --role reader, for the same store",
};

const OPEN_KEY: Advice = Advice {
    msg: "others on this machine may read the key of the certificate",
    hint: "let nobody but the service's user read it: chmod 600",
};

impl LocalCommand for Serve {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        settings.refuse_place("--store LOCATOR")?;
        let secure = self.tls_cert.is_some();
        let local_only =
            server::local_only(self.listen, secure, self.allow_insecure_listen, self.allow_anonymous_reads)?;
        let locator = self.store.clone().map_or_else(data::default_store, Ok)?;
        let mut request = settings.request_for(&locator)?;
        // Changes name the place, and mean the same one wherever a replica is started.
        let whole = request.clone().scope(Scope::parse("default")?);
        let (name, _) = place_of(&whole, &settings.backends)?;
        (request.locator, _) = spelt(&whole, &settings.backends)?;
        let store = Place {
            name,
            id: settings.backends.find(&request.locator)?.id,
            backends: settings.backends.clone(),
            request,
            database: data::database(&locator, self.tokens.as_deref())?,
        };
        let runtime = app::start(&mut Builder::new_multi_thread())?;
        let result = runtime.block_on(self.serve(store, local_only, printer));
        // A call that hangs must not keep the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result.map(|()| Outcome::Good)
    }
}

/// Where entries, tokens and changes are kept.
struct Place {
    /// What changes call it.
    name: Locator,
    id: &'static str,
    backends: Backends,
    request: OpenRequest,
    database: Database,
}

impl Serve {
    async fn serve(self, store: Place, local_only: bool, printer: &mut Printer) -> Result<(), Failure> {
        let private = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Some(Tls::from_files(certificates, key)?),
            _ => None,
        };
        let options = Options {
            tier: self.tier,
            allow_literals: self.allow_literals,
            anonymous_reads: self.allow_anonymous_reads,
            local_only,
            rate: NonZeroU32::new(self.rate),
            agent_timeout: Some(self.agent_timeout),
        };
        descriptors::raise();
        // Before anybody is told where it listens: who is told may tell it to stop.
        let stop = Stop::listen()?;
        let log = Log::to(printer.log())
            .map_err(|cause| Error::new(ErrorKind::Unavailable, "the log cannot be started").caused_by(cause))?;
        let scheme = if private.is_some() { "https" } else { "http" };
        #[cfg(feature = "otel")]
        let traces = Traces::from_environment(&ProcessEnvironment, scheme, &log)?;
        let tokens = store.database.tokens();
        let governance = store.database.governance(self.policy.source())?;
        let policy = governance.policy();
        let catalog =
            Catalog::open(store.backends, store.request, &store.name, tokens.clone(), governance, options, log.clone())
                .await?;
        #[cfg(feature = "otel")]
        traces.into_iter().for_each(|traces| catalog.trace_to(traces));
        let now = SystemTime::now();
        let nobody = !tokens.list().await?.iter().any(|token| token.is_valid_at(now));
        let listening =
            |cause| Error::new(ErrorKind::Unavailable, format!("cannot listen on {}", self.listen)).caused_by(cause);
        let listener = TcpListener::bind(self.listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        log.write(&Listening {
            msg: "listening",
            url: format!("{scheme}://{address}/"),
            tier: catalog.tier(),
            store: store.id,
        });
        if let Some(problem) = policy.problems().first() {
            log.write(&BadPolicy {
                msg: "the policy cannot be used, and nothing is written",
                error: problem.to_string(),
            });
        }
        if nobody && !self.allow_anonymous_reads {
            log.write(&NO_TOKENS);
        }
        if self.tls_key.as_deref().is_some_and(tls::is_open) {
            log.write(&OPEN_KEY);
        }
        let served = server::serve(listener, private, catalog, stop.asked(), self.shutdown_timeout).await;
        log.flush(FLUSH);
        Ok(served?)
    }
}
