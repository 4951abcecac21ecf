//! Running a command: settings, printer, registry and, where the backend needs one, a runtime.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use mcp_registry_spec::{Backends, Error, ErrorKind, McpServerRegistry, OpenRequest, ProcessEnvironment};
use tokio::runtime::{Builder, Runtime};

use super::args::{CommonArgs, With};
use super::config_file::ConfigFile;
use super::failure::{Failure, Outcome};
use super::printer::{Format, Printer};
use super::settings::Settings;
use super::writer::Writer;

/// A command that works on a registry.
pub(crate) trait RegistryCommand: Args {
    /// Whether it needs a runtime though the backend does not.
    const TOKIO: bool = false;

    /// Does it.
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure>;
}

/// A command that writes entries as the operator.
pub(crate) trait WriteCommand: Args {
    /// Does it.
    async fn run(self, writer: &Writer, printer: &mut Printer) -> Result<Outcome, Failure>;
}

/// A command that needs none.
pub(crate) trait LocalCommand: Args {
    /// What it makes of the settings.
    const USE: Use = Use::COMMON;

    /// Does it.
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure>;
}

/// What a command makes of the settings.
pub(crate) struct Use {
    /// The configuration file decides what it does: a broken one stops it.
    pub(crate) configuration: bool,
    /// A form of data that no other command has.
    pub(crate) own_format: Option<Format>,
}

impl Use {
    /// What most commands do.
    pub(crate) const COMMON: Self = Self { configuration: true, own_format: None };
    /// What a command does that says something of this program alone.
    pub(crate) const OF_PROGRAM: Self = Self { configuration: false, ..Self::COMMON };
}

/// The options given before the command's name: all there is before the command runs.
pub(crate) struct App(CommonArgs);

// None of these is inlined: for one command, the stack of all would be touched.
impl App {
    pub(crate) fn new(common: CommonArgs) -> Self {
        Self(common)
    }

    /// Runs a command on the registry that the settings name.
    #[inline(never)]
    pub(crate) fn with_registry<C: RegistryCommand>(self, command: With<C>) -> ExitCode {
        self.prepared(command, Use::COMMON, |own, settings, printer| {
            let request = settings.request()?;
            drive(&settings.backends, &request, C::TOKIO, async |registry| {
                let outcome = own.run(registry, printer).await?;
                registry.close().await?;
                Ok(outcome)
            })
        })
    }

    /// Runs a command that writes to the registry that the settings name.
    #[inline(never)]
    pub(crate) fn with_writer<C: WriteCommand>(self, command: With<C>) -> ExitCode {
        self.prepared(command, Use::COMMON, |own, settings, printer| {
            let request = settings.request()?;
            // What is done is put on record in a database.
            let tokio = cfg!(feature = "governance");
            drive(&settings.backends, &request, tokio, async |registry| {
                let writer = Writer::new(registry.clone(), &request, &settings.backends)?;
                let outcome = own.run(&writer, printer).await?;
                registry.close().await?;
                Ok(outcome)
            })
        })
    }

    /// Runs a command that needs no registry.
    #[inline(never)]
    pub(crate) fn without_registry<C: LocalCommand>(self, command: With<C>) -> ExitCode {
        self.prepared(command, C::USE, |own, settings, printer| own.run(settings, printer))
    }

    fn prepared<C: Args>(
        self,
        command: With<C>,
        uses: Use,
        run: impl FnOnce(C, &Settings, &mut Printer) -> Result<Outcome, Failure>,
    ) -> ExitCode {
        // Until the settings are known, what was asked for on the command line decides the form of errors.
        let mut printer = Printer::plain(self.0.format.or(command.common.format));
        let result = self.0.join(command.common).and_then(|common| {
            check_format(common.format, uses.own_format)?;
            let (file, complaint) = match ConfigFile::load(&ProcessEnvironment) {
                Err(error) if !uses.configuration => (ConfigFile::default(), Some(error)),
                file => (file?, None),
            };
            let settings = Settings::resolve(common, file, Arc::new(ProcessEnvironment), Backends::linked())?;
            printer = Printer::new(settings.format, settings.color, settings.columns);
            if let Some(error) = complaint {
                printer.warning(&error.to_string());
            }
            run(command.own, &settings, &mut printer)
        });
        printer.end(result)
    }
}

/// Before the command's name, the form of any command is taken.
fn check_format(format: Option<Format>, own: Option<Format>) -> Result<(), Failure> {
    match format {
        Some(format) if Some(format) != own && !Format::value_variants().contains(&format) => {
            Err(Failure::usage("this command has no such --format", "it has table, json and yaml"))
        }
        _ => Ok(()),
    }
}

/// Opens a registry and drives `work` on it to its end.
#[cfg(feature = "governance")]
pub(crate) fn run_on<T>(
    backends: &Backends,
    request: &OpenRequest,
    work: impl AsyncFnOnce(&McpServerRegistry) -> Result<T, Failure>,
) -> Result<T, Failure> {
    drive(backends, request, false, work)
}

/// Opens a registry and drives `work` on it; `tokio` says whether the work needs a runtime though the backend should not.
pub(crate) fn drive<T>(
    backends: &Backends,
    request: &OpenRequest,
    tokio: bool,
    work: impl AsyncFnOnce(&McpServerRegistry) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let registry = open(backends, request)?;
    if !tokio && !backends.find(&request.locator)?.tokio {
        // A runtime, or a thread, costs more than all a local backend does.
        return pollster::block_on(work(&registry));
    }
    let runtime = start(&mut Builder::new_current_thread())?;
    let result = runtime.block_on(work(&registry));
    // The system's lookup of a name cannot be given up: one that hangs must not keep the process.
    runtime.shutdown_background();
    result
}

/// Opens a registry for one who drives nothing else meanwhile.
fn open(backends: &Backends, request: &OpenRequest) -> Result<McpServerRegistry, Error> {
    match backends.find(&request.locator)?.tokio {
        true => backends.open(request),
        false => backends.open(&request.clone().may_block()),
    }
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
            let listing = drive(&backends, &OpenRequest::new(id), false, async |r| Ok(r.list().await?)).unwrap();
            assert_eq!(listing, Listing::default());
        }
    }
}
