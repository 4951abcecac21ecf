//! How a pool goes about it.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::verifier::Verifier;

/// How a pool starts servers and how long it waits for them.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// How many servers are being connected at a time.
    pub jobs: NonZeroUsize,
    /// The variables of this process that its children get, beside those of the entry; `None` for all. Those that
    /// begin with `MCP_REGISTRY_` are never among them (S6).
    pub inherit_env: Option<Vec<String>>,
    /// Whether this process starts none but the pool's while the pool is there: then every other child that it is left
    /// with by then is one that a server forsook, and is killed with the pool. Not where it had a child before, or is
    /// the first of a system or a container: it may adopt orphans that no server left (S8).
    pub only_children: bool,
    /// Asked of each server before its tools are offered.
    pub verifier: Option<Arc<dyn Verifier>>,
}

impl Default for Options {
    fn default() -> Self {
        // Enough for those of any agent, and few enough not to fill a table of processes.
        const JOBS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);
        Self { timeouts: Timeouts::default(), jobs: JOBS, inherit_env: None, only_children: false, verifier: None }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timeouts, jobs, inherit_env, only_children, verifier } = self;
        f.debug_struct("Options")
            .field("timeouts", timeouts)
            .field("jobs", jobs)
            .field("inherit_env", inherit_env)
            .field("only_children", only_children)
            .field("verifier", &verifier.is_some())
            .finish()
    }
}

/// How long each phase of connecting to a server may take (S5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Making the process.
    pub spawn: Duration,
    /// From there until it answered `initialize`; what fetches a package first does it in this phase.
    pub initialize: Duration,
    /// All pages of its tools.
    pub list: Duration,
    /// What it is given to end by itself when it is asked to, before it is killed.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::each(Duration::from_secs(20))
    }
}

impl Timeouts {
    /// The same time for each phase.
    #[must_use]
    pub fn each(time: Duration) -> Self {
        Self { spawn: time, initialize: time, list: time, stop: Duration::from_secs(1).min(time) }
    }
}
