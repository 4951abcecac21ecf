//! The contract is the only place that says where its server is looked for (E1).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mcp_registry_presence::Contract;
use serde_json::Value;

/// The contract that is shipped as an example.
const CONTRACT: &str = "examples/presence.json";

/// Where a word of the contract stands in code as a word of something else.
const OTHERWISE: [(&str, &str); 1] = [
    // The form in which clients share entries, which `install --from` reads.
    ("src/cli/input.rs", "mcpServers"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every text of the contract but the kinds of deliveries, which are no names of anything.
fn words(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(word) => drop(words.insert(word.trim_start_matches("~/").to_owned())),
        Value::Array(items) => items.iter().for_each(|item| self::words(item, words)),
        Value::Object(map) => {
            map.iter().filter(|(key, _)| *key != "kind").for_each(|(_, item)| self::words(item, words))
        }
        _ => {}
    }
}

fn sources(folder: &Path, in_src: bool, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            sources(&path, in_src || name == "src", found);
        } else if in_src && path.is_file() {
            found.push(path);
        }
    }
}

#[test]
fn e1_no_word_of_the_contract_stands_in_code() {
    let contract = root().join(CONTRACT);
    Contract::read(&contract).unwrap();
    let mut all = BTreeSet::new();
    words(&serde_json::from_str(&std::fs::read_to_string(contract).unwrap()).unwrap(), &mut all);
    assert!(all.len() >= 7, "{all:?}");
    let mut files = Vec::new();
    sources(&root(), false, &mut files);
    assert!(files.len() > 300, "only {} files of code are found", files.len());
    let mut repeated = BTreeSet::new();
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        let file = file.strip_prefix(root()).unwrap().display().to_string();
        repeated.extend(all.iter().filter(|word| text.contains(*word)).map(|word| (file.clone(), word.clone())));
    }
    let known = OTHERWISE.map(|(file, word)| (file.to_owned(), word.to_owned()));
    assert_eq!(repeated, BTreeSet::from(known));
}
