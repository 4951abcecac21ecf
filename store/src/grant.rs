//! What a token allows.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use mcp_registry_spec::{Error, ErrorKind, Result, Scope, text};

/// What a token may be used for; each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads entries.
    Reader,
    /// Writes them too.
    Writer,
    /// Reads the audit too.
    Admin,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Writer, Self::Admin];

    /// Its name, as it is written and stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or_else(|| {
            Error::new(ErrorKind::ConfigInvalid, format!("{} is no role", text::quote(name)))
                .hint("a role is reader, writer or admin")
        })
    }
}

/// Which scopes a token sees.
///
/// ```
/// use mcp_registry_spec::Scope;
/// use mcp_registry_store::ScopeSet;
/// let (a, b) = (Scope::parse("a")?, Scope::parse("b")?);
/// let some = ScopeSet::Only([a.clone()].into());
/// assert!(some.contains(&a) && !some.contains(&b) && ScopeSet::All.contains(&b));
/// assert_eq!(some.to_string().parse::<ScopeSet>()?, some);
/// # Ok::<(), mcp_registry_spec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeSet {
    /// All there are, and all there will be.
    All,
    /// These.
    Only(BTreeSet<Scope>),
}

impl ScopeSet {
    /// Whether the scope is one of them.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        match self {
            Self::All => true,
            Self::Only(scopes) => scopes.contains(scope),
        }
    }
}

/// `*` for all, else the scopes with a space between; no scope is written in either way.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Only(scopes) => {
                for (i, scope) in scopes.iter().enumerate() {
                    write!(f, "{}{scope}", if i == 0 { "" } else { " " })?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for ScopeSet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "*" => Ok(Self::All),
            "" => Ok(Self::Only(BTreeSet::new())),
            _ => text.split(' ').map(Scope::parse).collect::<Result<_>>().map(Self::Only),
        }
    }
}

/// What the bearer of a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The token's name: who asks, as the audit records it.
    pub name: String,
    /// What for.
    pub role: Role,
    /// Where.
    pub scopes: ScopeSet,
}
