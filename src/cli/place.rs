//! Where the entries are: what flags, environment and configuration file say of it, made one locator.
//!
//! The first layer that names a place decides. Two names for it in one layer are a conflict, never a
//! choice; a layer below may only complete what the one above left open, the argument of a bare id.

use mcp_registry_spec::{Backends, Locator};

use super::failure::Failure;

/// The id of the backend that an agent's folder means.
pub(crate) const FILESYSTEM: &str = "filesystem";

/// Who says something.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    Flags,
    Environment,
    File,
}

/// What one of them says.
pub(crate) struct Layer {
    pub(crate) source: Source,
    pub(crate) backend: Option<String>,
    pub(crate) backend_url: Option<String>,
    pub(crate) agent_root: Option<String>,
}

/// A setting as its layer calls it.
#[derive(Debug, Clone, Copy)]
enum Setting {
    Backend,
    BackendUrl,
    AgentRoot,
}

impl Layer {
    fn name(&self, setting: Setting) -> &'static str {
        match (self.source, setting) {
            (Source::Flags, Setting::Backend | Setting::BackendUrl) => "--backend",
            (Source::Flags, Setting::AgentRoot) => "--agent-root",
            (Source::Environment, Setting::Backend) => "MCP_REGISTRY_BACKEND",
            (Source::Environment, Setting::BackendUrl) => "MCP_REGISTRY_BACKEND_URL",
            (Source::Environment, Setting::AgentRoot) => "MCP_REGISTRY_AGENT_ROOT",
            (Source::File, Setting::Backend) => "the configured backend",
            (Source::File, Setting::BackendUrl) => "the configured backend_url",
            (Source::File, Setting::AgentRoot) => "the configured agent_root",
        }
    }

    fn url(&self) -> Option<Url<'_>> {
        self.backend_url.as_deref().map(|text| Url { text, name: self.name(Setting::BackendUrl) })
    }
}

/// The argument of a bare id, and who gave it.
#[derive(Clone, Copy)]
struct Url<'a> {
    text: &'a str,
    name: &'static str,
}

fn conflict(one: &str, other: &str) -> Failure {
    Failure::usage(format!("{one} and {other} name two different places"), "give one of them")
}

/// The locator that `layers`, highest first, come to.
pub(crate) fn locator(layers: &[Layer], backends: &Backends) -> Result<String, Failure> {
    let mut url = None;
    let mut rest = layers.iter();
    while let Some(layer) = rest.next() {
        url = url.or(layer.url());
        match (&layer.backend, &layer.agent_root, url) {
            (Some(backend), _, _) => return named(backend, layer, url, rest.as_slice(), backends),
            (None, Some(_), Some(url)) => return Err(conflict(layer.name(Setting::AgentRoot), url.name)),
            (None, Some(root), None) => return Ok(folder(root)),
            (None, None, _) => {}
        }
    }
    match url {
        Some(url) => Err(Failure::usage(
            format!("{} is the argument of a backend, and no backend is named", url.name),
            "name one with --backend or MCP_REGISTRY_BACKEND",
        )),
        None => Ok(folder(".")),
    }
}

/// The locator of an agent's folder; whatever the folder is called, it is no locator itself.
fn folder(root: &str) -> String {
    format!("{FILESYSTEM}:{root}")
}

/// The locator where `layer` names the backend.
fn named(
    backend: &str,
    layer: &Layer,
    url: Option<Url<'_>>,
    below: &[Layer],
    backends: &Backends,
) -> Result<String, Failure> {
    let whole = backend.contains(':');
    let in_folder = |id: &str| backends.find(&Locator::new(id)).is_ok_and(|r| r.id == FILESYSTEM);
    if let Some(root) = &layer.agent_root {
        return match url {
            _ if whole || !in_folder(backend) => {
                Err(conflict(layer.name(Setting::AgentRoot), layer.name(Setting::Backend)))
            }
            Some(url) => Err(conflict(layer.name(Setting::AgentRoot), url.name)),
            None => Ok(folder(root)),
        };
    }
    match url {
        Some(url) if whole => Err(conflict(layer.name(Setting::Backend), url.name)),
        Some(url) => Ok(backends.locator(backend, Some(url.text))),
        None if whole => Ok(backend.to_owned()),
        None => Ok(completed(backend, in_folder(backend), below, backends)),
    }
}

