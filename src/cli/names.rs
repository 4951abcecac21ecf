//! Names as they are typed: parsed at the edge, and where there is none, the near one is shown.

use mcp_registry_spec::near::nearest;
use mcp_registry_spec::{Error, ErrorKind, McpServerRegistry, Result, ServerName};

// The name of a server whose command may follow `--` (a doc comment would take the place of the command's
// own description). In front of that a word that begins with a dash is an option, so there is one for names
// that do.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct BeforeCommand {
    /// The server's name
    #[arg(value_name = "NAME")]
    plain: Option<String>,
    /// The server's name, where it begins with a dash: --name=-x
    #[arg(long = "name", value_name = "NAME", allow_hyphen_values = true)]
    dashed: Option<String>,
}

impl BeforeCommand {
    /// The name that was given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when it is none.
    pub(crate) fn parse(&self) -> Result<ServerName> {
        ServerName::parse(self.plain.as_ref().or(self.dashed.as_ref()).map_or("", String::as_str))
    }
}

/// Adds the name that was probably meant to an error that there is none.
pub(crate) async fn suggest(error: Error, name: &ServerName, registry: &McpServerRegistry) -> Error {
    if error.kind() != ErrorKind::NotInRegistry {
        return error;
    }
    match near(name, registry).await {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// "did you mean …?", when `name` is not there and one that comes near is.
pub(crate) async fn near(name: &ServerName, registry: &McpServerRegistry) -> Option<String> {
    // This is help, not an answer: what cannot be listed has nothing to suggest.
    let listing = registry.list().await.ok()?;
    let names = listing.names();
    if names.contains(&name) {
        return None;
    }
    nearest(name.as_str(), names.into_iter().map(ServerName::as_str)).map(|near| format!("did you mean \"{near}\"?"))
}
