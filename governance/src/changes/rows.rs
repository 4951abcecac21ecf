//! Changes as the database has them.

use std::time::SystemTime;

use mcp_registry_spec::time::{from_millis, to_millis};
use mcp_registry_spec::{Digest, Error, ErrorKind, McpServerSpec, Result, Scope, ServerName};
use mcp_registry_store::sqlx::{AssertSqlSafe, Row as _, query};
use mcp_registry_store::{Query, Row};

use super::change::{Change, Outcome};
use super::engine::Filter;
use super::party::{Mode, Surface};
use super::proposal::{Place, Proposal};
use super::state::State;

/// Everything that is stored of a change, in the order in which it is inserted.
const COLUMNS: &str = "id, identity, state, action, backend_id, locator, scope, name, entry, replaces, difference,
    requested_by, actor_role, approval_reason, source, mode, priority, scheduled_at, created_at, expires_at,
    decided_by, decision_reason, decided_at, executor, finished_at, outcome";
/// How many changes a list shows when nobody says.
const SHOWN: usize = 100;

/// A change, with what only this program needs of it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) change: Change,
    pub(super) proposal: Proposal,
    /// Who carries it out, as others see whether they are alive.
    pub(super) executor: Option<String>,
}

impl Stored {
    /// The change of a row.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`] for a row that nobody here wrote so.
    pub(super) fn read(row: &Row) -> Result<Self> {
        try_read(row).ok_or_else(|| {
            let id: String = row.try_get("id").unwrap_or_default();
            let what = format!("the change {} cannot be read", mcp_registry_spec::text::quote(&id));
            Error::new(ErrorKind::DescriptorInvalid, what).hint("it was written by other means")
        })
    }

