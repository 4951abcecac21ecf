//! Changes, as the description has them: what can be asked of them, and what is answered.

use mcp_registry_governance::{Gate, State};
use mcp_registry_spec::ErrorKind;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{ComponentsBuilder, HttpMethod, RefOr, Required, Schema};

use super::operations::{Described, path, query, scoped};
use super::schemas::{
    Property, action, closed, integer, kind, list, name, number, object, one_of, or_null, reference, text, time, truth,
};
use crate::catalog::endpoint::Endpoint;
use crate::catalog::governed::status;

/// The operations of an endpoint of changes.
pub(super) fn of(endpoint: Endpoint) -> Vec<(HttpMethod, Operation)> {
    let post = |operation: Described| vec![(HttpMethod::Post, operation.build(endpoint))];
    match endpoint {
        Endpoint::ChangePreview => post(
            scoped("preview_change", "What a change would do, and what it takes to ask for it. Writes nothing.")
                .body("Proposal", Required::True)
                .answers(200, "What it would do.", "Preview")
                .refused(&[ErrorKind::NotInRegistry]),
        ),
        Endpoint::Changes => {
            vec![(HttpMethod::Get, listed().build(endpoint)), (HttpMethod::Post, requested().build(endpoint))]
        }
        Endpoint::Change => {
            let show = identified("change", "One change.").refused(&[ErrorKind::NotInRegistry]).read("Change");
            vec![(HttpMethod::Get, show.build(endpoint))]
        }
        Endpoint::ChangeApprove => post(
            identified("approve_change", "Approves a change that somebody else asked for, and carries it out, once.")
                .body("Nothing", Required::False)
                .answers(200, "It is carried out.", "Approval")
                .refused(&[ErrorKind::NotInRegistry, ErrorKind::ConfigInvalid, ErrorKind::Unavailable]),
        ),
        Endpoint::ChangeReject => post(ended("reject_change", "Rejects a change that somebody else asked for.")),
        Endpoint::ChangeCancel => post(ended("cancel_change", "Takes back a change that the caller asked for.")),
        _ => Vec::new(),
    }
}

fn listed() -> Described {
    let states = State::ALL.iter().map(|state| state.as_str());
    Described::new("changes", "The changes of the scopes that the token sees: those that wait first, by priority.")
        .with(query("agent_scope", "Those of this scope alone.", name()))
        .with(query("status", "Those that stand so.", one_of(states)))
        .with(query("limit", "At most so many; 100 when it is not said.", number(1, Some(10_000))))
        .refused(&[])
        .refuses(&[ErrorKind::InvalidName])
        .read("Changes")
}

fn requested() -> Described {
    let mut requested = scoped("request_change", "Asks for a change, on which a person then decides.")
        .body("Request", Required::True)
        .answers(201, "It waits for a decision.", "Change")
        .answers(200, "The same was asked for before, and waits.", "Change")
        .refused(&[ErrorKind::NotInRegistry]);
    requested.header(201, "Location", "Where the change is.");
    requested
}

fn ended(id: &str, summary: &str) -> Described {
    identified(id, summary)
        .body("Reason", Required::False)
        .answers(200, "It is ended, and nothing is changed.", "Change")
        .refused(&[ErrorKind::NotInRegistry])
}

fn identified(id: &str, summary: &str) -> Described {
    let known = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    let known = known.pattern(Some("^[A-Za-z0-9_-]+$")).min_length(Some(1)).max_length(Some(64)).build();
    Described::new(id, summary).with(path("id", "The change's id.", RefOr::T(Schema::Object(known))))
}

impl Described {
    /// Refusals of changes: by the policy and the rules of changes, and of the kinds beside these.
    fn refused(self, kinds: &[ErrorKind]) -> Self {
        let always = [ErrorKind::Forbidden, ErrorKind::Conflict, ErrorKind::InvalidSpec, ErrorKind::Unsupported];
        let all = always.iter().chain(kinds);
        all.fold(self, |described, kind| described.error_as(status(*kind).as_u16(), &kind.to_string(), "Refusal"))
    }
}

