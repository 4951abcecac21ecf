//! Any bytes are a document: they are answered without a panic, and what is written to them is
//! read back and taken out again without a trace.
//!
//! The input is a document, or an entry and a document with a NUL between them: the entry's fields
//! are the lines before the NUL.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_registry_filesystem::document::{Document, Problem, summaries};
use mcp_registry_spec::{EnvTemplate, ErrorKind, McpServerSpec, ServerName, Stdio, TextTemplate, Transport};

fuzz_target!(|bytes: &[u8]| {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    let (fields, text) = input.split_once('\0').unwrap_or(("", input));
    read(text);
    write(text, &entry(fields));
});

/// Everything a document is asked; the same of an entry alone as in the whole.
fn read(text: &str) {
    let document = Document::parse(text);
    let entries: Vec<_> = document.entries().collect();
    assert!(entries.is_sorted_by(|a, b| a.name < b.name));
    let in_short: Vec<_> = summaries(text)
        .map(|(name, summary)| (name, summary.map(|s| (s.transport, s.description.into_owned()))))
        .collect();
    let whole = entries.iter().cloned().map(|e| (e.name, e.spec.map(|s| (s.transport.kind(), s.description))));
    assert_eq!(in_short, whole.collect::<Vec<_>>(), "a listing says what loading does");
    // Each look goes over the whole document: a few will do.
    for entry in entries.iter().take(8) {
        assert_eq!(document.entry_of(&entry.name).as_ref(), Some(entry));
    }
    let _ = (document.strays().count(), document.allowed_commands());
    if let Some(entry) = entries.first() {
        remove(text, &document, &entry.name);
        if let Ok(spec) = &entry.spec {
            change(text, &document, spec);
        }
    }
}

/// What is removed is one piece of the document, and all else stays.
fn remove(text: &str, document: &Document<'_>, name: &ServerName) {
    let Ok(Some(rest)) = document.uninstall(name, None) else { return };
    let head = rest.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    assert!(text.as_bytes().ends_with(&rest.as_bytes()[head..]));
    assert!(Document::parse(&rest).entry_of(name).is_none());
}

/// An update reads back as what was meant, or is refused.
fn change(text: &str, document: &Document<'_>, spec: &McpServerSpec) {
    let Ok(digest) = spec.digest() else { return };
    assert_eq!(document.update(spec, &digest).as_deref(), Ok(text), "nothing to change, and something changed");
    let mut other = spec.clone();
    other.description.push_str(" [new], \"#\"");
    if other.check().is_ok()
        && let Ok(changed) = document.update(&other, &digest)
    {
        assert_eq!(Document::parse(&changed).entry_of(&spec.name).map(|e| e.spec), Some(Ok(other)));
    }
}

/// An entry of the input's making.
fn entry(fields: &str) -> McpServerSpec {
    let name = ServerName::parse("fuzzed-entry").unwrap();
    let mut lines = fields.split('\u{1}');
    let command = lines.next().filter(|c| !c.trim().is_empty()).unwrap_or("npx").to_owned();
    let description = lines.next().unwrap_or_default().to_owned();
    let mut stdio = Stdio { command, ..Stdio::default() };
    for line in lines {
        match line.split_once('=').map(|(key, value)| (key, EnvTemplate::parse(value))) {
            Some((key, Ok(value))) => drop(stdio.env.insert(key.to_owned(), value)),
            _ => stdio.args.extend(TextTemplate::parse(line)),
        }
    }
    let spec = McpServerSpec { name, transport: Transport::Stdio(stdio), description, extra: Default::default() };
    if spec.check().is_ok() { spec } else { McpServerSpec::stdio(spec.name, "npx") }
}

/// Install, read back, uninstall: the very bytes there were.
fn write(text: &str, spec: &McpServerSpec) {
    let changed = match Document::parse(text).install(spec) {
        Ok(changed) => changed,
        Err(Problem { kind: ErrorKind::AlreadyInstalled | ErrorKind::DescriptorInvalid, .. }) => return,
        Err(problem) => panic!("{problem:?}"),
    };
    assert!(changed.starts_with(text));
    let document = Document::parse(&changed);
    assert_eq!(document.entry_of(&spec.name).map(|e| e.spec), Some(Ok(spec.clone())));
    assert_eq!(document.uninstall(&spec.name, None), Ok(Some(text.to_owned())));
}
