//! Editing a `yaml` fence by its lines, which is what keeps the rest of it as its owner wrote it.
//!
//! What comes out is read back before it is stored, so a layout that is not understood here is
//! refused, never damaged.

use std::ops::Range;

use serde_json::Value;

use super::interpret::Fence;
use super::{flow, render};

/// How many signs of a comment are looked at among the lines of one key; where there are more, one is taken for one.
const MOST_SIGNS: usize = 64;

/// The lines that `key` takes up in a fence, and what they become: `value`, or nothing.
///
/// # Errors
/// Why it cannot be done line by line.
pub(crate) fn replace(
    text: &str,
    fence: &Fence,
    key: &str,
    value: Option<&Value>,
    newline: &str,
) -> Result<(Range<usize>, String), &'static str> {
    let range = lines_of(text, fence, key).ok_or("cannot be edited line by line")?;
    let old = text.get(range.clone()).unwrap_or_default();
    let comment = comment_of(old, key, fence)?;
    let Some(value) = value else {
        return if comment.is_empty() {
            Ok((range, String::new()))
        } else {
            Err("has a comment on the line to be removed")
        };
    };
    let indent = indent(text, fence);
    let entry = render::yaml_entry(key, value, newline);
    // The owner's spelling of the key stays.
    let on_one_line = entry.strip_prefix(&render::yaml_key(key)).and_then(|rest| rest.strip_prefix(": "));
    let entry = match (spelling(old.strip_prefix(indent).unwrap_or(old), key), on_one_line) {
        (Some(spelling), Some(value)) => format!("{spelling}: {value}"),
        _ => entry,
    };
    let line_break = old.get(old.trim_end_matches(['\n', '\r']).len()..).unwrap_or_default();
    Ok((range, format!("{}{comment}{line_break}", indented(&entry, indent))))
}

/// Where lines are added to a fence, and what is added.
pub(crate) fn append(text: &str, fence: &Fence, lines: &str, newline: &str) -> (Range<usize>, String) {
    let at = fence.inner.end;
    let unended = !text.get(..at).unwrap_or_default().ends_with(['\n', '\r']);
    (at..at, format!("{}{}", if unended { newline } else { "" }, indented(lines, indent(text, fence))))
}

fn indented(lines: &str, indent: &str) -> String {
    lines.split_inclusive('\n').map(|line| format!("{indent}{line}")).collect()
}

/// The indentation of the mapping in a fence.
fn indent<'a>(text: &'a str, fence: &Fence) -> &'a str {
    let inner = text.get(fence.inner.clone()).unwrap_or_default();
    let line = inner.lines().find(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#')).unwrap_or_default();
    line.get(..line.len() - line.trim_start_matches(' ').len()).unwrap_or_default()
}

/// The lines of a key and its value: the line it begins, and those that go on with it.
fn lines_of(text: &str, fence: &Fence, key: &str) -> Option<Range<usize>> {
    let indent = indent(text, fence);
    let inner = text.get(fence.inner.clone()).unwrap_or_default();
    let mut at = fence.inner.start;
    let mut range: Option<Range<usize>> = None;
    for line in inner.split_inclusive('\n') {
        let next = at + line.len();
        let own = line.strip_prefix(indent).unwrap_or(line);
        match &mut range {
            // An empty line belongs to the value only where the value goes on behind it.
            Some(_) if own.trim().is_empty() => {}
            Some(range) if own.starts_with([' ', '\t']) || own.starts_with("- ") || own.starts_with(": ") => {
                range.end = next
            }
            Some(_) => break,
            None if begins_with_key(own, key) => range = Some(at..next),
            None => {}
        }
        at = next;
    }
    range
}

/// The ways YAML may spell a key.
fn spellings(key: &str) -> [String; 4] {
    [key.to_owned(), format!("'{key}'"), Value::from(key).to_string(), render::yaml_key(key)]
}

fn spelling(line: &str, key: &str) -> Option<String> {
    let begins =
        |name: &String| line.strip_prefix(name.as_str()).is_some_and(|r| r.trim_start_matches(' ').starts_with(':'));
    spellings(key).into_iter().find(begins)
}

fn begins_with_key(line: &str, key: &str) -> bool {
    match line.strip_prefix("? ") {
        Some(explicit) => spellings(key).iter().any(|name| explicit.trim_end() == name),
        None => spelling(line, key).is_some(),
    }
}

/// The comment that ends the one line of a key, with the space before it.
///
/// # Errors
/// When there are comments among several lines, which replacing them would lose.
fn comment_of<'a>(lines: &'a str, key: &str, fence: &Fence) -> Result<&'a str, &'static str> {
    let content = lines.trim_end_matches(['\n', '\r']);
    let value = fence.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let says_the_same = |lines: &str| flow::read_yaml(lines).is_ok_and(|read| read.get(key) == value);
    let signs: Vec<_> = content.match_indices('#').map(|(at, _)| at).collect();
    // What cannot be read alone, as it refers to other lines, does not tell a comment from a text.
    let is_told = signs.len() <= MOST_SIGNS && says_the_same(content);
    // One that says something else, and the lines the same, is a comment.
    let holds_comment =
        if is_told { signs.iter().any(|at| says_the_same(&altered(content, *at))) } else { !signs.is_empty() };
    if content.contains('\n') {
        return if holds_comment { Err("has comments among the lines to be replaced") } else { Ok("") };
    }
    for (at, _) in content.match_indices(" #") {
        // A "#" that is part of the value is none: what stands before it must say the same.
        let (before, comment) = content.split_at(content.get(..at).unwrap_or_default().trim_end().len());
        if says_the_same(before) {
            return Ok(comment);
        }
    }
    if holds_comment { Err("has a comment that cannot be told from its value") } else { Ok("") }
}

