//! Generators of documents and entries.
#![allow(dead_code, clippy::unwrap_used, reason = "generators for tests, of which each test file uses some")]

use std::collections::BTreeMap;

use mcp_registry_spec::{EnvTemplate, McpServerSpec, Remote, ServerName, Stdio, TextTemplate, Transport};
use proptest::prelude::*;
use serde_json::Value;

pub(crate) fn name(text: &str) -> ServerName {
    ServerName::parse(text).unwrap()
}

/// Texts that documents and parsers stumble over.
pub(crate) fn awkward() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            " ",
            "a",
            "a,b",
            " a",
            "a ",
            "\"",
            "'",
            "[",
            "{",
            "[x]",
            "\"x\"",
            "\\",
            "a\\",
            "#",
            "## x",
            "\n## evil\ncommand: rm\n",
            "a\nb",
            "\r",
            "\t",
            "```",
            "~~~",
            "<!--",
            "-->",
            "<!-- x -->",
            "`",
            "*",
            "_a_",
            "&amp;",
            "---",
            "===",
            "a: b",
            "command: x",
            "$$",
            "${A}",
            "${A:-b c}",
            "$${A}",
            "🙂",
            "\u{202e}x",
            "\u{feff}",
            "\u{e0001}",
            "\u{85}",
            "\u{2028}",
            "null",
            "true",
            "1e3",
            "~",
            "K=V",
            "=",
            ":",
            "- a",
            "> q",
            "a  ",
            "\u{a0}a\u{a0}",
            "\u{fffe}\u{ffff}",
            "x,",
            ",",
            "<pre>",
            "%",
            "!tag",
            "&a",
            "*a",
            "@",
            "|",
            ">",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}".prop_map(|s| s.replace('$', "$$")),
        "\\PC{0,6}".prop_map(|s| s.replace('$', "$$")),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        awkward().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(awkward(), inner, 0..3).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Z_][A-Z0-9_]{0,6}",
        1 => "[!-<>-~]{1,6}",
        1 => Just("k".repeat(1500)),
        1 => awkward().prop_map(|s| format!("k{}", s.replace('=', ""))),
    ]
}

fn description() -> impl Strategy<Value = String> {
    awkward().prop_map(|s| s.replace('\0', ""))
}

fn transport() -> impl Strategy<Value = Transport> {
    let text = || {
        awkward().prop_map(|s| {
            TextTemplate::parse(&s.replace('\0', "")).unwrap_or_else(|_| TextTemplate::parse("t").unwrap())
        })
    };
    let value = || {
        awkward().prop_map(|s| {
            EnvTemplate::parse(&s.replace('\0', "")).unwrap_or_else(|_| EnvTemplate::parse("$REF").unwrap())
        })
    };
    let stdio = (
        awkward().prop_map(|s| format!("c{s}")),
        prop::collection::vec(text(), 0..4),
        prop::collection::btree_map(key(), value(), 0..3),
    )
        .prop_map(|(command, args, env)| Transport::Stdio(Stdio { command, args, env }));
    let header = value().prop_map(|v| EnvTemplate::parse(&v.as_str().replace(['\r', '\n'], "")).unwrap());
    let remote =
        ("[a-z]{1,5}(/[!-#%-~]{0,8})?", prop::collection::btree_map("[A-Z][a-z-]{0,6}", header, 0..3), any::<bool>())
            .prop_map(|(url, headers, sse)| {
                let remote = Remote { url: TextTemplate::parse(&format!("https://{url}")).unwrap(), headers };
                if sse { Transport::Sse(remote) } else { Transport::StreamableHttp(remote) }
            });
    prop_oneof![3 => stdio, 1 => remote]
}

/// Any entry that passes the contract's check.
pub(crate) fn spec(name: &'static str) -> impl Strategy<Value = McpServerSpec> {
    // Some often, for an update to meet them again.
    let often = prop::sample::select(vec!["a: b", "x\"y: z", "\u{ffff}", "k"]).prop_map(str::to_owned);
    let extra = prop::collection::btree_map(prop_oneof!["[a-z]{1,8}", often, key()], json(), 0..3);
    (transport(), description(), extra).prop_filter_map("valid", move |(transport, description, extra)| {
        let extra: BTreeMap<String, Value> = extra
            .into_iter()
            .filter(|(k, _)| {
                !matches!(k.as_str(), "header") && !mcp_registry_spec::spec::KNOWN_KEYS.contains(&k.as_str())
            })
            .collect();
        let spec = McpServerSpec { name: self::name(name), transport, description, extra };
        spec.check().is_ok().then_some(spec)
    })
}

