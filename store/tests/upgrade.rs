//! A database of an older version is brought up to date: whole, once, and with nothing lost; or it stays what
//! it was.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod both;
mod rows;

use std::process::{Command, Stdio};

use mcp_registry_spec::{AgentId, ErrorKind, Scope};
use mcp_registry_store::sqlx::{self, Connection as _, query};
use mcp_registry_store::{AgentFilter, AgentState, Agents, Report, Role, Token, Tokens};
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::{Missing, Tried, trials};
use sha2::{Digest as _, Sha256};

use both::{Database, on_both, open, run};
use rows::{put, scopes, seen};

/// The newest version there is.
const NEWEST: &str = "4";
/// Makes this very program one that opens the database that the variable names, and writes a scope of that name
/// into it, where one is named.
const OPEN: &str = "MCP_REGISTRY_TEST_UPGRADE";
const WRITE: &str = "MCP_REGISTRY_TEST_UPGRADE_WRITE";

/// Everything that a database of version 1 holds.
const CONTENT: [&str; 4] = [
    "SELECT * FROM mcp_scopes ORDER BY scope",
    "SELECT * FROM mcp_entries ORDER BY scope, name",
    "SELECT * FROM mcp_audit ORDER BY scope, seq",
    "SELECT id, name, hash, role, scopes, created, expires, revoked FROM mcp_tokens ORDER BY id",
];

/// The same, with one that was made by each of these versions.
fn on_both_from<const N: usize>(versions: [usize; N], test: impl AsyncFn(Database) -> Tried) -> Tried {
    for version in versions {
        on_both(async |database| {
            make(&database, version).await;
            test(database).await
        })?;
    }
    Ok(())
}

/// Makes it one of an older version, by the statements that made such a one.
async fn make(database: &Database, version: usize) {
    let sqlite = [
        include_str!("../src/schema/sqlite/1.sql"),
        include_str!("../src/schema/sqlite/2.sql"),
        include_str!("../src/schema/sqlite/3.sql"),
    ];
    let postgres = [
        include_str!("../src/schema/postgres/1.sql"),
        include_str!("../src/schema/postgres/2.sql"),
        include_str!("../src/schema/postgres/3.sql"),
    ];
    for statements in if database.is_sqlite() { sqlite } else { postgres }.iter().take(version) {
        database.run(statements).await;
    }
}

/// Puts something in all of its first tables; gives the token that is among it.
async fn fill(database: &Database) -> Token {
    let rows = |each: &dyn Fn(u32) -> String| (0..50).map(each).collect::<Vec<_>>().join(", ");
    let entries = rows(&|i| format!("('a', 'n-{i}', 'text {i}', 'd')"));
    database.run(&format!("INSERT INTO mcp_entries (scope, name, spec, digest) VALUES {entries}")).await;
    let audit = rows(&|i| format!("('a', {i}, 'me', 'install', 'n-{i}', 'done')"));
    database.run(&format!("INSERT INTO mcp_audit (scope, seq, actor, action, name, outcome) VALUES {audit}")).await;
    let token = Token::random().unwrap();
    let mut connection = database.connect().await;
    let insert = query("INSERT INTO mcp_tokens (id, name, hash, role, scopes) VALUES ($1, 'ci', $2, 'writer', '*')");
    let hash = Sha256::digest(token.expose().as_bytes()).to_vec();
    insert.bind(token.id().to_owned()).bind(hash).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    token
}

async fn content(database: &Database) -> Vec<String> {
    let mut all = Vec::new();
    for table in CONTENT {
        let rows = database.rows(table).await;
        assert!(!rows.is_empty(), "{table}");
        all.extend(rows);
    }
    all
}

async fn version(database: &Database) -> String {
    database.rows("SELECT version FROM mcp_meta").await.concat()
}

