//! Sessions over HTTP: whose they are, and how many there may be (rule M13).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, SessionConfig};

/// How long a session stays that nothing is asked in.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// How many sessions there are at once.
const MOST: usize = 256;
/// How many of them are of one caller.
const MOST_OF_ONE: usize = 64;

/// The sessions there are. Clones share them.
#[derive(Clone)]
pub(super) struct Sessions {
    manager: Arc<LocalSessionManager>,
    /// The name of the token that began a session, by the session's id.
    owners: Arc<Mutex<HashMap<String, Option<String>>>>,
}

impl Default for Sessions {
    fn default() -> Self {
        let mut config = SessionConfig::default();
        config.keep_alive = Some(IDLE);
        let mut manager = LocalSessionManager::default();
        manager.session_config = config;
        Self { manager: Arc::new(manager), owners: Arc::default() }
    }
}

impl Sessions {
    pub(super) fn manager(&self) -> &Arc<LocalSessionManager> {
        &self.manager
    }

    /// Whether that caller may begin one more.
    pub(super) async fn has_room_for(&self, caller: Option<&str>) -> bool {
        // Those that ended are forgotten here, as nobody tells when one does.
        let live = self.manager.sessions.read().await;
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|id, _| live.contains_key(id.as_str()));
        live.len() < MOST && owners.values().filter(|owner| owner.as_deref() == caller).count() < MOST_OF_ONE
    }

    /// Takes note of whose a session is.
    pub(super) fn begun(&self, id: &str, caller: Option<&str>) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.insert(id.to_owned(), caller.map(str::to_owned));
    }

    /// Whether a session is that caller's.
    pub(super) fn is_of(&self, id: &str, caller: Option<&str>) -> bool {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(id).is_some_and(|owner| owner.as_deref() == caller)
    }
}
