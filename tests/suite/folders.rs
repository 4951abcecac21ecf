//! The conformance suite on a catalog service of tier 2, in folders of documents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../../backends/filesystem/tests/documents/mod.rs"]
mod documents;

use std::process::ExitCode;

use common::Served;
use documents::McpMd;
use mcp_registry::wire::Tier;
use mcp_registry_conformance::worker;

const TIER: Tier = Tier::Write;

fn main() -> ExitCode {
    if worker::is_worker() {
        return mcp_registry_conformance::main(Served::elsewhere(TIER));
    }
    let root = tempfile::tempdir().unwrap();
    let locator = format!("filesystem:{}", root.path().display());
    mcp_registry_conformance::main(Served::start(TIER, &locator, McpMd { root }))
}
