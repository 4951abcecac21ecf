//! What is said of a change by whoever asks for it, or decides on it (rule C32).

use bytes::Bytes;
use mcp_registry_governance::{Form, Proposal};
use mcp_registry_spec::{AuditAction, Error, ErrorKind, McpServerSpec, ServerName, text};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::catalog::body;
use crate::catalog::refusal::Refusal;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) proposal: Proposal,
    pub(super) form: Form,
}

/// Reads what is asked for, and what a request says beside that. What is not understood is refused: it may be
/// what was to hold the change back.
///
/// # Errors
/// 422 for what is none of these, 400 for what is no JSON, or no name.
pub(super) fn asked(body: &Bytes) -> Result<Asked, Refusal> {
    let mut fields = object(body)?;
    let proposal = proposal(&mut fields)?;
    let form = serde_json::from_value(Value::Object(fields)).map_err(|cause| invalid(cause.to_string()))?;
    Ok(Asked { proposal, form })
}

/// Reads what is asked for, and nothing beside it.
///
/// # Errors
/// As [`asked`].
pub(super) fn proposed(body: &Bytes) -> Result<Proposal, Refusal> {
    let mut fields = object(body)?;
    let proposal = proposal(&mut fields)?;
    none_left(&fields)?;
    Ok(proposal)
}

fn proposal(fields: &mut Map<String, Value>) -> Result<Proposal, Refusal> {
    let action: AuditAction = take(fields, "action", "install, update or uninstall")?;
    let name: String = take(fields, "name", "a text")?;
    let name = ServerName::parse(&name)?;
    let entry = fields.remove("entry").filter(|entry| !entry.is_null());
    match (action, entry) {
        (AuditAction::Install, Some(entry)) => Ok(Proposal::Install(of_name(entry, &name)?)),
        (AuditAction::Update, Some(entry)) => Ok(Proposal::Update(of_name(entry, &name)?)),
        (AuditAction::Uninstall, None) => Ok(Proposal::Uninstall(name)),
        (AuditAction::Uninstall, Some(_)) => Err(invalid("what is uninstalled is told by its name alone")),
        (_, _) => Err(invalid("entry is missing")),
    }
}

/// Reads why somebody decides as they do, if they say so.
///
/// # Errors
/// 422 for anything else, 400 for what is no JSON.
pub(super) fn reason(body: &Bytes) -> Result<Option<String>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut fields = object(body)?;
    let reason = take(&mut fields, "reason", "a text")?;
    none_left(&fields)?;
    Ok(reason)
}

/// Reads a body that says nothing.
///
/// # Errors
/// 422 when it does, 400 for what is no JSON.
pub(super) fn nothing(body: &Bytes) -> Result<(), Refusal> {
    if body.is_empty() { Ok(()) } else { none_left(&object(body)?) }
}

fn object(body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    match body::json(body)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(invalid("the body is no object")),
    }
}

fn take<T: DeserializeOwned>(fields: &mut Map<String, Value>, key: &str, what: &str) -> Result<T, Refusal> {
    let value = fields.remove(key).unwrap_or_default();
    serde_json::from_value(value).map_err(|_| invalid(format!("{key} is not {what}")))
}

fn none_left(fields: &Map<String, Value>) -> Result<(), Refusal> {
    match fields.keys().next() {
        None => Ok(()),
        Some(key) => Err(invalid(format!("the body has a key that is not known, {}", text::quote(key)))),
    }
}

fn of_name(entry: Value, name: &ServerName) -> Result<McpServerSpec, Refusal> {
    let spec = McpServerSpec::from_json(entry)?;
    if spec.name == *name { Ok(spec) } else { Err(invalid("the entry has another name than the change")) }
}

fn invalid(what: impl AsRef<str>) -> Refusal {
    Error::new(ErrorKind::InvalidSpec, what).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &Value) -> Option<Asked> {
        asked(&Bytes::from(body.to_string())).ok()
    }

    #[test]
    fn rule_c32_a_body_says_what_is_asked_for_and_nothing_that_is_not_understood() {
        let entry = json!({"name": "a", "command": "npx"});
        let install = json!({"action": "install", "name": "a", "entry": entry});
        let found = read(&install).unwrap();
        assert!(matches!(found.proposal, Proposal::Install(_)) && found.form == Form::default());
        let preview = |body: &Value| proposed(&Bytes::from(body.to_string())).ok();
        assert_eq!(preview(&install), Some(found.proposal));
        let with = |key: &str, value: Value| {
            let mut body = install.clone();
            body[key] = value;
            body
        };
        let form = read(&with("scheduled_at", json!("2026-11-21T10:00:00Z"))).unwrap().form;
        assert_eq!(form.scheduled_at.as_deref(), Some("2026-11-21T10:00:00Z"));
        assert_eq!(preview(&with("confirm", json!(true))), None, "of which a preview would make nothing");
        assert_eq!(read(&with("confirm", json!("true"))).unwrap().form.confirm, json!("true"), "H8 tells of that");
        let uninstall = read(&json!({"action": "uninstall", "name": "a", "entry": null})).unwrap();
        assert_eq!(uninstall.proposal.name().as_str(), "a");
        for wrong in [
            json!([]),
            json!({}),
            json!({"action": "install", "name": "a"}),
            json!({"action": "uninstall", "name": "a", "entry": entry}),
            json!({"action": "uninstall"}),
            json!({"name": "a"}),
            with("action", json!("Install")),
            with("action", json!(["install"])),
            with("name", json!("b")),
            with("name", json!("../a")),
            with("entry", json!("npx")),
            with("sheduled_at", json!("2026-11-21T10:00:00Z")),
            with("priority", json!("1")),
            with("priority", json!(1.5)),
            with("approval_reason", json!(1)),
        ] {
            assert!(read(&wrong).is_none(), "{wrong}");
        }
        assert!(asked(&Bytes::from(r#"{"action":"uninstall","name":"a","name":"b"}"#)).is_err());
    }

    #[test]
    fn rule_c32_a_decision_says_at_most_why() {
        let why = |body: &'static str| reason(&Bytes::from(body)).ok();
        assert_eq!(why(""), Some(None));
        assert_eq!(why("{}"), Some(None));
        assert_eq!(why(r#"{"reason":null}"#), Some(None));
        assert_eq!(why(r#"{"reason":"no"}"#), Some(Some("no".to_owned())));
        for wrong in [r#"{"reason":1}"#, r#"{"why":"no"}"#, r#"{"reason":"a","reason":"b"}"#, "[]", "null", "no"] {
            assert_eq!(why(wrong), None, "{wrong}");
        }
        for (body, fine) in [("", true), ("{}", true), (r#"{"reason":"x"}"#, false), ("[]", false)] {
            assert_eq!(nothing(&Bytes::from(body)).is_ok(), fine, "{body}");
        }
    }
}
