//! The options that every command takes, before or after its name.

#[cfg(any(feature = "catalog", all(feature = "presence", feature = "http")))]
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::failure::Failure;
use super::printer::{Color, Format};

// No doc comment here: it would take the place of the command's own description. And no Debug, here
// or in whatever holds what was typed: it may be a secret.
#[derive(Default, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct CommonArgs {
    /// The agent's folder, whose mcp.md is meant
    #[arg(long, value_name = "DIR")]
    pub(crate) agent_root: Option<String>,
    /// Where entries are stored: a locator such as filesystem:DIR, or a backend's id
    #[arg(long, value_name = "LOCATOR")]
    pub(crate) backend: Option<String>,
    /// Whose entries are meant, where the backend keeps those of many
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// An option of the backend (repeatable); `mcp-registry backends` lists them
    #[arg(short = 'o', long = "option", value_name = "NAME=VALUE")]
    pub(crate) options: Vec<String>,
    /// How data is printed
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// When colors are used
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) color: Option<Color>,
}

impl CommonArgs {
    /// Joins what was given before the command's name with what was given after it.
    pub(crate) fn join(self, after: Self) -> Result<Self, Failure> {
        Ok(Self {
            agent_root: one("--agent-root", self.agent_root, after.agent_root)?,
            backend: one("--backend", self.backend, after.backend)?,
            scope: one("--scope", self.scope, after.scope)?,
            options: self.options.into_iter().chain(after.options).collect(),
            format: one("--format", self.format, after.format)?,
            color: one("--color", self.color, after.color)?,
        })
    }
}

/// Reads a time of whole seconds, from one to those of a day.
#[cfg(any(feature = "catalog", all(feature = "presence", feature = "http")))]
pub(crate) fn up_to_a_day(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|cause| cause.to_string())?;
    let fits = time.subsec_nanos() == 0 && (1..=86_400).contains(&time.as_secs());
    fits.then_some(time).ok_or_else(|| "give whole seconds, from 1s to 1day".to_owned())
}

fn one<T>(flag: &str, before: Option<T>, after: Option<T>) -> Result<Option<T>, Failure> {
    match (before, after) {
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("{flag} is given twice"), "give it once, before or after the command's name"))
        }
        (before, after) => Ok(before.or(after)),
    }
}

// A command's own arguments beside the common ones (no doc comment, for the same reason).
pub(crate) struct With<C> {
    pub(crate) own: C,
    pub(crate) common: CommonArgs,
}

impl<C: Args> With<C> {
    /// Makes the command's own arguments and the common ones.
    pub(crate) fn make(command: Command) -> Command {
        CommonArgs::augment_args(C::augment_args(command))
    }
}

// By hand, for the arguments of the one command that runs are made, not those of each there is.
impl<C: Args> Args for With<C> {
    fn augment_args(command: Command) -> Command {
        command.defer(Self::make)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| CommonArgs::augment_args_for_update(C::augment_args_for_update(command)))
    }
}

impl<C: FromArgMatches> FromArgMatches for With<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { own: C::from_arg_matches(matches)?, common: CommonArgs::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.own.update_from_arg_matches(matches)?;
        self.common.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_given_on_either_side_is_lost() {
        let side = |root: Option<&str>, option: &str| CommonArgs {
            agent_root: root.map(str::to_owned),
            options: vec![option.to_owned()],
            ..CommonArgs::default()
        };
        let joined = side(Some("a"), "x=1").join(side(None, "y=2")).unwrap();
        assert_eq!(
            (joined.agent_root.as_deref(), joined.options),
            (Some("a"), vec!["x=1".to_owned(), "y=2".to_owned()])
        );
        assert!(matches!(side(Some("a"), "x=1").join(side(Some("a"), "y=2")), Err(Failure::Usage(_))));
    }
}
