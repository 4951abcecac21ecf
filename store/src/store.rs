//! A database as the rest of the project sees it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use mcp_registry_spec::{Error, ErrorKind, Locator, Result};
use sqlx::Any;
use sqlx::any::AnyArguments;

use crate::alive::Session;
use crate::failure::{self, Trouble};
use crate::file::{self, Identity};
use crate::options::Options;
use crate::place::Place;
use crate::pools::Pools;
use crate::schema::{self, Found};
use crate::transaction::Transaction;

/// A query with its arguments, written as `$1`, `$2` and so on.
pub type Query = sqlx::query::Query<'static, Any, AnyArguments>;
/// A row that a query gave.
pub type Row = sqlx::any::AnyRow;

/// What a statement may take beyond what the database was told it may: a database that is silent for
/// longer is not there any more.
const GRACE: Duration = Duration::from_secs(2);

/// A database. Cloning it is cheap; the clones share their connections.
///
/// ```
/// use mcp_registry_spec::Locator;
/// use mcp_registry_store::{Options, Store, sqlx};
///
/// # let folder = std::env::temp_dir().join(format!("mcp-registry-store-doc-{}", std::process::id()));
/// # let locator = Locator::new(&format!("sqlite:{}", folder.join("registry.db").display()));
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let store = Store::new(&locator, Options::default())?;
/// // Nothing is there yet, and reading does not make it.
/// let count = || sqlx::query("SELECT scope FROM mcp_scopes");
/// assert!(store.fetch(count).await?.is_empty());
/// # assert!(!folder.exists());
///
/// let mut transaction = store.begin().await?;
/// let insert = "INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES ($1, '', 0)";
/// transaction.execute(sqlx::query(insert).bind("scout")).await?;
/// transaction.commit().await?;
/// assert_eq!(store.fetch(count).await?.len(), 1);
/// store.close().await;
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), mcp_registry_spec::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    place: Place,
    options: Options,
    pools: Mutex<Option<Arc<Pools>>>,
    /// The connection of those that announced themselves, where the database has such.
    session: tokio::sync::Mutex<Option<Session>>,
    /// Set when what the dead left is removed.
    tidied: OnceLock<()>,
}

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// How often, and until when, a lost connection may be replaced: each of those that are open may be one.
pub(crate) struct Attempts {
    left: u32,
    deadline: Instant,
}

impl Attempts {
    fn next(&mut self) -> bool {
        let some = self.left > 0 && Instant::now() < self.deadline;
        self.left = self.left.saturating_sub(1);
        some
    }
}

impl Store {
    /// The database of a locator: `sqlite:PATH` or `postgres://…`. Touches nothing (rule 2).
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when the locator names no database.
    pub fn new(locator: &Locator, options: Options) -> Result<Self> {
        let place = Place::parse(locator)?;
        let (pools, session, tidied) = Default::default();
        Ok(Self(Arc::new(Inner { place, options, pools, session, tidied })))
    }

