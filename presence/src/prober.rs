//! Probing: what a server lists when it runs (E13).

use mcp_registry_spec::{Error, ErrorKind, LaunchSpec, Result, async_trait};

/// Starts servers, or reaches them, and asks for their tools.
#[async_trait]
pub trait Prober: Send + Sync {
    /// The names of the tools that the server lists. `allowed` are the commands that the agent's own list allows,
    /// where it has one; the prober keeps the spawn gate (rule 12).
    ///
    /// # Errors
    /// Why it could not be asked.
    async fn tools(&self, launch: &LaunchSpec, allowed: Option<&[String]>) -> Result<Vec<String>>;
}

/// Starts nothing: no contract with a `required_tool` holds by it.
#[derive(Debug, Clone, Copy, Default)]
pub struct CannotProbe;

#[async_trait]
impl Prober for CannotProbe {
    async fn tools(&self, _: &LaunchSpec, _: Option<&[String]>) -> Result<Vec<String>> {
        Err(Error::new(ErrorKind::Unsupported, "this program cannot start servers to ask for their tools"))
    }
}
