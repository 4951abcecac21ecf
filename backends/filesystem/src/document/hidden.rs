//! What of a document may not be shown (rules 4 and 29).

use std::collections::HashSet;
use std::ops::Range;

use super::fields::{FieldLine, Key};
use super::{Section, interpret, section};

/// The extents of a document, as far as they reach into `within`, that no reader may see: literals that look
/// like secrets, in whatever spelling, and what cannot be read, a section's name excepted.
#[must_use]
pub fn hidden(text: &str, within: Range<usize>) -> Vec<Range<usize>> {
    let clip = |range: Range<usize>| range.start.max(within.start)..range.end.min(within.end);
    let reaches = |range: &Range<usize>| !clip(range.clone()).is_empty();
    let (mut titles, mut twins, mut sections) = (HashSet::new(), HashSet::new(), Vec::new());
    section::walk(text, |section| {
        if !titles.insert(section.title()) {
            twins.insert(section.title());
        }
        if reaches(&(section.span().start..section.whole_end())) {
            sections.push(section.clone());
        }
    });
    let hidden = sections.iter().flat_map(|section| of_section(text, section, twins.contains(section.title())));
    hidden.filter(reaches).map(clip).collect()
}

fn of_section(text: &str, section: &Section<'_>, is_twin: bool) -> Vec<Range<usize>> {
    if section.is_reserved() {
        return Vec::new();
    }
    let fields = interpret::gather(section, text, &mut Vec::new()).ok().filter(|_| section.is_whole() && !is_twin);
    let Some(name) = section.name() else {
        // It may be an entry whose name is misspelt.
        let is_prose = fields.is_some_and(|fields| fields.lines.is_empty() && fields.fences.is_empty());
        let all = section.span().start..section.whole_end();
        return if is_prose { Vec::new() } else { vec![all] };
    };
    let (Some(fields), Ok(spec)) = (fields, section.spec(text, name, &mut Vec::new())) else {
        let all_but_its_name = section.body()..section.whole_end();
        return vec![all_but_its_name];
    };
    let masked = spec.masked().masked;
    if masked.is_empty() {
        return Vec::new();
    }
    let mut args = 0;
    let lines = fields.lines.iter().filter(|line| is_masked(line, &mut args, &masked)).map(|line| value_of(text, line));
    let in_block = |key: &String| {
        let field = Key::parse(key).map_or(key.as_str(), |key| field_of(key));
        masked.iter().any(|path| path.starts_with(field))
    };
    let blocks = fields.fences.iter().filter(|fence| fence.entries.iter().any(|(key, _)| in_block(key)));
    lines.chain(blocks.map(|fence| fence.inner.clone())).collect()
}

/// Whether a line gives one of the fields that are masked; `args` counts the arguments so far.
fn is_masked(line: &FieldLine<'_>, args: &mut usize, masked: &[String]) -> bool {
    let field = field_of(line.key);
    let gives = |item: String| masked.contains(&item);
    match line.key {
        Key::Args => {
            let first = *args;
            *args += interpret::args_of(line.value).map_or(0, |own| own.len());
            (first..*args).any(|i| gives(format!("{field}[{i}]")))
        }
        Key::Env | Key::Header => {
            let own = interpret::pairs_of(line.value, line.key).unwrap_or_default();
            own.iter().any(|(key, _)| gives(format!("{field}.{key}")))
        }
        Key::Description | Key::Transport | Key::Command | Key::Url => gives(field.to_owned()),
    }
}

/// What a field is called where it is said what is masked.
fn field_of(key: Key) -> &'static str {
    if key == Key::Header { "headers" } else { key.as_str() }
}

