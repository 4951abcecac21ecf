//! The `mcp-registry` command: see [`mcp_registry::cli`].

fn main() -> std::process::ExitCode {
    mcp_registry::cli::main()
}
