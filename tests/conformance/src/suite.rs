//! Running cases.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use mcp_registry_spec::{Error, ErrorKind, Result, Scope};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use crate::case::{Case, Outcome};
use crate::context::{Context, write};
use crate::fixture::{Backend, Fixture};

/// The longest prefix of scopes: what the suite adds to it must still fit (rule 1).
const MAX_PREFIX_LEN: usize = 64;

/// The suite, ready to hold one backend to the rules. Cloning it is cheap; the clones share what
/// there is to clean up.
///
/// ```
/// use mcp_registry_conformance::{Outcome, Suite, cases, mock::MockFixture};
/// # let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
/// # runtime.block_on(async {
/// let suite = Suite::new(MockFixture::new(), "conformance-example")?;
/// for case in cases().filter(|case| !case.writes) {
///     assert!(!matches!(suite.run(case).await, Outcome::Failed(_)), "{}", case.name);
/// }
/// suite.clean_up().await
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Suite(Arc<Inner>);

struct Inner {
    fixture: Box<dyn Fixture>,
    prefix: String,
    deadline: Duration,
    worker_args: Vec<OsString>,
    opened: Mutex<BTreeSet<Scope>>,
}

/// What a [`Suite`] is made with.
pub struct SuiteBuilder {
    fixture: Box<dyn Fixture>,
    prefix: String,
    deadline: Duration,
    worker_args: Vec<OsString>,
}

impl SuiteBuilder {
    /// How long a case may take before it counts as failed. The default is a minute.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The arguments with which this executable, started once more, comes to
    /// [`worker::serve`](crate::worker::serve). The default is none.
    #[must_use]
    pub fn worker_args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.worker_args = args.into_iter().map(Into::into).collect();
        self
    }

    /// Makes the suite.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when the prefix can begin no scope.
    pub fn build(self) -> Result<Suite> {
        Scope::parse(&self.prefix)?;
        if self.prefix.len() > MAX_PREFIX_LEN {
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!("the prefix of scopes is longer than {MAX_PREFIX_LEN} bytes"),
            ));
        }
        Ok(Suite(Arc::new(Inner {
            fixture: self.fixture,
            prefix: self.prefix,
            deadline: self.deadline,
            worker_args: self.worker_args,
            opened: Mutex::default(),
        })))
    }
}

impl Suite {
    /// The suite for a backend. All scopes it uses begin with `prefix`, which should be one that
    /// nobody else uses: `conformance-` and something random.
    ///
    /// # Errors
    /// As [`SuiteBuilder::build`].
    pub fn new(fixture: impl Fixture + 'static, prefix: &str) -> Result<Self> {
        Self::builder(fixture, prefix).build()
    }

    /// The same, with settings.
    pub fn builder(fixture: impl Fixture + 'static, prefix: &str) -> SuiteBuilder {
        SuiteBuilder {
            fixture: Box::new(fixture),
            prefix: prefix.to_owned(),
            deadline: Duration::from_secs(60),
            worker_args: Vec::new(),
        }
    }

    /// Runs one case. A panic and a call that does not come back are failures. It needs a
    /// multi-threaded Tokio runtime around it.
    ///
    /// What a case that passed has stored is uninstalled at once; what one that failed has stored
    /// stays to be looked at, until [`clean_up`](Self::clean_up).
    pub async fn run(&self, case: &'static Case) -> Outcome {
        let suite = self.clone();
        // The body is made inside the task, so that a panic before its first await is caught too.
        let task = tokio::spawn(async move {
            let checked = (case.body)(Context::new(suite.clone(), case)).await;
            if checked.is_ok() && case.writes {
                // What could not be removed is tried again, and told of, at the end.
                let _ = suite.clean_up_scopes(&suite.scope_prefix(case)).await;
            }
            checked
        });
        match within(self.0.deadline, task).await {
            Ended::Value(checked) => checked.into(),
            Ended::Panicked(message) => Outcome::Failed(format!("panicked: {message}")),
            Ended::Late => Outcome::Failed(format!("did not end within {:?}", self.0.deadline)),
        }
    }

