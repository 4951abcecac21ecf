//! The schema: whether it is there, how it comes to be, and how an older one is brought up to date.
//!
//! Each version is a file of statements that makes it of the version before; a new database goes through
//! all of them.

use std::time::{Duration, Instant};

use mcp_registry_spec::{Error, ErrorKind};
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::failure::{self, Trouble};
use crate::place::Place;

/// The statements that make each version of the version before, the first of nothing: in SQLite.
const SQLITE: [&str; 4] = [
    include_str!("schema/sqlite/1.sql"),
    include_str!("schema/sqlite/2.sql"),
    include_str!("schema/sqlite/3.sql"),
    include_str!("schema/sqlite/4.sql"),
];

/// The same in Postgres.
const POSTGRES: [&str; SQLITE.len()] = [
    include_str!("schema/postgres/1.sql"),
    include_str!("schema/postgres/2.sql"),
    include_str!("schema/postgres/3.sql"),
    include_str!("schema/postgres/4.sql"),
];

/// The newest version of the schema that this program knows.
const VERSION: usize = SQLITE.len();

/// What to do where an older schema cannot be brought up to date.
const ALTER: &str = "run a command on it once as a user who may alter its tables";

/// The number that stands for the schema among the advisory locks of Postgres.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7881697350184005234)";

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing of ours yet.
    Nothing,
    /// The schema of an older version.
    Older(usize),
    /// The schema this program knows.
    Current,
}

impl Found {
    /// How many of the versions it has gone through.
    fn version(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Older(version) => version,
            Self::Current => VERSION,
        }
    }
}

impl Place {
    /// How a transaction that writes begins. SQLite takes the lock at once, so that two of them cannot
    /// both have read before they write; Postgres lets the second see what the first has written.
    pub(crate) fn begin(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres { .. } => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }

    fn versions(&self) -> &'static [&'static str] {
        match self {
            Self::Sqlite(_) => &SQLITE,
            Self::Postgres { .. } => &POSTGRES,
        }
    }

    /// Asks whether the table of versions is there: 1; or else, where a database has one owner, whether
    /// it is another program's: 2.
    fn presence(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => {
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'mcp_meta') THEN 1
                 WHEN EXISTS (SELECT 1 FROM sqlite_master) THEN 2 ELSE 0 END"
            }
            // Not to_regclass: it answers from memory, which an advisory lock does not bring up to date.
            Self::Postgres { .. } => {
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_class WHERE relname = 'mcp_meta' AND
                 pg_table_is_visible(oid)) THEN 1 ELSE 0 END"
            }
        }
    }

    fn refuse(&self, why: &str, hint: &str) -> Error {
        let error = Error::new(ErrorKind::Unavailable, format!("the database {why}, and is left as it is")).hint(hint);
        match self {
            Self::Sqlite(path) => error.at(path, None),
            Self::Postgres { .. } => error.at(self.name(), None),
        }
    }
}

/// Looks what is there.
///
/// # Errors
/// When the database belongs to another program, or was made by a newer version of this one.
pub(crate) async fn look(place: &Place, connection: &mut AnyConnection) -> Result<Found, Trouble> {
    match number(connection, place.presence()).await? {
        0 => return Ok(Found::Nothing),
        1 => {}
        _ => return Err(place.refuse("belongs to another program", "name another file").into()),
    }
    let version = number(connection, "SELECT version FROM mcp_meta").await?;
    match usize::try_from(version) {
        Ok(VERSION) => Ok(Found::Current),
        Ok(older @ 1..VERSION) => Ok(Found::Older(older)),
        Ok(0) | Err(_) => {
            let why = format!("has a schema that never was: {version}");
            Err(place.refuse(&why, "put back a backup").into())
        }
        Ok(newer) => {
            let why = format!("was made by a newer version of mcp-registry: its schema is {newer}, not {VERSION}");
            Err(place.refuse(&why, "use the newer version").into())
        }
    }
}

/// Makes the schema where it is missing, and brings an older one up to date. Many may do so at once: one
/// does, the others find it done.
///
/// # Errors
/// As [`look`], and when the database cannot be written to, which is then as it was.
pub(crate) async fn make(place: &Place, connection: &mut AnyConnection, timeout: Duration) -> Result<(), Trouble> {
    match look(place, connection).await? {
        Found::Current => return Ok(()),
        Found::Older(version) => {
            return advance(place, connection).await.map_err(|trouble| stuck(place, version, trouble));
        }
        Found::Nothing => {}
    }
    match place {
        Place::Sqlite(_) => use_wal(connection, timeout).await?,
        Place::Postgres { .. } => check_encoding(place, connection).await?,
    }
    advance(place, connection).await
}

/// Goes through the versions that are missing, all of them or none.
async fn advance(place: &Place, connection: &mut AnyConnection) -> Result<(), Trouble> {
    let mut transaction = connection.begin_with(place.begin()).await?;
    if let Place::Postgres { .. } = place {
        sqlx::query(LOCK).execute(&mut *transaction).await?;
    }
    let found = look(place, &mut transaction).await?;
    for version in place.versions().iter().skip(found.version()) {
        sqlx::raw_sql(*version).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// Says what is in the way of a newer schema. What passes by itself stays what it is.
fn stuck(place: &Place, version: usize, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Failed(cause) if !failure::is_lost(&cause) => {
            let what = format!("cannot upgrade (from schema {version} to {VERSION})");
            let error = failure::error(place, &what, &cause);
            if error.is_retryable() { error.into() } else { error.hint(ALTER).into() }
        }
        other => other,
    }
}

/// Lets readers and the writer of a file work at the same time. SQLite does not wait for the lock that
/// this needs, so it is asked until the time is over. Where the file system cannot do it, it stays off:
/// nothing is lost by that but speed.
async fn use_wal(connection: &mut AnyConnection, timeout: Duration) -> sqlx::Result<()> {
    let deadline = Instant::now() + timeout;
    loop {
        match sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *connection).await {
            Err(cause) if failure::is_busy(&cause) && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => return other.map(drop),
        }
    }
}

/// Entries are text of any language: a database that holds less must not be asked to guess.
async fn check_encoding(place: &Place, connection: &mut AnyConnection) -> Result<(), Trouble> {
    const ENCODING: &str = "SELECT current_setting('server_encoding')";
    let found: String = sqlx::query(ENCODING).fetch_one(connection).await?.try_get(0)?;
    if found == "UTF8" {
        return Ok(());
    }
    let why = format!("is encoded in {found}, and entries are UTF-8");
    Err(place.refuse(&why, "make one with createdb --encoding=UTF8 --template=template0").into())
}

async fn number(connection: &mut AnyConnection, sql: &'static str) -> sqlx::Result<i64> {
    sqlx::query(sql).fetch_one(connection).await?.try_get(0)
}