/// Any document, of the pieces that real ones are made of.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "# MCP servers\n",
        "\n",
        "\n\n",
        "prose\n",
        "## a\n",
        "## b\ncommand: npx\nargs: -y, x\n",
        "## c\n\ncommand: x\nenv: A=$A\n\n",
        "## Allowed commands\nnpx\n",
        "## not a name\n",
        "command: y\n",
        "description: d\n",
        "```yaml\ntimeout: 3\n```\n",
        "```\n## no\n```\n",
        "- item\n",
        "> quote\n",
        "<!-- c -->\n",
        "    code\n",
        "---\n",
        "Title\n===\n",
        "Title\n---\n",
        " \n",
        "  \n",
        "\r\n",
        "x",
        " ",
        "  ",
        "## d\r\ncommand: z\r\n",
        "<div>\n",
        "\t",
        "### sub\n",
        "unknown: 1\n",
        "`",
        "*",
    ]);
    (any::<bool>(), prop::collection::vec(piece, 0..14)).prop_map(|(bom, pieces)| {
        let text = pieces.concat();
        if bom { format!("\u{feff}{text}") } else { text }
    })
}

/// Any document of sections whose fields are right, wrong and doubtful in every way there is, in
/// which some characters then were replaced.
pub(crate) fn sections() -> impl Strategy<Value = String> {
    let heading = prop::sample::select(vec![
        "## a\n",
        "## b\n",
        "## c\n",
        "\n## d\n\n",
        "\n## e\n\n",
        "## ghp_0123456789abcdefghij\n",
        "## not a name\n",
        "## Allowed commands\n",
        "# end\n",
    ]);
    let right = prop::sample::select(vec![
        "\n",
        "prose\n",
        "args: -y, x\n",
        "args: -y, ${X}, $Y, $$\n",
        "args: , ,\n",
        "env: A=$A\n",
        "env: A=$A, B=Bearer ${B}, C=\n",
        "env: A=1,B=2,C=3,D=4,E=5,F=6,G=7,H=8\n",
        "transport: stdio\n",
        "description: d\n",
        "description:  token=hunter2 \t\n",
        "https://h/\n",
    ]);
    let doubtful = prop::sample::select(vec![
        "command: npx\n",
        "command:npx\n",
        "command:\t npx \t\n",
        "command:\n",
        "command: \u{a0}\n",
        "command: \"npx\"\n",
        "command: [npx]\n",
        "command: a\u{0}b\n",
        "Command: npx\n",
        " command: npx\n",
        "commands: npx\n",
        "args: ${X:-y\n",
        "args: $HOME/x, ${\n",
        "args: [\"a,b\"]\n",
        "args: [1]\n",
        "args: a\u{0}\n",
        "env: A=1, A=2\n",
        "env: A=$A/x\n",
        "env: A=$\n",
        "env: A\n",
        "env: =1\n",
        "env: B-C=1\n",
        "env: A/B=1\n",
        "env: TOKEN:s=1\n",
        "env: ghp_0123456789abcdefghij=1\n",
        "env: {\"A\": \"1,2\"}\n",
        "env: A=1,B=2,C=3,D=4,E=5,F=6,G=7,H=8,I=9\n",
        "env: A=1,B=2,C=3,D=4,E=5,F=6,G=7,H=8,I=9,A=1\n",
        "transport: sse\n",
        "transport: pigeon\n",
        "transport: \"stdio\"\n",
        "description: \"x\\ny\"\n",
        "description: \"x\n",
        "description:\n",
        "url: https://h/\n",
        "url: ftp://h/\n",
        "header: A: b\n",
        "headers: {\"A\": \"b\"}\n",
        "```yaml\ncommand: npx\n```\n",
        "```yaml\nx: 1\n```\n",
        "```\ncommand: npx\n```\n",
        "prose <!--\n",
        "-->\n",
        "> quote\n",
        "- item\n",
        "---\n",
        "===\n",
        "\ndescription: d\n---\n",
        "\ndescription: d\n===\n",
        "prose\\\n",
    ]);
    let command = prop_oneof![9 => Just("command: npx\n"), 1 => Just("")];
    let fields = prop::collection::vec(prop_oneof![2 => right, 1 => doubtful], 0..4);
    let section = (heading, command, fields).prop_map(|(heading, command, fields)| {
        let (before, after) = fields.split_at(fields.len() / 2);
        [heading, &before.concat(), command, &after.concat()].concat()
    });
    let characters = prop::sample::select(vec!["", "$", "{", "\r", "\n", ":", "=", ",", " ", "\"", "x", "\u{e9}"]);
    let change = (any::<prop::sample::Index>(), characters);
    (prop::collection::vec(section, 0..6), prop::collection::vec(change, 0..3), any::<bool>()).prop_map(
        |(sections, changes, crlf)| {
            let mut text = sections.concat();
            for (index, with) in changes {
                if let Some((at, c)) = text.char_indices().nth(index.index(text.chars().count().max(1))) {
                    text.replace_range(at..at + c.len_utf8(), with);
                }
            }
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}
