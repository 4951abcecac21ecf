//! Probing: what servers list when they run (E13).

use mcp_registry_spec::{Error, ErrorKind, LaunchSpec, McpServerSpec, Result, async_trait};

/// How what a delivery has found is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The server.
    pub spec: LaunchSpec,
    /// The commands that the list of the delivery's own registry allows, where it has one. It narrows what the
    /// agent's list allows, and never adds to it.
    pub allowed: Option<Vec<String>>,
}

/// What a delivery has found, as it is written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The server.
    pub spec: McpServerSpec,
    /// As of a [`Launch`].
    pub allowed: Option<Vec<String>>,
}

/// Starts servers, or reaches them, and asks for their tools.
#[async_trait]
pub trait Prober: Send + Sync {
    /// The names of the tools that each server lists, or why it could not be asked, in the order of `launches`. The
    /// prober keeps the spawn gate (rule 12): every one of them is shown to it before any is started.
    ///
    /// # Errors
    /// What the gate refuses; nothing was started then.
    async fn tools(&self, launches: Vec<Launch>) -> Result<Vec<Result<Vec<String>>>>;

    /// Shows the gate what cannot be started, as a reference of it has no value: that is no way past it.
    ///
    /// # Errors
    /// What the gate refuses; nothing is started then.
    fn check_written(&self, written: &Written) -> Result<()>;
}

/// Starts nothing: of a contract with a `required_tool` it tells no presence where there is something to start.
#[derive(Debug, Clone, Copy, Default)]
pub struct CannotProbe;

#[async_trait]
impl Prober for CannotProbe {
    async fn tools(&self, _: Vec<Launch>) -> Result<Vec<Result<Vec<String>>>> {
        Err(Error::new(ErrorKind::Unsupported, "this program cannot start servers to ask for their tools"))
    }

    fn check_written(&self, _: &Written) -> Result<()> {
        Ok(())
    }
}
