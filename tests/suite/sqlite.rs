//! The conformance suite on a catalog service of tier 3, in SQLite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod on_sqlite;

fn main() -> std::process::ExitCode {
    on_sqlite::main(mcp_registry::wire::Tier::Audit)
}
