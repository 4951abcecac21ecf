//! Who asks or decides, and by which way they came.

use mcp_registry_spec::named;
use serde::Serialize;

named! {
    /// The way somebody came to the registry.
    #[non_exhaustive]
    pub enum Surface {
        /// The command line.
        Cli = "cli",
        /// The MCP server, over standard input and output.
        McpStdio = "mcp-stdio",
        /// The MCP server, over HTTP.
        McpHttp = "mcp-http",
        /// The catalog service.
        Catalog = "catalog",
        /// This program itself, as when a time is over.
        Own = "own",
    }
}

named! {
    /// How it is known who somebody is.
    #[non_exhaustive]
    pub enum Mode {
        /// They say so.
        Claimed = "claimed",
        /// A token says so.
        Token = "token",
        /// The operating system says so.
        OsUser = "os-user",
        /// It is this program itself.
        Own = "own",
    }
}

/// Somebody who asks or decides. Where they came from is recorded, and is no part of what a change is (H4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Party {
    /// Who: as the token or the operating system says, else as they claim, if they do.
    pub name: Option<String>,
    /// Their role, in upper case, where a token says it.
    pub role: Option<String>,
    /// The way they came.
    pub surface: Surface,
    /// How it is known who they are.
    pub mode: Mode,
}

impl Party {
    /// Somebody of whom nothing is known but the way they came: they will say who they are.
    #[must_use]
    pub fn unknown(surface: Surface) -> Self {
        Self { name: None, role: None, surface, mode: Mode::Claimed }
    }

    /// Whoever a token names, with the role that it gives, if any.
    #[must_use]
    pub fn of_token(name: impl Into<String>, role: Option<String>, surface: Surface) -> Self {
        let role = role.map(|role| role.to_uppercase());
        Self { name: Some(name.into()), role, surface, mode: Mode::Token }
    }

    /// The operating system's user.
    #[must_use]
    pub fn os_user(name: impl Into<String>, surface: Surface) -> Self {
        Self { name: Some(name.into()), role: None, surface, mode: Mode::OsUser }
    }

    /// This program itself.
    #[must_use]
    pub fn own() -> Self {
        Self { name: Some("mcp-registry".to_owned()), role: None, surface: Surface::Own, mode: Mode::Own }
    }

    /// The same, by the name they claim, where nothing better is known.
    #[must_use]
    pub fn claiming(mut self, name: Option<&str>) -> Self {
        if self.mode == Mode::Claimed {
            self.name = name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        }
        self
    }
}
