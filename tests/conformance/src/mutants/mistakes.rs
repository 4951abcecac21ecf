//! What mutants do to entries, names and scopes.

use mcp_registry_spec::{EnvTemplate, McpServerSpec, Scope, ServerName, TextTemplate, Transport};

use super::Mutation;
use crate::mock::MockStorage;

impl Mutation {
    /// The scope that is used in place of the one asked for.
    pub(super) fn scope(self, storage: &MockStorage, scope: &Scope) -> Scope {
        let text = match self {
            Self::MatchesScopesAsPatterns => scope.as_str().replace(['.', 'X'], "_"),
            _ => scope.as_str().to_owned(),
        };
        let scope = Scope::parse(&text).unwrap_or_else(|_| scope.clone());
        if self == Self::CreatesTheScope {
            storage.create_scope(&scope);
        }
        scope
    }

    /// The name that is used in place of the one asked for.
    pub(super) fn name(self, name: &ServerName) -> ServerName {
        match self {
            Self::FoldsCase => ServerName::parse(&name.as_str().to_ascii_lowercase()).unwrap_or_else(|_| name.clone()),
            _ => name.clone(),
        }
    }

    /// What is stored in place of the entry.
    pub(super) fn stored(self, spec: &McpServerSpec, actor: Option<&str>) -> McpServerSpec {
        let mut spec = McpServerSpec { name: self.name(&spec.name), ..spec.clone() };
        match (self, &mut spec.transport) {
            (Self::DropsExtraKeys, _) => spec.extra.clear(),
            (Self::StoresTheActor, _) => {
                spec.extra.insert("actor".to_owned(), actor.into());
            }
            (Self::TrimsArguments, Transport::Stdio(stdio)) => {
                stdio.args = texts(stdio.args.iter().map(|a| a.as_str().trim()));
            }
            (Self::SplitsArguments, Transport::Stdio(stdio)) => {
                stdio.args = texts(stdio.args.iter().flat_map(|a| a.as_str().split(',')));
            }
            (Self::DropsEmptyValues, Transport::Stdio(stdio)) => stdio.env.retain(|_, v| !v.as_str().is_empty()),
            (Self::ForgetsSse, Transport::Sse(remote)) => {
                spec.transport = Transport::StreamableHttp(remote.clone());
            }
            (Self::ResolvesWhenStoring, _) => return resolved(spec),
            _ => {}
        }
        spec
    }
}

fn texts<'a>(sources: impl Iterator<Item = &'a str>) -> Vec<TextTemplate> {
    sources.filter_map(|s| TextTemplate::parse(s).ok()).collect()
}

/// The entry with values in place of the references to variables that are set.
pub(super) fn resolved(mut spec: McpServerSpec) -> McpServerSpec {
    if let Transport::Stdio(stdio) = &mut spec.transport {
        for value in stdio.env.values_mut() {
            let read = value.as_str().strip_prefix('$').and_then(|name| std::env::var(name).ok());
            if let Some(literal) = read.and_then(|v| EnvTemplate::literal(&v).ok()) {
                *value = literal;
            }
        }
    }
    spec
}
