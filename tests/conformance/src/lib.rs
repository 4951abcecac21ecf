//! The conformance suite of `mcp-registry`: holds any backend to the numbered rules of the contract
//! ([`mcp_registry_spec::rules`]).
//!
//! # In a backend's tests
//! Add this crate to the dev-dependencies and a test without the usual harness:
//!
//! ```toml
//! [dev-dependencies]
//! mcp-registry-conformance = "0.1"
//!
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//!
//! In `tests/conformance.rs`, say how the suite gets at the backend, and hand that to [`main()`]. A
//! backend that keeps the entries of a scope in a folder might say:
//!
//! ```no_run
//! # use mcp_registry_conformance::mock::MockStorage;
//! # struct TempDir;
//! # impl TempDir { fn path(&self) -> &'static Path { Path::new("") } }
//! # fn tempdir() -> std::io::Result<TempDir> { Ok(TempDir) }
//! # fn open_folder(_: &Path, scope: &Scope) -> mcp_registry_conformance::Backend {
//! #     std::sync::Arc::new(MockStorage::new().open(scope))
//! # }
//! use std::path::Path;
//! use std::process::ExitCode;
//!
//! use mcp_registry_conformance::{Backend, Fixture, async_trait};
//! use mcp_registry_spec::{Capabilities, Error, ErrorKind, Result, Scope, ServerName};
//!
//! struct Folders {
//!     root: TempDir,
//! }
//!
//! #[async_trait]
//! impl Fixture for Folders {
//!     // Required: open the raw backend for a scope ...
//!     fn open(&self, scope: &Scope) -> Result<Backend> {
//!         Ok(open_folder(&self.root.path().join(scope.as_str()), scope))
//!     }
//!
//!     // ... and say what it is expected to be.
//!     fn backend_id(&self) -> &str {
//!         "folders"
//!     }
//!
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities::read_write()
//!     }
//!
//!     // Optional: each opens up further cases.
//!     async fn break_entry(&self, scope: &Scope, name: &ServerName, secret: &str) -> Option<Result<()>> {
//!         let folder = self.root.path().join(scope.as_str());
//!         let text = format!("{{\"env\": {{\"API_KEY\": \"{secret}\"}}");
//!         let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(name.as_str()), text));
//!         Some(written.map_err(failed))
//!     }
//!
//!     async fn unavailable(&self, scope: &Scope) -> Option<Result<Backend>> {
//!         // A file where the folder should be.
//!         let written = std::fs::write(self.root.path().join(scope.as_str()), "");
//!         Some(written.map_err(failed).and_then(|()| self.open(scope)))
//!     }
//!
//!     fn shared(&self) -> Option<String> {
//!         Some(self.root.path().display().to_string())
//!     }
//!
//!     fn open_shared(&self, shared: &str, scope: &Scope) -> Result<Backend> {
//!         Ok(open_folder(&Path::new(shared).join(scope.as_str()), scope))
//!     }
//! }
//!
//! fn failed(cause: std::io::Error) -> Error {
//!     Error::new(ErrorKind::Unavailable, "the fixture failed").caused_by(cause)
//! }
//!
//! fn main() -> ExitCode {
//!     match tempdir() {
//!         Ok(root) => mcp_registry_conformance::main(Folders { root }),
//!         Err(_) => ExitCode::FAILURE,
//!     }
//! }
//! ```
//!
//! `cargo test --test conformance` then runs one named test a case, such as
//! `rule_09_concurrent_installs_of_one_name_have_one_winner`; `cargo test --test conformance rule_09`
//! runs those of a rule. What the backend is not expected to allow is *asserted* to be
//! `unsupported`. A case that cannot be run, because a hook is missing or it is about something not
//! claimed, is ignored with its reason, and counted so in the summary at the end; never as passed.
//!
//! # In another front end
//! [`cases()`] gives the cases, [`Suite`] runs them one by one and cleans up after them. Cases with
//! [`Case::writes`] unset do nothing but read. A front end that has several processes at its
//! disposal, as [`main()`] has, gives [`SuiteBuilder::worker_args`] and calls [`worker::serve`].
//!
//! # The suite's own test
//! [`mock`] has a backend in memory that passes every case, and [`mutants`] dozens of backends with
//! one mistake each, which must be caught by a case of the rule that the mistake breaks.

mod case;
mod cases;
mod context;
mod fixture;
mod harness;
pub mod mock;
pub mod mutants;
mod sample;
mod suite;
pub mod worker;

pub use case::{Case, Outcome};
pub use cases::cases;
pub use fixture::{Backend, Fixture};
pub use harness::main;
pub use mcp_registry_spec::async_trait;
pub use suite::{Suite, SuiteBuilder};
