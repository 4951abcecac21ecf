//! Entries of settings files, as far as they say that a server is there (E11).

use mcp_registry_spec::{McpServerSpec, Result, ServerName};
use serde_json::{Map, Value};

/// An entry that a client would start or reach.
pub(crate) struct Entry(Map<String, Value>);

impl Entry {
    /// Judges what stands under the entry's key.
    ///
    /// # Errors
    /// Why it is no such entry. Nothing of it is quoted.
    pub(crate) fn read(value: Value, object: &str) -> Result<Self, String> {
        let entry = match value {
            Value::Null => return Err("the entry is null".to_owned()),
            Value::Object(entry) if entry.is_empty() => return Err("the entry is empty".to_owned()),
            Value::Object(entry) => entry,
            _ => return Err(format!("the entry is no {object}")),
        };
        match (text(&entry, "command")?, text(&entry, "url")?) {
            (true, true) => return Err("the entry has both a command and a url".to_owned()),
            (false, false) => return Err("the entry has neither a command nor a url".to_owned()),
            _ => {}
        }
        if entry.get("args").is_some_and(|args| !args.as_array().is_some_and(|args| args.iter().all(Value::is_string)))
        {
            return Err("the entry's args are no list of texts".to_owned());
        }
        for key in ["env", "headers"] {
            let are_texts = |map: &Map<String, Value>| map.values().all(Value::is_string);
            if entry.get(key).is_some_and(|values| !values.as_object().is_some_and(are_texts)) {
                return Err(format!("the entry's {key} is no {object} of texts"));
            }
        }
        for (key, off) in [("disabled", true), ("enabled", false)] {
            match entry.get(key) {
                None => {}
                Some(Value::Bool(value)) if *value != off => {}
                Some(Value::Bool(_)) => return Err(format!("the entry is switched off, by {key}")),
                Some(_) => return Err(format!("the entry's {key} is neither true nor false")),
            }
        }
        Ok(Self(entry))
    }

    /// What it starts or reaches, as an entry of rule 24; the client's other keys say nothing of that.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn spec(&self, server: &ServerName) -> Result<McpServerSpec> {
        let transport = match self.0.get("type") {
            // Clients call streamable HTTP so.
            Some(Value::String(kind)) if kind == "http" => Some("streamable-http".into()),
            kind => kind.cloned(),
        };
        let mut fields = self.0.clone();
        fields.retain(|key, _| ["command", "args", "env", "url", "headers"].contains(&key.as_str()));
        fields.insert("name".to_owned(), server.as_str().into());
        fields.extend(transport.map(|kind| ("transport".to_owned(), kind)));
        McpServerSpec::from_json(Value::Object(fields))
    }
}

/// Whether a key is there; a text that is not blank it must be then.
fn text(entry: &Map<String, Value>, key: &str) -> Result<bool, String> {
    match entry.get(key) {
        None => Ok(false),
        Some(Value::String(text)) if text.trim().is_empty() => Err(format!("the entry's {key} is empty")),
        Some(Value::String(_)) => Ok(true),
        Some(_) => Err(format!("the entry's {key} is no text")),
    }
}
