//! What a server is started as, and with which environment (S6).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use mcp_registry_spec::environment::find_command;
use mcp_registry_spec::{LaunchSpec, LaunchTransport, text};

/// What belongs to this program and to none it starts: its settings, tokens among them.
const OWN: &[u8] = b"MCP_REGISTRY_";

/// The command that starts a server: its program, arguments and whole environment. `inherit` are the variables of
/// this process that it gets; `None` for all but `MCP_REGISTRY_*`.
///
/// It passes no gate: ask [`Gate::check`](crate::Gate::check) first.
///
/// # Errors
/// When the program is not there, or the server is a remote one.
pub fn command(launch: &LaunchSpec, inherit: Option<&[String]>) -> io::Result<Command> {
    let LaunchTransport::Stdio { command: program, args, env } = &launch.transport else {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "it is reached at a URL, and not started"));
    };
    // The command that was allowed is the one of this process's PATH: an entry that sets PATH chooses no other.
    let file = find_command(program).ok_or_else(|| {
        let place = if program.contains('/') { "is no file that can be run" } else { "is not on PATH" };
        io::Error::new(io::ErrorKind::NotFound, format!("the command {} {place}", text::quote(program)))
    })?;
    let mut command = Command::new(file);
    command.args(args.iter().map(|arg| arg.expose()));
    command.env_clear().envs(inherited(inherit));
    command.envs(env.iter().map(|(name, value)| (name, value.expose())));
    Ok(command)
}

/// The variables of this process that a server gets.
pub(crate) fn inherited(inherit: Option<&[String]>) -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(move |(name, _)| is_inherited(name, inherit))
}

fn is_inherited(name: &OsStr, inherit: Option<&[String]>) -> bool {
    !name.as_bytes().starts_with(OWN) && inherit.is_none_or(|names| names.iter().any(|listed| name == listed.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s6_what_is_this_programs_own_is_never_inherited() {
        let is = |name: &str, inherit: Option<&[String]>| is_inherited(OsStr::new(name), inherit);
        assert!(is("PATH", None) && is("MCP_REGISTR", None));
        assert!(!is("MCP_REGISTRY_AUTH_TOKEN", None) && !is("MCP_REGISTRY_", None));
        let some = ["PATH".to_owned(), "MCP_REGISTRY_AUTH_TOKEN".to_owned()];
        assert!(is("PATH", Some(&some)) && !is("HOME", Some(&some)) && !is("PATHS", Some(&some)));
        assert!(!is("MCP_REGISTRY_AUTH_TOKEN", Some(&some)) && !is("PATH", Some(&[])));
    }
}