    /// Uninstalls whatever the suite left in its scopes. It may be called at any time, also while
    /// a case runs that is not going to be waited for. Does nothing where the backend is not
    /// expected to support uninstall: there the fixture put the entries, and it removes them.
    ///
    /// # Errors
    /// The first thing that could not be removed; the others are removed all the same.
    pub async fn clean_up(&self) -> Result<()> {
        let suite = self.clone();
        let task = tokio::spawn(async move { suite.clean_up_scopes(&suite.0.prefix).await });
        let unfinished = |why: String| Error::new(ErrorKind::Unavailable, format!("cleaning up {why}"));
        match within(self.0.deadline, task).await {
            Ended::Value(result) => result,
            Ended::Panicked(message) => Err(unfinished(format!("panicked: {message}"))),
            Ended::Late => Err(unfinished(format!("did not end within {:?}", self.0.deadline))),
        }
    }

    /// Cleans up the scopes that begin with `prefix`.
    async fn clean_up_scopes(&self, prefix: &str) -> Result<()> {
        if !self.fixture().capabilities().supports_uninstall {
            return Ok(());
        }
        let mut first = Ok(());
        let scopes: Vec<_> = self.opened().iter().filter(|s| s.as_str().starts_with(prefix)).cloned().collect();
        for scope in scopes {
            match self.clean_up_scope(&scope).await {
                Ok(()) => drop(self.opened().remove(&scope)),
                Err(error) => first = first.and(Err(error)),
            }
        }
        first
    }

    async fn clean_up_scope(&self, scope: &Scope) -> Result<()> {
        let backend = self.fixture().open(scope)?;
        let mut first = Ok(());
        for name in backend.list().await?.names() {
            first = first.and(backend.uninstall(name, None, &write()).await);
        }
        first.and(backend.close().await)
    }

    pub(crate) fn fixture(&self) -> &dyn Fixture {
        &*self.0.fixture
    }

    pub(crate) fn worker_args(&self) -> &[OsString] {
        &self.0.worker_args
    }

    /// A scope that no other case uses.
    pub(crate) fn scope(&self, case: &Case, label: &str) -> Result<Scope> {
        Scope::parse(&format!("{}{label}", self.scope_prefix(case)))
    }

    fn scope_prefix(&self, case: &Case) -> String {
        let number = crate::cases().position(|c| c.name == case.name).unwrap_or_default();
        format!("{}-{number}-", self.0.prefix)
    }

    pub(crate) fn open(&self, scope: &Scope) -> Result<Backend> {
        self.opened().insert(scope.clone());
        self.fixture().open(scope)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, BTreeSet<Scope>> {
        self.0.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SuiteBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SuiteBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

enum Ended<T> {
    Value(T),
    Panicked(String),
    Late,
}

/// Waits for a task, but no longer than `deadline`. The clock is a thread of its own: a backend
/// that blocks every thread of the runtime would stop the runtime's own timers too.
async fn within<T>(deadline: Duration, mut task: JoinHandle<T>) -> Ended<T> {
    let (stop_clock, stopped) = mpsc::channel::<()>();
    let (ring, mut rung) = oneshot::channel();
    std::thread::spawn(move || {
        if stopped.recv_timeout(deadline) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Nobody listens any more where the task ended just now.
            let _ = ring.send(());
        }
    });
    let ended = tokio::select! {
        biased;
        joined = &mut task => match joined {
            Ok(value) => Ended::Value(value),
            Err(error) => Ended::Panicked(panic_message(error)),
        },
        Ok(()) = &mut rung => {
            task.abort();
            Ended::Late
        }
    };
    drop(stop_clock);
    ended
}

fn panic_message(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic().map(AssertUnwindSafe) else { return "the task was cancelled".to_owned() };
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with something that is no text".into())
}
