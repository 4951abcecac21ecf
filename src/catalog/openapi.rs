//! The description of the catalog for programs, in the form of OpenAPI: made from the endpoints and
//! the wire's types, kept as `spec/openapi.yaml`, served at `/openapi.json`.

mod agents;
mod changes;
mod operations;
mod schemas;

use std::sync::OnceLock;

use mcp_registry_spec::{Result, wire};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths};

use super::endpoint::Endpoint;
use super::render::{Rendered, render};

/// What the scheme by which requests are authorised is called.
const TOKEN: &str = "token";

/// The description.
#[must_use]
pub fn document() -> OpenApi {
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("MCP server catalog")
        .version(wire::WIRE_VERSION)
        .description(Some("Which MCP servers the agents of an organisation may mount. CATALOG.md has the rules."))
        .license(Some(license))
        .build();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of the catalog.")).build();
    let components = agents::schemas(changes::schemas(schemas::all(ComponentsBuilder::new())))
        .security_scheme(TOKEN, SecurityScheme::Http(token))
        .build();
    let mut paths = Paths::new();
    for endpoint in Endpoint::ALL {
        for (method, operation) in operations::of(*endpoint) {
            paths.add_path_operation(endpoint.path(), vec![method], operation);
        }
    }
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

/// The description as it is kept in the repository; nothing when it cannot be written.
#[must_use]
pub fn yaml() -> String {
    document().to_yaml().unwrap_or_default()
}

/// The description as it is served.
pub(crate) fn rendered() -> Result<&'static Rendered> {
    static RENDERED: OnceLock<Rendered> = OnceLock::new();
    match RENDERED.get() {
        Some(rendered) => Ok(rendered),
        None => {
            let made = render(&document(), None)?;
            Ok(RENDERED.get_or_init(|| made))
        }
    }
}
