//! Deliveries: the ways in which a server may be there.

use std::fmt;

use mcp_registry_spec::{Result, Scope, ServerName, text};
use serde_json::Value;

use crate::fields::Fields;
use crate::place::{LocatorTemplate, Place};

/// The most keys that lead to a settings file's table.
const MOST_KEYS: usize = 16;

/// One way in which the server may be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery(pub(crate) Way);

/// What is looked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// A program at a path (E8).
    Path(Place),
    /// A program on `PATH` (E8).
    Command(String),
    /// An entry in a client's settings file (E9, E10).
    Settings {
        /// What the file is written in.
        syntax: Syntax,
        /// The file.
        file: Place,
        /// The keys that lead to the table of servers, from the outermost.
        table: Vec<String>,
        /// The key of the entry in it.
        key: String,
    },
    /// An entry of a registry (E12).
    Registry {
        /// What opens it.
        locator: LocatorTemplate,
        /// Whose entries; `None` leaves the choice to the locator.
        scope: Option<Scope>,
        /// The entry.
        name: ServerName,
    },
}

/// What a settings file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// JSON.
    Json,
    /// TOML.
    Toml,
}

impl Delivery {
    /// The scheme of the locator, by which a backend is known, where it is an entry of a registry (E12).
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        match &self.0 {
            Way::Registry { locator, .. } => Some(locator.scheme()),
            _ => None,
        }
    }

    /// Its kind, as contracts write it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.0 {
            Way::Path(_) | Way::Command(_) => "binary",
            Way::Settings { syntax: Syntax::Json, .. } => "json",
            Way::Settings { syntax: Syntax::Toml, .. } => "toml",
            Way::Registry { .. } => "registry",
        }
    }

    /// Reads one.
    pub(crate) fn read(value: Value, what: String) -> Result<Self> {
        const KINDS: &[&str] = &["binary", "json", "toml", "registry"];
        let mut fields = Fields::new(value, what)?;
        let kind = fields.text("kind")?;
        let way = match kind.as_str() {
            "binary" => Way::program(&mut fields)?,
            "json" => Way::settings(&mut fields, Syntax::Json)?,
            "toml" => Way::settings(&mut fields, Syntax::Toml)?,
            "registry" => Way::registry(&mut fields)?,
            other => {
                let why = format!("is {}, which there is not", text::quote(other));
                return Err(fields.bad("kind", why).hint(mcp_registry_spec::near::hint(other, KINDS)));
            }
        };
        Ok(Self(way))
    }
}

impl Way {
    fn program(fields: &mut Fields) -> Result<Self> {
        fields.only(&["path", "name"])?;
        match (fields.has("path"), fields.has("name")) {
            (true, true) => Err(fields.bad("name", "stands beside \"path\": give one of them, or two deliveries")),
            (true, false) => Ok(Self::Path(fields.parsed("path", Place::parse)?)),
            _ => {
                let name = fields.text("name")?;
                if name.contains('/') {
                    return Err(fields.bad("name", "has a \"/\": give it as \"path\""));
                }
                Ok(Self::Command(name))
            }
        }
    }

    fn settings(fields: &mut Fields, syntax: Syntax) -> Result<Self> {
        fields.only(&["file", "table", "key"])?;
        Ok(Self::Settings {
            syntax,
            file: fields.parsed("file", Place::parse)?,
            table: fields.texts("table", MOST_KEYS)?,
            key: fields.text("key")?,
        })
    }

    fn registry(fields: &mut Fields) -> Result<Self> {
        fields.only(&["locator", "scope", "name"])?;
        Ok(Self::Registry {
            locator: fields.parsed("locator", LocatorTemplate::parse)?,
            scope: if fields.has("scope") { Some(fields.name("scope")?) } else { None },
            name: fields.name("name")?,
        })
    }
}

/// Its place, as the contract has it.
impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Way::Path(path) => write!(f, "{path}"),
            Way::Command(name) => write!(f, "{name} on PATH"),
            Way::Settings { file, table, key, .. } => {
                write!(f, "{file}#")?;
                // A JSON pointer (RFC 6901).
                let mut keys = table.iter().chain([key]);
                keys.try_for_each(|key| write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Way::Registry { locator, scope, name } => {
                write!(f, "{name} in {locator}")?;
                scope.as_ref().map_or(Ok(()), |scope| write!(f, ", scope {scope}"))
            }
        }
    }
}
