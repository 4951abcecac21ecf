//! The schema: whether it is there, and how it comes to be.

use std::time::{Duration, Instant};

use mcp_registry_spec::{Error, ErrorKind};
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::failure::{self, Trouble};
use crate::place::Place;

/// The newest version of the schema that this program knows.
const VERSION: i64 = 1;

/// The number that stands for the schema among the advisory locks of Postgres.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7881697350184005234)";

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing of ours yet.
    Nothing,
    /// The schema this program knows.
    Current,
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

    fn schema(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => include_str!("schema/sqlite.sql"),
            Self::Postgres { .. } => include_str!("schema/postgres.sql"),
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
    match number(connection, "SELECT version FROM mcp_meta").await? {
        VERSION => Ok(Found::Current),
        newer => {
            let why = format!("was made by a newer version of mcp-registry: its schema is {newer}, not {VERSION}");
            Err(place.refuse(&why, "use the newer version").into())
        }
    }
}

/// Makes the schema where it is missing. Many may do so at once: one does, the others find it made.
///
/// # Errors
/// As [`look`], and when the database cannot be written to.
pub(crate) async fn make(place: &Place, connection: &mut AnyConnection, timeout: Duration) -> Result<(), Trouble> {
    if look(place, connection).await? == Found::Current {
        return Ok(());
    }
    match place {
        Place::Sqlite(_) => use_wal(connection, timeout).await?,
        Place::Postgres { .. } => check_encoding(place, connection).await?,
    }
    let mut transaction = connection.begin_with(place.begin()).await?;
    if let Place::Postgres { .. } = place {
        sqlx::query(LOCK).execute(&mut *transaction).await?;
    }
    if look(place, &mut transaction).await? == Found::Nothing {
        sqlx::raw_sql(place.schema()).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
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
