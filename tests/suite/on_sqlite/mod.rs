//! The suite on a service that keeps its entries in SQLite.

#[path = "../../../backends/sql/tests/database/mod.rs"]
mod database;

use std::process::ExitCode;

use database::Database;
use mcp_registry::wire::Tier;
use mcp_registry_conformance::worker;

use crate::common::Served;

/// Runs the suite on a service of that tier.
pub(crate) fn main(tier: Tier) -> ExitCode {
    if worker::is_worker() {
        return mcp_registry_conformance::main(Served::elsewhere(tier));
    }
    let folder = tempfile::tempdir().unwrap();
    let locator = format!("sqlite:{}/catalog.db", folder.path().display());
    let database = Database { locator: locator.clone(), ..Database::elsewhere() };
    mcp_registry_conformance::main(Served::start(tier, &locator, database))
}
