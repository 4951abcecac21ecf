//! The conformance suite on a catalog service of tier 3, in a Postgres of the test's own. Where none can be
//! started, that is what the test says; in CI it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../../backends/sql/tests/database/mod.rs"]
mod database;

use std::process::ExitCode;

use common::Served;
use database::Database;
use mcp_registry::wire::Tier;
use mcp_registry_conformance::worker;
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::Tried;

const TIER: Tier = Tier::Audit;

fn main() -> ExitCode {
    if worker::is_worker() {
        return mcp_registry_conformance::main(Served::elsewhere(TIER));
    }
    let Ok(postgres) = Postgres::get() else {
        return mcp_registry_test_trials::run([("the_suite_on_postgres", needs_postgres as fn() -> Tried)]);
    };
    let secrets = postgres.password().map(str::to_owned).into_iter().collect();
    let database = Database { locator: postgres.url(), secrets, ..Database::elsewhere() };
    mcp_registry_conformance::main(Served::start(TIER, &postgres.url(), database))
}

/// Says why there is none.
fn needs_postgres() -> Tried {
    Postgres::get().map(drop)
}
