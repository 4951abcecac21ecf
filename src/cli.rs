//! The command line: `mcp-registry [OPTIONS] COMMAND`.
//!
//! One file a command, each with its arguments and a thin `run`. What they share is done once:
//! `settings` decides which registry is meant, `printer` is the only place that prints, and
//! `app` opens the registry and starts an async runtime where the backend needs one.

#[cfg(any(feature = "catalog", feature = "governance"))]
mod absolute;
#[cfg(feature = "catalog")]
mod agents;
mod app;
mod args;
mod audit;
mod backends;
#[cfg(all(feature = "presence", feature = "http"))]
mod backoff;
mod bounded;
#[cfg(feature = "probe")]
mod call;
mod capabilities;
mod card;
#[cfg(feature = "catalog")]
mod catalog_place;
#[cfg(feature = "governance")]
mod changes;
mod completions;
mod config_file;
#[cfg(feature = "conformance")]
mod conformance;
#[cfg(feature = "presence")]
mod contract;
#[cfg(feature = "catalog")]
mod data;
#[cfg(feature = "governance")]
mod doctor;
mod failure;
#[cfg(feature = "governance")]
mod governed;
#[cfg(all(feature = "presence", feature = "http"))]
mod heartbeat;
#[cfg(feature = "filesystem")]
mod init;
mod input;
mod install;
mod json;
#[cfg(feature = "probe")]
mod launches;
#[cfg(feature = "governance")]
mod ledger;
mod list;
#[cfg(feature = "mcp")]
mod mcp;
mod migrate;
mod names;
#[cfg(feature = "governance")]
mod os_user;
#[cfg(feature = "probe")]
mod pin;
#[cfg(feature = "probe")]
mod pins;
mod place;
#[cfg(feature = "governance")]
mod policy;
#[cfg(feature = "presence")]
mod present;
mod printer;
#[cfg(feature = "probe")]
mod probe;
#[cfg(all(feature = "presence", feature = "probe"))]
mod prober;
#[cfg(feature = "probe")]
mod progress;
mod reader;
mod refresh_capabilities;
#[cfg(feature = "probe")]
mod run;
#[cfg(feature = "catalog")]
mod serve;
mod settings;
mod show;
mod spec_args;
mod spec_changes;
#[cfg(any(feature = "catalog", feature = "presence", feature = "probe"))]
mod stop;
mod style;
mod table;
#[cfg(feature = "catalog")]
mod token;
mod tokens;
#[cfg(feature = "probe")]
mod tools;
mod uninstall;
mod update;
mod usage;
mod validate;
#[cfg(feature = "probe")]
mod verify;
mod writer;
mod yaml;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use app::App;
use args::{CommonArgs, With};
use printer::Printer;

/// Which MCP servers an agent has mounted: list, check and change them.
#[derive(Parser)]
#[command(name = "mcp-registry", version, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "\
Settings are taken from flags, then the variables MCP_REGISTRY_AGENT_ROOT, MCP_REGISTRY_BACKEND,
MCP_REGISTRY_BACKEND_URL, MCP_REGISTRY_SCOPE and MCP_REGISTRY_AUTH_TOKEN, then the file
mcp-registry/config.toml in your configuration folder; with none of them, the current folder is
the agent's. COLUMNS limits the width of tables that go to no terminal.

Exit status: 0 done; 1 refused, invalid or failed; 2 wrong usage.

Example: mcp-registry list --agent-root agents/scout")]
#[cfg_attr(feature = "conformance", command(mut_arg("format", |arg| arg.value_parser(conformance::formats()))))]
struct Cli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(With<list::List>),
    Show(With<show::Show>),
    Validate(With<validate::Validate>),
    Install(With<install::Install>),
    Update(With<update::Update>),
    Uninstall(With<uninstall::Uninstall>),
    Capabilities(With<capabilities::Capabilities>),
    RefreshCapabilities(With<refresh_capabilities::RefreshCapabilities>),
    #[cfg(feature = "probe")]
    Probe(With<probe::Probe>),
    #[cfg(feature = "probe")]
    Tools(With<tools::Tools>),
    #[cfg(feature = "probe")]
    Call(With<call::Call>),
    #[cfg(feature = "probe")]
    Run(With<run::Run>),
    #[cfg(feature = "probe")]
    Pin(With<pin::Pin>),
    #[cfg(feature = "probe")]
    Verify(With<verify::Verify>),
    Audit(With<audit::Audit>),
    Migrate(With<migrate::Migrate>),
    #[cfg(feature = "catalog")]
    Serve(With<serve::Serve>),
    #[cfg(feature = "mcp")]
    Mcp(With<mcp::Mcp>),
    #[cfg(feature = "catalog")]
    #[command(subcommand)]
    Token(token::Token),
    #[cfg(feature = "catalog")]
    Agents(agents::Agents),
    #[cfg(feature = "governance")]
    #[command(subcommand)]
    Policy(policy::Policy),
    #[cfg(feature = "governance")]
    #[command(subcommand)]
    Changes(changes::Changes),
    #[cfg(feature = "governance")]
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    #[cfg(feature = "governance")]
    Doctor(With<doctor::Doctor>),
    #[cfg(feature = "presence")]
    Present(With<present::Present>),
    #[cfg(all(feature = "presence", feature = "http"))]
    Heartbeat(With<heartbeat::Heartbeat>),
    Backends(With<backends::Backends>),
    #[cfg(feature = "conformance")]
    #[command(defer(conformance::common_args))]
    Conformance(With<conformance::Conformance>),
    #[cfg(feature = "filesystem")]
    Init(With<init::Init>),
    Completions(With<completions::Completions>),
}

