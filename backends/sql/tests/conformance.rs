//! The conformance suite on the `sql` backend, in SQLite.

mod database;

use std::process::ExitCode;

use database::Database;
use mcp_registry_conformance::worker;

fn main() -> ExitCode {
    if worker::is_worker() {
        return mcp_registry_conformance::main(Database::elsewhere());
    }
    let Ok(folder) = tempfile::tempdir() else { return ExitCode::FAILURE };
    let path = folder.path().display();
    mcp_registry_conformance::main(Database {
        locator: format!("sqlite:{path}/registry.db"),
        // A folder is no database.
        unreachable: format!("sqlite:{path}"),
        secrets: Vec::new(),
    })
}
