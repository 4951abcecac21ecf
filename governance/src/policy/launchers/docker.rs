//! `docker run [OPTIONS] IMAGE [ARGS]`.

use mcp_registry_spec::template::is_variable_name;

use super::{Kind, Launched, Launcher, Meaning, Refusal, Words, package};

pub(super) static LAUNCHER: Launcher = Launcher { name: "docker", read };

fn read<'w>(words: &mut Words<'w, '_>) -> Result<Launched<'w>, Refusal> {
    if words.literal()? != "run" {
        return Err(Refusal::option("of docker only \"docker run\" is understood here".to_owned()));
    }
    let mut env = Vec::new();
    let target = words.target(|option, words| {
        Ok(Meaning::harmless_if(match option {
            "-i" | "-t" | "-it" | "-ti" | "--interactive" | "--tty" | "--rm" | "--init" | "--read-only" => true,
            "--name" | "--pull" | "--cap-drop" | "--cpus" | "-m" | "--memory" | "--pids-limit" | "--platform" => {
                words.literal()?;
                true
            }
            "--network" => words.literal()? == "none",
            "--security-opt" => words.literal()? == "no-new-privileges",
            "--network=none" | "--security-opt=no-new-privileges" => true,
            "-e" | "--env" => {
                let word = words.word()?;
                env.push(variable(words, &word.start, word.refers)?);
                true
            }
            _ => match option.split_once('=') {
                Some((
                    "--name" | "--pull" | "--cap-drop" | "--cpus" | "--memory" | "--pids-limit" | "--platform",
                    _,
                )) => true,
                Some(("--env", assignment)) => {
                    env.push(variable(words, assignment, false)?);
                    true
                }
                _ => false,
            },
        }))
    })?;
    let package = package(words, Kind::Oci, target, "name of an image")?;
    Ok(Launched { package, env })
}

/// The name in `NAME` or `NAME=VALUE`, of which the value alone may refer to variables.
fn variable<'w>(words: &Words, assignment: &'w str, refers: bool) -> Result<&'w str, Refusal> {
    let (name, has_value) = assignment.split_once('=').map_or((assignment, false), |(name, _)| (name, true));
    if refers && !has_value {
        return Err(Refusal::reference(format!("{} refers to a variable in the name of one", words.place())));
    }
    if !is_variable_name(name) {
        return Err(Refusal::option(format!("{} names no variable", words.place())));
    }
    Ok(name)
}
