//! What each tool takes and answers, as JSON schemas (rules M5 and M6).

use mcp_registry_governance::{State, Tool};
use mcp_registry_spec::TransportKind;
use serde_json::{Value, json};

use super::schema::{list, object, or_null, text, texts_by_name, word};

/// What a request says beside what it asks for: judged by the rules of changes, each with an error of its
/// own (rule H8), and not by the schema.
pub(super) const FORM: &[&str] =
    &["confirm", "actor_role", "requested_by", "approval_reason", "identity", "scheduled_at"];

/// The most changes that one call lists.
pub(super) const MOST_LISTED: usize = 1000;

/// The arguments that a tool takes.
pub(super) fn input(tool: Tool) -> Value {
    match tool {
        Tool::RegistryShow => object([("name", name("The server's name"))], &["name"]),
        Tool::RegistryValidate => object([("name", name("The server's name; all servers when it is left out"))], &[]),
        Tool::ChangePreview => object([action(), ("name", changed()), ("entry", entry())], &["action", "name"]),
        Tool::ChangeRequest => object(
            [
                action(),
                ("name", changed()),
                ("entry", entry()),
                ("confirm", json!({"type": "boolean", "const": true, "description": "true, once you mean it"})),
                (
                    "actor_role",
                    text("In which role you ask; allowed_roles of the preview lists them. A token's own goes before"),
                ),
                ("requested_by", text("Who asks, by name. A token's own goes before")),
                ("approval_reason", text("Why, for the person who approves")),
                ("identity", text("The identity that change_preview gave for exactly this change")),
                (
                    "priority",
                    json!({"type": "integer", "description": "-100 to 100; higher is shown first to whoever approves"}),
                ),
                (
                    "scheduled_at",
                    text("Not to be approved before: RFC 3339 with an offset, as in 2026-01-31T08:00:00+01:00"),
                ),
            ],
            &["action", "name", "confirm", "approval_reason", "identity"],
        ),
        Tool::ChangeCancel => object(
            [
                ("id", id()),
                ("requested_by", text("Who asked for it, by the name given then. A token's own goes before")),
                ("reason", text("Why")),
            ],
            &["id"],
        ),
        Tool::ApprovalList => object(
            [
                ("status", word(State::ALL.iter().map(|state| state.as_str()), "Only those that stand so")),
                (
                    "limit",
                    json!({"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "description": "At most so many; 100 when it is left out"}),
                ),
            ],
            &[],
        ),
        Tool::ApprovalGet | Tool::ApprovalApprove => object([("id", id())], &["id"]),
        Tool::ApprovalReject => object([("id", id()), ("reason", text("Why"))], &["id"]),
        // The others take none.
        _ => object([], &[]),
    }
}

/// What a tool answers, in every case.
pub(super) fn output(tool: Tool) -> Value {
    let answer = match tool {
        Tool::RegistryList => listing(),
        Tool::RegistryShow => object([("entry", shown()), ("digest", digest())], &["entry", "digest"]),
        Tool::RegistryValidate => object([("ok", flag()), ("results", list(validation()))], &["ok", "results"]),
        Tool::RegistryCapabilities => object(
            [
                ("backend_id", string()),
                ("locator", string()),
                ("scope", or_null(string())),
                ("capabilities", capabilities()),
            ],
            &["backend_id", "locator", "scope", "capabilities"],
        ),
        Tool::Doctor => diagnostics(),
        Tool::ChangePreview => preview(),
        Tool::ChangeRequest => object(
            [("approval", change()), ("is_new", flag()), ("next_step", string())],
            &["approval", "is_new", "next_step"],
        ),
        Tool::ApprovalList => object(
            [("status_filter", or_null(string())), ("approvals", list(change()))],
            &["status_filter", "approvals"],
        ),
        Tool::ApprovalApprove => {
            object([("approval", change()), ("execution", execution())], &["approval", "execution"])
        }
        // They answer the change as it stands.
        _ => object([("approval", change())], &["approval"]),
    };
    json!({"type": "object", "oneOf": [answer, failure(), denial()]})
}

fn string() -> Value {
    json!({"type": "string"})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn digest() -> Value {
    json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// The rule for names is the registry's (rule 1); what is longer is none in any case.
fn name(description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 128, "description": description})
}

fn changed() -> Value {
    name("The name of the server that is installed, updated or uninstalled")
}

fn id() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 64, "description": "The change's id, as change_request or approval_list gave it"})
}

fn action() -> (&'static str, Value) {
    ("action", word(["install", "update", "uninstall"], "What is to be done"))
}

/// An entry as it is given. Keys that mean nothing here are kept with it (rule 24), so others are allowed.
fn entry() -> Value {
    let transports = TransportKind::ALL.iter().map(|kind| kind.as_str());
    json!({
        "type": "object",
        "description": "The whole entry as it is to be; left out of an uninstall. A server has either a command or a url. Secrets are never written out: refer to variables, as in $GITHUB_PAT",
        "properties": {
            "transport": word(transports, "How it is reached; told by the other fields when left out"),
            "command": text("The program that a stdio server is, never with a reference"),
            "args": {"type": "array", "items": {"type": "string"}, "description": "Its arguments"},
            "env": texts_by_name("What is added to its environment, as in {\"GITHUB_TOKEN\": \"$GITHUB_PAT\"}"),
            "url": text("Where a remote server answers"),
            "headers": texts_by_name("What is sent to it with every request"),
            "description": text("What it is for"),
        },
        "additionalProperties": true,
    })
}