/// Plants a change; of the columns that matter here.
async fn change(database: &Database, id: &str, identity: &str, state: &str, created: u32) -> sqlx::Result<()> {
    let mut connection = database.connect().await;
    let insert = query(
        "INSERT INTO mcp_changes (id, identity, state, action, backend_id, locator, name, difference, requested_by,
             actor_role, approval_reason, source, mode, priority, created_at, expires_at)
         VALUES ($1, $2, $3, 'install', 'sql', '', 'n', '', 'me', 'OPS', 'why', 'cli', 'claimed', 0, $4, 9)",
    );
    let insert = insert.bind(id.to_owned()).bind(identity.to_owned()).bind(state.to_owned()).bind(i64::from(created));
    let done = insert.execute(&mut connection).await.map(drop);
    connection.close().await.unwrap();
    done
}

fn nothing_is_lost_by_the_first_reader() -> Tried {
    on_both(async |database| {
        make(&database, 1).await;
        let token = fill(&database).await;
        let before = content(&database).await;
        let tokens = Tokens::new(database.store());
        let grant = tokens.verify(token.expose()).await.unwrap().unwrap();
        assert_eq!((grant.name.as_str(), grant.role), ("ci", Role::Writer));
        assert_eq!(version(&database).await, NEWEST);
        assert_eq!(content(&database).await, before);
        Ok(())
    })
}

fn nothing_is_lost_by_the_first_writer() -> Tried {
    on_both(async |database| {
        make(&database, 1).await;
        let token = fill(&database).await;
        let before = content(&database).await;
        let store = database.store();
        store.begin().await.unwrap().commit().await.unwrap();
        assert_eq!(version(&database).await, NEWEST);
        assert_eq!(content(&database).await, before);
        assert!(Tokens::new(store).verify(token.expose()).await.unwrap().is_some());
        let head = "SELECT id, seq, hash FROM mcp_ledger_head";
        assert_eq!(database.rows(head).await, [format!("1|0|sha256:{}", "0".repeat(64))]);
        Ok(())
    })
}

fn of_twins_the_one_that_is_carried_out_stays_else_the_oldest() -> Tried {
    on_both(async |database| {
        make(&database, 2).await;
        for (id, identity, state, created) in [
            ("a1", "a", "pending", 1),
            ("a2", "a", "executing", 2),
            ("a3", "a", "pending", 3),
            ("a4", "a", "completed", 4),
            ("b1", "b", "pending", 7),
            ("b2", "b", "pending", 5),
            ("b3", "b", "pending", 5),
            ("c1", "c", "executing", 2),
            ("c2", "c", "executing", 1),
            ("d1", "d", "rejected", 1),
            ("d2", "d", "pending", 1),
        ] {
            change(&database, id, identity, state, created).await.unwrap();
        }
        assert_eq!(database.store().fetch(|| query("SELECT id FROM mcp_changes")).await.unwrap().len(), 11);
        assert_eq!(version(&database).await, NEWEST);
        let states = database.rows("SELECT id, state FROM mcp_changes ORDER BY id").await;
        assert_eq!(
            states,
            [
                "a1|cancelled",
                "a2|executing",
                "a3|cancelled",
                "a4|completed",
                "b1|cancelled",
                "b2|pending",
                "b3|cancelled",
                "c1|cancelled",
                "c2|executing",
                "d1|rejected",
                "d2|pending",
            ]
        );
        let told = "SELECT count(*) FROM mcp_changes WHERE state = 'cancelled' AND finished_at > 1600000000000
                    AND outcome = '{\"error\":null,\"note\":\"the same was asked for more than once; another request for it was kept\"}'";
        assert_eq!(database.rows(told).await, ["5"]);
        assert_eq!(database.rows("SELECT count(*) FROM mcp_changes WHERE outcome IS NOT NULL").await, ["5"]);
        // From now on there are none.
        for (identity, state, is_one) in
            [("b", "pending", true), ("b", "executing", true), ("b", "expired", false), ("e", "pending", false)]
        {
            let id = format!("later-{identity}-{state}");
            let done = change(&database, &id, identity, state, 1).await;
            let unique = |e: &sqlx::Error| e.as_database_error().is_some_and(|e| e.is_unique_violation());
            assert_eq!(done.as_ref().is_err_and(unique), is_one, "{id}: {done:?}");
            assert_eq!(done.is_err(), is_one, "{id}: {done:?}");
        }
        Ok(())
    })
}

