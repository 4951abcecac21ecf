//! What is asked for, and where.

use std::fmt;

use mcp_registry_spec::{AuditAction, Digest, Locator, McpServerRegistry, McpServerSpec, Result, Scope, ServerName};
use serde::Serialize;

/// What a change does.
#[derive(Debug, Clone, PartialEq)]
pub enum Proposal {
    /// Adds an entry.
    Install(McpServerSpec),
    /// Puts an entry in place of the one of its name.
    Update(McpServerSpec),
    /// Removes an entry.
    Uninstall(ServerName),
}

impl Proposal {
    /// The word for it.
    #[must_use]
    pub fn action(&self) -> AuditAction {
        match self {
            Self::Install(_) => AuditAction::Install,
            Self::Update(_) => AuditAction::Update,
            Self::Uninstall(_) => AuditAction::Uninstall,
        }
    }

    /// The server's name.
    #[must_use]
    pub fn name(&self) -> &ServerName {
        match self {
            Self::Install(spec) | Self::Update(spec) => &spec.name,
            Self::Uninstall(name) => name,
        }
    }

    /// The entry as it is to be; none where it is to go.
    #[must_use]
    pub fn entry(&self) -> Option<&McpServerSpec> {
        match self {
            Self::Install(spec) | Self::Update(spec) => Some(spec),
            Self::Uninstall(_) => None,
        }
    }
}

/// Which registry, told so that it means the same from everywhere, and without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Place {
    /// The backend's id.
    pub backend_id: String,
    /// The locator, without credentials; a path in it is absolute.
    pub locator: String,
    /// Whose entries, where the locator does not say it all.
    pub scope: Option<Scope>,
}

impl Place {
    /// The identity of a change here: the SHA-256 over the canonical JSON (RFC 8785) of action, backend,
    /// locator, scope, the whole entry, and the digest of what is replaced or removed (H4).
    ///
    /// # Errors
    /// [`InvalidSpec`](mcp_registry_spec::ErrorKind::InvalidSpec) for an entry that has no canonical form.
    pub fn identity(&self, proposal: &Proposal, replaces: Option<&Digest>) -> Result<Digest> {
        #[derive(Serialize)]
        struct Identity<'a> {
            action: AuditAction,
            #[serde(flatten)]
            place: &'a Place,
            name: &'a ServerName,
            entry: Option<&'a McpServerSpec>,
            replaces: Option<&'a Digest>,
        }
        Digest::of_json(&Identity {
            action: proposal.action(),
            place: self,
            name: proposal.name(),
            entry: proposal.entry(),
            replaces,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.locator)?;
        self.scope.iter().try_for_each(|scope| write!(f, ", scope {scope}"))
    }
}

/// A registry that changes are made in.
#[derive(Debug, Clone)]
pub struct Target {
    /// The registry, opened.
    pub registry: McpServerRegistry,
    /// Which one it is.
    pub place: Place,
}

impl Target {
    /// A registry, opened by that locator for that scope. A path in the locator must be absolute.
    #[must_use]
    pub fn new(registry: McpServerRegistry, locator: &Locator, scope: Option<Scope>) -> Self {
        let place = Place { backend_id: registry.backend_id().to_owned(), locator: locator.to_string(), scope };
        Self { registry, place }
    }
}
