//! The operator's policy, where the command line writes: no flag leads around it (rules P13, P21).

use mcp_registry_governance::{Launch, Policy, Source};
use mcp_registry_spec::{Error, McpServerRegistry, McpServerSpec, ProcessEnvironment, Transport};

/// Refuses an entry that the policy does not allow to be mounted.
///
/// # Errors
/// [`Forbidden`](mcp_registry_spec::ErrorKind::Forbidden), naming the rule;
/// [`ConfigInvalid`](mcp_registry_spec::ErrorKind::ConfigInvalid) for a policy that cannot be used; those of
/// reading the agent's own list.
pub(crate) async fn admit(registry: &McpServerRegistry, spec: &McpServerSpec) -> Result<(), Error> {
    let policy = Source::new(None, &ProcessEnvironment).load();
    let own = own_commands(&policy, registry, spec).await?;
    policy.judge(&Launch::from(spec), own.as_deref()).check()
}

/// What the agent's own document allows, where that matters to what the policy says of an entry.
pub(crate) async fn own_commands(
    policy: &Policy,
    registry: &McpServerRegistry,
    spec: &McpServerSpec,
) -> Result<Option<Vec<String>>, Error> {
    match spec.transport {
        Transport::Stdio(_) if policy.problems().is_empty() && policy.restricts_servers() => {
            registry.allowed_commands().await
        }
        _ => Ok(None),
    }
}
