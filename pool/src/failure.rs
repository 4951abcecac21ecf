//! Why a server is not in the pool.

use std::fmt;
use std::time::Duration;

use mcp_registry_spec::{Error, ServerName, text};
use serde::Serialize;

use crate::about::About;
use crate::process::Exit;

/// The steps of connecting to a server, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Reading the entry and resolving its references.
    Resolve,
    /// Making the process.
    Spawn,
    /// The first exchange: versions and capabilities.
    Initialize,
    /// Listing the tools.
    List,
    /// Comparing it with what it should be.
    Verify,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Resolve => "resolve",
            Self::Spawn => "spawn",
            Self::Initialize => "initialize",
            Self::List => "list",
            Self::Verify => "verify",
        })
    }
}

/// What kind of failure it was; the names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// The entry cannot be used here: it is broken, or a variable is not set.
    Unresolved,
    /// No process could be made.
    NotStarted,
    /// It did not answer in time.
    TimedOut,
    /// The process ended.
    Exited,
    /// It closed the connection.
    Closed,
    /// What it said is no message of the protocol.
    Garbage,
    /// A message of it, or all its tools, are larger than is read.
    TooLarge,
    /// It answered with an error.
    Refused,
    /// It asks for credentials, or for others.
    Unauthorized,
    /// It cannot be reached, or answers otherwise than HTTP wants.
    Unreachable,
    /// It does not keep to the protocol.
    Protocol,
    /// A tool's name cannot be offered (S11).
    ToolName,
    /// It is not what it should be.
    Differs,
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
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server {}: {}: {}", text::quote(self.name.as_str()), self.phase, self.message)
    }
}

impl std::error::Error for Failure {}
