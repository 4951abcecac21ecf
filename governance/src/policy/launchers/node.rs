//! `node [OPTIONS] FILE [ARGS]`.

use super::{Kind, Launched, Launcher, Meaning, Refusal, Words, package};

pub(super) static LAUNCHER: Launcher = Launcher { name: "node", read };

fn read<'w>(words: &mut Words<'w, '_>) -> Result<Launched<'w>, Refusal> {
    let target = words.target(|option, _| {
        Ok(Meaning::harmless_if(matches!(option, "--no-warnings" | "--no-deprecation" | "--enable-source-maps")))
    })?;
    let package = package(words, Kind::File, target, "whole path of a file")?;
    Ok(Launched { package, env: Vec::new() })
}
