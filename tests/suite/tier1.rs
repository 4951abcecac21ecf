//! The conformance suite on a catalog service that only reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod on_sqlite;

fn main() -> std::process::ExitCode {
    on_sqlite::main(mcp_registry::wire::Tier::Read)
}
