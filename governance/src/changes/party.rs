//! Who asks or decides, and by which way they came.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word as it stands on record.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// The way somebody came to the registry.
    Surface {
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

words! {
    /// How it is known who somebody is.
    Mode {
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