fn agents_come_to_a_database_of_any_version() -> Tried {
    on_both_from([1, 2, 3], async |database| {
        let token = fill(&database).await;
        let before = content(&database).await;
        let agents = Agents::new(database.store());
        let everything = AgentFilter { scopes: None, state: None, after: None, limit: 9 };
        assert!(agents.list(&everything).await.unwrap().is_empty());
        assert_eq!((version(&database).await.as_str(), content(&database).await), (NEWEST, before));
        let tokens = Tokens::new(database.store());
        assert_eq!(tokens.verify(token.expose()).await.unwrap().unwrap().agent, None);
        let (scope, id) = (Scope::parse("a").unwrap(), AgentId::parse("x").unwrap());
        let reporter = tokens.create_reporter("r", &scope, &id, None).await.unwrap();
        assert_eq!(tokens.verify(reporter.expose()).await.unwrap().unwrap().agent, Some(id.clone()));
        let report = Report::new(scope, id).runtime("test").unwrap();
        assert_eq!(agents.register(&report).await.unwrap().state, AgentState::Online);
        Ok(())
    })
}

fn an_upgrade_for_agents_that_fails_leaves_what_was() -> Tried {
    on_both_from([3], async |database| {
        fill(&database).await;
        let before = content(&database).await;
        // The view comes last, and its name is taken.
        database.run("CREATE TABLE mcp_agent_states (theirs TEXT)").await;
        let error = put(&database.store(), "b").await.unwrap_err();
        assert!(error.to_string().contains("cannot upgrade (from schema 3 to 4)"), "{error}");
        assert_eq!((version(&database).await.as_str(), content(&database).await), ("3", before));
        let agent = "SELECT agent FROM mcp_tokens";
        let mut connection = database.connect().await;
        assert!(query(agent).fetch_all(&mut connection).await.is_err(), "the column that came first is gone");
        connection.close().await.unwrap();
        Ok(())
    })
}

