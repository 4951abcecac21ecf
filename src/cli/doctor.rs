//! `doctor`: whether what this program stands on is well. It looks, and changes nothing.
//!
//! One file a family of checks. Each gives what it found, and never fails itself.

mod backend;
mod changes;
mod check;
mod clock;
#[cfg(feature = "filesystem")]
mod folder;
mod ledger;
#[cfg(feature = "filesystem")]
mod leftovers;
mod modes;
mod policy;
mod state;

use mcp_registry_governance::{Governance, Ledger, Source, StateFolder};
use mcp_registry_spec::ProcessEnvironment;
use serde::Serialize;
use tokio::runtime::Builder;

use super::app::{LocalCommand, start};
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;
use check::{Check, Status};

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry doctor --agent-root agents/scout")]
pub(crate) struct Doctor {}

/// What was found.
#[derive(Serialize)]
struct Found {
    ok: bool,
    checks: Vec<Check>,
}

impl LocalCommand for Doctor {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let request = settings.request();
        let mut checks = vec![backend::check(settings, request.as_ref()), policy::check()];
        match StateFolder::find(&ProcessEnvironment) {
            Ok(folder) => checks.extend(kept(&folder)?),
            Err(error) => checks.extend([Check::failed("state", &error), clock::check(None, &[])]),
        }
        #[cfg(feature = "filesystem")]
        if let Ok(request) = &request
            && settings.backends.find(&request.locator).is_ok_and(|backend| backend.id == mcp_registry_filesystem::ID)
            && let Ok(config) = mcp_registry_filesystem::Config::from_request(request)
        {
            checks.push(folder::check(&config.folder));
            checks.push(leftovers::check(&config.folder));
        }
        let ok = checks.iter().all(|check| check.status != Status::Fail);
        let found = Found { ok, checks };
        printer.data(&found, |text| found.checks.iter().try_for_each(|check| check.write(text)))?;
        Ok(if ok { Outcome::Good } else { Outcome::Bad })
    }
}

/// The checks of what is kept in the state folder, and the clock, by which that is dated.
fn kept(folder: &StateFolder) -> Result<Vec<Check>, Failure> {
    let state = state::check(folder);
    if state.status == Status::Fail {
        // What others may have written is no evidence of anything, and what cannot be written may not be opened.
        return Ok(vec![state, clock::check(None, &[])]);
    }
    let store = match folder.database() {
        Ok(store) => store,
        Err(error) => return Ok(vec![Check::failed("state", &error), clock::check(None, &[])]),
    };
    let book = Ledger::new(store.clone(), Some(folder.ledger()));
    let environment = std::sync::Arc::new(ProcessEnvironment);
    let governance = Governance::new(store.clone(), book, Source::new(None, &ProcessEnvironment), environment);
    start(&mut Builder::new_current_thread())?.block_on(async {
        let (ledger, newest) = ledger::check(governance.ledger()).await;
        let changes = changes::check(&governance).await;
        store.close().await;
        let clock = clock::check(newest, &state::files(folder));
        Ok([vec![state], ledger, vec![changes, clock]].concat())
    })
}
