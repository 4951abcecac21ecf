//! Learning that the registry changed underneath (rule M11).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_registry_spec::McpServerRegistry;
use tokio::sync::watch::{self, Receiver, Sender};

/// How often it is looked at while anybody is to be told.
const LOOK: Duration = Duration::from_millis(500);

/// Looks whether a registry changes, as long as anybody wants to know. Clones share it.
#[derive(Clone)]
pub(super) struct Watch(Arc<Inner>);

struct Inner {
    registry: McpServerRegistry,
    changed: Sender<()>,
    /// Whether somebody is looking. Decided under a lock, so that nobody waits for one who has just left.
    looking: Mutex<bool>,
}

impl Watch {
    pub(super) fn of(registry: McpServerRegistry) -> Self {
        Self(Arc::new(Inner { registry, changed: watch::Sender::new(()), looking: Mutex::new(false) }))
    }

    /// What tells of every change from now on, as long as it is held.
    pub(super) fn changes(&self) -> Receiver<()> {
        let mut looking = self.0.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = self.0.changed.subscribe();
        if !std::mem::replace(&mut *looking, true) {
            tokio::spawn(look(self.0.clone()));
        }
        receiver
    }
}

async fn look(inner: Arc<Inner>) {
    // What cannot be told now is told when it can be: a registry that is away has not changed.
    let mut seen = inner.registry.revision().await.ok().flatten();
    loop {
        tokio::time::sleep(LOOK).await;
        {
            let mut looking = inner.looking.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.changed.is_closed() {
                *looking = false;
                return;
            }
        }
        if let Ok(Some(revision)) = inner.registry.revision().await
            && seen.replace(revision.clone()).is_some_and(|seen| seen != revision)
        {
            inner.changed.send_replace(());
        }
    }
}
