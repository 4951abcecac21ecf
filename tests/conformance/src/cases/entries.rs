//! Rules 14 and 15: what is stored comes back equal, and its digest with it.

use mcp_registry_spec::McpServerSpec;
use serde_json::{Map, Value, json};

use crate::case::{Checked, During, cases, ensure, ensure_eq};
use crate::context::{Context, ensure_equal, ensure_stored, write};
use crate::sample::{digest, plain, spec};

cases! {
    14 writes rule_14_arguments_come_back;
    14 writes rule_14_environments_come_back;
    14 writes rule_14_urls_and_headers_come_back;
    14 writes rule_14_descriptions_come_back;
    14 writes rule_14_commands_come_back;
    14 writes rule_14_extra_keys_come_back;
    14 writes rule_14_large_entries_come_back;
    14 writes rule_14_updates_bring_all_of_it;
    15 writes rule_15_the_digest_is_that_of_the_content;
}

/// Texts that formats, shells and databases are known to change.
const AWKWARD: &[&str] = &[
    "",
    " ",
    "  two",
    "end  ",
    "a,b",
    "a, b",
    ",",
    "\"",
    "'",
    "\"quoted\"",
    "it's",
    "a\"b'c",
    "\\",
    "C:\\dir\\x",
    "\\n",
    "line\nbreak",
    "\n",
    "ends\n",
    "cr\rlf\r\n",
    "tab\there",
    "#hash",
    "# heading",
    "## server",
    "## Allowed commands",
    "- item",
    "key: value",
    "command: evil",
    "a=b",
    "=",
    "[x]",
    "[",
    "{x}",
    "{\"a\":1}",
    "|",
    ">",
    "---",
    "===",
    "```",
    "~~~",
    "<!--",
    "-->",
    "<b>",
    "&amp;",
    "&",
    "*",
    "**x**",
    "_x_",
    "`x`",
    "!x",
    "%",
    "@",
    "~",
    "~/x",
    "?",
    "null",
    "true",
    "no",
    "~null",
    "1e3",
    "0x1f",
    "007",
    "1.0",
    "NaN",
    "$$",
    "$${x}",
    "a$b",
    "${A}",
    "${A:-b}",
    "${A:-b, c}",
    "${A:-}",
    "x${A}y${B}",
    "ü",
    "日本",
    "🙂",
    "e\u{301}",
    "\u{e9}",
    "\u{feff}bom",
    "\u{200b}",
    "\u{202e}x",
    "\u{2028}",
    "\u{85}",
    "\u{a0}",
    "\u{1}",
    "\u{1b}[31m",
    "\u{7f}",
    "'; DROP TABLE servers; --",
    "%s",
    "..",
    "--opt=a,b",
    "-",
];

fn awkward_map() -> Map<String, Value> {
    AWKWARD.iter().enumerate().map(|(i, value)| (format!("V{i}"), json!(value))).collect()
}

fn arguments(name: &str) -> Checked<McpServerSpec> {
    spec(json!({"name": name, "command": "npx", "args": AWKWARD}))
}

fn environment(name: &str) -> Checked<McpServerSpec> {
    let mut env = awkward_map();
    for key in
        ["lower", "with space", " lead", "a,b", "a:b", "a.b", "-x", "#x", "ü", "\"q\"", "1", "[x]", "line\nbreak"]
    {
        env.insert(key.to_owned(), json!("v"));
    }
    spec(json!({"name": name, "command": "npx", "env": env}))
}

fn remote(name: &str, transport: &str) -> Checked<McpServerSpec> {
    let mut headers = Map::new();
    for (i, value) in AWKWARD.iter().enumerate().filter(|(_, v)| !v.contains(['\r', '\n'])) {
        headers.insert(format!("X-V{i}"), json!(value));
    }
    headers.insert("!#$%&'*+-.^_`|~".to_owned(), json!("v"));
    let url = "https://example.org:8080/a,b/%20/$x/${A}/${B:-c}?q=\"'[]{}&x=#<!--ü";
    spec(json!({"name": name, "transport": transport, "url": url, "headers": headers}))
}

fn extra(name: &str) -> Checked<McpServerSpec> {
    spec(json!({
        "name": name, "command": "npx", "disabled": false, "timeout": 30, "negative": -1, "ratio": 2.5, "none": null,
        "big": 123_456_789_012_i64, "text": "$NOT_A_REFERENCE/x ${", "Command": "case", "x-y.z": "key", "weird: #key, \"": "v",
        "ü": "日本", "list": [1, "two", null, true, [], {}, ["a, b"]], "empty": {}, "none-at-all": [],
        "nested": {"a": {"b": [{"c": "d\ne"}]}, " ": "", "#": "# x"}, "awkward": AWKWARD,
    }))
}