impl Command {
    fn run(self, app: App) -> ExitCode {
        match self {
            Self::List(command) => app.with_registry(command),
            Self::Show(command) => app.with_registry(command),
            Self::Validate(command) => app.with_registry(command),
            Self::Install(command) => app.with_writer(command),
            Self::Update(command) => app.with_writer(command),
            Self::Uninstall(command) => app.with_writer(command),
            Self::Capabilities(command) => app.with_registry(command),
            Self::RefreshCapabilities(command) => app.with_registry(command),
            #[cfg(feature = "probe")]
            Self::Probe(command) => app.with_registry(command),
            #[cfg(feature = "probe")]
            Self::Tools(command) => app.with_registry(command),
            #[cfg(feature = "probe")]
            Self::Call(command) => app.with_registry(command),
            #[cfg(feature = "probe")]
            Self::Run(command) => app.with_registry(command),
            #[cfg(feature = "probe")]
            Self::Pin(command) => app.without_registry(command),
            #[cfg(feature = "probe")]
            Self::Verify(command) => app.without_registry(command),
            Self::Audit(command) => app.with_registry(command),
            Self::Migrate(command) => app.without_registry(command),
            #[cfg(feature = "catalog")]
            Self::Serve(command) => app.without_registry(command),
            #[cfg(feature = "mcp")]
            Self::Mcp(command) => app.without_registry(command),
            #[cfg(feature = "catalog")]
            Self::Token(token::Token::Create(command)) => app.without_registry(command),
            #[cfg(feature = "catalog")]
            Self::Token(token::Token::List(command)) => app.without_registry(command),
            #[cfg(feature = "catalog")]
            Self::Token(token::Token::Revoke(command)) => app.without_registry(command),
            #[cfg(feature = "catalog")]
            Self::Agents(agents) => agents.run(app),
            #[cfg(feature = "governance")]
            Self::Policy(policy::Policy::Check(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Policy(policy::Policy::Explain(command)) => app.without_registry(*command),
            #[cfg(feature = "governance")]
            Self::Changes(changes::Changes::List(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Changes(changes::Changes::Show(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Changes(changes::Changes::Approve(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Changes(changes::Changes::Reject(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Changes(changes::Changes::Cancel(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Changes(changes::Changes::Watch(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Doctor(command) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Ledger(ledger::Ledger::Verify(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Ledger(ledger::Ledger::Accept(command)) => app.without_registry(command),
            #[cfg(feature = "governance")]
            Self::Ledger(ledger::Ledger::Show(command)) => app.without_registry(command),
            #[cfg(feature = "presence")]
            Self::Present(command) => app.without_registry(command),
            #[cfg(all(feature = "presence", feature = "http"))]
            Self::Heartbeat(command) => app.without_registry(command),
            Self::Backends(command) => app.without_registry(command),
            #[cfg(feature = "conformance")]
            Self::Conformance(command) => app.without_registry(command),
            #[cfg(feature = "filesystem")]
            Self::Init(command) => app.without_registry(command),
            Self::Completions(command) => app.without_registry(command),
        }
    }
}

/// Runs the command line of this process, with every backend that is linked into the binary.
///
/// A binary that adds a backend of its own links it and calls this:
///
/// ```no_run
/// // use your_backend as _;
/// fn main() -> std::process::ExitCode {
///     mcp_registry::cli::main()
/// }
/// ```
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => cli.command.run(App::new(cli.common)),
        Err(error) => Printer::before_settings(&args).usage(error),
    }
}
