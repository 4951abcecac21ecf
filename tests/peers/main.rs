//! The catalog service with other people's software: the Python reference as its client, and
//! schemathesis on its description. They are looked for in the folder that `MCP_REGISTRY_TEST_PEERS`
//! names, then on `PATH`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod reference;
mod schemathesis;
#[path = "../service_support/mod.rs"]
mod service;

use std::path::PathBuf;
use std::process::Command;

use mcp_registry_test_trials::{Missing, trials};

use reference::*;
use schemathesis::*;

/// A program of others.
fn peer(name: &str) -> Result<PathBuf, Missing> {
    let folder = std::env::var_os("MCP_REGISTRY_TEST_PEERS").map(PathBuf::from);
    let path = folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
    match Command::new(&path).arg("--help").output() {
        Ok(output) if output.status.success() => Ok(path),
        _ => Err(Missing::new(format!("{name} of PyPI is not installed"))),
    }
}

trials!(
    the_reference_reads_and_writes,
    the_reference_is_told_what_it_may_not,
    the_references_library_loads_what_we_store,
    every_answer_is_as_described,
    every_answer_to_a_report_is_as_described,
);
