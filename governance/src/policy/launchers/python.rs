//! `python [OPTIONS] FILE [ARGS]` and `python [OPTIONS] -m MODULE [ARGS]`.

use super::{Kind, Launched, Launcher, Meaning, Refusal, Words, package};

pub(super) static LAUNCHER: Launcher = Launcher { name: "python", read };

fn read<'w>(words: &mut Words<'w, '_>) -> Result<Launched<'w>, Refusal> {
    let (mut kind, mut wanted) = (Kind::File, "whole path of a file");
    let target = words.target(|option, words| {
        Ok(match option {
            "-u" | "-I" | "-B" | "-E" | "-s" | "-S" | "-P" | "-O" | "-OO" => Meaning::Harmless,
            "-m" => {
                (kind, wanted) = (Kind::Module, "name of a module");
                Meaning::Target(words.literal()?)
            }
            _ => Meaning::Unknown,
        })
    })?;
    let package = package(words, kind, target, wanted)?;
    Ok(Launched { package, env: Vec::new() })
}
