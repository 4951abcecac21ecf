//! What this side of a connection is and answers.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rmcp::model::ProtocolVersion;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam, ProgressToken};
use rmcp::service::NotificationContext;
use rmcp::{ClientHandler, RoleClient};
use tokio::sync::Mutex;

use crate::call::Progress;

/// Who is told how far a call is.
pub(crate) type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// The calls that want to be told, by their tokens. Held while a call is sent, so that no word of it comes before
/// its token is there.
pub(crate) type Listeners = Arc<Mutex<HashMap<ProgressToken, Listener>>>;

/// This side: it offers servers nothing, and hands on what they say of progress.
#[derive(Clone, Default)]
pub(crate) struct Client {
    pub(crate) listeners: Listeners,
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("mcp-registry", env!("CARGO_PKG_VERSION"));
        let mut info = ClientConfig::new(ClientCapabilities::default(), own);
        info.protocol_version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        info
    }

    async fn on_progress(&self, said: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let listener = self.listeners.lock().await.get(&said.progress_token).cloned();
        if let Some(listener) = listener {
            listener(Progress { progress: said.progress, total: said.total, message: said.message });
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
