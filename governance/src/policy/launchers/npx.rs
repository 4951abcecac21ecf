//! `npx [OPTIONS] PACKAGE[@VERSION] [ARGS]`.

use super::{Kind, Launched, Launcher, Meaning, Refusal, Words, package};

pub(super) static LAUNCHER: Launcher = Launcher { name: "npx", read };

fn read<'w>(words: &mut Words<'w, '_>) -> Result<Launched<'w>, Refusal> {
    let target = words.target(|option, _| Ok(Meaning::harmless_if(matches!(option, "-y" | "--yes"))))?;
    let package = package(words, Kind::Npm, target, "name of a package of npm's registry")?;
    Ok(Launched { package, env: Vec::new() })
}
