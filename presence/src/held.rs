//! What a delivery that holds has found, and how that is started (E13).

use std::path::Path;
use std::sync::Arc;

use mcp_registry_spec::{Environment, McpServerRegistry, McpServerSpec, Result, Scope, ServerName};

use crate::delivery::{Delivery, Way};
use crate::entry::Entry;
use crate::place::LocatorTemplate;
use crate::prober::{Launch, Written};
use crate::program;
use crate::registries::Registries;

/// What was found.
pub(crate) enum Held {
    /// A program.
    Program(String),
    /// An entry of a settings file.
    Entry(Entry),
    /// An entry of a registry.
    Registered(McpServerRegistry, Box<McpServerSpec>),
}

impl Delivery {
    /// Looks whether it holds.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) async fn find(
        &self,
        environment: &Arc<dyn Environment>,
        registries: &dyn Registries,
    ) -> Result<Held, String> {
        let here = &**environment;
        match &self.0 {
            Way::Path(path) => {
                let path = path.resolve(here)?;
                program::at(&path, here)?;
                Ok(Held::Program(path))
            }
            Way::Command(name) => {
                program::on_path(name, here)?;
                Ok(Held::Program(name.clone()))
            }
            Way::Settings { syntax, file, table, key } => {
                let way: Vec<_> = table.iter().chain([key]).cloned().collect();
                Ok(Held::Entry(syntax.entry(Path::new(&file.resolve(here)?), &way)?))
            }
            Way::Registry { locator, scope, name } => {
                registered(locator, scope.as_ref(), name, environment, registries).await
            }
        }
    }
}

async fn registered(
    locator: &LocatorTemplate,
    scope: Option<&Scope>,
    name: &ServerName,
    environment: &Arc<dyn Environment>,
    registries: &dyn Registries,
) -> Result<Held, String> {
    let locator = locator.resolve(&**environment)?;
    // What is said of a locator repeats parts of it, and a variable may have brought them in.
    let registry = registries.open(&locator, scope, environment).map_err(|error| {
        let kind = error.kind();
        format!("its locator opens no registry ({kind}): look at its scheme, and at what its variables hold")
    })?;
    match registry.load(name).await {
        Ok(spec) => Ok(Held::Registered(registry, Box::new(spec))),
        Err(error) => {
            give_back(&registry).await;
            Err(error.to_string())
        }
    }
}

impl Held {
    /// How it is started, as `server`, as it is written.
    ///
    /// # Errors
    /// When it is no entry, or the list of its registry cannot be had.
    pub(crate) async fn written(&self, server: &ServerName) -> Result<Written> {
        let own = |spec| Ok(Written { spec, allowed: None });
        match self {
            Self::Program(command) => own(McpServerSpec::stdio(server.clone(), command.clone())),
            Self::Entry(entry) => own(entry.spec(server)?),
            Self::Registered(registry, spec) => {
                Ok(Written { spec: (**spec).clone(), allowed: registry.allowed_commands().await? })
            }
        }
    }

    /// The same with its references resolved.
    ///
    /// # Errors
    /// When it cannot be started: a variable is not set, or the backend refuses.
    pub(crate) async fn launch(&self, written: &Written, environment: &dyn Environment) -> Result<Launch> {
        let spec = match self {
            Self::Registered(registry, spec) => registry.resolve(spec).await?,
            _ => written.spec.resolve(environment)?,
        };
        Ok(Launch { spec, allowed: written.allowed.clone() })
    }

    /// Gives back what it holds.
    pub(crate) async fn close(self) {
        if let Self::Registered(registry, _) = self {
            give_back(&registry).await;
        }
    }
}

async fn give_back(registry: &McpServerRegistry) {
    // It was only read: there is nothing that could be lost.
    let _ = registry.close().await;
}
