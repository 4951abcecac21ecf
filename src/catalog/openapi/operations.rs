//! What can be asked at each endpoint, and what it answers.

use mcp_registry_spec::ErrorKind;
use mcp_registry_spec::wire::status;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, HttpMethod, Ref, RefOr, Required, ResponseBuilder, Schema};

use super::TOKEN;
use super::agents;
use super::changes;
use super::schemas;
use crate::catalog::endpoint::Endpoint;

/// The operations of an endpoint.
pub(super) fn of(endpoint: Endpoint) -> Vec<(HttpMethod, Operation)> {
    let get = |operation: Described| vec![(HttpMethod::Get, operation.build(endpoint))];
    match endpoint {
        Endpoint::Servers => vec![
            (HttpMethod::Get, list().build(endpoint)),
            (HttpMethod::Post, install().build(endpoint)),
            (HttpMethod::Options, options().build(endpoint)),
        ],
        Endpoint::Server => vec![
            (HttpMethod::Get, show().build(endpoint)),
            (HttpMethod::Put, update().build(endpoint)),
            (HttpMethod::Delete, uninstall().build(endpoint)),
        ],
        Endpoint::Validate => {
            get(scoped("validate", "What a static look at an entry finds.").named().read("Validation"))
        }
        Endpoint::Capabilities => {
            get(Described::new("capabilities", "What the catalog offers to whoever asks.").read("Capabilities"))
        }
        Endpoint::Audit => get(scoped("audit", "What was asked to be written in the scope, oldest first.")
            .with(query("after", "The number of the record before the first.", schemas::number(0, None)))
            .with(query("limit", "At most so many records.", schemas::number(1, Some(10_000))))
            .refuses(&[ErrorKind::Unsupported])
            .read("Records")),
        Endpoint::Scopes => get(Described::new("scopes", "The scopes that have entries and that the token sees.")
            .refuses(&[ErrorKind::Unsupported])
            .read("Scopes")),
        Endpoint::AllowedCommands => {
            get(scoped("allowed_commands", "The commands that the agent of the scope allows, where it has a list.")
                .read("AllowedCommands"))
        }
        Endpoint::ChangePreview
        | Endpoint::Changes
        | Endpoint::Change
        | Endpoint::ChangeApprove
        | Endpoint::ChangeReject
        | Endpoint::ChangeCancel => changes::of(endpoint),
        Endpoint::AgentRegister | Endpoint::AgentHeartbeat | Endpoint::Agents => agents::of(endpoint),
        Endpoint::Health => {
            get(Described::new("health", "Whether the process runs.").answers(200, "It runs.", "Status"))
        }
        Endpoint::Ready => get(Described::new("ready", "Whether the storage answers.")
            .answers(200, "It answers.", "Status")
            .refuses(&[ErrorKind::Unavailable])),
        Endpoint::Metrics => get(Described::new("metrics", "Figures, in Prometheus' text format.").text()),
        Endpoint::OpenApi => get(Described::new("openapi", "This description.").read("Description")),
        Endpoint::Unknown => Vec::new(),
    }
}

fn list() -> Described {
    let mut list = scoped("list", "The entries of the scope, in the order of their names.")
        .with(query("expand", "Entries in place of refs.", schemas::one_of(["spec"])))
        .with(query("limit", "At most so many entries, broken ones counted.", schemas::number(1, Some(10_000))))
        .with(query("cursor", "What the page before gave as next_cursor.", schemas::name()))
        .read("Listing");
    list.content(200, schemas::either("Listing", "Entries"));
    list
}

fn show() -> Described {
    scoped("show", "One entry.").named().read("Entry").refuses(&[ErrorKind::NotInRegistry])
}

fn install() -> Described {
    scoped("install", "Adds an entry.")
        .body("Entry", Required::True)
        .answers(201, "It is added.", "Ref")
        .validated(201)
        .refuses(&[ErrorKind::Unsupported, ErrorKind::AlreadyInstalled])
}

fn update() -> Described {
    scoped("update", "Replaces an entry.")
        .named()
        .with(header("If-Match", "The ETag of the entry that is meant.", Required::True))
        .with(header("If-None-Match", "ETags that the entry must not have.", Required::False))
        .body("Entry", Required::True)
        .answers(200, "It is replaced.", "Ref")
        .validated(200)
        .refuses(&[ErrorKind::Unsupported, ErrorKind::NotInRegistry, ErrorKind::Conflict])
        .error(428, "If-Match is missing.")
}

fn uninstall() -> Described {
    scoped("uninstall", "Removes an entry; one that is not there is removed already.")
        .named()
        .with(header("If-Match", "The ETag of the entry that is meant.", Required::False))
        .with(header("If-None-Match", "ETags that the entry must not have.", Required::False))
        .empty(204, "It is not there any more.")
        .refuses(&[ErrorKind::Unsupported, ErrorKind::Conflict])
}

fn options() -> Described {
    let mut options = Described::new("options", "Which methods the entries have for whoever asks, as Allow.")
        .empty(200, "Allow has them.");
    options.header(200, "Allow", "The methods, with commas between.");
    options
}

