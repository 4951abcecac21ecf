//! Running a command: settings, printer, registry and, where the backend needs one, a runtime.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use mcp_registry_spec::{Backends, Error, ErrorKind, McpServerRegistry, OpenRequest, ProcessEnvironment};
use tokio::runtime::{Builder, Runtime};

use super::args::{CommonArgs, With};
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;

/// A command that works on a registry.
pub(crate) trait RegistryCommand: Args {
    /// Does it.
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure>;
}

/// A command that needs none.
pub(crate) trait LocalCommand: Args {
    /// Does it.
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure>;
}

/// The options given before the command's name: all there is before the command runs.
pub(crate) struct App(CommonArgs);

impl App {
    pub(crate) fn new(common: CommonArgs) -> Self {
        Self(common)
    }

    /// Runs a command on the registry that the settings name.
    pub(crate) fn with_registry<C: RegistryCommand>(self, command: With<C>) -> ExitCode {
        self.prepared(command, |own, settings, printer| {
            let request = settings.request()?;
            run_on(&settings.backends, &request, async |registry| {
                let outcome = own.run(registry, printer).await?;
                registry.close().await?;
                Ok(outcome)
            })
        })
    }

    /// Runs a command that needs no registry.
    pub(crate) fn without_registry<C: LocalCommand>(self, command: With<C>) -> ExitCode {
        self.prepared(command, |own, settings, printer| own.run(settings, printer))
    }

    fn prepared<C: Args>(
        self,
        command: With<C>,
        run: impl FnOnce(C, &Settings, &mut Printer) -> Result<Outcome, Failure>,
    ) -> ExitCode {
        // Until the settings are known, what was asked for on the command line decides the form of errors.
        let mut printer = Printer::plain(self.0.format.or(command.common.format));
        let result = self
            .0
            .join(command.common)
            .and_then(|common| Settings::resolve(common, Arc::new(ProcessEnvironment), Backends::linked()))
            .and_then(|settings| {
                printer = Printer::new(settings.format, settings.color, settings.columns);
                run(command.own, &settings, &mut printer)
            });
        printer.end(result)
    }
}

/// Opens a registry and drives `work` on it to its end.
pub(crate) fn run_on<T>(
    backends: &Backends,
    request: &OpenRequest,
    work: impl AsyncFnOnce(&McpServerRegistry) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if !backends.find(&request.locator)?.tokio {
        // A runtime, or a thread, costs more than all a local backend does.
        let registry = backends.open(&request.clone().may_block())?;
        return pollster::block_on(work(&registry));
    }
    let registry = backends.open(request)?;
    start(&mut Builder::new_current_thread())?.block_on(work(&registry))
}

/// Starts an async runtime.
pub(crate) fn start(builder: &mut Builder) -> Result<Runtime, Error> {
    builder.enable_all().build().map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "cannot start the async runtime").caused_by(cause).retryable()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::{Listing, McpServerRegistryBackend, McpServerSpec, Registration, ServerName, async_trait};

    #[derive(Debug)]
    struct NeedsRuntime(bool);

    #[async_trait]
    impl McpServerRegistryBackend for NeedsRuntime {
        fn backend_id(&self) -> &str {
            "runtime"
        }
        async fn list(&self) -> mcp_registry_spec::Result<Listing> {
            assert_eq!(tokio::runtime::Handle::try_current().is_ok(), self.0);
            Ok(Listing::default())
        }
        async fn load(&self, name: &ServerName) -> mcp_registry_spec::Result<McpServerSpec> {
            Err(Error::not_in_registry(name))
        }
    }

    static WITH: Registration = Registration {
        id: "with",
        schemes: &[],
        summary: "",
        usage: "with",
        options: &[],
        tokio: true,
        open: |_| Ok(Arc::new(NeedsRuntime(true))),
    };
    static WITHOUT: Registration = Registration {
        id: "without",
        schemes: &[],
        summary: "",
        usage: "without",
        options: &[],
        tokio: false,
        open: |_| Ok(Arc::new(NeedsRuntime(false))),
    };

    #[test]
    fn a_runtime_is_started_only_where_it_is_needed() {
        let backends = Backends::new([&WITH, &WITHOUT]);
        for id in ["with", "without"] {
            let listing = run_on(&backends, &OpenRequest::new(id), async |r| Ok(r.list().await?)).unwrap();
            assert_eq!(listing, Listing::default());
        }
    }
}
