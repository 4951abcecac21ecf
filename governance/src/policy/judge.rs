//! Judging a server by what it is, whatever it is called (P13).

use mcp_registry_spec::text;

use super::environment;
use super::host::Endpoint;
use super::launchers::{self, Launched};
use super::servers::Servers;
use super::words::{Launch, What, Word, Words};

/// Why a server is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: String,
    /// The rule of `POLICY.md`.
    pub(super) number: &'static str,
    /// The key of `[servers]` that would allow it; none where nothing in the policy would.
    pub(super) key: Option<&'static str>,
}

/// Why a server is allowed.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) reason: String,
    pub(super) number: &'static str,
    pub(super) key: &'static str,
    pub(super) line: usize,
}

impl Refusal {
    fn new(number: &'static str, key: &'static str, reason: String) -> Self {
        Self { reason, number, key: Some(key) }
    }

    /// A command line that is not understood.
    pub(super) fn option(reason: String) -> Self {
        Self::new("P15", "launches", reason)
    }

    /// What is run is no package.
    pub(super) fn package(reason: String) -> Self {
        Self::new("P16", "packages", reason)
    }

    /// A reference where it is told what is run.
    pub(super) fn reference(reason: String) -> Self {
        Self { reason, number: "P18", key: None }
    }
}

impl Servers {
    /// Whether the server may be mounted. `own` are the commands the agent's own document allows,
    /// where it says so: they can only narrow what is allowed (P21).
    pub(super) fn judge(&self, launch: &Launch, own: Option<&[String]>) -> Result<Ground, Refusal> {
        let may_have = |key: &str| environment::is_harmless_key(key) || self.keys.iter().any(|at| at.value.fits(key));
        if let Some(key) = launch.keys.iter().find(|key| !may_have(key)) {
            let reason = format!("nobody knows what the key {} makes a client do", text::quote(key));
            return Err(Refusal::new("P20", "keys", reason));
        }
        match &launch.what {
            What::Remote(url) => self.judge_remote(url),
            What::Command { command, words, env } => {
                if own.is_some_and(|own| !own.iter().any(|allowed| allowed == command)) {
                    let reason =
                        format!("the agent's own \"## Allowed commands\" does not list {}", text::quote(command));
                    return Err(Refusal { reason, number: "P21", key: None });
                }
                let (ground, passed_on) = match self.named_whole(command, words) {
                    Some(ground) => (ground, Vec::new()),
                    None => self.judge_command(command, words)?,
                };
                env.iter().copied().chain(passed_on).try_for_each(|name| self.judge_variable(name))?;
                Ok(ground)
            }
        }
    }

    fn judge_remote(&self, url: &Word) -> Result<Ground, Refusal> {
        let Some(endpoint) = Endpoint::of_url(&url.start, !url.refers) else {
            let reason = "the host of the url is not spelt plainly; write https://HOST/ or https://HOST:PORT/";
            return Err(match url.refers {
                true => Refusal::reference(format!("{reason}, with references behind that only")),
                false => Refusal::new("P19", "hosts", reason.to_owned()),
            });
        };
        let host = if url.shown { format!("the host {endpoint}") } else { "the host".to_owned() };
        match self.hosts.iter().find(|pattern| pattern.value.fits(&endpoint)) {
            Some(pattern) => Ok(Ground {
                reason: format!("{host} is listed as \"{}\"", pattern.value),
                number: "P19",
                key: "hosts",
                line: pattern.line,
            }),
            None => Err(Refusal::new("P19", "hosts", format!("{host} is not listed"))),
        }
    }

    /// A command line that the policy lists as it is (P17).
    fn named_whole(&self, command: &str, words: &[Word]) -> Option<Ground> {
        let is_it = |line: &[String]| {
            line.split_first().is_some_and(|(first, rest)| {
                first == command
                    && rest.len() == words.len()
                    && rest.iter().zip(words).all(|(listed, word)| word.literal() == Some(listed.as_str()))
            })
        };
        let found = self.launches.iter().find(|line| is_it(&line.value))?;
        let reason = "the whole command line is listed".to_owned();
        Some(Ground { reason, number: "P17", key: "launches", line: found.line })
    }

    /// Judges a command and what it launches; also gives the variables it passes on.
    fn judge_command<'w>(&self, command: &'w str, words: &'w [Word<'w>]) -> Result<(Ground, Vec<&'w str>), Refusal> {
        let listed = self.commands.iter().find(|listed| listed.value == command).ok_or_else(|| {
            // A command is no template (rule 8), so this is no way to name one.
            let hint = if command.contains('$') { ", and references are not resolved in it" } else { "" };
            Refusal::new("P14", "commands", format!("the command {} is not listed{hint}", text::quote(command)))
        })?;
        let Some(launcher) = launchers::of(command)? else {
            let reason = format!("the command {} is listed", text::quote(command));
            return Ok((Ground { reason, number: "P14", key: "commands", line: listed.line }, Vec::new()));
        };
        let mut words = Words::new(launcher.name, words);
        let Launched { package, env } = (launcher.read)(&mut words)?;
        let called = if words.is_shown() { package.to_string() } else { format!("what {} runs", launcher.name) };
        match self.packages.iter().find(|pattern| pattern.value.fits(&package)) {
            Some(pattern) => {
                let reason = format!("{called} is listed as \"{}\"", pattern.value);
                Ok((Ground { reason, number: "P16", key: "packages", line: pattern.line }, env))
            }
            None => Err(Refusal::package(format!("{called} is not listed"))),
        }
    }

    fn judge_variable(&self, name: &str) -> Result<(), Refusal> {
        if environment::is_refused(name) && !self.env.iter().any(|listed| listed.value.fits(name)) {
            let reason = format!("the variable {} could change what is run, and is not listed", text::quote(name));
            return Err(Refusal::new("P20", "env", reason));
        }
        Ok(())
    }
}
