//! Agents that say that they are alive, and in which state they are (rules C37 to C43).

mod batch;
mod record;
mod report;
mod requirements;
mod writer;

use std::time::Duration;

use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope};
use sqlx::{Row as _, query};

use crate::store::{Query, Row, Store};

use batch::Batch;
pub use record::{AgentRecord, AgentState};
pub use report::Report;
pub use requirements::{Requirement, Requirements};
use writer::Writer;

/// The agents of a catalog, as they last reported.
///
/// A report stands for a time, after which the agent is offline. The moment of a report and the moment at which
/// somebody looks are told by the clock of the database, so that all who share it agree.
///
/// ```
/// use mcp_registry_spec::{AgentId, Locator, Scope};
/// use mcp_registry_store::{AgentState, Agents, Options, Report, Store};
///
/// # let folder = std::env::temp_dir().join(format!("mcp-registry-agents-doc-{}", std::process::id()));
/// # let locator = Locator::new(&format!("sqlite:{}", folder.join("registry.db").display()));
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let agents = Agents::new(Store::new(&locator, Options::default())?);
/// let report = Report::new(Scope::parse("scout")?, AgentId::parse("scout-1")?).runtime("claude-code")?.present(true);
/// assert!(agents.heartbeat(report.clone()).await?.is_none(), "it never registered");
/// assert_eq!(agents.register(&report).await?.state, AgentState::Online);
/// assert!(agents.heartbeat(report).await?.is_some());
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), mcp_registry_spec::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Agents {
    store: Store,
    time: Duration,
    writer: Writer,
}

/// Which agents a list is to show.
#[derive(Debug, Clone)]
pub struct AgentFilter {
    /// Those of these scopes, which are sorted; of all when it is not said.
    pub scopes: Option<Vec<Scope>>,
    /// Those in this state.
    pub state: Option<AgentState>,
    /// Those that follow this one.
    pub after: Option<(Scope, AgentId)>,
    /// At most so many.
    pub limit: usize,
}

impl Agents {
    /// For how long a report stands when nobody says.
    pub const TIME: Duration = Duration::from_secs(90);

    /// Those kept in a database. Touches nothing.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { writer: Writer::new(store.clone()), store, time: Self::TIME }
    }

    /// For how long the reports stand that are taken from now on.
    #[must_use]
    pub fn standing(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Keeps what an agent says as it begins, in the place of all it said before. Whether it was
    /// [refused](AgentRecord::refused) for want of a server that its scope requires, the record says.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] for a report that does not say what the agent runs on; else as [`Store::begin`].
    pub async fn register(&self, report: &Report) -> Result<AgentRecord> {
        if !report.says_runtime() {
            return Err(Error::new(ErrorKind::InvalidSpec, "an agent that registers says what it runs on"));
        }
        let batch = Batch::new(&self.store, std::iter::once(report.row(self.time)));
        let mut transaction = self.store.begin().await?;
        transaction.execute(batch.begins()).await?;
        let rows = transaction.fetch(batch.agents()).await?;
        transaction.commit().await?;
        record::first(&self.store, &rows)
    }

    /// Keeps what an agent says as it goes on; `None` when it never registered. Those that come at the same time
    /// are written together, and each is answered once it is kept.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn heartbeat(&self, report: Report) -> Result<Option<AgentRecord>> {
        self.writer.write(report, self.time).await
    }

    /// Agents in the order of their scopes' and then their ids' bytes.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub async fn list(&self, filter: &AgentFilter) -> Result<Vec<AgentRecord>> {
        let Some(scopes) = &filter.scopes else { return self.read(|| all(filter)).await };
        let mut found: Vec<AgentRecord> = Vec::new();
        for scope in scopes {
            let left = filter.limit.saturating_sub(found.len());
            let after = match &filter.after {
                Some((passed, _)) if scope < passed => continue,
                Some((current, id)) if scope == current => id.as_str(),
                _ => "",
            };
            found.extend(self.read(|| of_scope(scope, after, filter.state, left)).await?);
        }
        Ok(found)
    }

    /// How many agents are in each state.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub async fn count(&self) -> Result<Vec<(AgentState, u64)>> {
        let counts = || query("SELECT state, COUNT(*) AS agents FROM mcp_agent_states GROUP BY state");
        let rows = self.store.fetch(counts).await?;
        let count = |row: &Row| -> Result<(AgentState, u64)> {
            let agents: i64 = row.try_get("agents").map_err(self.store.failed("cannot read"))?;
            Ok((record::state(&self.store, row)?, u64::try_from(agents).unwrap_or_default()))
        };
        let found: Vec<_> = rows.iter().map(count).collect::<Result<_>>()?;
        let of = |state| found.iter().find(|(known, _)| *known == state).map_or(0, |(_, agents)| *agents);
        Ok(AgentState::ALL.iter().map(|state| (*state, of(*state))).collect())
    }

    async fn read(&self, query: impl Fn() -> Query + Send + Sync) -> Result<Vec<AgentRecord>> {
        self.store.fetch(query).await?.iter().map(|row| record::read(&self.store, row)).collect()
    }
}

fn all(filter: &AgentFilter) -> Query {
    let (scope, id) = filter.after.as_ref().map_or(("", ""), |(scope, id)| (scope.as_str(), id.as_str()));
    query(
        "SELECT * FROM mcp_agent_states
         WHERE (scope, id) > ($1, $2) AND ($3 = '' OR state = $3) ORDER BY scope, id LIMIT $4",
    )
    .bind(scope.to_owned())
    .bind(id.to_owned())
    .bind(filter.state.map_or("", AgentState::as_str))
    .bind(i64::try_from(filter.limit).unwrap_or(i64::MAX))
}

fn of_scope(scope: &Scope, after: &str, state: Option<AgentState>, limit: usize) -> Query {
    query(
        "SELECT * FROM mcp_agent_states
         WHERE scope = $1 AND id > $2 AND ($3 = '' OR state = $3) ORDER BY id LIMIT $4",
    )
    .bind(scope.to_string())
    .bind(after.to_owned())
    .bind(state.map_or("", AgentState::as_str))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
}
