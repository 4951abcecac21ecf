//! Launchers: commands that run what their arguments say (P15).
//!
//! Of each the options are known that cannot change what is run; one file says which, and what the
//! first word behind them means. Whatever else stands there is not understood, and so refused.

mod docker;
mod node;
mod npx;
mod python;
mod uvx;

use mcp_registry_spec::text;

use super::judge::Refusal;
use super::package::{Kind, Package};
use super::words::{Meaning, Words};

/// A command whose arguments are read.
pub(super) struct Launcher {
    /// What it is called.
    pub(super) name: &'static str,
    /// Says what is run.
    pub(super) read: Read,
}

type Read = for<'w, 'a> fn(&mut Words<'w, 'a>) -> Result<Launched<'w>, Refusal>;

/// What a launcher runs.
pub(super) struct Launched<'w> {
    pub(super) package: Package,
    /// The variables that it is told to hand on.
    pub(super) env: Vec<&'w str>,
}

/// Commands that run whatever their arguments say, and whose arguments are not read here. To list one
/// as a command would allow everything, so only a whole command line can name it (P17).
const ANYTHING: &str = "\
    sh bash dash zsh ksh fish csh tcsh busybox cmd powershell pwsh env sudo su doas xargs parallel nice \
    nohup setsid timeout time stdbuf script watch systemd-run unshare chroot nsenter ssh npm pnpm pnpx \
    yarn corepack bun bunx deno tsx ts-node uv pipx pip poetry hatch conda mise nix nix-shell podman \
    nerdctl kubectl py pypy perl ruby php lua tclsh awk gawk osascript java go cargo dotnet make";

/// The launcher that a command is, by the name of its file; `None` for a program that is what it is.
///
/// # Errors
/// For one that runs whatever it is told.
pub(super) fn of(command: &str) -> Result<Option<&'static Launcher>, Refusal> {
    let file = command.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let stem = [".exe", ".cmd", ".bat", ".ps1"].iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(&file);
    // Versions are part of many names: python3.12, node22.
    let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    Ok(Some(match stem {
        "npx" => &npx::LAUNCHER,
        "uvx" => &uvx::LAUNCHER,
        "docker" => &docker::LAUNCHER,
        "python" | "pythonw" => &python::LAUNCHER,
        "node" | "nodejs" => &node::LAUNCHER,
        _ if ANYTHING.split(' ').any(|name| name == stem) => {
            return Err(Refusal::option(format!("{stem} runs whatever its arguments say, which are not read here")));
        }
        _ => return Ok(None),
    }))
}

/// What `target` names, where `words` has just read it.
fn package(words: &Words, kind: Kind, target: &str, wanted: &str) -> Result<Package, Refusal> {
    Package::parse(kind, target).ok_or_else(|| {
        let quoted = if words.is_shown() { format!(", {},", text::quote(target)) } else { String::new() };
        Refusal::package(format!("{}{quoted} is no {wanted}", words.place()))
    })
}
