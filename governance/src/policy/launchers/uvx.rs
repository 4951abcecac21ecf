//! `uvx [OPTIONS] PACKAGE[@VERSION] [ARGS]`.

use super::{Kind, Launched, Launcher, Meaning, Refusal, Words, package};

pub(super) static LAUNCHER: Launcher = Launcher { name: "uvx", read };

fn read<'w>(words: &mut Words<'w, '_>) -> Result<Launched<'w>, Refusal> {
    let target = words.target(|option, words| {
        Ok(Meaning::harmless_if(match option {
            "-q" | "--quiet" | "--no-progress" | "--offline" | "--isolated" | "-n" | "--no-cache" | "--refresh" => true,
            "-p" | "--python" => is_version(words.literal()?),
            _ => option.strip_prefix("--python=").is_some_and(is_version),
        }))
    })?;
    let package = package(words, Kind::Pypi, target, "name of a package of the Python package index")?;
    Ok(Launched { package, env: Vec::new() })
}

/// Whether this is a version of Python, and not the path of something that calls itself one.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
