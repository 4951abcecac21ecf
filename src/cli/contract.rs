//! The presence contract, as commands look at it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_registry_presence::{CannotProbe, Contract, Delivery, Presence, Registries};
#[cfg(all(feature = "probe", feature = "filesystem"))]
use mcp_registry_spec::OpenRequest;
use mcp_registry_spec::{Environment, Error, ErrorKind, Locator, McpServerRegistry, ProcessEnvironment, Scope};
use tokio::runtime::Builder;

use super::app;
use super::failure::Failure;
#[cfg(feature = "probe")]
use super::launches;
use super::printer::Text;
#[cfg(feature = "probe")]
use super::prober::Probes;
use super::settings::Settings;
use super::stop::Stop;
use super::style::{GREEN, RED, YELLOW};

// Which contracts are meant (a doc comment would take the place of the command's own description).
#[derive(clap::Args)]
pub(crate) struct ContractArg {
    /// The contract's file; by default the one that MCP_REGISTRY_CONTRACT names
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
}

impl ContractArg {
    /// Reads the contract that is meant (E2).
    ///
    /// # Errors
    /// When none is named; when it cannot be used (E4), or needs what this program cannot do (E13).
    pub(crate) fn read(&self, settings: &Settings) -> Result<Contract, Failure> {
        read(&settings.contract(self.contract.as_deref())?)
    }
}

/// Reads a contract that this program can look at.
///
/// # Errors
/// When it cannot be used (E4), or needs what this program cannot do (E13).
pub(crate) fn read(path: &Path) -> Result<Contract, Failure> {
    let contract = Contract::read(path).map_err(|error| match path.try_exists() {
        Ok(false) => error.hint("name the contract with --contract or MCP_REGISTRY_CONTRACT"),
        _ => error,
    })?;
    if contract.required_tool().is_some() && !cfg!(feature = "probe") {
        let message = "requires a tool, and this program cannot start servers to ask for it";
        let error = Error::new(ErrorKind::Unsupported, message).at(path, None);
        return Err(error.hint("take a program that was built with the feature probe").into());
    }
    Ok(contract)
}

/// Tells whether the contract's server is present now, for a command that has no runtime yet.
pub(crate) fn look_once(contract: &Contract, settings: &Settings) -> Result<Presence, Failure> {
    let owner = settings.own_registry();
    if !reaches_out(contract, settings) {
        return pollster::block_on(look(contract, settings, owner.as_ref()));
    }
    let runtime = app::start(&mut Builder::new_current_thread())?;
    let presence = runtime.block_on(async {
        // A server that was started must not outlive whoever is told to stop.
        let stop = Stop::listen_to_all()?;
        tokio::select! {
            biased;
            presence = look(contract, settings, owner.as_ref()) => presence,
            () = stop.asked() => Err(Error::new(ErrorKind::Unavailable, "stopped before presence was told").into()),
        }
    });
    // The system's lookup of a name cannot be given up: one that hangs must not keep the process.
    runtime.shutdown_background();
    presence
}

/// Whether a server is started, or a backend that the contract names needs an async runtime.
pub(crate) fn reaches_out(contract: &Contract, settings: &Settings) -> bool {
    let mut schemes = contract.deliveries().iter().filter_map(Delivery::scheme);
    // A scheme that nobody answers to is told when it is opened.
    let needs_runtime = |scheme| settings.backends.find(&Locator::new(scheme)).is_ok_and(|backend| backend.tokio);
    contract.required_tool().is_some() || schemes.any(needs_runtime)
}

/// Tells whether the contract's server is present now. `owner` is where the token of the environment belongs.
///
/// # Errors
/// When the agent's own list of commands is needed, and cannot be had; what the gate refuses to start (E13).
pub(crate) async fn look(
    contract: &Contract,
    settings: &Settings,
    owner: Option<&Locator>,
) -> Result<Presence, Failure> {
    let environment: Arc<dyn Environment> = Arc::new(ProcessEnvironment);
    let configured = Configured { settings, owner };
    #[cfg(feature = "probe")]
    if contract.required_tool().is_some() {
        let probes = Probes { lists: own_lists(settings, owner).await?, policy: launches::policy() };
        return Ok(contract.check(&environment, &configured, &probes).await?);
    }
    Ok(contract.check(&environment, &configured, &CannotProbe).await?)
}

/// The lists of allowed commands that the agent has in the registry which the settings name.
#[cfg(feature = "probe")]
async fn own_lists(settings: &Settings, owner: Option<&Locator>) -> Result<Vec<Vec<String>>, Failure> {
    let named = settings.own_request(owner)?.may_block();
    #[cfg_attr(not(feature = "filesystem"), expect(unused_mut, reason = "only a folder may have another in it"))]
    let mut requests = vec![named.clone()];
    // The scope may be the catalog's, and the folder the agent's own: a list that is in either of them counts.
    #[cfg(feature = "filesystem")]
    if named.scope.is_some() && settings.backends.find(&named.locator)?.id == mcp_registry_filesystem::ID {
        requests.push(OpenRequest { scope: None, ..named });
    }
    let mut lists = Vec::new();
    for request in requests {
        let agent = settings.backends.open(&request)?;
        lists.extend(agent.allowed_commands().await?);
        agent.close().await?;
    }
    Ok(lists)
}

/// Registries with the options and tokens that the settings have for them.
struct Configured<'s> {
    settings: &'s Settings,
    /// Where the token of the environment belongs: the contract's locators are no choice of whoever set it.
    owner: Option<&'s Locator>,
}

impl Registries for Configured<'_> {
    fn open(
        &self,
        locator: &str,
        scope: Option<&Scope>,
        environment: &Arc<dyn Environment>,
    ) -> Result<McpServerRegistry, Error> {
        let mut request = self.settings.request_beside(locator, self.owner).map_err(Failure::into_error)?;
        // The scope that the settings name is whose presence is told, not whose entries are looked at.
        request.scope = scope.cloned();
        request.environment = environment.clone();
        // Nothing else goes on meanwhile.
        self.settings.backends.open(&request.may_block())
    }
}

/// Shows people what was found: the answer, and each delivery with why it does not hold.
pub(crate) fn write(text: &mut Text, presence: &Presence) -> io::Result<()> {
    let (style, word) = if presence.is_present() { (GREEN, "present") } else { (RED, "absent") };
    text.styled(style, word)?;
    text.plain(&" ".repeat(9 - word.len()))?;
    text.untrusted(presence.server.as_str())?;
    text.end_line()?;
    for delivery in &presence.deliveries {
        let (style, word) = if delivery.holds { (GREEN, "yes") } else { (YELLOW, "no ") };
        text.plain("  ")?;
        text.styled(style, word)?;
        text.plain(&format!("    {:<10}", delivery.kind))?;
        text.untrusted(&delivery.place)?;
        text.end_line()?;
        if let Some(reason) = &delivery.reason {
            text.plain(&" ".repeat(19))?;
            text.untrusted(reason)?;
            text.end_line()?;
        }
    }
    Ok(())
}

/// Why the server is absent, in one line.
#[cfg(feature = "http")]
pub(crate) fn absence(presence: &Presence) -> String {
    let reasons = presence.deliveries.iter().filter_map(|delivery| Some((&delivery.place, delivery.reason.as_ref()?)));
    let reasons: Vec<_> = reasons.map(|(place, reason)| format!("{place}: {reason}")).collect();
    format!("the server {} is absent: {}", presence.server, reasons.join("; "))
}
