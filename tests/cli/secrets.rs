//! Rule 4, from the command line: a literal that looks like a secret is refused, and never shown.

use crate::sandbox::Sandbox;

/// Entries with a secret in them, as they are given to `install`.
pub(crate) const ENTRIES: &[&[&str]] = &[
    &["--", "npx", "--api-key", "hunter2"],
    &["--", "npx", "--api-key", "--hunter2"],
    &["--", "npx", "--header", "Authorization: Bearer hunter2"],
    &["--", "npx", "-H", "X-Api-Key: hunter2"],
    &["--", "npx", "-H", "X-A: Token hunter2"],
    &["--", "npx", "--env", "API_KEY", "hunter2"],
    &["--", "npx", "postgres://u:80/hunter2@db/x"],
    &["--", "npx", "u:x/hunter2@h"],
    &["--", "npx", r#"{"api\u005fkey":"hunter2"}"#],
    &["--", "npx", "token->hunter2"],
    &["--", "npx", "<token>hunter2</token>"],
    &["--", "npx", "Bearer+hunter2"],
    &["--", "curl", "-u", "me:hunter2"],
    &["--", "mysql", "-phunter2"],
    &["--env", "OPENAIKEY=hunter2", "--", "npx"],
    &["--env", "SECRET_NAME=hunter2", "--", "npx"],
    &["--env", "API_KEY=https://hunter2${X}", "--", "npx"],
    &["--url", "https://u:1234?hunter2@h/"],
    &["--url", "https://h/", "--header", "X-A: Token hunter2"],
    &["--url", "https://h/", "--header", "X-A: sid=hunter2"],
];

#[test]
fn rule_4_a_literal_that_looks_like_a_secret_is_refused_and_never_shown() {
    for entry in ENTRIES {
        let sandbox = Sandbox::new();
        let install = |more: &[&str]| {
            let shown = sandbox.run(&[&["install", "a"], more, entry].concat());
            // The first line repeats the command.
            shown.split_once('\n').unwrap().1.to_owned()
        };
        let refused = install(&[]);
        assert!(refused.starts_with("[exit 1]") && refused.contains("looks like a secret"), "{entry:?}: {refused}");
        let mut shown = refused + &install(&["--allow-literal"]);
        assert!(sandbox.read("mcp.md").contains("hunter2"), "{entry:?}: {shown}");
        for args in [&["list"][..], &["show", "a"], &["validate"], &["update", "a", "--description", "x"]] {
            for format in ["table", "json", "yaml"] {
                shown += &sandbox.run(&[args, &["--format", format]].concat());
            }
        }
        assert!(!shown.contains("hunter2"), "{entry:?}: {shown}");
        assert!(shown.contains("\"masked\":["), "{entry:?}: {shown}");
        assert!(shown.contains("holds a literal that looks like a secret"), "{entry:?}: {shown}");
    }
}

#[test]
fn rule_4_what_is_harmless_installs() {
    for entry in [
        &["--", "npx", "--max-tokens", "100", "--save-session", "--headless"][..],
        &["--", "docker", "run", "-i", "-e", "API_KEY", "-u", "1000:1000", "mcp/github"],
        &["--", "uvx", "--from", "git+ssh://git@github.com/o/r@main", "r"],
        &["--env", "TOKENIZERS_PARALLELISM=false", "--env", "MONKEY=x", "--env", "KEYBOARD=us", "--", "npx"],
        &["--env", "API_KEY=$K", "--description", "Write to me@example.org: basic authentication", "--", "npx"],
        &["--url", "https://example.org:8080/path?page=2", "--header", "Authorization: Bearer ${T}"],
    ] {
        let sandbox = Sandbox::new();
        let installed = sandbox.run(&[&["install", "a"], entry].concat());
        assert!(installed.contains("[exit 0]"), "{installed}");
        let shown = sandbox.run(&["show", "a", "--format", "json"]);
        assert!(shown.contains("[exit 0]") && !shown.contains("masked") && !shown.contains("***"), "{shown}");
    }
}
