//! The suite as a test binary of its own (`harness = false`).

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libtest_mimic::{Arguments, Completion, Conclusion, FormatSetting, Trial};

use crate::{Case, Fixture, Outcome, Suite, cases, worker};

/// Threads of the runtime: enough that a backend which blocks them now and then does not stop the
/// others.
const THREADS: usize = 16;

/// Runs the suite as a test binary: one named test per case, with the usual flags and filters.
///
/// ```no_run
/// use mcp_registry_conformance::mock::MockFixture;
///
/// fn main() -> std::process::ExitCode {
///     mcp_registry_conformance::main(MockFixture::new())
/// }
/// ```
#[must_use]
pub fn main(fixture: impl Fixture + 'static) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return fail(&format!("cannot start the async runtime: {cause}")),
    };
    if worker::is_worker() {
        return match runtime.block_on(worker::serve(&fixture)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        };
    }
    let suite = match Suite::new(fixture, &format!("conformance-{}", distinct())) {
        Ok(suite) => suite,
        Err(error) => return fail(&error.to_string()),
    };
    let code = run(&suite, &runtime);
    // A call that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

fn run(suite: &Suite, runtime: &tokio::runtime::Runtime) -> ExitCode {
    let arguments = Arguments::from_args();
    let ignored = Arc::new(Mutex::new(Vec::new()));
    let trials = cases().map(|case| trial(case, suite.clone(), runtime.handle().clone(), ignored.clone())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let cleaned = runtime.block_on(suite.clean_up());
    if !arguments.list && arguments.format != Some(FormatSetting::Json) {
        let mut ignored = std::mem::take(&mut *ignored.lock().unwrap_or_else(PoisonError::into_inner));
        ignored.sort_by_key(|(case, _)| case.name);
        let _ = std::io::stdout().write_all(summary(&conclusion, &ignored).as_bytes());
    }
    match cleaned {
        Ok(()) => conclusion.exit_code(),
        Err(error) => fail(&format!("the scopes of the suite are not all cleaned up: {error}")),
    }
}

type Ignored = (&'static Case, String);

fn trial(
    case: &'static Case,
    suite: Suite,
    runtime: tokio::runtime::Handle,
    ignored: Arc<Mutex<Vec<Ignored>>>,
) -> Trial {
    Trial::ignorable_test(case.name, move || match runtime.block_on(suite.run(case)) {
        Outcome::Passed => Ok(Completion::Completed),
        Outcome::Failed(why) => Err(why.into()),
        Outcome::Ignored(why) => {
            ignored.lock().unwrap_or_else(PoisonError::into_inner).push((case, why.clone()));
            Ok(Completion::ignored_with(why))
        }
    })
}

fn summary(conclusion: &Conclusion, ignored: &[Ignored]) -> String {
    let mut out = format!(
        "conformance: {} passed, {} failed, {} ignored\n",
        conclusion.num_passed, conclusion.num_failed, conclusion.num_ignored
    );
    for (case, why) in ignored {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  ignored {}: {why}", case.name);
    }
    out
}

/// A text that no other run has, for the names of scopes.
fn distinct() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", std::process::id(), now.as_nanos())
}

fn fail(message: &str) -> ExitCode {
    // Where standard error is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
