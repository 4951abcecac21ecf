//! What the catalog answers at: its paths, by which requests are routed, counted and logged.

use std::borrow::Cow;

use mcp_registry_governance::{ChangeId, Refusal};
use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, ServerName};
use percent_encoding::percent_decode_str;

macro_rules! endpoints {
    ($($(#[$doc:meta])* $variant:ident = $path:literal,)*) => {
        /// A resource of the catalog.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Endpoint {
            $($(#[$doc])* $variant,)*
        }

        impl Endpoint {
            /// Every one there is.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its path, with the place of a name in braces: what logs and metrics show.
            pub(crate) fn path(self) -> &'static str {
                match self { $(Self::$variant => $path),* }
            }
        }
    };
}

endpoints! {
    /// The entries of a scope.
    Servers = "/mcp-servers",
    /// One of them.
    Server = "/mcp-servers/{name}",
    /// What a static look at one of them finds.
    Validate = "/mcp-servers/{name}/validate",
    /// What the catalog offers to who asks.
    Capabilities = "/capabilities",
    /// What was asked to be written.
    Audit = "/audit",
    /// The scopes there are.
    Scopes = "/scopes",
    /// The commands that an agent allows.
    AllowedCommands = "/allowed-commands",
    /// What a change would do.
    ChangePreview = "/changes/preview",
    /// The changes that were asked for.
    Changes = "/changes",
    /// One of them.
    Change = "/changes/{id}",
    /// Approving it.
    ChangeApprove = "/changes/{id}/approve",
    /// Rejecting it.
    ChangeReject = "/changes/{id}/reject",
    /// Taking it back.
    ChangeCancel = "/changes/{id}/cancel",
    /// What an agent says as it begins.
    AgentRegister = "/agents/register",
    /// What it says as it goes on.
    AgentHeartbeat = "/agents/{id}/heartbeat",
    /// The agents that did.
    Agents = "/agents",
    /// That the process runs.
    Health = "/healthz",
    /// That its storage answers.
    Ready = "/readyz",
    /// Figures.
    Metrics = "/metrics",
    /// The description of all this.
    OpenApi = "/openapi.json",
    /// None of these.
    Unknown = "(none)",
}

impl Endpoint {
    /// Whether it is answered to whoever asks: nothing of what is stored shows there (rule C14).
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Health | Self::Ready | Self::Metrics | Self::OpenApi | Self::Unknown)
    }

    /// Whether an agent reports there (rule C37).
    pub(crate) fn is_report(self) -> bool {
        matches!(self, Self::AgentRegister | Self::AgentHeartbeat)
    }

    /// The name that stands in a path of this endpoint.
    pub(crate) fn name(self, path: &str) -> Result<ServerName> {
        ServerName::parse(&self.decoded(path, "{name}")?)
    }

    /// The id of an agent that stands in a path of this endpoint.
    pub(crate) fn agent(self, path: &str) -> Result<AgentId> {
        AgentId::parse(&self.decoded(path, "{id}")?)
    }

    /// The id of a change that stands in a path of this endpoint. No id needs an escape.
    pub(crate) fn id(self, path: &str) -> Result<ChangeId, Refusal> {
        self.varying(path, "{id}").parse()
    }

    fn decoded(self, path: &str, name: &str) -> Result<String> {
        let name = percent_decode_str(self.varying(path, name)).decode_utf8();
        name.map(Cow::into_owned).map_err(|_| Error::new(ErrorKind::InvalidName, "a name in the path is not UTF-8"))
    }

    /// What stands in a path in the place of `name`.
    fn varying<'p>(self, path: &'p str, name: &str) -> &'p str {
        let (before, after) = self.path().split_once(name).unwrap_or((self.path(), ""));
        path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_names_come_from_paths() {
        for (path, name) in [("/mcp-servers/a", "a"), ("/mcp-servers/a%2Bb%40c", "a+b@c"), ("/mcp-servers/a+b", "a+b")]
        {
            assert_eq!(Endpoint::Server.name(path).unwrap().as_str(), name);
            assert_eq!(Endpoint::Validate.name(&format!("{path}/validate")).unwrap().as_str(), name);
        }
        for bad in ["/mcp-servers/..%2Fx", "/mcp-servers/", "/mcp-servers/%00", "/mcp-servers/%ff", "/else"] {
            assert_eq!(Endpoint::Server.name(bad).unwrap_err().kind(), ErrorKind::InvalidName, "{bad}");
        }
    }

    #[test]
    fn rule_c38_agents_come_from_paths() {
        let agent = |path| Endpoint::AgentHeartbeat.agent(path).map(|id| id.to_string()).ok();
        assert_eq!(agent("/agents/a%2B1/heartbeat").as_deref(), Some("a+1"));
        for bad in ["/agents/..%2Fx/heartbeat", "/agents//heartbeat", "/agents/%ff/heartbeat", "/agents/a"] {
            assert_eq!(agent(bad), None, "{bad}");
        }
    }

    #[test]
    fn rule_c32_ids_come_from_paths() {
        let id = |endpoint: Endpoint, path| endpoint.id(path).map(|id| id.to_string()).ok();
        assert_eq!(id(Endpoint::Change, "/changes/a-1").as_deref(), Some("a-1"));
        assert_eq!(id(Endpoint::ChangeApprove, "/changes/a-1/approve").as_deref(), Some("a-1"));
        for bad in ["/changes/", "/changes/%61", "/changes/a%00", "/changes/..", "/else", "/changes/a/b"] {
            assert_eq!(id(Endpoint::Change, bad), None, "{bad}");
        }
    }
}
