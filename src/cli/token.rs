//! `token`: who may use a catalog.

use std::time::{Duration, SystemTime};

use mcp_registry_spec::time::{self, LAST_MILLIS, from_millis};
use mcp_registry_spec::{AgentId, Error, ErrorKind, Scope, text};
use mcp_registry_store::{Role, ScopeSet, TokenRecord, actor_role};
use serde::Serialize;

use super::app::LocalCommand;
use super::args::With;
use super::catalog_place::Where;
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;
use super::table::Column;

/// Make, list and revoke the tokens of a catalog.
#[derive(clap::Subcommand)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Example: mcp-registry token create --scope scout --role reader")]
pub(crate) enum Token {
    /// Make a token and print it, this once: only a hash of it is kept.
    #[command(defer(create_args))]
    Create(With<Create>),
    /// List the tokens there are and were; the tokens themselves are nowhere.
    List(With<List>),
    /// End a token at once and for good.
    Revoke(With<Revoke>),
}

/// The arguments, of which a common one names scopes here.
fn create_args(command: clap::Command) -> clap::Command {
    With::<Create>::make(command).mut_arg("scope", |scope| {
        let help = "The scopes it sees, with commas between; * for all there are and will be";
        scope.value_name("SCOPE[,SCOPE…]").help(help)
    })
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry token create --scope scout --role reader
          TOKEN=$(mcp-registry token create --scope scout,ranger --role writer --expires 30d ci)
          mcp-registry token create --scope scout --role reporter --agent scout-1")]
pub(crate) struct Create {
    #[command(flatten)]
    place: Where,
    /// What its bearer may do: reader reads; requester also asks for changes; approver also decides on those
    /// of others; writer reads, asks and writes; admin does all of that and reads the audit; reporter says of one
    /// agent that it is alive, and may nothing else
    #[arg(long, value_parser = |role: &str| role.parse::<Role>())]
    role: Role,
    /// In which role of the house its bearer asks for changes, of those that the policy's allowed_roles names
    #[arg(long, value_name = "OWNER|OPS|…", value_parser = parse_actor_role)]
    actor_role: Option<String>,
    /// The agent that a reporter says it of
    #[arg(long, value_name = "ID", required_if_eq("role", "reporter"))]
    agent: Option<AgentId>,
    /// For how long; for ever when nobody says
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    /// Its name, by which logs, the audit and revoke know it; its role and scopes when nobody says
    name: Option<String>,
}

#[derive(Serialize)]
struct Created<'a> {
    name: &'a str,
    role: &'static str,
    actor_role: Option<&'a str>,
    scopes: String,
    agent: Option<&'a AgentId>,
    expires: Option<String>,
    token: &'a str,
}

fn parse_actor_role(text: &str) -> Result<String, &'static str> {
    actor_role(text).ok_or("a role is a word of letters, digits, _ and -, which begins with a letter")
}

impl LocalCommand for Create {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let Some(named) = settings.scope() else {
            return Err(Failure::usage("no scope is named", "say which scopes the token sees: --scope S"));
        };
        let scopes: ScopeSet = named.replace(',', " ").parse()?;
        let reported = self.reported(&scopes)?;
        let name = self.name.clone().unwrap_or_else(|| match (&scopes, &reported) {
            (_, Some((scope, agent))) => format!("{}-{scope}-{agent}", self.role),
            (ScopeSet::All, _) => format!("{}-all", self.role),
            (ScopeSet::Only(_), _) => format!("{}-{}", self.role, named.replace(',', "-")),
        });
        // What is beyond every clock is refused as what is beyond the calendar is.
        let end = |after| SystemTime::now().checked_add(after).unwrap_or_else(|| from_millis(LAST_MILLIS));
        let expires = self.expires.map(end);
        let actor = self.actor_role.as_deref();
        let token = self.place.with(settings, async |database| match &reported {
            Some((scope, agent)) => database.tokens().create_reporter(&name, scope, agent, expires).await,
            None => database.tokens().create(&name, self.role, &scopes, expires, actor).await,
        })?;
        let created = Created {
            name: &name,
            role: self.role.as_str(),
            actor_role: actor,
            scopes: scopes.to_string(),
            agent: self.agent.as_ref(),
            expires: expires.map(shown),
            token: token.expose(),
        };
        printer.data(&created, |out| {
            out.plain(token.expose())?;
            out.end_line()
        })?;
        printer.aside(&format!("this is the token {}; it is shown this once", text::quote(&name)));
        Ok(Outcome::Good)
    }
}

