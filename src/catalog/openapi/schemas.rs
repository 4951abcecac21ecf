//! The wire's types, as a description has them. The types themselves are those of the contract, which
//! knows nothing of descriptions; a test holds these to what is really sent.

use mcp_registry_spec::name::MAX_NAME_LEN;
use mcp_registry_spec::{AuditAction, ErrorKind, TransportKind};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{ComponentsBuilder, Ref, RefOr, Schema};

/// Rule 1, as a regular expression.
const NAME: &str = r"^(?!\.)(?!.*\.\.)[A-Za-z0-9_.+@-]+$";

/// What has no control characters, as a regular expression.
const PRINTED: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

/// A property: its name, its schema, and whether it is always there.
pub(super) type Property = (&'static str, RefOr<Schema>, bool);

/// Adds every schema.
pub(super) fn all(components: ComponentsBuilder) -> ComponentsBuilder {
    let listing = |of| {
        object(
            "The entries of a scope, or a page of them.",
            [
                ("servers", list(reference(of)), true),
                ("broken", list(reference("Broken")), true),
                ("next_cursor", name(), false),
            ],
        )
    };
    components
        .schema("Entry", entry())
        .schema("Ref", ref_line())
        .schema("Listing", listing("Ref"))
        .schema("Entries", listing("Entry"))
        .schema(
            "Broken",
            object(
                "An entry that is there and cannot be used.",
                [("name", name(), true), ("error", reference("Failure"), true)],
            ),
        )
        .schema(
            "Validation",
            object(
                "What a static look at an entry finds.",
                [("ok", truth(), true), ("errors", list(text()), true), ("warnings", list(text()), true)],
            ),
        )
        .schema("Capabilities", capabilities())
        .schema("Record", record())
        .schema(
            "Records",
            object("Records of the audit, oldest first.", [("records", list(reference("Record")), true)]),
        )
        .schema("Scopes", object("Scopes, sorted.", [("scopes", list(name()), true)]))
        .schema(
            "AllowedCommands",
            object(
                "An agent's own list of commands; null where it has none.",
                [("allowed_commands", or_null(list(text())), true)],
            ),
        )
        .schema("Status", object("That all is well.", [("status", text(), true)]))
        .schema("Description", open(object("A description in the form of OpenAPI.", [("openapi", text(), true)])))
        .schema(
            "Failure",
            object(
                "What failed, and whether to try again unchanged can help.",
                [("kind", kind(), true), ("message", text(), true), ("retryable", truth(), true)],
            ),
        )
        .schema("Error", object("An answer that is an error.", [("error", reference("Failure"), true)]))
}

fn entry() -> RefOr<Schema> {
    let texts = || {
        let texts = ObjectBuilder::new().additional_properties(Some(text()));
        RefOr::T(Schema::Object(texts.build()))
    };
    open(object(
        "One MCP server as it is mounted: command, args and env of a process, or url and headers of a remote server. \
         Other keys are kept.",
        [
            ("name", name(), true),
            ("transport", transport(), false),
            ("command", text(), false),
            ("args", list(text()), false),
            ("env", texts(), false),
            ("url", text(), false),
            ("headers", texts(), false),
            ("description", text(), false),
        ],
    ))
}

fn ref_line() -> RefOr<Schema> {
    object(
        "A listing's line on an entry.",
        [
            ("name", name(), true),
            ("description", text(), true),
            ("transport", transport(), true),
            ("version", or_null(text()), true),
            ("source", text(), true),
        ],
    )
}

fn capabilities() -> RefOr<Schema> {
    let tier = integer().minimum(Some(1)).maximum(Some(3));
    object(
        "What the catalog offers to whoever asks.",
        [
            ("tier", RefOr::T(Schema::Object(tier.build())), true),
            ("supports_install", truth(), true),
            ("supports_update", truth(), true),
            ("supports_uninstall", truth(), true),
            ("supports_audit", truth(), true),
            ("supports_scopes", truth(), true),
            ("supports_allowed_commands", truth(), true),
            ("wire_version", text(), true),
        ],
    )
}

fn record() -> RefOr<Schema> {
    let outcomes = std::iter::once("done").chain(ErrorKind::ALL.iter().map(|kind| kind.as_str()));
    object(
        "One write, as it is on record.",
        [
            ("seq", RefOr::T(Schema::Object(integer().minimum(Some(1)).build())), true),
            ("at", time(), true),
            ("actor", or_null(text()), true),
            ("request_id", or_null(text()), true),
            ("action", action(), true),
            ("scope", name(), true),
            ("name", name(), true),
            ("before", or_null(text()), true),
            ("after", or_null(text()), true),
            ("outcome", one_of(outcomes), true),
        ],
    )
}

/// What a write does.
pub(super) fn action() -> RefOr<Schema> {
    one_of([AuditAction::Install, AuditAction::Update, AuditAction::Uninstall].map(AuditAction::as_str))
}

/// The kind of an error.
pub(super) fn kind() -> RefOr<Schema> {
    one_of(ErrorKind::ALL.iter().map(|kind| kind.as_str()))
}

/// A name or scope (rule 1).
pub(super) fn name() -> RefOr<Schema> {
    let name = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).pattern(Some(NAME));
    RefOr::T(Schema::Object(name.min_length(Some(1)).max_length(Some(MAX_NAME_LEN)).build()))
}

