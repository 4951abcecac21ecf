//! `policy`: what the operator's policy says, and what it would decide.

use std::io;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use mcp_registry_governance::{Decision, Diagnostics, Gate, Launch, Policy as Loaded, Request, Rule, Source, Tool};
use mcp_registry_spec::{Error, McpServerSpec, ProcessEnvironment, Scope, ServerName, SpecFields};
use serde::Serialize;

use super::absolute::place_of;
use super::app::{LocalCommand, run_on};
use super::args::With;
use super::failure::{Failure, Outcome};
use super::governed;
use super::printer::{Printer, Text};
use super::settings::Settings;
use super::spec_args::SpecArgs;
use super::style::{GREEN, RED, YELLOW};
use super::table::Column;

/// Check the operator's policy, and ask what it decides.
#[derive(clap::Subcommand)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) enum Policy {
    /// Check the policy: where it is, whether it can be used, and what it says.
    ///
    /// The exit status is 1 when it cannot be used; everything is denied then but what shows requests and
    /// ends them.
    Check(With<Check>),
    /// Show what the policy decides on a call of a tool, and which rule decided it.
    ///
    /// With an entry, given as to install, also what it decides on that server. The exit status is 1 when the
    /// call is denied.
    Explain(Box<With<Explain>>),
}

// Where the policy is (a doc comment would take the place of the command's own description).
#[derive(clap::Args)]
pub(crate) struct Where {
    /// The policy's file; by default MCP_REGISTRY_POLICY, else policy.toml in your state folder. The
    /// machine's, /etc/mcp-registry/policy.toml, wins over all of them
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Where {
    /// Where the policy is.
    pub(crate) fn source(&self) -> Source {
        Source::new(self.policy.as_deref(), &ProcessEnvironment)
    }

    /// Reads it, and says so where another one wins.
    pub(crate) fn load(&self, printer: &mut Printer) -> Loaded {
        let policy = self.source().load();
        if self.policy.is_some() && policy.path() != self.policy.as_deref() {
            printer.warning("the machine's own policy wins; the file that --policy names was not looked at");
        }
        policy
    }
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry policy check --policy policy.toml")]
pub(crate) struct Check {
    #[command(flatten)]
    place: Where,
}

impl LocalCommand for Check {
    fn run(self, _: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let policy = self.place.load(printer);
        let found = policy.diagnostics();
        printer.data(&found, |text| report(text, &found, policy.problems()))?;
        Ok(if found.ok { Outcome::Good } else { Outcome::Bad })
    }
}

fn report(text: &mut Text, found: &Diagnostics, problems: &[Error]) -> io::Result<()> {
    let (style, word) = if found.ok { (GREEN, "ok") } else { (RED, "failed") };
    text.styled(style, word)?;
    text.plain(if found.ok { "      " } else { "  " })?;
    text.untrusted(&found.path.as_ref().map_or("no policy".into(), |path| path.to_string_lossy()))?;
    text.end_line()?;
    text.plain(&format!("        {}\n", found.summary))?;
    for problem in problems {
        text.plain("        error: ")?;
        text.untrusted(&problem.to_string())?;
        text.end_line()?;
    }
    if found.rules.is_empty() {
        return Ok(());
    }
    text.end_line()?;
    let lines: Vec<_> =
        found.rules.iter().map(|rule| rule.line.map(|line| line.to_string()).unwrap_or_default()).collect();
    let rows: Vec<_> = found.rules.iter().zip(&lines).collect();
    let columns = ["RULE", "LINE", "KEY", "SAYS"].map(|title| Column { title, shrinks: title == "SAYS" });
    text.table(columns, &rows, |(rule, line)| [rule.number, line, &rule.key, &rule.says])
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mcp-registry policy explain registry_list --scope scout
  mcp-registry policy explain change_request --server github -- npx -y @modelcontextprotocol/server-github")]
pub(crate) struct Explain {
    /// The tool, as policies name it
    #[arg(value_parser = tools(), hide_possible_values = true)]
    tool: String,
    /// The server's name
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    spec: SpecArgs,
}

fn tools() -> PossibleValuesParser {
    PossibleValuesParser::new(Tool::ALL.iter().map(|tool| tool.as_str()))
}

#[derive(Serialize)]
struct Explained<'a> {
    tool: Tool,
    scope: Option<&'a Scope>,
    server: Option<&'a ServerName>,
    policy: &'a Decision,
    rule: &'a Rule,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation_gate: Option<Gate>,
}

impl LocalCommand for Explain {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let tool: Tool = self.tool.parse()?;
        // The scope in which the MCP server serves the registry that is meant, where one is.
        let place = settings.request().and_then(|request| Ok(place_of(&request, &settings.backends)?));
        let scope = match settings.scope() {
            Some(scope) => Some(Scope::parse(scope)?),
            None => place.ok().and_then(|(_, scope)| scope),
        };
        let server = self.server.as_deref().map(ServerName::parse).transpose()?;
        let policy = self.place.load(printer);
        let spec = entry(self.spec, tool, server.as_ref())?;
        let own = match &spec {
            Some(spec) => run_on(&settings.backends, &settings.request()?, async |registry| {
                Ok(governed::own_commands(&policy, registry, spec).await?)
            })?,
            None => None,
        };
        let launch = spec.as_ref().map(Launch::from);
        let request = Request::new(tool).scope(scope.as_ref()).server(server.as_ref());
        let request = launch.iter().fold(request, |request, launch| request.launch(launch, own.as_deref()));
        let decision = policy.decide(&request);
        let mutation_gate = (tool == Tool::ChangeRequest).then(|| policy.gate(&ProcessEnvironment));
        let explained = Explained {
            tool,
            scope: scope.as_ref(),
            server: server.as_ref(),
            policy: &decision,
            rule: &decision.rule,
            mutation_gate,
        };
        printer.data(&explained, |text| explained.write(text))?;
        Ok(if decision.allowed { Outcome::Good } else { Outcome::Bad })
    }
}

/// The entry that is given, where one is.
fn entry(spec: SpecArgs, tool: Tool, server: Option<&ServerName>) -> Result<Option<McpServerSpec>, Failure> {
    if spec.is_empty() {
        return Ok(None);
    }
    if !matches!(tool, Tool::ChangeRequest | Tool::ApprovalApprove) {
        let message = format!("{tool} is not decided by what a server is");
        return Err(Failure::usage(message, "ask about change_request or approval_approve, or give no entry"));
    }
    let name = server.ok_or_else(|| Failure::usage("the entry has no name", "give it with --server NAME"))?;
    Ok(Some(spec.apply(name.clone(), SpecFields::default())?))
}

impl Explained<'_> {
    fn write(&self, text: &mut Text) -> io::Result<()> {
        match (self.policy.allowed, self.policy.needs_confirmation) {
            (false, _) => text.styled(RED, "denied")?,
            (true, false) => text.styled(GREEN, "allowed")?,
            (true, true) => text.styled(YELLOW, "allowed, once a person has confirmed it")?,
        }
        text.end_line()?;
        let mut field = |name: &str, value: &str| {
            text.plain(&format!("  {name:<8}"))?;
            text.untrusted(value)?;
            text.end_line()
        };
        field("tool", self.tool.as_str())?;
        field("reason", &self.policy.reason)?;
        field("rule", &self.rule.to_string())?;
        let gate = self.mutation_gate.map(|gate| match gate {
            Gate::Open => "open",
            Gate::DefaultOff => "default-off: no change can be asked for",
        });
        gate.iter().try_for_each(|gate| field("gate", gate))
    }
}