/// The lines with a letter more behind the "#" there.
fn altered(content: &str, at: usize) -> String {
    let (before, from) = content.split_at(at);
    format!("{before}#x{}", from.strip_prefix('#').unwrap_or(from))
}

#[cfg(test)]
mod tests {
    use crate::document::Document;
    use mcp_registry_spec::{McpServerSpec, ServerName, Transport};

    fn change(text: &str, change: impl Fn(&mut McpServerSpec)) -> Result<String, String> {
        let document = Document::parse(text);
        let mut spec = document.entry_of(&ServerName::parse("a").unwrap()).unwrap().spec.unwrap();
        let digest = spec.digest().unwrap();
        change(&mut spec);
        document.update(&spec, &digest).map_err(|problem| problem.message)
    }

    fn command(spec: &mut McpServerSpec) {
        if let Transport::Stdio(stdio) = &mut spec.transport {
            stdio.command = "uvx".into();
        }
    }

    #[test]
    fn m9_comments_and_the_spelling_of_keys_stay() {
        assert_eq!(
            change("## a\n```yaml\n# top\n'command': npx   # pinned by Kim\nargs: [x] # y\n```\n", command).unwrap(),
            "## a\n```yaml\n# top\n'command': \"uvx\"   # pinned by Kim\nargs: [x] # y\n```\n"
        );
        assert_eq!(
            change("## a\n```yaml\ncommand: \"n #x\" # c\n```\n", command).unwrap(),
            "## a\n```yaml\ncommand: \"uvx\" # c\n```\n"
        );
    }

    #[test]
    fn m9_a_key_may_look_like_a_key_and_its_value() {
        for key in ["a: b", "x\"y: z", ": ", "'q': ", "? a", "\u{ffff}"] {
            let set =
                |value: u32| move |spec: &mut McpServerSpec| drop(spec.extra.insert(key.to_owned(), value.into()));
            let first = change("## a\n```yaml\ncommand: npx\n```\n", set(1)).unwrap();
            let second = change(&first, set(2)).unwrap();
            assert_eq!(second, first.replace(": 1\n", ": 2\n"), "{key:?}");
            assert_ne!(second, first, "{key:?}");
        }
    }

    #[test]
    fn m13_what_would_lose_a_comment_is_refused() {
        let text = "## a\n```yaml\ncommand: npx\nargs:\n  - x # why\n  - y\n```\n";
        let clear = |spec: &mut McpServerSpec| {
            if let Transport::Stdio(stdio) = &mut spec.transport {
                stdio.args.clear();
            }
        };
        assert!(change(text, clear).unwrap_err().contains("comments among"));
        // A sign in a text is no comment.
        let told = text.replace("- x # why", "- 'x # y'");
        assert_eq!(change(&told, clear).unwrap(), "## a\n```yaml\ncommand: npx\n```\n");
        let long = "k".repeat(1500);
        let set = |value: Option<&'static str>| {
            let long = long.clone();
            move |spec: &mut McpServerSpec| match value {
                Some(value) => drop(spec.extra.insert(long.clone(), value.into())),
                None => drop(spec.extra.remove(&long)),
            }
        };
        let text = "## a\n```yaml\ncommand: npx\n```\n";
        assert_eq!(change(&change(text, set(Some("a # b"))).unwrap(), set(None)).unwrap(), text);
        for lines in
            ["args: [a,#c\n  b]", "args: [\"a\",#c\n  b]", "args:\n  - |+\n    x\n  # c\n  - b", "args: [\"a\"]\t# c"]
        {
            let text = format!("## a\n```yaml\ncommand: npx\n{lines}\n```\n");
            let document = Document::parse(&text);
            assert!(document.entry_of(&ServerName::parse("a").unwrap()).unwrap().spec.is_ok(), "{lines}");
            assert!(change(&text, clear).unwrap_err().contains("comment"), "{lines}");
        }
        // Of what says what other lines mean nobody can tell.
        let anchored = "## a\n```yaml\ncommand: &c npx\nargs:\n  - *c\n  - 'x # y'\n```\n";
        assert!(change(anchored, clear).is_err());
        assert!(change(text, command).is_ok(), "another key can be changed");
    }

    #[test]
    fn a_value_may_hold_empty_lines() {
        let text = "## a\n```yaml\ncommand: npx\nx: |\n  one\n\n  two\n\ny: 1\n```\n";
        let changed = change(text, |spec| drop(spec.extra.remove("x"))).unwrap();
        assert_eq!(changed, "## a\n```yaml\ncommand: npx\n\ny: 1\n```\n");
    }
}