/// What stands behind a line's colon.
fn value_of(text: &str, line: &FieldLine<'_>) -> Range<usize> {
    let content = text.get(line.content.clone()).unwrap_or_default();
    let value = content.split_once(':').map_or(content, |(_, value)| value.trim_start());
    line.content.end - value.len()..line.content.end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document without what is hidden in it.
    fn shown(text: &str) -> String {
        let mut out = text.to_owned();
        for range in hidden(text, 0..text.len()).into_iter().rev() {
            out.replace_range(range, "***");
        }
        out
    }

    #[test]
    fn rule_29_literals_are_hidden_in_every_spelling_and_nothing_beside_them() {
        let before = "# Mine\n\nprose\n\n";
        for (section, expected) in [
            ("## a\ncommand: npx\nenv: TOKEN=$TOKEN\n", "## a\ncommand: npx\nenv: TOKEN=$TOKEN\n"),
            ("## a\ncommand: npx\nenv: A=1\nenv: TOKEN=hunter2\n", "## a\ncommand: npx\nenv: A=1\nenv: ***\n"),
            ("## a\r\ncommand: npx\r\nenv:TOKEN=hunter2\r\n", "## a\r\ncommand: npx\r\nenv:***\r\n"),
            ("## a\ncommand: npx\nenv: {\"TOKEN\": \"h\\u0075nter2\"}\n", "## a\ncommand: npx\nenv: ***\n"),
            ("## a\ncommand: npx\nargs: -y\nargs: --token, hunter2\n", "## a\ncommand: npx\nargs: -y\nargs: ***\n"),
            ("## a\nurl: https://u:hunter2@h/\n", "## a\nurl: ***\n"),
            ("## a\nurl: https://h/\nheader: Authorization: Bearer hunter2\n", "## a\nurl: https://h/\nheader: ***\n"),
            (
                "## a\ncommand: npx\n\n```yaml\nenv:\n  TOKEN: >-\n    hun\n    ter2\n```\n",
                "## a\ncommand: npx\n\n```yaml\n***```\n",
            ),
            (
                "## a\ncommand: npx\n\n```yaml\nnote: {password: hunter2}\n```\n",
                "## a\ncommand: npx\n\n```yaml\n***```\n",
            ),
        ] {
            assert_eq!(
                shown(&format!("{before}{section}## b\ncommand: x\n")),
                format!("{before}{expected}## b\ncommand: x\n")
            );
        }
    }

    #[test]
    fn rule_29_what_cannot_be_read_is_hidden_but_for_its_name() {
        for broken in [
            "env: TOKEN=hunter2\n",
            "command: npx\ncommand: npx\nnotes\n",
            "command: npx\n```yaml\n[\n```\n",
            // A line that makes what is above it a heading, of either level.
            "prose\nargs: hunter2\n---\n",
            "command: npx\n\nargs: hunter2\n===\n",
        ] {
            for title in ["a", "not a name"] {
                let name = if title == "a" { "## a\n" } else { "" };
                let text = format!("## {title}\n{broken}# B\nprose\n");
                assert_eq!(shown(&text), format!("{name}***# B\nprose\n"), "{text}");
            }
        }
        let twin = "## a\ncommand: x\n";
        assert_eq!(shown(&format!("{twin}env: TOKEN=hunter2\n{twin}# B\n")), "## a\n***## a\n***# B\n");
        assert_eq!(shown("## not a name\nenv: TOKEN=hunter2\n## b\ncommand: x\n"), "***## b\ncommand: x\n");
        assert_eq!(
            shown("## How to\nAsk Kim.\n## Allowed commands\nnpx\n"),
            "## How to\nAsk Kim.\n## Allowed commands\nnpx\n"
        );
    }

    #[test]
    fn rule_29_only_what_is_asked_for_is_told() {
        let text = "## a\nnpx\n## b\nnpx\n## c\nnpx\n";
        for (within, found) in [(11..16, 14..16), (9..15, 14..15), (0..12, 5..9)] {
            assert_eq!(hidden(text, within), vec![found]);
        }
        assert_eq!(hidden(text, 3..3), []);
    }
}
