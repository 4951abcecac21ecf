//! JSON schemas, made by hand, and what they hold arguments to (rule M5).
//!
//! What is published is what is enforced: [`check`] reads the very schemas that clients are given. It knows
//! the words that these use and no others.

use mcp_registry_spec::{near, text};
use serde_json::{Map, Value, json};

/// An object with these properties and no others; `required` of them must be there.
pub(super) fn object<const N: usize>(properties: [(&str, Value); N], required: &[&str]) -> Value {
    let properties: Map<_, _> = properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// An object of texts, by whatever names.
pub(super) fn texts_by_name(description: &str) -> Value {
    json!({"type": "object", "additionalProperties": {"type": "string"}, "description": description})
}

/// A list of such things.
pub(super) fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A text.
pub(super) fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

/// One of a few words.
pub(super) fn word<'a>(words: impl IntoIterator<Item = &'a str>, description: &str) -> Value {
    json!({"type": "string", "enum": words.into_iter().collect::<Vec<_>>(), "description": description})
}

/// The same, or null.
pub(super) fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// What is wrong with a value: said without quoting it, since it may be a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: String,
}

/// Holds a value to a schema.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), Problem> {
    held(schema, value, &mut Vec::new())
}

fn held<'a>(schema: &'a Value, value: &'a Value, path: &mut Vec<String>) -> Result<(), Problem> {
    if let Some(expected) = schema.get("type").and_then(Value::as_str)
        && !is_of_type(value, expected)
    {
        let message = format!("{} is {}", named(path), kind(value));
        return Err(Problem { message, hint: format!("give {}", a_type(expected)) });
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        let hint = near::hint(value.as_str().unwrap_or_default(), &words);
        return Err(Problem { message: format!("{} is none of the words there are", named(path)), hint });
    }
    bounds(schema, value, path)?;
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (i, value) in values.iter().enumerate() {
            below(path, format!("[{i}]"), |path| held(items, value, path))?;
        }
    }
    value.as_object().map_or(Ok(()), |object| properties(schema, object, path))
}

fn properties<'a>(schema: &'a Value, object: &'a Map<String, Value>, path: &mut Vec<String>) -> Result<(), Problem> {
    let known = schema.get("properties").and_then(Value::as_object);
    for (name, value) in object {
        let schema = match (known.and_then(|known| known.get(name)), schema.get("additionalProperties")) {
            (Some(schema), _) => schema,
            (None, Some(Value::Bool(false))) => {
                let names: Vec<_> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                let hint = if names.is_empty() { "leave it out".to_owned() } else { near::hint(name, &names) };
                let message = format!("{} has no property {}", named(path), text::quote(name));
                return Err(Problem { message, hint });
            }
            (None, Some(schema)) => schema,
            (None, None) => continue,
        };
        below(path, format!(".{name}"), |path| held(schema, value, path))?;
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    match required.into_iter().find(|name| !object.contains_key(*name)) {
        Some(missing) => {
            let message = format!("{} has no property {}", named(path), text::quote(missing));
            Err(Problem { message, hint: format!("give \"{missing}\"") })
        }
        None => Ok(()),
    }
}

fn bounds(schema: &Value, value: &Value, path: &[String]) -> Result<(), Problem> {
    let bound = |word: &str| schema.get(word).and_then(Value::as_i64);
    let (least, most, found, of) = match value {
        Value::String(text) => {
            let found = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            (bound("minLength"), bound("maxLength"), found, " characters")
        }
        // Beyond what a number can be held to, it is beyond every bound.
        Value::Number(number) => (bound("minimum"), bound("maximum"), number.as_i64().unwrap_or(i64::MAX), ""),
        _ => return Ok(()),
    };
    if least.is_none_or(|least| found >= least) && most.is_none_or(|most| found <= most) {
        return Ok(());
    }
    let hint = match (least, most) {
        (Some(least), Some(most)) => format!("give {least} to {most}{of}"),
        (Some(least), None) => format!("give at least {least}{of}"),
        (None, most) => format!("give at most {}{of}", most.unwrap_or_default()),
    };
    Err(Problem { message: format!("{} is out of bounds", named(path)), hint })
}

fn below<'a>(
    path: &mut Vec<String>,
    step: String,
    check: impl FnOnce(&mut Vec<String>) -> Result<(), Problem> + 'a,
) -> Result<(), Problem> {
    path.push(step);
    let checked = check(path);
    path.pop();
    checked
}

/// `entry.args[0]`, or what stands at the top.
fn named(path: &[String]) -> String {
    let path = path.concat();
    match path.strip_prefix('.').unwrap_or(&path) {
        "" => "the call".to_owned(),
        path => format!("the argument {}", text::quote(path)),
    }
}

fn is_of_type(value: &Value, expected: &str) -> bool {
    match expected {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number of another kind",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn a_type(expected: &str) -> String {
    match expected {
        "object" | "array" | "integer" => format!("an {expected}"),
        other => format!("a {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(schema: &Value, value: Value) -> String {
        let Problem { message, hint } = check(schema, &value).unwrap_err();
        format!("{message}: {hint}")
    }

    #[test]
    fn m5_what_is_wrong_is_named_and_nothing_is_quoted_but_names() {
        let limit = json!({"type": "integer", "minimum": 1, "maximum": 9});
        let schema = object(
            [
                ("name", json!({"type": "string", "minLength": 1, "maxLength": 3})),
                ("limit", limit),
                ("action", word(["install", "update"], "")),
                ("args", list(text(""))),
                ("env", texts_by_name("")),
            ],
            &["name"],
        );
        assert_eq!(check(&schema, &json!({"name": "a", "limit": 3, "args": ["x"], "env": {"A": "b"}})), Ok(()));
        for (value, said) in [
            (json!({"name": "a", "limits": 3}), "the call has no property \"limits\": did you mean \"limit\"?"),
            (json!({}), "the call has no property \"name\": give \"name\""),
            (json!({"name": 5}), "the argument \"name\" is a number of another kind: give a string"),
            (json!({"name": ""}), "the argument \"name\" is out of bounds: give 1 to 3 characters"),
            (json!({"name": "hunter2"}), "the argument \"name\" is out of bounds: give 1 to 3 characters"),
            (json!({"name": "a", "limit": 1.5}), "the argument \"limit\" is a number of another kind: give an integer"),
            (json!({"name": "a", "limit": "3"}), "the argument \"limit\" is a string: give an integer"),
            (json!({"name": "a", "limit": u64::MAX}), "the argument \"limit\" is out of bounds: give 1 to 9"),
            (
                json!({"name": "a", "action": "instal"}),
                "the argument \"action\" is none of the words there are: did you mean \"install\"?",
            ),
            (
                json!({"name": "a", "args": ["x", 1]}),
                "the argument \"args[1]\" is a number of another kind: give a string",
            ),
            (json!({"name": "a", "env": {"A": null}}), "the argument \"env.A\" is null: give a string"),
            (json!([]), "the call is a list: give an object"),
        ] {
            assert_eq!(problem(&schema, value), said);
        }
    }
}
