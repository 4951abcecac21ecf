//! What a token allows.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope, named, text};

named! {
    /// What a token may be used for. No role is above another: what each may, it says.
    pub enum Role {
        /// Reads entries.
        Reader = "reader",
        /// Reads entries, and asks for changes of them.
        Requester = "requester",
        /// Reads entries, asks for changes of them, and decides on what others ask for.
        Approver = "approver",
        /// Reads and writes entries, and asks for changes of them.
        Writer = "writer",
        /// May all of that, and reads the audit.
        Admin = "admin",
        /// Reports of one agent that it is alive, and may nothing else.
        Reporter = "reporter",
    }
}

impl Role {
    /// Whether it reads what the scopes of its token hold.
    #[must_use]
    pub fn may_read(self) -> bool {
        !matches!(self, Self::Reporter)
    }

    /// Whether it reports of an agent.
    #[must_use]
    pub fn may_report(self) -> bool {
        matches!(self, Self::Reporter)
    }

    /// Whether it writes entries itself.
    #[must_use]
    pub fn may_write(self) -> bool {
        matches!(self, Self::Writer | Self::Admin)
    }

    /// Whether it asks for changes.
    #[must_use]
    pub fn may_ask(self) -> bool {
        matches!(self, Self::Requester | Self::Approver | Self::Writer | Self::Admin)
    }

    /// Whether it decides on changes that are asked for.
    #[must_use]
    pub fn may_approve(self) -> bool {
        matches!(self, Self::Approver | Self::Admin)
    }

    /// Whether it reads the audit.
    #[must_use]
    pub fn may_audit(self) -> bool {
        matches!(self, Self::Admin)
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|role| role.as_str()).collect();
            Error::new(ErrorKind::ConfigInvalid, format!("{} is no role", text::quote(name)))
                .hint(format!("a role is one of {}", names.join(", ")))
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
    /// In which role of the house they ask for changes, as [`actor_role`] gives it.
    pub actor_role: Option<String>,
    /// Of which agent they report: of one, where the role is [`Role::Reporter`], and else of none.
    pub agent: Option<AgentId>,
}

/// The role that somebody has in the house, which a policy speaks of: in upper case, as it is stored. `None`
/// for what cannot be the name of one.
///
/// ```
/// use mcp_registry_store::actor_role;
/// assert_eq!(actor_role("tech_lead").as_deref(), Some("TECH_LEAD"));
/// assert_eq!(actor_role("tech lead"), None);
/// ```
#[must_use]
pub fn actor_role(text: &str) -> Option<String> {
    let fine = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    fine.then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_is_said_of_it() {
        let may = |role: Role| {
            let writes = [role.may_ask(), role.may_approve(), role.may_write(), role.may_audit()];
            (role.may_read(), writes, role.may_report())
        };
        for (role, expected) in [
            (Role::Reader, (true, [false, false, false, false], false)),
            (Role::Requester, (true, [true, false, false, false], false)),
            (Role::Approver, (true, [true, true, false, false], false)),
            (Role::Writer, (true, [true, false, true, false], false)),
            (Role::Admin, (true, [true, true, true, true], false)),
            (Role::Reporter, (false, [false, false, false, false], true)),
        ] {
            assert_eq!(may(role), expected, "{role}");
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        let error = "Admin".parse::<Role>().unwrap_err().to_string();
        assert!(error.contains("reader, requester, approver, writer, admin, reporter"), "{error}");
    }

    #[test]
    fn a_role_of_the_house_is_a_word_in_upper_case() {
        assert_eq!(actor_role("Ops").as_deref(), Some("OPS"));
        assert_eq!(actor_role("a-1_B").as_deref(), Some("A-1_B"));
        for none in ["", " ops", "ops ", "1", "_a", "ops\n", "öps", "a,b"] {
            assert_eq!(actor_role(none), None, "{none:?}");
        }
    }
}