/// Any text.
pub(super) fn text() -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).build()))
}

/// A text of at least one character, and none of them a control character.
pub(super) fn text_without(most: usize) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).pattern(Some(PRINTED));
    RefOr::T(Schema::Object(text.min_length(Some(1)).max_length(Some(most)).build()))
}

/// A time, as RFC 3339 has it.
pub(super) fn time() -> RefOr<Schema> {
    let time = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    RefOr::T(Schema::Object(time.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).build()))
}

/// One of these texts.
pub(super) fn one_of(texts: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    let one = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(texts));
    RefOr::T(Schema::Object(one.build()))
}

/// A whole number within bounds.
pub(super) fn number(least: usize, most: Option<usize>) -> RefOr<Schema> {
    RefOr::T(Schema::Object(integer().minimum(Some(least)).maximum(most).build()))
}

/// What one of two names stands for.
pub(super) fn either(one: &str, other: &str) -> RefOr<Schema> {
    RefOr::T(Schema::OneOf(OneOfBuilder::new().item(reference(one)).item(reference(other)).build()))
}

fn transport() -> RefOr<Schema> {
    one_of(TransportKind::ALL.iter().map(|kind| kind.as_str()))
}

pub(super) fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

pub(super) fn list(of: RefOr<Schema>) -> RefOr<Schema> {
    RefOr::T(Schema::Array(ArrayBuilder::new().items(of).build()))
}

pub(super) fn truth() -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean)).build()))
}

pub(super) fn integer() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer))
}

/// The same, or nothing.
pub(super) fn or_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            let types: Vec<_> = match object.schema_type {
                SchemaType::Type(one) => vec![one],
                SchemaType::Array(some) => some,
                SchemaType::AnyValue => Vec::new(),
            };
            object.schema_type = SchemaType::from_iter(types.into_iter().chain([Type::Null]));
            RefOr::T(Schema::Object(object))
        }
        named => {
            let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null)).build();
            RefOr::T(Schema::OneOf(OneOfBuilder::new().item(named).item(Schema::Object(null)).build()))
        }
    }
}

pub(super) fn object<const N: usize>(description: &str, properties: [Property; N]) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object)).description(Some(description));
    let object = properties.into_iter().fold(object, |object, (name, schema, always)| {
        let object = object.property(name, schema);
        if always { object.required(name) } else { object }
    });
    RefOr::T(Schema::Object(object.build()))
}

/// The same, with no other properties beside those that are named.
pub(super) fn closed(schema: RefOr<Schema>) -> RefOr<Schema> {
    with_others(schema, false)
}

/// The same, with other properties beside those that are named.
fn open(schema: RefOr<Schema>) -> RefOr<Schema> {
    with_others(schema, true)
}

fn with_others(schema: RefOr<Schema>, may: bool) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(may)));
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}