/// Adds the schemas of changes.
pub(super) fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    let proposal = || -> [Property; 3] {
        [("action", action(), true), ("name", name(), true), ("entry", or_null(reference("Entry")), false)]
    };
    let [asked, named, entry] = proposal();
    let said = object(
        "What is asked for; identity is what a preview gave.",
        [
            asked,
            named,
            entry,
            ("confirm", truth(), false),
            ("actor_role", or_null(text()), false),
            ("requested_by", or_null(text()), false),
            ("approval_reason", or_null(text()), false),
            ("identity", or_null(text()), false),
            ("priority", number_of_any_sign(), false),
            ("scheduled_at", or_null(time()), false),
        ],
    );
    components
        .schema("Proposal", closed(object("What a change is to do.", proposal())))
        .schema("Request", closed(said))
        .schema("Reason", closed(object("Why.", [("reason", or_null(text()), false)])))
        .schema("Nothing", closed(object("Nothing more than that.", [])))
        .schema("Change", change())
        .schema("Changes", object("Changes.", [("changes", list(reference("Change")), true)]))
        .schema("Preview", preview())
        .schema(
            "Decision",
            object(
                "What the policy says.",
                [("allowed", truth(), true), ("needs_confirmation", truth(), true), ("reason", text(), true)],
            ),
        )
        .schema("Outcome", object("What came of a change that was approved.", outcome()))
        .schema(
            "OutcomeError",
            object("What went wrong.", [("kind", kind(), true), ("message", text(), true)]),
        )
        .schema(
            "Approval",
            object(
                "What an approval came to.",
                [("approval", reference("Change"), true), ("execution", reference("Execution"), true)],
            ),
        )
        .schema("Execution", execution())
        .schema(
            "Refusal",
            object(
                "An answer that is an error. The code says which rule of changes it is; policy is there where that denied, \
                 approval and execution where what was approved failed.",
                [
                    ("error", reference("Failure"), true),
                    ("code", text(), false),
                    ("policy", reference("Decision"), false),
                    ("approval", reference("Change"), false),
                    ("execution", reference("Execution"), false),
                ],
            ),
        )
}

fn outcome() -> [Property; 2] {
    [("error", or_null(reference("OutcomeError")), true), ("note", or_null(text()), true)]
}

fn execution() -> RefOr<Schema> {
    let [error, note] = outcome();
    let properties = [("ok", truth(), true), ("state", state(), true), ("digest", or_null(text()), true), error, note];
    object("What carrying it out came to.", properties)
}

fn change() -> RefOr<Schema> {
    object(
        "A request for a change, and what became of it.",
        [
            ("id", text(), true),
            ("identity", text(), true),
            ("state", state(), true),
            ("action", action(), true),
            ("backend_id", text(), true),
            ("locator", text(), true),
            ("scope", or_null(name()), true),
            ("name", name(), true),
            ("entry", or_null(reference("Entry")), true),
            ("replaces", or_null(text()), true),
            ("difference", text(), true),
            ("requested_by", text(), true),
            ("actor_role", text(), true),
            ("approval_reason", text(), true),
            ("source", text(), true),
            ("mode", text(), true),
            ("priority", number_of_any_sign(), true),
            ("scheduled_at", or_null(time()), true),
            ("created_at", time(), true),
            ("expires_at", time(), true),
            ("decided_by", or_null(text()), true),
            ("decision_reason", or_null(text()), true),
            ("decided_at", or_null(time()), true),
            ("finished_at", or_null(time()), true),
            ("outcome", or_null(reference("Outcome")), true),
        ],
    )
}

fn preview() -> RefOr<Schema> {
    let gates = [Gate::Open, Gate::DefaultOff].map(Gate::as_str);
    object(
        "What a change would do, and what it takes to ask for it.",
        [
            ("validation", text(), true),
            ("identity", text(), true),
            ("action", action(), true),
            ("backend_id", text(), true),
            ("locator", text(), true),
            ("scope", or_null(name()), true),
            ("name", name(), true),
            ("item", reference("Entry"), true),
            ("replaces", or_null(text()), true),
            ("difference", text(), true),
            ("policy", reference("Decision"), true),
            ("active", list(reference("Change")), true),
            ("required_apply_inputs", list(text()), true),
            ("allowed_roles", list(text()), true),
            ("mutation_gate", one_of(gates), true),
            ("can_apply", truth(), true),
            ("next_step", text(), true),
        ],
    )
}

fn state() -> RefOr<Schema> {
    one_of(State::ALL.iter().map(|state| state.as_str()))
}

fn number_of_any_sign() -> RefOr<Schema> {
    RefOr::T(Schema::Object(integer().build()))
}
