//! The conformance suite on a catalog service that only reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../../backends/sql/tests/database/mod.rs"]
mod database;

use std::process::ExitCode;

use common::Served;
use database::Database;
use mcp_registry::wire::Tier;
use mcp_registry_conformance::worker;

const TIER: Tier = Tier::Read;

fn main() -> ExitCode {
    if worker::is_worker() {
        return mcp_registry_conformance::main(Served::elsewhere(TIER));
    }
    let folder = tempfile::tempdir().unwrap();
    let locator = format!("sqlite:{}/catalog.db", folder.path().display());
    let database = Database { locator: locator.clone(), ..Database::elsewhere() };
    mcp_registry_conformance::main(Served::start(TIER, &locator, database))
}
