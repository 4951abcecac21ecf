//! What is said of a command line that was not understood.
//!
//! A word in the wrong place may be a secret (`--env API_KEY hunter2`). So of what was typed only
//! that is repeated which can be none: the name of an option, and what is nearly one of our own words.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use mcp_registry_spec::redact::{self, MASK};

/// No word of ours is longer.
const LONGEST: usize = 32;

/// The message, of any number of lines.
pub(crate) fn message(mut error: Error) -> String {
    let (typed, meant) = match error.kind() {
        // Our own words, and nothing that was typed.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingRequiredArgument => {
            return error.to_string();
        }
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        ErrorKind::InvalidSubcommand => (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        _ => (ContextKind::InvalidValue, ContextKind::SuggestedValue),
    };
    if let Some(ContextValue::String(text)) = error.get(typed) {
        let nearly_ours = is_present(error.get(meant)) && is_name(text);
        let option = typed == ContextKind::InvalidArg
            && text.strip_prefix('-').is_some_and(|rest| {
                // One dash and one letter, or two and a word.
                rest.strip_prefix('-').map_or(rest.chars().count() == 1, is_name)
            });
        if !(text.is_empty() || nearly_ours || option) {
            error.insert(typed, ContextValue::String(MASK.to_owned()));
            // It says once more what was typed.
            error.remove(ContextKind::Suggested);
        }
    }
    let message = error.to_string();
    match error.kind() {
        // Beside what is shown of what was typed these have our own words alone, which redaction would take
        // for a secret where they follow the name of a secret's option.
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => message,
        // Whole, not line by line: what looks like a secret may go on in the next one.
        _ => redact::redact(&message).into_owned(),
    }
}

fn is_present(suggestion: Option<&ContextValue>) -> bool {
    match suggestion {
        Some(ContextValue::String(_)) => true,
        Some(ContextValue::Strings(several)) => !several.is_empty(),
        _ => false,
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn of(args: &[&str]) -> String {
        let all = ["mcp-registry"].iter().chain(args);
        message(crate::cli::Cli::command().try_get_matches_from(all).unwrap_err())
    }

    #[test]
    fn what_was_typed_is_not_repeated() {
        let pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";
        for args in [
            &["list", "\nUsage: https://u:hunter2@h token=hunter2"][..],
            &["list", pem],
            &["list", "token=\nhunter2"],
            &["list", "--", "hunter2"],
            &["list", "-phunter2"],
            &["list", "--\nUsage: hunter2"],
            &["list", "--token=hunter2"],
            &["list", "--format", "\nUsage: hunter2"],
            &["list", "--format", "hunter2"],
            &["list", "--format", "json\nhunter2"],
            &["hunter2"],
            &["list\nUsage: hunter2"],
            &["install", "a", "--env", "API_KEY", "hunter2"],
            &["conformance", "--allow-writes=hunter2"],
            &["install", "a", "--from", "hunter2", "--command", "hunter2"],
            &["update", "a", "--digest", "hunter2", "hunter2"],
            &["completions", "hunter2"],
        ] {
            let shown = of(args);
            assert!(shown.starts_with("error: ") && !shown.contains("hunter2"), "{args:?}: {shown}");
            assert!(!shown.contains("'***' as a value"), "{shown}");
        }
    }

    #[test]
    fn what_was_meant_is_said() {
        for (args, said) in [
            (&["lst"][..], "'list'"),
            (&["lst"], "'lst'"),
            (&["list", "--fromat", "json"], "'--fromat'"),
            (&["list", "--format", "jsno"], "'jsno'"),
            (&["list", "--unheard-of"], "'--unheard-of'"),
            (&["list", "-x"], "'-x'"),
            (&["list", "--token=hunter2"], "unexpected argument '--token' found"),
            (&["list", "--password", "hunter2"], "unexpected argument '--password' found"),
            (&["list", "--format", "pigeon"], "[possible values: table, json, yaml]"),
            (&["install", "--from"], "'--from <FILE>'"),
            (&["serve", "--tls-cert", "x"], "--tls-key <FILE>"),
        ] {
            let shown = of(args);
            assert!(shown.contains(said), "{args:?}: {shown}");
        }
    }
}