/// An operation while it is put together.
pub(super) struct Described {
    operation: OperationBuilder,
    responses: Vec<(u16, ResponseBuilder)>,
}

/// What reads or writes entries of a scope.
pub(super) fn scoped(id: &str, summary: &str) -> Described {
    Described::new(id, summary)
        .with(parameter("agent_scope", "Whose entries.", ParameterIn::Query, Required::True, schemas::name()))
        .refuses(&[ErrorKind::InvalidName, ErrorKind::DescriptorInvalid])
}

impl Described {
    pub(super) fn new(id: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary));
        Self { operation, responses: Vec::new() }
    }

    pub(super) fn with(mut self, parameter: Parameter) -> Self {
        self.operation = self.operation.parameter(parameter);
        self
    }

    fn named(self) -> Self {
        self.with(path("name", "The entry's name.", schemas::name()))
    }

    pub(super) fn body(mut self, schema: &str, required: Required) -> Self {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let body = RequestBodyBuilder::new().content("application/json", content).required(Some(required)).build();
        self.operation = self.operation.request_body(Some(body));
        self.error(400, "The body is no JSON, or a name or the query is wrong.")
            .error(408, "The body does not arrive in time.")
            .error(413, "The body is larger than 1 MiB.")
            .error(415, "The body is not said to be JSON.")
    }

    /// A read: an answer that has a validator, and 304 for whoever has it.
    pub(super) fn read(self, schema: &str) -> Self {
        self.with(header("If-None-Match", "ETags of answers that are there already.", Required::False))
            .answers(200, "The answer.", schema)
            .validated(200)
            .empty(304, "What is there already still stands.")
            .validated(304)
    }

    pub(super) fn answers(mut self, status: u16, description: &str, schema: &str) -> Self {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        self.responses
            .push((status, ResponseBuilder::new().description(description).content("application/json", content)));
        self
    }

    fn text(mut self) -> Self {
        let content = ContentBuilder::new().schema(Some(schemas::text())).build();
        self.responses.push((200, ResponseBuilder::new().description("The figures.").content("text/plain", content)));
        self
    }

    fn empty(mut self, status: u16, description: &str) -> Self {
        self.responses.push((status, ResponseBuilder::new().description(description)));
        self
    }

    fn content(&mut self, status: u16, schema: RefOr<Schema>) {
        self.change(status, |response| {
            response.content("application/json", ContentBuilder::new().schema(Some(schema)).build())
        });
    }

    fn validated(mut self, status: u16) -> Self {
        self.header(status, "ETag", "Changes with the answer's content; an entry's is its digest.");
        self
    }

    pub(super) fn header(&mut self, status: u16, name: &str, description: &str) {
        let header = HeaderBuilder::new().schema(Some(schemas::text())).description(Some(description)).build();
        self.change(status, |response| response.header(name, header));
    }

    fn change(&mut self, status: u16, change: impl FnOnce(ResponseBuilder) -> ResponseBuilder) {
        if let Some((_, response)) = self.responses.iter_mut().find(|(known, _)| *known == status) {
            *response = change(std::mem::take(response));
        }
    }

    /// Errors of these kinds.
    pub(super) fn refuses(self, kinds: &[ErrorKind]) -> Self {
        kinds.iter().fold(self, |described, kind| described.error(status(*kind), &kind.to_string()))
    }

    fn error(self, status: u16, description: &str) -> Self {
        self.error_as(status, description, "Error")
    }

    /// An error whose answer says more than every error's.
    pub(super) fn error_as(self, status: u16, description: &str, schema: &str) -> Self {
        if self.responses.iter().any(|(known, _)| *known == status) {
            return self;
        }
        let mut described = self.answers(status, description, schema);
        if status == 405 {
            described.header(405, "Allow", "The methods there are.");
        }
        described
    }

    pub(super) fn build(self, endpoint: Endpoint) -> Operation {
        // Anybody may be told that only this machine is answered.
        let mut described =
            self.refuses(&[ErrorKind::Forbidden]).error(431, "The request's headers are larger than 64 KiB.");
        if !endpoint.is_open() {
            described = described
                .refuses(&[ErrorKind::AuthRequired, ErrorKind::Unavailable])
                .error(429, "The token has sent too many requests.")
                .error(500, "Something is wrong with the service's own settings.");
            described.operation = described.operation.security(SecurityRequirement::new(TOKEN, Vec::<String>::new()));
        }
        let operation = described.responses.into_iter().fold(described.operation, |operation, (status, response)| {
            operation.response(status.to_string(), response.build())
        });
        operation.build()
    }
}

pub(super) fn query(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    parameter(name, description, ParameterIn::Query, Required::False, schema)
}

pub(super) fn path(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    parameter(name, description, ParameterIn::Path, Required::True, schema)
}

fn header(name: &str, description: &str, required: Required) -> Parameter {
    parameter(name, description, ParameterIn::Header, required, schemas::text())
}

fn parameter(
    name: &str,
    description: &str,
    place: ParameterIn,
    required: Required,
    schema: RefOr<Schema>,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
