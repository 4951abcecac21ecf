//! Connections: how they are opened, and how each is set up.

use std::sync::Once;
use std::time::Duration;

use mcp_registry_spec::Result;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::sync::OnceCell;

use crate::failure::{self, Trouble};
use crate::file::Identity;
use crate::options::Options;
use crate::place::Place;

/// The connections to one database, while it stays the same.
#[derive(Debug)]
pub(crate) struct Pools {
    /// For reading.
    pub(crate) read: AnyPool,
    /// For writing. The same where the database has many writers at a time; where it has one, the
    /// writers of this process queue here, in order, and not at the file's lock, by chance.
    pub(crate) write: AnyPool,
    /// The file it was opened as.
    pub(crate) identity: Identity,
    /// Set once the schema was seen to be there, and the one this program knows.
    pub(crate) schema: OnceCell<()>,
}

impl Pools {
    /// Opens no connection yet. Needs a Tokio runtime around it.
    pub(crate) fn open(place: &Place, options: Options, identity: Identity) -> Result<Self> {
        install_drivers();
        let connect =
            AnyConnectOptions::from_url(&place.url()?).map_err(|cause| failure::error(place, "cannot open", &cause))?;
        let open = |most: u32, setup: String| {
            AnyPoolOptions::new()
                .max_connections(most.max(1))
                .acquire_timeout(options.timeout)
                // A connection that was lost is found out by the statement that fails on it, which is
                // then tried on another: cheaper than a question before each.
                .test_before_acquire(false)
                // Where there is no room, SQLite ends a transaction by itself, and the driver goes on counting
                // it as open: no other could begin on that connection.
                .before_acquire(|connection, _| {
                    let is_free = !connection.is_in_transaction();
                    Box::pin(async move { Ok(is_free) })
                })
                .after_connect(move |connection, _| {
                    let setup = AssertSqlSafe(setup.clone());
                    Box::pin(async move { sqlx::raw_sql(setup).execute(connection).await.map(drop) })
                })
                .connect_lazy_with(connect.clone())
        };
        let setup = setup(place, options.timeout);
        let (read, write) = match place {
            Place::Sqlite(_) => {
                (open(options.max_connections, format!("{setup} PRAGMA query_only = ON;")), open(1, setup))
            }
            Place::Postgres { .. } => {
                let pool = open(options.max_connections, setup);
                (pool.clone(), pool)
            }
        };
        Ok(Self { read, write, identity, schema: OnceCell::new() })
    }

    /// Sees whether the database can be opened at all, where that can be seen cheaply: what goes wrong
    /// while a pool sets up a connection it keeps to itself, and tries again until the time is over.
    pub(crate) async fn probe(place: &Place, options: Options) -> Result<(), Trouble> {
        if let Place::Sqlite(_) = place {
            let mut connection = AnyConnection::connect_with(&AnyConnectOptions::from_url(&place.url()?)?).await?;
            sqlx::raw_sql(AssertSqlSafe(setup(place, options.timeout))).execute(&mut connection).await?;
            sqlx::query("SELECT name FROM sqlite_master LIMIT 1").fetch_all(&mut connection).await?;
            connection.close().await?;
        }
        Ok(())
    }

    /// Closes the connections once nobody uses them any more.
    pub(crate) async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}

/// What each connection is told first.
fn setup(place: &Place, timeout: Duration) -> String {
    let timeout = timeout.as_millis().clamp(1, i32::MAX as u128);
    match place {
        Place::Sqlite(_) => format!("PRAGMA busy_timeout = {timeout}; PRAGMA synchronous = FULL;"),
        // A server may be set up to forget what it confirmed, and a program that was stopped in a
        // transaction must not keep everybody else from theirs.
        Place::Postgres { .. } => format!(
            "SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = {timeout};
             SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') = 'off';"
        ),
    }
}

fn install_drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where the program has installed drivers of its own, they are these or the locator is refused.
        let _ = sqlx::any::install_drivers(&[sqlx::sqlite::any::DRIVER, sqlx::postgres::any::DRIVER]);
    });
}
