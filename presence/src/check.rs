//! Telling presence: every delivery of the contract is looked at (E6).

use std::sync::Arc;

use mcp_registry_spec::redact::redact;
use mcp_registry_spec::{Environment, Result, text};

use crate::contract::Contract;
use crate::held::Held;
use crate::presence::{Looked, Presence};
use crate::prober::Prober;
use crate::registries::Registries;

impl Contract {
    /// Tells whether the server is present (E6).
    ///
    /// Files are read on the thread that drives this. Where `registries` opens a backend that needs a Tokio runtime,
    /// or `prober` does, one is around it.
    pub async fn check(
        &self,
        environment: &Arc<dyn Environment>,
        registries: &dyn Registries,
        prober: &dyn Prober,
    ) -> Presence {
        let mut tools = None;
        let mut deliveries = Vec::with_capacity(self.deliveries.len());
        for delivery in &self.deliveries {
            let found = match delivery.find(environment, registries).await {
                Ok(held) => self.proven(held, &**environment, prober).await,
                Err(why) => Err(why),
            };
            let reason = found.as_ref().err().map(|why| safe(why));
            let holds = reason.is_none();
            deliveries.push(Looked { kind: delivery.kind(), place: safe(&delivery.to_string()), holds, reason });
            tools = tools.or(found.ok().flatten());
        }
        Presence::new(self.server.clone(), deliveries, tools)
    }

    /// Looks for the tool that proves what was found, where there is one, and gives all tools then (E13).
    async fn proven(
        &self,
        held: Held,
        environment: &dyn Environment,
        prober: &dyn Prober,
    ) -> Result<Option<Vec<String>>, String> {
        let Some(tool) = &self.required_tool else {
            held.close().await;
            return Ok(None);
        };
        let launch = held.launch(&self.server, environment).await;
        held.close().await;
        let launch = launch.map_err(|error| error.to_string())?;
        let tools = prober.tools(&launch.spec, launch.allowed.as_deref()).await.map_err(|error| error.to_string())?;
        if tools.contains(tool) {
            return Ok(Some(tools));
        }
        Err(format!("the server runs, and has no tool {}", text::quote(tool)))
    }
}

/// A text that may be shown: others wrote some of it.
fn safe(text: &str) -> String {
    text::escape(&redact(text)).into_owned()
}
