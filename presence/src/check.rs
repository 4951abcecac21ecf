//! Telling presence: every delivery of the contract is looked at (E6).

use std::sync::Arc;

use mcp_registry_spec::redact::redact;
use mcp_registry_spec::{Environment, Result, text};

use crate::contract::Contract;
use crate::delivery::Delivery;
use crate::presence::{Looked, Presence};
use crate::prober::{Launch, Prober};
use crate::registries::Registries;

/// What a delivery that holds was asked for: its tools, where one is required.
type Found = Result<Option<Vec<String>>, String>;

impl Contract {
    /// Tells whether the server is present (E6).
    ///
    /// Files are read on the thread that drives this. Where `registries` opens a backend that needs a Tokio runtime,
    /// or `prober` does, one is around it.
    ///
    /// # Errors
    /// What the prober refuses to start: nothing was started then, and no presence is told (E13).
    pub async fn check(
        &self,
        environment: &Arc<dyn Environment>,
        registries: &dyn Registries,
        prober: &dyn Prober,
    ) -> Result<Presence> {
        let found = match &self.required_tool {
            None => self.claimed(environment, registries).await,
            Some(tool) => self.proven(tool, environment, registries, prober).await?,
        };
        let mut tools = None;
        let mut deliveries = Vec::with_capacity(found.len());
        for (delivery, found) in self.deliveries.iter().zip(found) {
            let reason = found.as_ref().err().map(|why| safe(why));
            let holds = reason.is_none();
            deliveries.push(Looked { kind: delivery.kind(), place: safe(&delivery.to_string()), holds, reason });
            tools = tools.or(found.ok().flatten());
        }
        Ok(Presence::new(self.server.clone(), deliveries, tools))
    }

    /// Looks at the claim of each delivery alone.
    async fn claimed(&self, environment: &Arc<dyn Environment>, registries: &dyn Registries) -> Vec<Found> {
        let mut found = Vec::with_capacity(self.deliveries.len());
        for delivery in &self.deliveries {
            found.push(match delivery.find(environment, registries).await {
                Ok(held) => {
                    held.close().await;
                    Ok(None)
                }
                Err(why) => Err(why),
            });
        }
        found
    }

    /// Looks for the tool in whatever was found. All of it is found before any of it is started (E13).
    async fn proven(
        &self,
        tool: &str,
        environment: &Arc<dyn Environment>,
        registries: &dyn Registries,
        prober: &dyn Prober,
    ) -> Result<Vec<Found>> {
        let mut launches = Vec::with_capacity(self.deliveries.len());
        let mut found = Vec::with_capacity(self.deliveries.len());
        for delivery in &self.deliveries {
            let launch = self.launch(delivery, environment, registries, prober).await?;
            found.push(launch.map(|launch| launches.push(launch)));
        }
        let answers = if launches.is_empty() { Vec::new() } else { prober.tools(launches).await? };
        let mut answers = answers.into_iter();
        let mut asked = || match answers.next() {
            Some(Ok(tools)) if tools.iter().any(|own| own == tool) => Ok(Some(tools)),
            Some(Ok(_)) => Err(format!("the server runs, and has no tool {}", text::quote(tool))),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("nobody told of its tools".to_owned()),
        };
        Ok(found.into_iter().map(|found| found.and_then(|()| asked())).collect())
    }

    /// How what a delivery finds is started, or why it is not.
    ///
    /// # Errors
    /// What the prober refuses.
    async fn launch(
        &self,
        delivery: &Delivery,
        environment: &Arc<dyn Environment>,
        registries: &dyn Registries,
        prober: &dyn Prober,
    ) -> Result<Result<Launch, String>> {
        let held = match delivery.find(environment, registries).await {
            Ok(held) => held,
            Err(why) => return Ok(Err(why)),
        };
        let launch = match held.written(&self.server).await {
            Ok(written) => match held.launch(&written, &**environment).await {
                Ok(launch) => Ok(Ok(launch)),
                Err(error) => prober.check_written(&written).map(|()| Err(error.to_string())),
            },
            Err(error) => Ok(Err(error.to_string())),
        };
        held.close().await;
        launch
    }
}

/// A text that may be shown: others wrote some of it.
fn safe(text: &str) -> String {
    text::escape(&redact(text)).into_owned()
}
