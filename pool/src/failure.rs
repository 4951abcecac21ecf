//! Why a server is not in the pool.

use std::fmt;
use std::time::Duration;

use mcp_registry_spec::{Error, ServerName, named, text};

use crate::about::About;
use crate::process::Exit;

named! {
    /// The steps of connecting to a server, in their order.
    #[non_exhaustive]
    pub enum Phase {
        /// Reading the entry and resolving its references.
        Resolve = "resolve",
        /// Making the process.
        Spawn = "spawn",
        /// The first exchange: versions and capabilities.
        Initialize = "initialize",
        /// Listing the tools.
        List = "list",
        /// Comparing it with what it should be.
        Verify = "verify",
    }
}

named! {
    /// What kind of failure it was.
    #[non_exhaustive]
    pub enum Cause {
        /// The entry cannot be used here: it is broken, or a variable is not set.
        Unresolved = "unresolved",
        /// No process could be made.
        NotStarted = "not_started",
        /// It did not answer in time.
        TimedOut = "timed_out",
        /// The process ended.
        Exited = "exited",
        /// It closed the connection.
        Closed = "closed",
        /// What it said is no message of the protocol.
        Garbage = "garbage",
        /// A message of it, or all its tools, are larger than is read.
        TooLarge = "too_large",
        /// It answered with an error.
        Refused = "refused",
        /// It asks for credentials, or for others.
        Unauthorized = "unauthorized",
        /// It cannot be reached, or answers otherwise than HTTP wants.
        Unreachable = "unreachable",
        /// It does not keep to the protocol.
        Protocol = "protocol",
        /// A tool's name cannot be offered (S11).
        ToolName = "tool_name",
        /// It is not what it should be.
        Differs = "differs",
    }
}

/// Why a server is not in the pool: the phase, the cause, and what is known beside it.
///
/// Every text in it is masked and escaped, fit to be shown (S9).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The entry's name.
    pub name: ServerName,
    /// Where it failed.
    pub phase: Phase,
    /// What kind of failure it was.
    pub cause: Cause,
    /// What happened, in a sentence.
    pub message: String,
    /// How its process ended, where it did before it was told to.
    pub exit: Option<Exit>,
    /// The last lines it wrote to standard error; empty where there are none.
    pub stderr: String,
    /// What it said of itself, where it came as far as that.
    pub about: Option<About>,
    /// How long it took until it had failed, where it was tried.
    pub took: Option<Duration>,
}

impl Failure {
    /// An entry that could not be read or resolved.
    #[must_use]
    pub fn unresolved(name: ServerName, error: &Error) -> Self {
        Self::new(name, Phase::Resolve, Cause::Unresolved, error.to_string())
    }

    pub(crate) fn new(name: ServerName, phase: Phase, cause: Cause, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { name, phase, cause, message, exit: None, stderr: String::new(), about: None, took: None }
    }

    /// The same of a server that was stopped: where something of it is left, it says so (S7).
    pub(crate) fn stopped(mut self, is_gone: bool) -> Self {
        if !is_gone {
            self.message.push_str("; a process of it could not be killed");
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server {}: {}: {}", text::quote(self.name.as_str()), self.phase, self.message)
    }
}

impl std::error::Error for Failure {}
