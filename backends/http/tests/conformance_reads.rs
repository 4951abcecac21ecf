//! The conformance suite on a catalog by another hand that only reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod foreign;

fn main() -> std::process::ExitCode {
    foreign::main("tier1v", mcp_registry_spec::Capabilities::read_only())
}