impl Create {
    /// Of which agent of which scope its bearer reports, if of one.
    ///
    /// # Errors
    /// Where that is more or less than one agent of one scope, and where it is more than reporting.
    fn reported(&self, scopes: &ScopeSet) -> Result<Option<(Scope, AgentId)>, Failure> {
        let scope = match scopes {
            ScopeSet::Only(scopes) if scopes.len() == 1 => scopes.first(),
            _ => None,
        };
        match (self.role, &self.agent, scope, &self.actor_role) {
            (Role::Reporter, Some(agent), Some(scope), None) => Ok(Some((scope.clone(), agent.clone()))),
            (Role::Reporter, ..) => {
                let what = "a reporter says of one agent of one scope that it is alive, and asks for nothing";
                Err(Failure::usage(what, "give --scope S --agent ID, and no --actor-role"))
            }
            (_, None, ..) => Ok(None),
            (_, Some(_), ..) => Err(Failure::usage("--agent is for the role reporter", "leave it out")),
        }
    }
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry token list")]
pub(crate) struct List {
    #[command(flatten)]
    place: Where,
}

#[derive(Serialize)]
struct Listing {
    tokens: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    role: &'static str,
    actor_role: Option<String>,
    scopes: String,
    agent: Option<String>,
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
    valid: bool,
}

impl From<&TokenRecord> for Listed {
    fn from(record: &TokenRecord) -> Self {
        Self {
            name: record.grant.name.clone(),
            role: record.grant.role.as_str(),
            actor_role: record.grant.actor_role.clone(),
            scopes: record.grant.scopes.to_string(),
            agent: record.grant.agent.as_ref().map(AgentId::to_string),
            created: shown(record.created),
            expires: record.expires.map(shown),
            revoked: record.revoked.map(shown),
            valid: record.is_valid_at(SystemTime::now()),
        }
    }
}

impl Listed {
    fn state(&self) -> &str {
        match (&self.revoked, &self.expires) {
            (Some(_), _) => "revoked",
            _ if self.valid => "valid",
            _ => "expired",
        }
    }
}

impl LocalCommand for List {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let records = self.place.with(settings, async |database| database.tokens().list().await)?;
        let listing = Listing { tokens: records.iter().map(Listed::from).collect() };
        printer.data(&listing, |out| {
            if listing.tokens.is_empty() {
                return Ok(());
            }
            let columns = ["NAME", "ROLE", "ACTOR ROLE", "STATE", "EXPIRES", "SCOPES", "AGENT"]
                .map(|title| Column { title, shrinks: matches!(title, "SCOPES" | "AGENT") });
            out.table(columns, &listing.tokens, |token| {
                let expires = token.expires.as_deref().unwrap_or("never");
                let actor_role = token.actor_role.as_deref().unwrap_or("-");
                let agent = token.agent.as_deref().unwrap_or("-");
                [&token.name, token.role, actor_role, token.state(), expires, &token.scopes, agent]
            })
        })?;
        if listing.tokens.is_empty() {
            printer.aside("there are no tokens");
        }
        Ok(Outcome::Good)
    }
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry token revoke ci")]
pub(crate) struct Revoke {
    #[command(flatten)]
    place: Where,
    /// Its name
    name: String,
}

impl LocalCommand for Revoke {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let quoted = text::quote(&self.name);
        if !self.place.with(settings, async |database| database.tokens().revoke(&self.name).await)? {
            let error = Error::new(ErrorKind::ConfigInvalid, format!("there is no valid token {quoted}"));
            return Err(error.hint("token list shows those there are").into());
        }
        printer.note(&format!("revoked {quoted}; services that know it refuse it within a second"));
        Ok(Outcome::Good)
    }
}

fn shown(time: SystemTime) -> String {
    time::shown(time).to_string()
}
