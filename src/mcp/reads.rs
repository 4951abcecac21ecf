//! The tools that read the registry.

use mcp_registry_spec::{Capabilities, Digest, Error, ErrorKind, MaskedSpec, Scope, ServerName, ValidationResult};
use serde::Serialize;

use super::Server;
use super::answer::{Answer, Refused};
use super::arguments::Arguments;

/// Everything that is mounted.
pub(super) async fn list(server: &Server) -> Result<Answer, Refused> {
    Answer::of(&server.target().registry.list().await?)
}

#[derive(Serialize)]
struct Shown {
    entry: MaskedSpec,
    digest: Digest,
}

/// One entry.
pub(super) async fn show(server: &Server, arguments: &Arguments) -> Result<Answer, Refused> {
    let name = arguments.name()?.ok_or_else(|| Error::new(ErrorKind::InvalidName, "no server is named"))?;
    entry(server, &name).await
}

/// The entry of that name: references only, and literals that look like secrets masked (rule 4).
pub(super) async fn entry(server: &Server, name: &ServerName) -> Result<Answer, Refused> {
    let entry = server.target().registry.load(name).await.map_err(|error| match error.kind() {
        ErrorKind::NotInRegistry => error.hint("registry_list shows those there are"),
        _ => error,
    })?;
    Answer::of(&Shown { digest: entry.digest()?, entry: entry.masked() })
}

#[derive(Serialize)]
struct Validated {
    ok: bool,
    results: Vec<ValidationResult>,
}

/// What a static look at one entry finds, or at all of them.
pub(super) async fn validate(server: &Server, arguments: &Arguments) -> Result<Answer, Refused> {
    let registry = &server.target().registry;
    let results = match arguments.name()? {
        Some(name) => vec![registry.validate(&name).await?],
        None => registry.validate_all().await?,
    };
    Answer::of(&Validated { ok: results.iter().all(ValidationResult::is_ok), results })
}

#[derive(Serialize)]
struct Able<'a> {
    backend_id: &'a str,
    locator: &'a str,
    scope: Option<&'a Scope>,
    capabilities: Capabilities,
}

/// Which registry it is, and what it allows.
pub(super) async fn capabilities(server: &Server) -> Result<Answer, Refused> {
    let target = server.target();
    let capabilities = target.registry.capabilities().await?;
    let (backend_id, locator, scope) = (&*target.place.backend_id, &*target.place.locator, target.place.scope.as_ref());
    Answer::of(&Able { backend_id, locator, scope, capabilities })
}