fn many_processes_bring_it_up_to_date_at_once() -> Tried {
    if let Ok(locator) = std::env::var(OPEN) {
        run(async {
            let store = open(&locator);
            match std::env::var(WRITE) {
                Ok(scope) => put(&store, &scope).await.unwrap(),
                Err(_) => assert!(!seen(&store).await.is_empty()),
            }
        });
        return Ok(());
    }
    on_both(async |database| {
        make(&database, 1).await;
        fill(&database).await;
        let processes: Vec<_> = (0..16)
            .map(|i| {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--exact", "many_processes_bring_it_up_to_date_at_once"]).env(OPEN, &database.locator);
                if i % 2 == 0 {
                    command.env(WRITE, format!("scope-{i:02}"));
                }
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for process in processes {
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(version(&database).await, NEWEST);
        assert_eq!(database.rows("SELECT count(*) FROM mcp_scopes WHERE scope LIKE 'scope-%'").await, ["8"]);
        assert_eq!(database.rows("SELECT count(*) FROM mcp_ledger_head").await, ["1"]);
        Ok(())
    })
}

fn a_failure_half_way_leaves_what_was() -> Tried {
    on_both(async |database| {
        make(&database, 1).await;
        fill(&database).await;
        let before = content(&database).await;
        let columns = async || database.rows("SELECT * FROM mcp_tokens").await;
        let all = columns().await;
        // The last table of version 2 cannot be made.
        database.run("CREATE TABLE mcp_ledger_head (theirs TEXT)").await;
        let store = database.store();
        for error in [store.fetch(scopes).await.map(drop).unwrap_err(), put(&store, "b").await.unwrap_err()] {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
            assert!(error.to_string().contains("cannot upgrade (from schema 1 to 4)"), "{error}");
            assert!(error.to_string().contains("mcp_ledger_head"), "{error}");
        }
        assert_eq!((version(&database).await.as_str(), content(&database).await), ("1", before.clone()));
        assert_eq!(columns().await, all);
        // What is in the way gone, the same store goes on.
        database.run("DROP TABLE mcp_ledger_head").await;
        put(&store, "b").await.unwrap();
        assert_eq!(version(&database).await, NEWEST);
        Ok(())
    })
}

fn twins_are_as_they_were_when_settling_them_fails() -> Tried {
    on_both(async |database| {
        make(&database, 2).await;
        change(&database, "1", "a", "pending", 1).await.unwrap();
        change(&database, "2", "a", "pending", 2).await.unwrap();
        let changes = "SELECT * FROM mcp_changes ORDER BY id";
        let before = database.rows(changes).await;
        // The index comes after the twins were settled, and its name is taken.
        database.run("CREATE TABLE mcp_changes_active (theirs TEXT)").await;
        let error = database.store().fetch(scopes).await.map(drop).unwrap_err();
        assert!(error.to_string().contains("cannot upgrade (from schema 2 to 4)"), "{error}");
        assert_eq!((version(&database).await.as_str(), database.rows(changes).await), ("2", before));
        Ok(())
    })
}

fn what_never_was_is_refused() -> Tried {
    on_both(async |database| {
        make(&database, 1).await;
        for never in ["0", "-1"] {
            database.run(&format!("UPDATE mcp_meta SET version = {never}")).await;
            let error = put(&database.store(), "a").await.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
            assert!(error.to_string().contains("that never was"), "{error}");
            assert_eq!(version(&database).await, never);
        }
        Ok(())
    })
}

fn who_may_only_read_postgres_is_told_what_to_do() -> Tried {
    let server = Postgres::start()?;
    run(async {
        let database = Database::postgres(&server)?;
        make(&database, 1).await;
        database
            .run("CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
            .await;
        let (_, at) = database.locator.split_once('@').unwrap();
        let reader = format!("postgres://reader:r@{at}");
        let error = open(&reader).fetch(scopes).await.map(drop).unwrap_err();
        told(&error);
        assert_eq!(version(&database).await, "1");
        put(&database.store(), "a").await.unwrap();
        assert_eq!(open(&reader).fetch(scopes).await.unwrap().len(), 1);
        Ok(())
    })
}

fn who_may_only_read_sqlite_is_told_what_to_do() -> Tried {
    if let Ok(locator) = std::env::var(OPEN) {
        run(async { told(&open(&locator).fetch(scopes).await.map(drop).unwrap_err()) });
        return Ok(());
    }
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt as _;
    let database = Database::sqlite();
    run(make(&database, 1));
    let folder = database.folder.as_ref().unwrap().path();
    let allow = |mode| std::fs::set_permissions(folder.join("registry.db"), PermissionsExt::from_mode(mode)).unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    allow(0o444);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "who_may_only_read_sqlite_is_told_what_to_do"]).env(OPEN, &database.locator);
    if rustix::process::geteuid().is_root() {
        // No mode of a file keeps root from writing it.
        command.uid(65534).gid(65534);
    }
    let output = command.output().map_err(Missing::new)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(run(version(&database)), "1");
    Ok(())
}

fn told(error: &mcp_registry_spec::Error) {
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
    assert!(error.to_string().contains("cannot upgrade (from schema 1 to 4)"), "{error}");
    assert!(error.to_string().contains("as a user who may alter its tables"), "{error}");
}

trials!(
    nothing_is_lost_by_the_first_reader,
    nothing_is_lost_by_the_first_writer,
    of_twins_the_one_that_is_carried_out_stays_else_the_oldest,
    many_processes_bring_it_up_to_date_at_once,
    a_failure_half_way_leaves_what_was,
    twins_are_as_they_were_when_settling_them_fails,
    agents_come_to_a_database_of_any_version,
    an_upgrade_for_agents_that_fails_leaves_what_was,
    what_never_was_is_refused,
    who_may_only_read_postgres_is_told_what_to_do,
    who_may_only_read_sqlite_is_told_what_to_do,
);
