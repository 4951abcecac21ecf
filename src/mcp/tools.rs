//! The tools, as clients are told of them (rules M3, M5 and M6).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use mcp_registry_governance::Tool;
use rmcp::model::{JsonObject, Tool as Described, ToolAnnotations};
use serde_json::{Value, json};

use super::schemas;

/// A tool, and what its calls are held to.
struct Known {
    described: Described,
    enforced: Value,
}

static TOOLS: LazyLock<BTreeMap<Tool, Known>> = LazyLock::new(|| {
    let known = |tool: &Tool| (*tool, Known { described: describe(*tool), enforced: enforce(*tool) });
    Tool::ALL.iter().map(known).collect()
});

/// The tool as clients are told of it.
pub(super) fn described(tool: Tool) -> Option<&'static Described> {
    TOOLS.get(&tool).map(|known| &known.described)
}

/// What a call of the tool is held to, before the rules of changes are asked.
pub(super) fn enforced(tool: Tool) -> &'static Value {
    TOOLS.get(&tool).map_or(&Value::Null, |known| &known.enforced)
}

/// The schema without what the rules of changes judge themselves, in their own order (rule H8).
fn enforce(tool: Tool) -> Value {
    let mut schema = schemas::input(tool);
    if tool == Tool::ChangeRequest {
        for field in schemas::FORM {
            schema["properties"][field] = json!({});
        }
        schema["required"] = json!(["action", "name"]);
    }
    schema
}

fn describe(tool: Tool) -> Described {
    let (title, description) = words(tool);
    Described::new(tool.as_str(), description, Arc::new(map(schemas::input(tool))))
        .with_title(title)
        .with_raw_output_schema(Arc::new(map(schemas::output(tool))))
        .with_annotations(annotations(tool, title))
}

fn map(schema: Value) -> JsonObject {
    match schema {
        Value::Object(map) => map,
        _ => JsonObject::new(),
    }
}

/// What a tool does to the world. Nothing reaches beyond the registry, and nothing happens twice: asking
/// again for what waits gives the same change, and what was decided is decided.
fn annotations(tool: Tool, title: &str) -> ToolAnnotations {
    // A request adds itself to a list; what decides on one ends it, and may replace or remove an entry.
    let destructive = tool.changes() && tool != Tool::ChangeRequest;
    ToolAnnotations::with_title(title)
        .read_only(!tool.changes())
        .destructive(destructive)
        .idempotent(true)
        .open_world(false)
}

fn words(tool: Tool) -> (&'static str, &'static str) {
    match tool {
        Tool::RegistryList => ("List servers", "Lists the MCP servers that are mounted, broken entries beside them."),
        Tool::RegistryShow => (
            "Show a server",
            "Shows the entry of a server, and its digest. It holds references to secrets ($NAME), never values.",
        ),
        Tool::RegistryValidate => (
            "Check entries",
            "Checks the entry of a server, or all of them, without starting anything and without reading a secret.",
        ),
        Tool::RegistryCapabilities => ("Show capabilities", "Tells which registry this is, and what it allows."),
        Tool::Doctor => (
            "Diagnose the policy",
            "Tells how the operator's policy stands: whether it can be used, and what it says, key by key.",
        ),
        Tool::ChangePreview => (
            "Preview a change",
            "Shows what installing, updating or uninstalling a server would do, and whether it may be asked for. \
             Changes nothing. Gives the identity that change_request needs.",
        ),
        Tool::ChangeRequest => (
            "Ask for a change",
            "Asks for a change that was previewed. It waits then until a person approves it; asking again gives the \
             same request.",
        ),
        Tool::ChangeCancel => ("Take a request back", "Takes back a change that you asked for and that still waits."),
        Tool::ApprovalList => ("List requests", "Lists the changes that were asked for, those that wait first."),
        Tool::ApprovalGet => ("Show a request", "Shows a change that was asked for, and how it stands."),
        Tool::ApprovalApprove => {
            ("Approve a request", "Approves a change that waits, and carries it out: exactly what was asked for, once.")
        }
        Tool::ApprovalReject => ("Reject a request", "Rejects a change that waits; nothing is changed."),
        _ => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m3_every_tool_is_described_in_full() {
        for tool in Tool::ALL {
            let described = described(*tool).unwrap();
            assert!(described.description.as_ref().is_some_and(|text| text.ends_with('.')), "{tool}");
            assert!(described.title.as_ref().is_some_and(|title| !title.is_empty()), "{tool}");
            assert_eq!(described.input_schema["additionalProperties"], false, "{tool}");
            assert_eq!(described.input_schema["type"], "object", "{tool}");
            assert_eq!(described.output_schema.as_ref().unwrap()["type"], "object", "{tool}");
            let annotations = described.annotations.as_ref().unwrap();
            assert_eq!(annotations.read_only_hint, Some(!tool.changes()), "{tool}");
            assert_eq!(annotations.open_world_hint, Some(false), "{tool}");
            assert!(!(annotations.read_only_hint == Some(true) && annotations.is_destructive()), "{tool}");
        }
    }
}