    /// What the database is called: `sqlite:` and the file's name, or `postgres:` and the database's. It
    /// holds no credential, and does not say which machine or folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.place.name()
    }

    /// The rows that a query gives, in one round trip; none where the database does not exist yet. One
    /// of an older version is brought up to date first. The query must only read: it is asked again, on another connection, when the first one turns out to
    /// have been lost.
    ///
    /// # Errors
    /// What the database says, by cause: see the rules 7 and 26.
    pub async fn fetch(&self, query: impl Fn() -> Query + Send + Sync) -> Result<Vec<Row>> {
        let mut attempts = self.attempts();
        loop {
            match self.try_fetch(query()).await {
                Ok(rows) => return Ok(rows),
                Err(trouble) => self.again(trouble, &mut attempts, "cannot read")?,
            }
        }
    }

    async fn try_fetch(&self, query: Query) -> Result<Vec<Row>, Trouble> {
        let Some(pools) = self.ready(Access::Read).await? else { return Ok(Vec::new()) };
        Ok(self.within(&pools, query.fetch_all(&pools.read)).await??)
    }

    /// Begins to write. What does not exist yet is made: the file, its folder, the schema. An older
    /// schema is brought up to date.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub async fn begin(&self) -> Result<Transaction> {
        let mut attempts = self.attempts();
        loop {
            match self.try_begin().await {
                Ok(transaction) => return Ok(transaction),
                // Nothing was done on it yet, so nothing is done twice.
                Err(trouble) => self.again(trouble, &mut attempts, "cannot write to")?,
            }
        }
    }

    async fn try_begin(&self) -> Result<Transaction, Trouble> {
        let Some(pools) = self.ready(Access::Write).await? else {
            // Somebody removed the file that was made just now, or it is a link that leads nowhere.
            return Err(Error::new(ErrorKind::Unavailable, format!("the database {} keeps vanishing", self.name()))
                .hint("if it is a link, name the file it is to lead to")
                .retryable()
                .into());
        };
        let begun = self.within(&pools, pools.write.begin_with(self.0.place.begin())).await??;
        Ok(Transaction::new(self.clone(), pools, begun))
    }

    /// Lets go of the connections, once those who use one have done. Whoever needs one later, through
    /// this store or a clone of it, gets a new one.
    pub async fn close(&self) {
        // Those that announced themselves stay alive.
        self.0.session.lock().await.take();
        let pools = self.pools().take();
        if let Some(pools) = pools {
            // Those who take too long close theirs when they are done.
            let _ = tokio::time::timeout(self.0.options.timeout, pools.close()).await;
        }
    }

    pub(crate) fn attempts(&self) -> Attempts {
        Attempts {
            left: self.0.options.max_connections.saturating_add(1),
            deadline: Instant::now() + self.0.options.timeout,
        }
    }

    /// Whether to try again: only on another connection, where one was lost before anything was done.
    pub(crate) fn again(&self, trouble: Trouble, attempts: &mut Attempts, what: &str) -> Result<()> {
        match trouble {
            Trouble::Failed(lost) if failure::is_lost(&lost) && attempts.next() => Ok(()),
            Trouble::Failed(failure) => Err(self.failed(what)(failure)),
            Trouble::Settled(error) => Err(error),
        }
    }

    /// The connections to the database as it stands now, its schema seen to; `None` when there is
    /// nothing to read.
    pub(crate) async fn ready(&self, access: Access) -> Result<Option<Arc<Pools>>, Trouble> {
        let Some(pools) = self.current(access)? else { return Ok(None) };
        let there = match access {
            _ if pools.schema.initialized() => true,
            Access::Read => match self.look(&pools).await? {
                Found::Nothing => false,
                Found::Older(_) => self.make(&pools).await.map(|()| true)?,
                Found::Current => true,
            },
            Access::Write => self.make(&pools).await.map(|()| true)?,
        };
        Ok(there.then_some(pools))
    }

    /// The connections to what stands at the place now. A file that was put in the place of another is
    /// another database.
    fn current(&self, access: Access) -> Result<Option<Arc<Pools>>> {
        let identity = match (&self.0.place, access) {
            (Place::Postgres { .. }, _) => Some(Identity::NONE),
            (Place::Sqlite(path), Access::Read) => Identity::of(path)?,
            (Place::Sqlite(path), Access::Write) => match Identity::of(path)? {
                None => {
                    file::create(path)?;
                    Identity::of(path)?
                }
                there => there,
            },
        };
        let mut pools = self.pools();
        let Some(identity) = identity else {
            *pools = None;
            return Ok(None);
        };
        if let Some(same) = pools.as_ref().filter(|pools| pools.identity == identity) {
            return Ok(Some(same.clone()));
        }
        let opened = Arc::new(Pools::open(&self.0.place, self.0.options, identity)?);
        *pools = Some(opened.clone());
        Ok(Some(opened))
    }

    async fn look(&self, pools: &Arc<Pools>) -> Result<Found, Trouble> {
        let looking = async {
            Pools::probe(&self.0.place, self.0.options).await?;
            let mut connection = pools.read.acquire().await?;
            schema::look(&self.0.place, &mut connection).await
        };
        let found = self.within(pools, looking).await??;
        if found == Found::Current {
            // Another may have set it since, to the same.
            let _ = pools.schema.set(());
        }
        Ok(found)
    }

    async fn make(&self, pools: &Arc<Pools>) -> Result<(), Trouble> {
        let making = pools.schema.get_or_try_init(async || {
            Pools::probe(&self.0.place, self.0.options).await?;
            let mut connection = pools.write.acquire().await?;
            schema::make(&self.0.place, &mut connection, self.0.options.timeout).await
        });
        self.within(pools, making).await??;
        Ok(())
    }

    /// Waits for the database, but not for one that does not answer at all: its connections are given
    /// up, so that the next call makes new ones.
    pub(crate) async fn within<T>(&self, pools: &Arc<Pools>, work: impl Future<Output = T>) -> Result<T> {
        // A connection is waited for, then a statement.
        let most = self.0.options.timeout.saturating_mul(2).saturating_add(GRACE);
        if let Ok(done) = tokio::time::timeout(most, work).await {
            return Ok(done);
        }
        let mut current = self.pools();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, pools)) {
            *current = None;
        }
        let silent = format!("the database {} did not answer within {most:?}", self.name());
        Err(Error::new(ErrorKind::Unavailable, silent).retryable())
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    /// The connection of those that announce themselves.
    pub(crate) async fn session(&self) -> Result<Session, Trouble> {
        let mut current = self.0.session.lock().await;
        if let Some(open) = current.as_ref().filter(|session| session.is_open()) {
            return Ok(open.clone());
        }
        let opened = Session::open(&self.0.place, self.0.options).await?;
        *current = Some(opened.clone());
        Ok(opened)
    }

    /// Whether what the dead left was not removed through this store yet. It answers so once.
    pub(crate) fn is_first_to_tidy(&self) -> bool {
        self.0.tidied.set(()).is_ok()
    }

    /// Makes an error of what the database says.
    pub(crate) fn failed(&self, what: &str) -> impl Fn(sqlx::Error) -> Error {
        move |cause| failure::error(&self.0.place, what, &cause)
    }

    fn pools(&self) -> MutexGuard<'_, Option<Arc<Pools>>> {
        // Nothing panics with the lock held.
        self.0.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the store was opened with does not show (rule 4).
impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.0.place)
    }
}
