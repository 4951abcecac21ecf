//! The conformance suite on the `sql` backend, in a Postgres of the test's own. Where none can be
//! started, that is what the test says; in CI it fails.

mod database;

use std::process::ExitCode;

use database::Database;
use mcp_registry_conformance::worker;
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::Tried;

fn main() -> ExitCode {
    if worker::is_worker() {
        return mcp_registry_conformance::main(Database::elsewhere());
    }
    let Ok(postgres) = Postgres::get() else {
        return mcp_registry_test_trials::run([("the_suite_on_postgres", needs_postgres as fn() -> Tried)]);
    };
    mcp_registry_conformance::main(Database {
        locator: postgres.url(),
        // Nobody listens there.
        unreachable: "postgres://tester:hunter2-of-postgres@127.0.0.1:1/postgres".to_owned(),
        secrets: postgres.password().map(str::to_owned).into_iter().collect(),
    })
}

/// Says why there is none.
fn needs_postgres() -> Tried {
    Postgres::get().map(drop)
}