    /// Refuses a change that is another than its identity says: what is looked at, decided on and carried out by id is
    /// what was asked for (H4).
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`].
    pub(super) fn check_identity(&self) -> Result<()> {
        let Change { id, place, replaces, identity, .. } = &self.change;
        if place.identity(&self.proposal, replaces.as_ref())? == *identity {
            return Ok(());
        }
        let what = format!("the change {id} is another than was asked for");
        Err(Error::new(ErrorKind::DescriptorInvalid, what)
            .hint("it was altered by other means, and ends when its time is over"))
    }

    /// Stores a change that is new; nothing is done where one of its identity is active (H5).
    pub(super) fn insert(&self) -> Result<Query> {
        let Change { place, .. } = &self.change;
        let sql = format!(
            "INSERT INTO mcp_changes ({COLUMNS}) VALUES
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
              NULL, NULL, NULL, NULL, NULL, NULL)
             ON CONFLICT (identity) WHERE state IN ('pending', 'executing') DO NOTHING"
        );
        let change = &self.change;
        let entry = self.proposal.entry().map(json).transpose()?;
        Ok(query(AssertSqlSafe(sql))
            .bind(change.id.to_string())
            .bind(change.identity.to_string())
            .bind(change.state.as_str())
            .bind(change.action.as_str())
            .bind(place.backend_id.clone())
            .bind(place.locator.clone())
            .bind(place.scope.as_ref().map(Scope::to_string))
            .bind(change.name.to_string())
            .bind(entry)
            .bind(change.replaces.map(|digest| digest.to_string()))
            .bind(change.difference.clone())
            .bind(change.requested_by.clone())
            .bind(change.actor_role.clone())
            .bind(change.approval_reason.clone())
            .bind(change.source.as_str())
            .bind(change.mode.as_str())
            .bind(change.priority)
            .bind(change.scheduled_at.map(to_millis))
            .bind(to_millis(change.created_at))
            .bind(to_millis(change.expires_at)))
    }

    /// Stores how a change stands now, where it still stands as it did `before`.
    pub(super) fn update(&self, before: &Change) -> Result<Query> {
        let change = &self.change;
        let outcome = change.outcome.as_ref().map(json).transpose()?;
        Ok(query(
            "UPDATE mcp_changes SET state = $3, decided_by = $4, decision_reason = $5, decided_at = $6, executor = $7,
             finished_at = $8, outcome = $9
             WHERE id = $1 AND state = $2 AND COALESCE(finished_at, -1) = $10",
        )
        .bind(change.id.to_string())
        .bind(before.state.as_str())
        .bind(change.state.as_str())
        .bind(change.decided_by.clone())
        .bind(change.decision_reason.clone())
        .bind(change.decided_at.map(to_millis))
        .bind(self.executor.clone())
        .bind(change.finished_at.map(to_millis))
        .bind(outcome)
        .bind(before.finished_at.map_or(-1, to_millis)))
    }
}

/// The change of that id.
pub(super) fn by_id(id: &str) -> Query {
    query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM mcp_changes WHERE id = $1"))).bind(id.to_owned())
}

/// The one of that identity that is pending or executing.
pub(super) fn active(identity: &Digest) -> Query {
    let sql = format!("SELECT {COLUMNS} FROM mcp_changes WHERE identity = $1 AND state IN ('pending', 'executing')");
    query(AssertSqlSafe(sql)).bind(identity.to_string())
}

/// Those that are pending in a place.
pub(super) fn waiting(place: &Place) -> Query {
    query(
        "SELECT id FROM mcp_changes WHERE state = 'pending' AND backend_id = $1 AND locator = $2
         AND COALESCE(scope, '') = $3",
    )
    .bind(place.backend_id.clone())
    .bind(place.locator.clone())
    .bind(place.scope.as_ref().map(Scope::to_string).unwrap_or_default())
}

/// Those that are pending and should not be any more.
pub(super) fn overdue(now: SystemTime) -> Query {
    let sql = format!("SELECT {COLUMNS} FROM mcp_changes WHERE state = 'pending' AND expires_at <= $1");
    query(AssertSqlSafe(sql)).bind(to_millis(now))
}

/// Those that somebody carries out, or did when they died.
pub(super) fn unsettled() -> Query {
    query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM mcp_changes WHERE state IN ('executing', 'interrupted') AND finished_at IS NULL"
    )))
}

/// Those that a list shows, in its order (H14).
pub(super) fn listed(filter: &Filter) -> Query {
    let scopes = filter.scopes.as_deref();
    let among = |scopes: &[Scope]| {
        let numbers: Vec<_> = (0..scopes.len()).map(|i| format!("${}", i + 5)).collect();
        // A list of none is written so in no dialect.
        if numbers.is_empty() { " AND 1 = 0".to_owned() } else { format!(" AND scope IN ({})", numbers.join(", ")) }
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM mcp_changes WHERE state LIKE $1
         AND ($3 = '' OR (backend_id = $3 AND locator = $4)){} ORDER BY
         CASE WHEN state = 'pending' THEN 0 ELSE 1 END,
         CASE WHEN state = 'pending' THEN -priority ELSE 0 END,
         CASE WHEN state = 'pending' THEN created_at ELSE -created_at END, id
         LIMIT $2",
        scopes.map(among).unwrap_or_default()
    );
    let state = filter.state.map_or("%", State::as_str);
    let limit = i64::try_from(filter.limit.unwrap_or(SHOWN)).unwrap_or(i64::MAX);
    let (backend_id, locator) = filter.storage.clone().unwrap_or_default();
    let select = query(AssertSqlSafe(sql)).bind(state).bind(limit).bind(backend_id).bind(locator);
    scopes.unwrap_or_default().iter().fold(select, |select, scope| select.bind(scope.to_string()))
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|cause| Error::new(ErrorKind::InvalidSpec, "has no JSON form").caused_by(cause))
}

fn try_read(row: &Row) -> Option<Stored> {
    let text = |column: &str| row.try_get::<String, _>(column).ok();
    let maybe = |column: &str| row.try_get::<Option<String>, _>(column).ok();
    let number = |column: &str| row.try_get::<i64, _>(column).ok();
    let time = |column: &str| Some(row.try_get::<Option<i64>, _>(column).ok()?.map(from_millis));
    let name = ServerName::parse(&text("name")?).ok()?;
    let entry: Option<McpServerSpec> = match maybe("entry")? {
        Some(entry) => Some(serde_json::from_str(&entry).ok()?),
        None => None,
    };
    let proposal = match (text("action")?.as_str(), entry) {
        ("install", Some(entry)) => Proposal::Install(entry),
        ("update", Some(entry)) => Proposal::Update(entry),
        ("uninstall", None) => Proposal::Uninstall(name.clone()),
        _ => return None,
    };
    if *proposal.name() != name {
        return None;
    }
    let (source, mode) = (text("source")?, text("mode")?);
    let change = Change {
        id: text("id")?.parse().ok()?,
        identity: text("identity")?.parse().ok()?,
        state: text("state")?.parse().ok()?,
        action: proposal.action(),
        place: Place {
            backend_id: text("backend_id")?,
            locator: text("locator")?,
            scope: maybe("scope")?.map(|scope| Scope::parse(&scope)).transpose().ok()?,
        },
        name,
        entry: proposal.entry().map(McpServerSpec::masked),
        replaces: maybe("replaces")?.map(|digest| digest.parse()).transpose().ok()?,
        difference: text("difference")?,
        requested_by: text("requested_by")?,
        actor_role: text("actor_role")?,
        approval_reason: text("approval_reason")?,
        source: Surface::from_name(&source)?,
        mode: Mode::from_name(&mode)?,
        priority: number("priority")?,
        scheduled_at: time("scheduled_at")?,
        created_at: time("created_at")??,
        expires_at: time("expires_at")??,
        decided_by: maybe("decided_by")?,
        decision_reason: maybe("decision_reason")?,
        decided_at: time("decided_at")?,
        finished_at: time("finished_at")?,
        outcome: maybe("outcome")?.map(|outcome| serde_json::from_str::<Outcome>(&outcome)).transpose().ok()?,
    };
    Some(Stored { change, proposal, executor: maybe("executor")? })
}
