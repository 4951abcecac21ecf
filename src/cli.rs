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
#[cfg(any(feature = "catalog", feature = "conformance", feature = "presence", feature = "probe"))]
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
    /// List the servers that are mounted, sorted by name.
    ///
    /// Entries that are there but broken are warned of on standard error, with their lines; in JSON and YAML they are
    /// the list "broken" beside "servers".
    List(With<list::List>),
    /// Show a server's entry, with references ($NAME) in place of values.
    ///
    /// A literal that looks like a secret is shown as ***, and its field named under "masked".
    Show(With<show::Show>),
    /// Check a server's entry, or all of them, without starting anything.
    ///
    /// Errors make an entry unusable, and the exit status 1. Warnings tell of variables that are not set, commands that
    /// are not found and literals that look like secrets. No variable is read.
    Validate(With<validate::Validate>),
    /// Add a server's entry.
    ///
    /// It holds references to secrets ($NAME, ${NAME}), not the secrets: a literal that looks like one is refused
    /// unless --allow-literal is given.
    Install(With<install::Install>),
    /// Change a server's entry: what is given changes, the rest stays.
    ///
    /// --env and --header set single names; arguments and what --from reads are replaced whole. What changes is shown
    /// on standard error. An entry that somebody else changed meanwhile is a conflict.
    Update(With<update::Update>),
    /// Remove a server's entry, broken or not; one that is not there is removed already.
    Uninstall(With<uninstall::Uninstall>),
    /// Show what the registry allows now.
    Capabilities(With<capabilities::Capabilities>),
    /// Ask the registry anew what it allows, and show it.
    RefreshCapabilities(With<refresh_capabilities::RefreshCapabilities>),
    /// Start or reach servers, and list their tools.
    ///
    /// Tells of each server whether it is there, else where that failed and why: its exit code, and what it wrote last
    /// to standard error. Servers are probed in parallel, and ended again with what they started. A command that may
    /// not be started stops all of it, before anything is started. Tokens are estimated: a quarter of the bytes of what
    /// a model is told of the tools. The exit status is 1 when a server failed.
    #[cfg(feature = "probe")]
    Probe(With<probe::Probe>),
    /// Start or reach a server, and list its tools with what it says of them.
    ///
    /// In JSON and YAML each has its schemas too.
    #[cfg(feature = "probe")]
    Tools(With<tools::Tools>),
    /// Start or reach a server, and call one of its tools.
    ///
    /// Prints the structured content of the answer where there is one, else its text; in JSON and YAML the whole
    /// answer. What the server was given is hidden in it. The exit status is 1 when the tool says that it failed.
    #[cfg(feature = "probe")]
    Call(With<call::Call>),
    /// Become a server that is mounted: for clients that want a command.
    ///
    /// The process is replaced by the server, with its references resolved and its environment; standard input, output
    /// and error are its own. The gate and the policy are asked first.
    #[cfg(feature = "probe")]
    Run(With<run::Run>),
    /// Start or reach servers, and pin what they show: verify tells when they show something else.
    ///
    /// Tells what is accepted by it: in what each server differs from its pin before. Without names the pins of servers
    /// that are not mounted any more are removed. The exit status is 1 when a server failed; its pin stays.
    #[cfg(feature = "probe")]
    Pin(With<pin::Pin>),
    /// Start or reach servers, and tell in what they differ from what was pinned.
    ///
    /// A tool that was added or removed, a description or a schema that changed, another version, other instructions,
    /// another entry: each is told, with what the server says now. A server that nobody pinned differs too. Nothing is
    /// written. The exit status is 1 when a server differs or fails.
    #[cfg(feature = "probe")]
    Verify(With<verify::Verify>),
    /// Show what was asked to be written in a scope: when, by whom, and what came of it.
    Audit(With<audit::Audit>),
    /// Copy the entries of one backend to another.
    ///
    /// All scopes are copied where the source can list them, else the one that --scope names; filesystem:DIR is here
    /// the folder that holds the agents' folders, each a scope. An entry that is there with the same content is passed
    /// over, so that what was interrupted can be begun again; one that is there with another content is left as it is
    /// and told of, as is a broken one, and one with a literal that install would refuse there. At the end both sides
    /// are read and compared.
    ///
    /// The exit status is 1 when not everything is there in the end.
    Migrate(With<migrate::Migrate>),
    /// Serve a catalog over HTTP: which servers each agent may mount.
    ///
    /// Entries are kept in any backend, each scope opened by itself: a database, a folder of agents' folders, or
    /// another catalog. Who may read and write is told by tokens (see `token`). The first line on standard error says
    /// where it listens; then comes one for every request, all of them JSON.
    #[cfg(feature = "catalog")]
    Serve(With<serve::Serve>),
    /// Serve the registry to agents over MCP: they look, and ask for changes that a person approves.
    ///
    /// Over standard input and output, for the one agent that starts it; with --http for many. What they may do is for
    /// the policy to say (see policy). Standard output carries the protocol and nothing else.
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
    /// Check what this program stands on, and say what to do where something is wrong.
    ///
    /// It looks at the registry, the policy, the state folder, the ledger and its export, changes that wait, the clock,
    /// and the agent's folder, and changes none of them. The exit status is 1 when a check fails.
    #[cfg(feature = "governance")]
    Doctor(With<doctor::Doctor>),
    /// Tell whether the server that a contract requires is really there, and by what.
    ///
    /// The contract names the server and every way in which it may be delivered: a program, an entry in a settings
    /// file, an entry of a registry. It is present when one of them holds; of each other it is said why not. Where the
    /// contract requires a tool, what is found is started, behind the gate of the agent that --agent-root or --backend
    /// names, and must list the tool; what the gate refuses is an error, and nothing is started.
    /// MCP_REGISTRY_AUTH_TOKEN goes to a registry that the contract names only where its origin is that of --backend;
    /// the tokens of the configuration file go to their origins. The exit status is 0 when the server is present, 1
    /// when it is absent or the contract cannot be used.
    #[cfg(feature = "presence")]
    Present(With<present::Present>),
    /// Report to a catalog that an agent is alive, and whether it has the server that its contract requires.
    ///
    /// It registers the agent, and sends a heartbeat: once, or every so often until it is told to stop. Whether the
    /// server is present is told anew for each report. The token is that of a reporter of this agent, from
    /// MCP_REGISTRY_AUTH_TOKEN, which no other origin than that of --url is sent, or from the configuration file. The
    /// exit status is 0 when the agent is online or, with --every, it was told to stop; 1 when its registration is
    /// refused, as where the scope requires a server that is absent, or it is not online. Where a contract requires a
    /// tool, the servers that may have it are started to ask, those that the agent allows: --agent-root or --backend
    /// names it.
    #[cfg(all(feature = "presence", feature = "http"))]
    Heartbeat(With<heartbeat::Heartbeat>),
    /// List the backends there are, how each is opened, and the options it knows.
    Backends(With<backends::Backends>),
    /// Hold a live backend to the rules, in scopes of its own.
    ///
    /// Runs the cases of the conformance suite whose names contain one of the filters; all of them without any. Only
    /// --allow-writes lets it write: it then uses scopes named conformance-<random> and removes what it wrote when it
    /// ends, also on Ctrl-C and SIGTERM. Of a backend that keeps scopes without entries, these stay, empty; of folders with an
    /// mcp.md nothing does. What it writes there is no write of the operator's, and is not in the ledger.
    ///
    /// The exit status is 1 when a case failed, when it was interrupted, or when something could not be removed. A case
    /// that cannot be run is ignored and says why.
    #[cfg(feature = "conformance")]
    #[command(defer(conformance::args))]
    Conformance(With<conformance::Conformance>),
    /// Write a commented mcp.md into the agent's folder. One that is there is left alone.
    #[cfg(feature = "filesystem")]
    Init(With<init::Init>),
    /// Print the script that makes a shell complete this command.
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn said_of<'a>(command: &'a clap::Command, said: &mut Vec<(&'a str, String)>) {
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            let [about, more] =
                [command.get_about(), command.get_long_about()].map(|text| text.map(ToString::to_string));
            said.push((command.get_name(), format!("{}\n{}", about.unwrap_or_default(), more.unwrap_or_default())));
            said_of(command, said);
        }
    }

    #[test]
    fn commands_say_what_they_are_for_before_and_after_their_arguments_are_made() {
        let (mut said, mut said_then) = (Vec::new(), Vec::new());
        Cli::command().debug_assert();
        let (command, mut built) = (Cli::command(), Cli::command());
        built.build();
        said_of(&command, &mut said);
        said_of(&built, &mut said_then);
        assert!(said.len() > 10 && said.iter().all(|(_, text)| text.len() > 10), "{said:?}");
        assert_eq!(said, said_then);
    }
}
