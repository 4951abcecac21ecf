//! What is written of agents, and read back: of any number of them in one statement.

use serde_json::Value;
use sqlx::{AssertSqlSafe, query};

use crate::place::Place;
use crate::store::{Query, Store};

/// What some agents say. It goes to the database as one argument: a statement is the same for any number of agents,
/// and what SQLite does with an argument takes the longer the more there are.
pub(super) struct Batch<'a> {
    place: &'a Place,
    said: String,
}

impl<'a> Batch<'a> {
    /// Of reports as rows, no two of the same agent.
    pub(super) fn new(store: &'a Store, rows: impl Iterator<Item = Value>) -> Self {
        Self { place: store.place(), said: Value::from_iter(rows).to_string() }
    }

    /// Keeps reports of agents that begin, and whether they are refused (rule C41).
    pub(super) fn begins(&self) -> Query {
        self.ask(
            "INSERT INTO mcp_agents (scope, id, runtime, present, ready, tools, timeout, refused)
             SELECT b.scope, b.id, b.runtime, b.present, b.ready, b.tools, b.timeout,
                 CASE WHEN COALESCE(b.present, 0) = 0
                     AND EXISTS (SELECT 1 FROM mcp_requirements AS r WHERE r.scope = b.scope) THEN 1 ELSE 0 END
             FROM b WHERE true
             ON CONFLICT (scope, id) DO UPDATE SET runtime = excluded.runtime, present = excluded.present,
                 ready = excluded.ready, tools = excluded.tools, timeout = excluded.timeout,
                 refused = excluded.refused, registered = excluded.registered, seen = excluded.seen",
        )
    }

    /// Keeps reports of agents that go on, of those that registered. In order, so that services that share a
    /// database never wait for each other crosswise.
    pub(super) fn goes_on(&self) -> Query {
        // SQLite takes what stands before CROSS JOIN first, and so looks for these agents alone.
        self.ask(
            "INSERT INTO mcp_agents (scope, id, runtime, present, ready, tools, timeout, refused, registered)
             SELECT a.scope, a.id, COALESCE(b.runtime, a.runtime), b.present, b.ready, b.tools, b.timeout, 0,
                 a.registered
             FROM b CROSS JOIN mcp_agents AS a WHERE a.scope = b.scope AND a.id = b.id ORDER BY a.scope, a.id
             ON CONFLICT (scope, id) DO UPDATE SET runtime = excluded.runtime, present = excluded.present,
                 ready = excluded.ready, tools = excluded.tools, timeout = excluded.timeout,
                 refused = excluded.refused, seen = excluded.seen",
        )
    }

    /// Asks for the agents, as they are now.
    pub(super) fn agents(&self) -> Query {
        self.ask("SELECT s.* FROM b CROSS JOIN mcp_agent_states AS s WHERE s.scope = b.scope AND s.id = b.id")
    }

    fn ask(&self, statement: &str) -> Query {
        let rows = match self.place {
            Place::Sqlite(_) => {
                "WITH b AS (SELECT value ->> 0 AS scope, value ->> 1 AS id, value ->> 2 AS runtime, value ->> 3 AS present,
                     value ->> 4 AS ready, value ->> 5 AS tools, value ->> 6 AS timeout FROM json_each($1))"
            }
            Place::Postgres { .. } => {
                "WITH b AS (SELECT value ->> 0 AS scope, value ->> 1 AS id, value ->> 2 AS runtime,
                     (value ->> 3)::BIGINT AS present, (value ->> 4)::BIGINT AS ready, value ->> 5 AS tools,
                     (value ->> 6)::BIGINT AS timeout FROM json_array_elements($1::JSON))"
            }
        };
        query(AssertSqlSafe(format!("{rows} {statement}"))).bind(self.said.clone())
    }
}
