//! The `mcp-registry` command, with one backend more.
use mcp_registry_custom_backend as _;

fn main() -> std::process::ExitCode {
    mcp_registry::cli::main()
}