/// Stores the entries, then loads them one by one through another backend, and all at once.
async fn come_back(context: Context, specs: &[McpServerSpec]) -> Checked {
    let (scope, backend) = context.main()?;
    for spec in specs {
        context.put(&scope, spec).await?;
    }
    let other = context.open(&scope)?;
    for spec in specs {
        ensure_equal(spec, &other.load(&spec.name).await.during("load")?)?;
    }
    let all = backend.load_all().await.during("load_all")?;
    ensure_eq!(all.len(), specs.len(), "the number of entries");
    for loaded in all {
        let found = loaded.result.during("an entry of load_all")?;
        ensure!(specs.contains(&found), "load_all gives an entry that was not stored: {found:?}");
    }
    Ok(())
}

async fn rule_14_arguments_come_back(context: Context) -> Checked {
    let single = |arg: &str| spec(json!({"name": "single", "command": "npx", "args": [arg]}));
    let named = |name: &str, args: &[&str]| spec(json!({"name": name, "command": "npx", "args": args}));
    let specs = [
        arguments("all")?,
        single("")?,
        named("comma", &["a,b"])?,
        named("none", &[])?,
        named("two-empty", &["", ""])?,
        named("spaces", &[" "])?,
        named("plain", &["-y", "@example/server", "--flag=x"])?,
    ];
    come_back(context, &specs).await
}

async fn rule_14_environments_come_back(context: Context) -> Checked {
    let empty = spec(json!({"name": "empty", "command": "npx", "env": {"A": ""}}))?;
    come_back(context, &[environment("all")?, empty]).await
}

async fn rule_14_urls_and_headers_come_back(context: Context) -> Checked {
    let bare = spec(json!({"name": "bare", "url": "${BASE}/mcp"}))?;
    come_back(context, &[remote("http", "streamable-http")?, remote("sse", "sse")?, bare]).await
}

async fn rule_14_descriptions_come_back(context: Context) -> Checked {
    let described =
        |(i, text): (usize, &&str)| spec(json!({"name": format!("d{i}"), "command": "npx", "description": text}));
    let specs: Vec<_> = AWKWARD.iter().enumerate().map(described).collect::<Checked<_>>()?;
    come_back(context, &specs).await
}

async fn rule_14_commands_come_back(context: Context) -> Checked {
    let usable = AWKWARD.iter().filter(|text| !text.trim().is_empty());
    let specs = usable.enumerate().map(|(i, text)| spec(json!({"name": format!("c{i}"), "command": text})));
    come_back(context, &specs.collect::<Checked<Vec<_>>>()?).await
}

async fn rule_14_extra_keys_come_back(context: Context) -> Checked {
    let remote = spec(json!({"name": "remote", "url": "https://example.org/", "extra": {"a": [1]}, "other": "x"}))?;
    come_back(context, &[extra("local")?, remote]).await
}

async fn rule_14_large_entries_come_back(context: Context) -> Checked {
    let args: Vec<_> = (0..200).map(|i| format!("{i} {}", "x, ".repeat(100))).collect();
    let large = spec(json!({"name": "large", "command": "npx", "args": args, "description": "long ".repeat(2_000)}))?;
    come_back(context, &[large, plain("small")?]).await
}

async fn rule_14_updates_bring_all_of_it(context: Context) -> Checked {
    context.needs_update().await?;
    let (scope, backend) = context.main()?;
    let mut now = plain("one")?;
    context.put(&scope, &now).await?;
    let steps = [
        arguments("one")?,
        remote("one", "sse")?,
        extra("one")?,
        environment("one")?,
        remote("one", "streamable-http")?,
    ];
    for next in steps.into_iter().chain([plain("one")?]) {
        backend.update(&next, &digest(&now)?, &write()).await.during("update")?;
        ensure_stored(&*backend, &next).await?;
        now = next;
    }
    Ok(())
}

async fn rule_15_the_digest_is_that_of_the_content(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for spec in [arguments("a")?, extra("b")?, remote("c", "sse")?] {
        context.put(&scope, &spec).await?;
        for _ in 0..2 {
            let loaded = backend.load(&spec.name).await.during("load")?;
            ensure_eq!(digest(&loaded)?, digest(&spec)?, "the digest of {}", spec.name);
        }
        // The same content, written by another program: the keys in another order, what is empty left out.
        let json = serde_json::to_string(&spec).unwrap_or_default();
        let reread: Value = serde_json::from_str(&json).unwrap_or_default();
        ensure!(McpServerSpec::from_json(reread).during("reading an entry")? == spec, "the JSON form loses something");
    }
    Ok(())
}