/// A bare id, with the argument that a layer below has for it.
fn completed(id: &str, in_folder: bool, below: &[Layer], backends: &Backends) -> String {
    // An argument that stands beside another backend's id was never meant for this one.
    let same = |layer: &&Layer| layer.backend.as_ref().is_none_or(|other| other == id);
    for layer in below.iter().filter(same) {
        match (&layer.agent_root, &layer.backend_url) {
            (Some(root), _) if in_folder => return folder(root),
            (_, Some(url)) => return backends.locator(id, Some(url)),
            _ => {}
        }
    }
    if in_folder { folder(".") } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::{Error, Registration};

    static FOLDER: Registration = Registration {
        id: FILESYSTEM,
        schemes: &["file"],
        summary: "",
        usage: "filesystem:DIR",
        options: &[],
        tokio: false,
        open: |_| Err(Error::unsupported("", "")),
    };
    static HTTP: Registration = Registration { id: "http", schemes: &["https"], usage: "https://HOST/", ..FOLDER };

    /// Layers from rows of backend, url, root, where "" is nothing.
    fn of(rows: [[&str; 3]; 3]) -> Result<String, String> {
        let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        let layers: Vec<_> = [Source::Flags, Source::Environment, Source::File]
            .into_iter()
            .zip(rows)
            .map(|(source, [backend, url, root])| Layer {
                source,
                backend: some(backend),
                backend_url: some(url),
                agent_root: some(root),
            })
            .collect();
        locator(&layers, &Backends::new([&FOLDER, &HTTP])).map_err(|failure| match failure {
            Failure::Usage(error) => error.to_string(),
            other => panic!("{other:?}"),
        })
    }

    const NONE: [&str; 3] = ["", "", ""];

    #[test]
    fn the_first_layer_that_names_a_place_decides() {
        let (a, b, c) = (["", "", "a"], ["", "", "b"], ["", "", "c"]);
        assert_eq!(of([a, b, c]).unwrap(), "filesystem:a");
        assert_eq!(of([NONE, b, c]).unwrap(), "filesystem:b");
        assert_eq!(of([NONE, NONE, c]).unwrap(), "filesystem:c");
        assert_eq!(of([NONE, NONE, NONE]).unwrap(), "filesystem:.");
        let http = ["https://h/", "", ""];
        assert_eq!(of([a, http, NONE]).unwrap(), "filesystem:a");
        assert_eq!(of([http, b, NONE]).unwrap(), "https://h/");
        assert_eq!(of([NONE, ["http", "https://h/", ""], c]).unwrap(), "https://h/");
        assert_eq!(of([["", "", "https:x"], NONE, NONE]).unwrap(), "filesystem:https:x", "a folder is a folder");
    }

    #[test]
    fn a_bare_id_is_completed_from_below() {
        assert_eq!(of([["http", "", ""], ["", "https://h/", ""], NONE]).unwrap(), "https://h/");
        assert_eq!(of([["http", "", ""], NONE, ["http", "https://h/", ""]]).unwrap(), "https://h/");
        assert_eq!(of([["filesystem", "", ""], NONE, ["", "", "c"]]).unwrap(), "filesystem:c");
        assert_eq!(of([["filesystem", "", ""], ["http", "https://h/", ""], NONE]).unwrap(), "filesystem:.");
        assert_eq!(of([["http", "", ""], NONE, ["", "", "c"]]).unwrap(), "http");
        assert_eq!(of([NONE, ["", "https://h/", ""], ["http", "https://other/", ""]]).unwrap(), "https://h/");
        assert_eq!(of([["filesystem", "", "a"], NONE, NONE]).unwrap(), "filesystem:a");
    }

    #[test]
    fn two_names_in_one_layer_are_a_conflict() {
        for rows in [
            [["http", "", "a"], NONE, NONE],
            [["filesystem:b", "", "a"], NONE, NONE],
            [NONE, ["https://h/", "https://i/", ""], NONE],
            [NONE, ["", "https://i/", "a"], NONE],
            [NONE, ["filesystem", "x", "a"], NONE],
            [NONE, ["", "https://i/", ""], ["", "", "c"]],
            [NONE, ["", "https://i/", ""], NONE],
        ] {
            let error = of(rows).unwrap_err();
            assert!(error.contains("place") || error.contains("no backend is named"), "{error}");
        }
        let error = of([["http", "", "a"], NONE, NONE]).unwrap_err();
        assert_eq!(error, "--agent-root and --backend name two different places (give one of them)");
    }
}
