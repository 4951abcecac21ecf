//! Who carries something out, and whether they still do: a lock that ends with the process.

mod file;
mod session;

use std::fmt;
use std::path::Path;

use mcp_registry_spec::{Error, ErrorKind, Result};
use sqlx::{Row as _, query};

use crate::failure::Trouble;
use crate::place::Place;
use crate::random;
use crate::store::{Access, Store};

pub(crate) use session::Session;

/// How many ids are tried before it is given up: one fails where somebody tidies up at that very moment.
const TRIES: usize = 16;

/// Somebody who is seen to be alive by all who use the database, until this is dropped or the process ends,
/// by whatever means. Where the lock is lost before, with the connection to Postgres or by a hand that removed
/// the file, others see it dead from then on, and [`check`](Self::check) says so.
///
/// ```
/// use mcp_registry_spec::Locator;
/// use mcp_registry_store::{Options, Store};
///
/// # let folder = std::env::temp_dir().join(format!("mcp-registry-alive-doc-{}", std::process::id()));
/// # let locator = Locator::new(&format!("sqlite:{}", folder.join("registry.db").display()));
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let store = Store::new(&locator, Options::default())?;
/// let alive = store.announce().await?;
/// let id = alive.id().to_owned();
/// assert!(store.is_alive(&id).await?);
/// alive.check().await?;
/// drop(alive);
/// assert!(!store.is_alive(&id).await?);
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), mcp_registry_spec::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropped, it is dead"]
pub struct Alive {
    id: String,
    lock: Lock,
}

/// What ends with the process.
#[derive(Debug)]
enum Lock {
    File(file::Held),
    Session(session::Held),
}

impl Alive {
    /// By which others ask for it: 16 hex digits, which nobody had before.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes sure that others still see it alive: before what must not be done by the dead.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the lock was lost, or nobody can tell.
    pub async fn check(&self) -> Result<()> {
        let held = match &self.lock {
            Lock::File(held) => held.is_there(),
            Lock::Session(held) => held.is_there().await,
        };
        if held {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "the lock by which this process is seen to be alive was lost"))
    }
}

impl Store {
    /// Lets all who use the database see that somebody is at work here. What does not exist yet is made, as
    /// by [`begin`](Self::begin).
    ///
    /// By the side of a file of SQLite it is a locked file, in a folder for its owner alone. On Postgres it is
    /// an advisory lock, held in a transaction that does nothing else, on one further connection for all of
    /// them in this store; also a pooler of transactions leaves that alone.
    ///
    /// # Errors
    /// As [`begin`](Self::begin); where the folder is none, or others may write in it.
    pub async fn announce(&self) -> Result<Alive> {
        let mut attempts = self.attempts();
        loop {
            match self.try_announce().await {
                Ok(alive) => return Ok(alive),
                Err(trouble) => self.again(trouble, &mut attempts, "cannot take a lock in")?,
            }
        }
    }

    async fn try_announce(&self) -> Result<Alive, Trouble> {
        self.ready(Access::Write).await?;
        for _ in 0..TRIES {
            let id = Id::random()?;
            let lock = match self.place() {
                Place::Sqlite(path) => self.hold_file(path, id)?.map(Lock::File),
                Place::Postgres { .. } => self.session().await?.hold(id).await?.map(Lock::Session),
            };
            if let Some(lock) = lock {
                return Ok(Alive { id: id.to_string(), lock });
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "whatever lock is tried, another holds it").retryable().into())
    }

    fn hold_file(&self, database: &Path, id: Id) -> Result<Option<file::Held>> {
        let folder = file::Folder::make(database)?;
        if self.is_first_to_tidy() {
            folder.tidy();
        }
        folder.hold(id)
    }

    /// Whether whoever [announced](Self::announce) itself by that id still lives. What is no such id nobody
    /// ever had.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch); where the folder of the locked files is not to be trusted.
    pub async fn is_alive(&self, id: &str) -> Result<bool> {
        let Some(id) = Id::parse(id) else { return Ok(false) };
        if let Place::Sqlite(path) = self.place() {
            return match file::Folder::find(path)? {
                Some(folder) => folder.is_alive(id),
                None => Ok(false),
            };
        }
        // Shared, so that of two who ask none is taken for the one they ask for.
        let ask = || query("SELECT NOT pg_try_advisory_xact_lock_shared($1)").bind(id.key());
        match self.fetch(ask).await?.first() {
            Some(row) => row.try_get(0).map_err(self.failed("cannot read")),
            None => Ok(false),
        }
    }
}

/// A number that nobody had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Id(u64);

impl Id {
    fn random() -> Result<Self> {
        random::bytes().map(u64::from_ne_bytes).map(Self)
    }

    /// An id in the one way it is written.
    fn parse(text: &str) -> Option<Self> {
        let id = u64::from_str_radix(text, 16).ok().map(Self)?;
        (id.to_string() == text).then_some(id)
    }

    /// As Postgres numbers its locks.
    fn key(self) -> i64 {
        self.0.cast_signed()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_in_one_way() {
        for id in [Id(0), Id(u64::MAX), Id::random().unwrap()] {
            assert_eq!(Id::parse(&id.to_string()), Some(id));
        }
        for none in ["", "0", "+000000000000001", "00000000000000000", "000000000000000A", "../0000000000000"] {
            assert_eq!(Id::parse(none), None, "{none:?}");
        }
    }
}
