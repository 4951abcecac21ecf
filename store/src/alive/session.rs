//! The lock of who uses Postgres: an advisory one, on a connection that ends with the process.
//!
//! All of a store share one connection, which a task of its own has: whoever lets go of a lock need not
//! wait for the server. While there is a lock there is a transaction, which holds nothing else up: by that
//! a pooler of transactions leaves the connection to us.

use std::collections::HashSet;
use std::io::{self, ErrorKind as Io};
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::Id;
use crate::failure::{self, Trouble};
use crate::options::Options;
use crate::place::Place;

/// Begins the transaction: no server ends it because nothing happens in it, and one whose client is gone
/// without a word finds that out within half a minute.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SELECT set_config('transaction_timeout', '0', true)
    WHERE current_setting('transaction_timeout', true) IS NOT NULL;
    SET LOCAL tcp_keepalives_idle = 10;
    SET LOCAL tcp_keepalives_interval = 5;
    SET LOCAL tcp_keepalives_count = 3";

/// How long until a server that does not take connections is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// What the task is asked to do.
#[derive(Debug)]
enum Order {
    Lock(Id, oneshot::Sender<sqlx::Result<bool>>),
    Unlock(Id),
    Check(oneshot::Sender<()>),
}

/// The connection, by which locks are held while there is one. Cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Session(UnboundedSender<Order>);

/// A lock. Dropped, it is let go of soon.
#[derive(Debug)]
pub(super) struct Held {
    id: Id,
    session: Session,
}

impl Session {
    /// Connects. Needs a Tokio runtime around it.
    pub(crate) async fn open(place: &Place, options: Options) -> Result<Self, Trouble> {
        let to = AnyConnectOptions::from_url(&place.url()?)?;
        let connecting = async {
            loop {
                match AnyConnection::connect_with(&to).await {
                    Err(cause) if failure::is_lost(&cause) => sleep(PAUSE).await,
                    other => return other,
                }
            }
        };
        let connection = timeout(options.timeout, connecting).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        let (orders, received) = mpsc::unbounded_channel();
        tokio::spawn(serve(connection, received, options.timeout));
        Ok(Self(orders))
    }

    /// Whether it was not found to be lost yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    /// Takes the lock of that id; `None` where another has it.
    pub(super) async fn hold(&self, id: Id) -> Result<Option<Held>, Trouble> {
        // Whoever stops waiting here lets go of what the task may have taken by then.
        let held = Held { id, session: self.clone() };
        let (reply, answer) = oneshot::channel();
        let _ = self.0.send(Order::Lock(id, reply));
        let is_taken = answer.await.unwrap_or_else(|_| Err(lost(Io::ConnectionReset)))?;
        Ok(is_taken.then_some(held))
    }
}

impl Held {
    /// Whether the connection, and with it the lock, is still there.
    pub(super) async fn is_there(&self) -> bool {
        let (reply, answer) = oneshot::channel();
        let _ = self.session.0.send(Order::Check(reply));
        answer.await.is_ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Where nobody takes the order any more, the connection is gone, and so are its locks.
        let _ = self.session.0.send(Order::Unlock(self.id));
    }
}

fn lost(kind: Io) -> sqlx::Error {
    sqlx::Error::Io(io::Error::from(kind))
}

/// Does what it is asked to until nobody can ask any more, or the connection is lost: then whoever waits
/// for an answer gets none.
async fn serve(connection: AnyConnection, mut orders: UnboundedReceiver<Order>, patience: Duration) {
    let mut locks = Locks { connection, held: HashSet::new() };
    while let Some(order) = orders.recv().await {
        let is_well = match order {
            Order::Lock(id, reply) => {
                let locked = timeout(patience, locks.lock(id)).await.unwrap_or_else(|_| Err(lost(Io::TimedOut)));
                let is_well = locked.is_ok();
                let _ = reply.send(locked);
                is_well
            }
            Order::Unlock(id) => matches!(timeout(patience, locks.unlock(id)).await, Ok(Ok(()))),
            Order::Check(reply) => {
                let is_well = matches!(timeout(patience, locks.connection.ping()).await, Ok(Ok(())));
                if is_well {
                    let _ = reply.send(());
                }
                is_well
            }
        };
        if !is_well {
            return;
        }
    }
    let _ = timeout(patience, locks.connection.close()).await;
}

/// The connection, and what is locked by it.
struct Locks {
    connection: AnyConnection,
    held: HashSet<Id>,
}

impl Locks {
    async fn lock(&mut self, id: Id) -> sqlx::Result<bool> {
        if self.held.is_empty() {
            sqlx::raw_sql(BEGIN).execute(&mut self.connection).await?;
        }
        let lock = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(id.key());
        let is_taken = lock.fetch_one(&mut self.connection).await?.try_get(0)?;
        if is_taken {
            self.held.insert(id);
        }
        self.end_if_idle().await?;
        Ok(is_taken)
    }

    async fn unlock(&mut self, id: Id) -> sqlx::Result<()> {
        if !self.held.remove(&id) {
            return Ok(());
        }
        sqlx::query("SELECT pg_advisory_unlock($1)").bind(id.key()).execute(&mut self.connection).await?;
        self.end_if_idle().await
    }

    /// Ends the transaction where it holds no lock.
    async fn end_if_idle(&mut self) -> sqlx::Result<()> {
        if self.held.is_empty() {
            sqlx::raw_sql("COMMIT").execute(&mut self.connection).await?;
        }
        Ok(())
    }
}
