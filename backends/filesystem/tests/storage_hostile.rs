//! Documents made to hurt: each is answered, and in time that grows as the document does.
//!
//! No time is asserted; a watchdog fails what does not come to an end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::sync::mpsc;
use std::time::{Duration, Instant};

use mcp_registry_filesystem::document::Document;
use mcp_registry_spec::{McpServerSpec, ServerName};

/// Of each document there is a small one and one four times as large.
const SMALL: usize = 128 * 1024;

fn head(section: &str, unit: &str, size: usize) -> String {
    format!("{section}{}", unit.repeat(size / unit.len()))
}

fn numbered(section: &str, size: usize, unit: impl Fn(usize) -> String) -> String {
    let mut text = section.to_owned();
    for i in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&unit(i));
    }
    text
}

/// Everything that is done with a document.
fn exercise(text: &str) {
    if mcp_registry_filesystem::document::check(text).is_err() {
        return;
    }
    let document = Document::parse(text);
    for entry in document.entries() {
        let _ = entry.spec.is_ok();
    }
    let _ = (document.strays().count(), document.allowed_commands());
    let spec = McpServerSpec::stdio(ServerName::parse("fresh-name").unwrap(), "npx");
    if let Ok(changed) = document.install(&spec) {
        assert!(changed.starts_with(text));
        let back = Document::parse(&changed).uninstall(&spec.name, None).unwrap();
        assert_eq!(back.as_deref(), Some(text));
    }
}

/// Exercises both documents on a thread that may be given up.
fn in_time(what: &str, make: impl Fn(usize) -> String) {
    let mut times = Vec::new();
    for size in [SMALL, 4 * SMALL] {
        let text = make(size);
        let (done, wait) = mpsc::channel();
        let start = Instant::now();
        std::thread::spawn(move || {
            exercise(&text);
            let _ = done.send(());
        });
        match wait.recv_timeout(Duration::from_secs(60)) {
            Ok(()) => times.push(start.elapsed()),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: no answer on {size} bytes"),
            Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{what}: it panicked on {size} bytes"),
        }
    }
    eprintln!("{what:32} {:8.1?} {:8.1?}", times[0], times[1]);
}

macro_rules! hostile {
    ($($name:ident: $make:expr,)*) => {
        $(#[test] fn $name() { in_time(stringify!($name), $make); })*
    };
}

hostile! {
    brackets: |n| "[".repeat(n),
    links: |n| "[a](".repeat(n / 4),
    emphasis: |n| "*a ".repeat(n / 3),
    emphasis_of_both_kinds: |n| "**a *b_c ".repeat(n / 9),
    open_comments: |n| "<!--".repeat(n / 4),
    open_comments_in_paragraphs: |n| head("a ", "<!-- ", n),
    open_comments_and_headings: |n| "<!--\n\n## x\n".repeat(n / 11),
    lists: |n| "- ".repeat(n / 2),
    quotes: |n| "> ".repeat(n / 2),
    quotes_then_lazy_lines: |n| format!("{}a\n{}", "> ".repeat(n / 4), "b\n".repeat(n / 4)),
    lists_then_blank_lines: |n| format!("{}a\n{}", "- ".repeat(n / 4), "\n".repeat(n / 2)),
    backticks: |n| "`".repeat(n),
    backticks_of_every_length: |n| numbered("", n, |i| format!("{}a", "`".repeat(i + 1))),
    references: |n| format!("{}\n\n[a]: /u\n", "[a] ".repeat(n / 4)),
    open_fence: |n| head("```\n", "## x\ncommand: a\n", n),
    open_fences: |n| "```\n\n## x\n".repeat(n / 10),
    one_name_many_times: |n| "## x\ncommand: y\n".repeat(n / 16),
    no_name_many_times: |n| "## not a name\n".repeat(n / 14),
    broken_sections: |n| numbered("", n, |i| format!("## s{i}\nenv: oops\n\n")),
    unknown_fields: |n| head("## x\ncommand: y\n", "k: v\n", n),
    indented_fields: |n| head("## x\ncommand: y\n", "  command: v\n", n),
    comments_in_a_paragraph: |n| head("## x\ncommand: y\n", "a <!-- b -->\n", n),
    fences_in_a_section: |n| numbered("## x\ncommand: y\n", n, |i| format!("```yaml\nk{i}: 1\n```\n")),
    keys_in_a_fence: |n| numbered("## x\ncommand: y\n```yaml\n", n.min(60_000), |i| format!("k{i}: 1\n")) + "```\n",
    deep_fence: |n| head("## x\n```yaml\na: ", "[", n),
    deep_flow: |n| head("## x\ncommand: y\nargs: ", "[", n),
    anchors: |n| head("## x\ncommand: y\nargs: [", "&a x,*a,", n),
    anchors_in_a_fence: |n| head("## x\n```yaml\n", "- &a x\n- *a\n", n.min(60_000)) + "```\n",
    arguments: |n| head("## x\ncommand: y\nargs: ", "a,", n),
    argument_lines: |n| head("## x\ncommand: y\n", "args: a\n", n),
    variables: |n| numbered("## x\ncommand: y\n", n, |i| format!("env: K{i}=v\n")),
    headers: |n| numbered("## x\nurl: https://y\n", n, |i| format!("header: K{i}: v\n")),
    templates: |n| head("## x\ncommand: y\nargs: ", "${A:-", n),
    two_lists_of_commands: |n| {
        let list = numbered("## Allowed commands\n", n / 2, |i| format!("c{i}\n"));
        format!("{list}\n{list}")
    },
    underlines: |n| head("## x\n", "command: a\n---\n", n),
    a_long_line: |n| "x".repeat(n),
    a_long_title: |n| head("## ", "x", n),
    carriage_returns: |n| "\r".repeat(n),
    zeros: |n| "\0".repeat(n),
}
