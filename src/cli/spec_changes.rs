//! What an update changes, field by field.

use std::collections::BTreeMap;

use mcp_registry_spec::{MaskedSpec, McpServerSpec};
use serde::Serialize;
use serde_json::Value;

/// A line for every field that differs, secrets masked.
pub(crate) fn between(old: &McpServerSpec, new: &McpServerSpec) -> Vec<String> {
    let (old_shown, new_shown) = (fields(&old.masked()), fields(&new.masked()));
    let (old, new) = (fields(old), fields(new));
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let differs = |name: &&&String| old.get(**name) != new.get(**name);
    names
        .iter()
        .filter(differs)
        .map(|name| match (old_shown.get(*name), new_shown.get(*name)) {
            (Some(was), Some(is)) => format!("~ {name}: {was} -> {is}"),
            (Some(was), None) => format!("- {name}: {was}"),
            (None, Some(is)) => format!("+ {name}: {is}"),
            (None, None) => format!("~ {name}"),
        })
        .collect()
}

/// The fields that are there, those of `env` and `headers` one by one.
fn fields(spec: &impl Shown) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    for (key, value) in spec.object() {
        match value {
            Value::Object(map) if key == "env" || key == "headers" => {
                fields.extend(map.into_iter().map(|(name, value)| (format!("{key}.{name}"), value)));
            }
            Value::Array(list) if list.is_empty() => {}
            Value::String(text) if text.is_empty() => {}
            _ if key == "masked" => {}
            value => {
                fields.insert(key, value);
            }
        }
    }
    fields
}

/// Both forms of an entry.
trait Shown: Serialize {
    fn object(&self) -> serde_json::Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        }
    }
}

impl Shown for McpServerSpec {}
impl Shown for MaskedSpec {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_field_that_differs_and_no_secret() {
        let old = McpServerSpec::from_json(json!({"name": "a", "command": "npx", "args": ["x"],
            "env": {"A": "1", "B": "$B", "API_KEY": "hunter2"}, "description": "d", "k": {"x": 1}}))
        .unwrap();
        let new = McpServerSpec::from_json(json!({"name": "a", "command": "uvx", "args": ["x"],
            "env": {"B": "$C", "C": "", "API_KEY": "hunter3"}, "k": {"x": 2}}))
        .unwrap();
        assert_eq!(
            between(&old, &new),
            [
                "~ command: \"npx\" -> \"uvx\"",
                "- description: \"d\"",
                "- env.A: \"1\"",
                "~ env.API_KEY: \"***\" -> \"***\"",
                "~ env.B: \"$B\" -> \"$C\"",
                "+ env.C: \"\"",
                "~ k: {\"x\":1} -> {\"x\":2}",
            ]
        );
        assert!(between(&old, &old).is_empty());
    }
}
