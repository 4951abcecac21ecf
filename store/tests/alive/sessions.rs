//! The connection to Postgres that holds the locks.

use std::time::Duration;

use mcp_registry_spec::ErrorKind;
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::Tried;

use crate::both::open;
use crate::{HOLDERS, LOCKS, on_postgres, run, until, until_dead};

pub(crate) fn who_lost_its_connection_is_dead_and_told() -> Tried {
    on_postgres(async |database| {
        let (store, other) = (database.store(), database.store());
        let (lost, elsewhere) = (store.announce().await.unwrap(), other.announce().await.unwrap());
        let holder = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND
             (classid::BIGINT << 32) | objid::BIGINT = x'{}'::BIGINT",
            lost.id()
        );
        assert_eq!(database.rows(&holder).await, ["1"]);
        until_dead(&other, lost.id()).await;
        assert_eq!(lost.check().await.unwrap_err().kind(), ErrorKind::Unavailable);
        elsewhere.check().await.unwrap();
        // What comes after it is not held up, and the lost one stays dead.
        let next = store.announce().await.unwrap();
        assert!(other.is_alive(next.id()).await.unwrap());
        assert!(!other.is_alive(lost.id()).await.unwrap() && lost.check().await.is_err());
        Ok(())
    })
}

pub(crate) fn a_restart_of_the_server_is_not_noticed_by_who_comes_after_it() -> Tried {
    let mut server = Postgres::start()?;
    run(async {
        let store = open(&server.url());
        let before = store.announce().await.unwrap();
        server.stop();
        server.restart()?;
        let after = store.announce().await.unwrap();
        assert!(before.check().await.is_err() && !store.is_alive(before.id()).await.unwrap());
        assert!(after.check().await.is_ok() && store.is_alive(after.id()).await.unwrap());
        Ok(())
    })
}

pub(crate) fn no_time_out_of_the_server_ends_it() -> Tried {
    on_postgres(async |database| {
        for name in
            ["idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout", "statement_timeout"]
        {
            let set = format!(
                "DO $$ BEGIN IF current_setting('{name}', true) IS NOT NULL THEN
                     EXECUTE format('ALTER DATABASE %I SET {name} = ''100ms''', current_database());
                 END IF; END $$"
            );
            database.run(&set).await;
        }
        let store = database.store();
        let alive = store.announce().await.unwrap();
        // Long enough for each of them, many times over.
        tokio::time::sleep(Duration::from_secs(1)).await;
        alive.check().await.unwrap();
        assert!(database.store().is_alive(alive.id()).await.unwrap());
        drop(alive);
        // Between two there is no transaction, and the server may end the connection.
        tokio::time::sleep(Duration::from_millis(500)).await;
        store.announce().await.unwrap().check().await.unwrap();
        Ok(())
    })
}

pub(crate) fn many_share_one_connection() -> Tried {
    on_postgres(async |database| {
        let store = database.store();
        let announcing: Vec<_> = (0..64)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.announce().await.unwrap() })
            })
            .collect();
        let mut alive = Vec::new();
        for announced in announcing {
            alive.push(announced.await.unwrap());
        }
        assert_eq!((database.rows(LOCKS).await, database.rows(HOLDERS).await), (vec!["64".into()], vec!["1".into()]));
        let last = alive.pop().unwrap();
        drop(alive);
        until("the others let go", async || database.rows(LOCKS).await == ["1"]).await;
        assert!(store.is_alive(last.id()).await.unwrap());
        Ok(())
    })
}

pub(crate) fn who_stops_waiting_to_be_announced_leaves_nothing() -> Tried {
    on_postgres(async |database| {
        let store = database.store();
        drop(store.announce().await.unwrap());
        for _ in 0..200 {
            let announcing = store.announce();
            // It is asked for once, and given up on whatever it waits for then.
            let _ = tokio::time::timeout(Duration::ZERO, announcing).await;
        }
        until("no lock is left", async || database.rows(LOCKS).await == ["0"]).await;
        until("no transaction is left", async || database.rows(HOLDERS).await == ["0"]).await;
        Ok(())
    })
}
