//! Who calls, and what they may beside reading (rules M8 and M9).

use std::sync::Arc;

use mcp_registry_governance::{Party, Refusal, Surface};
use mcp_registry_spec::{Error, ErrorKind, Scope};
use mcp_registry_store::Role;

use crate::catalog::auth;

/// Whoever calls.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// The process that started this one. Where it may decide, it does so by the name of the operating
    /// system's user.
    Stdio { user: Arc<str> },
    /// Somebody who sent a request over HTTP: the bearer of a token, or somebody on this machine.
    Http(Arc<auth::Caller>),
}

impl Caller {
    /// Them, as far as it is known without their saying so.
    pub(super) fn party(&self) -> Party {
        match self {
            Self::Stdio { .. } => Party::unknown(Surface::McpStdio),
            Self::Http(caller) => caller.party(Surface::McpHttp),
        }
    }

    /// Them as somebody who asks, by the name they claim where nothing better is known.
    ///
    /// # Errors
    /// When their token is not for that.
    pub(super) fn asking(&self, claimed: Option<&str>) -> Result<Party, Refusal> {
        self.must("ask for changes", Role::may_ask)?;
        Ok(self.party().claiming(claimed))
    }

    /// Them as somebody who decides.
    ///
    /// # Errors
    /// When their token is not for that, or they have none.
    pub(super) fn deciding(&self) -> Result<Party, Refusal> {
        self.must("decide on changes", Role::may_approve)?;
        match self {
            Self::Stdio { user } => Ok(Party::os_user(&**user, Surface::McpStdio)),
            Self::Http(caller) if caller.name.is_some() => Ok(self.party()),
            Self::Http(_) => Err(Error::new(ErrorKind::AuthRequired, "a token is needed to decide on changes").into()),
        }
    }

    /// Refuses a token that does not see the scope that is served; where none is named, it must see all.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn must_see(&self, scope: Option<&Scope>) -> Result<(), Refusal> {
        let sees = match self {
            Self::Stdio { .. } => true,
            Self::Http(caller) => scope.map_or_else(|| caller.scopes().is_none(), |scope| caller.sees(scope)),
        };
        if sees {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Forbidden, "the token does not allow this registry").into())
        }
    }

    fn must(&self, what: &str, may: fn(Role) -> bool) -> Result<(), Refusal> {
        match self {
            Self::Http(caller) if caller.name.is_some() && !may(caller.role()) => {
                let message = format!("the token's role, {}, does not allow to {what}", caller.role());
                Err(Error::new(ErrorKind::Forbidden, message).into())
            }
            _ => Ok(()),
        }
    }
}
