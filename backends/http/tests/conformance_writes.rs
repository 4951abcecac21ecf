//! The conformance suite on a catalog by another hand that keeps an audit too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod foreign;

fn main() -> std::process::ExitCode {
    let mut capabilities = mcp_registry_spec::Capabilities::read_write();
    capabilities.supports_audit = true;
    foreign::main("tier3", capabilities)
}
