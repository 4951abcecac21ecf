//! The conformance suite on the `mcp.md` backend.

mod documents;

use std::process::ExitCode;

use documents::McpMd;

fn main() -> ExitCode {
    let fixture = tempfile::tempdir().map(|root| McpMd { root });
    fixture.map_or(ExitCode::FAILURE, mcp_registry_conformance::main)
}
