//! Arguments of a call, held to their schema before anything is asked (rule M5).

use mcp_registry_governance::{Form, Proposal, Tool};
use mcp_registry_spec::{McpServerSpec, ServerName};
use serde_json::{Map, Value};

use super::answer::Refused;
use super::schema::{self, Problem};
use super::tools;

/// The arguments of a call that its tool takes.
pub(super) struct Arguments(Map<String, Value>);

impl Arguments {
    /// Holds them to what the tool takes.
    ///
    /// # Errors
    /// Naming what is to be mended.
    pub(super) fn check(tool: Tool, arguments: Map<String, Value>) -> Result<Self, Refused> {
        let value = Value::Object(arguments);
        schema::check(tools::enforced(tool), &value)?;
        match value {
            Value::Object(arguments) => Ok(Self(arguments)),
            _ => Ok(Self(Map::new())),
        }
    }

    /// A text, where it is given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A number, where it is given.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.0.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
    }

    /// The server's name, where it is given.
    ///
    /// # Errors
    /// When it is none (rule 1).
    pub(super) fn name(&self) -> Result<Option<ServerName>, Refused> {
        Ok(self.text("name").map(ServerName::parse).transpose()?)
    }

    /// What is asked for.
    ///
    /// # Errors
    /// When the entry does not go with the action, or is none.
    pub(super) fn proposal(&self) -> Result<Proposal, Refused> {
        let name = ServerName::parse(self.text("name").unwrap_or_default())?;
        let action = self.text("action").unwrap_or_default();
        match (action, self.0.get("entry")) {
            ("uninstall", None) => Ok(Proposal::Uninstall(name)),
            ("uninstall", Some(_)) => {
                Err(problem("an uninstall has no entry", "leave \"entry\" out; the name says which one goes"))
            }
            (_, None) => Err(problem(
                "an entry is missing",
                "give \"entry\": {\"command\", \"args\", \"env\"} or {\"url\", \"headers\"}",
            )),
            ("install", Some(entry)) => Ok(Proposal::Install(spec(name, entry)?)),
            (_, Some(entry)) => Ok(Proposal::Update(spec(name, entry)?)),
        }
    }

    /// What is said beside it, as it was said: the rules of changes judge it, in their own order (rule H8).
    pub(super) fn form(&self) -> Form {
        let text = |name| self.text(name).map(str::to_owned);
        Form {
            confirm: self.0.get("confirm").cloned().unwrap_or_default(),
            actor_role: text("actor_role"),
            requested_by: text("requested_by"),
            approval_reason: text("approval_reason"),
            identity: text("identity"),
            priority: self.0.get("priority").map(whole).unwrap_or_default(),
            // What is no text is no time, and is told so.
            scheduled_at: self
                .0
                .get("scheduled_at")
                .map(|at| at.as_str().map_or_else(|| at.to_string(), str::to_owned)),
        }
    }
}

/// A whole number, as near as it can be held.
fn whole(number: &Value) -> i64 {
    number.as_i64().unwrap_or_else(|| number.as_f64().map_or(0, |number| number as i64))
}

fn problem(message: &str, hint: &str) -> Refused {
    Problem { message: message.to_owned(), hint: hint.to_owned() }.into()
}

/// Reads an entry, whose name stands beside it.
fn spec(name: ServerName, entry: &Value) -> Result<McpServerSpec, Refused> {
    let mut entry = entry.clone();
    if let Value::Object(fields) = &mut entry {
        let own = fields.insert("name".to_owned(), Value::String(name.to_string()));
        if own.is_some_and(|own| own.as_str() != Some(name.as_str())) {
            return Err(problem("the entry has another name than the call", "leave \"name\" out of the entry"));
        }
    }
    Ok(McpServerSpec::from_json(entry)?)
}