/// An entry as it is shown: its keys are open, since it keeps those that nobody knows.
fn shown() -> Value {
    json!({"type": "object", "required": ["name", "transport", "description"]})
}

fn listing() -> Value {
    let server = object(
        [
            ("name", string()),
            ("description", string()),
            ("transport", string()),
            ("version", or_null(string())),
            ("source", string()),
        ],
        &["name", "description", "transport", "version", "source"],
    );
    let error =
        object([("kind", string()), ("message", string()), ("retryable", flag())], &["kind", "message", "retryable"]);
    let broken = object([("name", string()), ("error", error)], &["name", "error"]);
    object([("servers", list(server)), ("broken", list(broken))], &["servers", "broken"])
}

fn validation() -> Value {
    object(
        [("name", string()), ("ok", flag()), ("errors", list(string())), ("warnings", list(string()))],
        &["name", "ok", "errors", "warnings"],
    )
}

fn capabilities() -> Value {
    object(
        [
            ("supports_install", flag()),
            ("supports_update", flag()),
            ("supports_uninstall", flag()),
            ("supports_capability_handshake", flag()),
            ("supports_audit", flag()),
            ("durable", flag()),
        ],
        &["supports_install", "supports_update", "supports_uninstall", "durable"],
    )
}

fn diagnostics() -> Value {
    let counts = object(
        [
            ("tools", count()),
            ("commands", count()),
            ("packages", count()),
            ("launches", count()),
            ("hosts", count()),
            ("env", count()),
            ("keys", count()),
        ],
        &["tools", "commands", "packages", "launches", "hosts", "env", "keys"],
    );
    let rule = object(
        [("number", string()), ("key", string()), ("line", or_null(count())), ("says", string())],
        &["number", "key", "line", "says"],
    );
    object(
        [
            ("ok", flag()),
            ("path", or_null(string())),
            ("exists", flag()),
            ("version", or_null(count())),
            ("using_default", flag()),
            ("summary", string()),
            ("error", or_null(string())),
            ("counts", counts),
            ("rules", list(rule)),
        ],
        &["ok", "path", "exists", "version", "using_default", "summary", "error", "counts", "rules"],
    )
}

fn decision() -> Value {
    object(
        [("allowed", flag()), ("needs_confirmation", flag()), ("reason", string())],
        &["allowed", "needs_confirmation", "reason"],
    )
}

fn preview() -> Value {
    let properties = [
        ("validation", json!({"const": "fail-closed"})),
        ("identity", digest()),
        ("action", string()),
        ("backend_id", string()),
        ("locator", string()),
        ("scope", or_null(string())),
        ("name", string()),
        ("item", shown()),
        ("replaces", or_null(digest())),
        ("difference", string()),
        ("policy", decision()),
        ("active", list(change())),
        ("required_apply_inputs", list(string())),
        ("allowed_roles", list(string())),
        ("mutation_gate", word(["default-off", "open"], "Whether anybody may ask for a change")),
        ("can_apply", flag()),
        ("next_step", string()),
    ];
    every(properties)
}

fn change() -> Value {
    every([
        ("id", string()),
        ("identity", digest()),
        ("state", word(State::ALL.iter().map(|state| state.as_str()), "How it stands")),
        ("action", string()),
        ("backend_id", string()),
        ("locator", string()),
        ("scope", or_null(string())),
        ("name", string()),
        ("entry", or_null(shown())),
        ("replaces", or_null(digest())),
        ("difference", string()),
        ("requested_by", string()),
        ("actor_role", string()),
        ("approval_reason", string()),
        ("source", string()),
        ("mode", string()),
        ("priority", json!({"type": "integer", "minimum": -100, "maximum": 100})),
        ("scheduled_at", or_null(time())),
        ("created_at", time()),
        ("expires_at", time()),
        ("decided_by", or_null(string())),
        ("decision_reason", or_null(string())),
        ("decided_at", or_null(time())),
        ("finished_at", or_null(time())),
        ("outcome", or_null(every([("error", outcome_error()), ("note", or_null(string()))]))),
    ])
}

fn outcome_error() -> Value {
    or_null(every([("kind", string()), ("message", string())]))
}

fn execution() -> Value {
    every([
        ("ok", flag()),
        ("state", string()),
        ("digest", or_null(digest())),
        ("error", outcome_error()),
        ("note", or_null(string())),
    ])
}

/// A call that was refused or failed.
fn failure() -> Value {
    let error = every([
        ("code", string()),
        ("kind", string()),
        ("message", string()),
        ("hint", or_null(string())),
        ("retryable", flag()),
    ]);
    every([("ok", json!({"const": false})), ("error", error)])
}

/// A call that the policy denies.
fn denial() -> Value {
    let policy = every([
        ("allowed", json!({"const": false})),
        ("needs_confirmation", json!({"const": false})),
        ("reason", string()),
    ]);
    every([("ok", json!({"const": false})), ("policy", policy)])
}

/// An object that has all of these.
fn every<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let required: Vec<_> = properties.iter().map(|(name, _)| (*name).to_owned()).collect();
    let required: Vec<_> = required.iter().map(String::as_str).collect();
    object(properties, &required)
}
