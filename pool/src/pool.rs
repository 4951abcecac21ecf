//! Many servers at once.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream;
use mcp_registry_spec::{Error, ErrorKind, LaunchSpec, Result, ServerName, text};
use rmcp::model::{CallToolResult, Tool};

use crate::call::{Call, CallError};
use crate::connect::connect;
use crate::failure::{Cause, Failure, Phase};
use crate::gate::Gate;
use crate::options::Options;
use crate::problem::named;
use crate::process::{Alone, let_go_of_ended};
use crate::qualified::qualify;
use crate::server::Server;

/// Servers that are connected, and the failures of those that are not.
///
/// [`close`](Self::close) lets them end in peace. A pool that is dropped kills them, and the thread waits for that.
#[derive(Debug)]
pub struct Pool {
    servers: Vec<Server>,
    failures: Vec<Failure>,
    /// Which server has the tool of that qualified name, and which of its tools it is.
    index: HashMap<String, (usize, usize)>,
    options: Options,
    /// Where all that the servers forsook is swept (S8).
    alone: Option<Alone>,
}

/// A tool that a pool offers.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// Whose it is.
    pub server: &'a Server,
    /// What the server says of it.
    pub tool: &'a Tool,
}

impl Offered<'_> {
    /// The name under which it is called: `server__tool`.
    #[must_use]
    pub fn qualified(&self) -> String {
        // It was checked before it was offered.
        qualify(self.server.name(), &self.tool.name).unwrap_or_default()
    }
}

impl Pool {
    /// Starts or reaches all of them, in parallel. First every one is shown to the gate, before anything is started.
    ///
    /// # Errors
    /// What the gate refuses: nothing is started then. What fails otherwise is one of the [`failures`](Self::failures).
    pub async fn connect(launches: Vec<LaunchSpec>, gate: &Gate, options: Options) -> Result<Self> {
        Self::connect_with(launches, gate, options, |_, _| {}).await
    }

    /// The same; `settled` is told of each server as soon as it is connected or has failed.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with(
        launches: Vec<LaunchSpec>,
        gate: &Gate,
        options: Options,
        settled: impl Fn(&ServerName, Option<&Failure>),
    ) -> Result<Self> {
        launches.iter().try_for_each(|launch| gate.check(launch))?;
        let alone = if options.only_children { Alone::look() } else { None };
        let mut pool = Self { servers: Vec::new(), failures: Vec::new(), index: HashMap::new(), options, alone };
        let options = &pool.options;
        let attempts = launches.into_iter().enumerate().map(|(place, launch)| async move {
            let name = launch.name.clone();
            (place, name, connect(launch, options).await)
        });
        let settle = |(place, name, result): (usize, ServerName, std::result::Result<Server, Failure>)| {
            settled(&name, result.as_ref().err());
            (place, result)
        };
        let mut results: Vec<_> =
            stream::iter(attempts).buffer_unordered(options.jobs.get()).map(settle).collect().await;
        // What is offered does not depend on who was quicker.
        results.sort_by_key(|(place, _)| *place);
        for (_, result) in results {
            match result {
                Ok(server) => pool.add(server).await,
                Err(failure) => pool.failures.push(failure),
            }
        }
        Ok(pool)
    }

    /// The servers that are connected, in the order they were given.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The others, and why.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The tools of all of them.
    pub fn tools(&self) -> impl Iterator<Item = Offered<'_>> {
        self.servers.iter().flat_map(|server| server.tools().iter().map(move |tool| Offered { server, tool }))
    }

    /// The tool of that qualified name.
    #[must_use]
    pub fn tool(&self, qualified: &str) -> Option<Offered<'_>> {
        let (server, tool) = self.index.get(qualified)?;
        let server = self.servers.get(*server)?;
        Some(Offered { server, tool: server.tools().get(*tool)? })
    }

    /// Calls the tool of that qualified name.
    ///
    /// # Errors
    /// When there is no result; a tool that says that it failed has one.
    pub async fn call(&self, qualified: &str, call: Call) -> std::result::Result<CallToolResult, CallError> {
        let Offered { server, tool } =
            self.tool(qualified).ok_or_else(|| CallError::NoSuchTool(qualified.to_owned()))?;
        server.call(&tool.name, call).await
    }

    /// Ends all of them: their standard input is closed, then they are asked to end, then killed.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when a process could not be killed, naming its server.
    pub async fn close(mut self) -> Result<()> {
        let grace = self.options.timeouts.stop;
        let servers = std::mem::take(&mut self.servers);
        let stops = servers.into_iter().map(|server| async move {
            let name = server.name().clone();
            (!server.stop(grace).await).then(|| text::quote(name.as_str()))
        });
        let left: Vec<_> = futures_util::future::join_all(stops).await.into_iter().flatten().collect();
        // The rest of it is that of dropping.
        drop(self);
        if left.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, format!("processes of {} could not be killed", left.join(", "))))
    }

    /// Offers the tools of a server, unless another has one of their qualified names already (S11).
    async fn add(&mut self, server: Server) {
        let place = self.servers.len();
        // That each can be offered was checked when they were listed.
        let names: Vec<_> = server.tools().iter().filter_map(|tool| qualify(server.name(), &tool.name).ok()).collect();
        let taken: Vec<_> = names
            .iter()
            .filter_map(|name| {
                let other = self.tool(name)?.server.name().as_str();
                Some(format!("{} is also a tool of the server {}", text::quote(name), text::quote(other)))
            })
            .collect();
        if taken.is_empty() {
            self.index.extend(names.into_iter().enumerate().map(|(tool, name)| (name, (place, tool))));
            self.servers.push(server);
            return;
        }
        let message = named(&taken);
        let (name, about, took) = (server.name().clone(), Some(server.about()), Some(server.took()));
        let is_gone = server.stop(self.options.timeouts.stop).await;
        let failure = Failure { about, took, ..Failure::new(name, Phase::List, Cause::ToolName, message) };
        self.failures.push(failure.stopped(is_gone));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.servers.clear();
        match &self.alone {
            Some(alone) => alone.sweep(),
            // Nobody else waits for what ended: orphans that this process was given.
            None if self.options.only_children => let_go_of_ended(),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An agent connects and calls on any thread of its runtime.
    #[test]
    fn s12_its_futures_go_from_thread_to_thread() {
        fn is_send<T: Send>(_: &T) {}
        let gate = Gate::default();
        is_send(&Pool::connect(Vec::new(), &gate, Options::default()));
        let _ = |pool: Pool| {
            is_send(&pool.call("a__b", Call::default()));
            is_send(&pool.close());
        };
    }
}
