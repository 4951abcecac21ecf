//! The script for bash, in bash: what it proposes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::ErrorKind;
use std::process::Command;

use mcp_registry_test_trials::{Missing, Tried, trials};

/// What is proposed for the last of these words, which is typed so far.
const PROPOSE: &str = r#"
source <("$1" completions bash)
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_mcp__registry mcp-registry "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
echo "${COMPREPLY[@]}"
"#;

fn bash_is_told_of_commands_their_options_and_their_values() -> Tried {
    for (typed, proposed) in [
        ("inst", "install"),
        ("list --age", "--agent-root"),
        ("refresh-capabilities --sco", "--scope"),
        ("token cr", "create"),
        ("token create --ro", "--role"),
        ("list --format y", "yaml"),
        ("completions po", "powershell"),
        ("help chan", "changes"),
    ] {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", PROPOSE, "bash", env!("CARGO_BIN_EXE_mcp-registry"), "mcp-registry"]);
        let output = match bash.args(typed.split(' ')).output() {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Err(Missing::new("there is no bash")),
            output => output.unwrap(),
        };
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), proposed, "{typed}");
        assert!(output.status.success() && output.stderr.is_empty(), "{typed}");
    }
    Ok(())
}

trials!(bash_is_told_of_commands_their_options_and_their_values);
