//! What one client is told of by itself (rule M11).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::RoleServer;
use rmcp::model::ResourceUpdatedNotificationParam;
use rmcp::service::Peer;
use tokio::task::JoinHandle;

use super::resources;
use super::watch::Watch;

/// The most resources that one client subscribes to.
const MOST_SUBSCRIBED: usize = 1000;

/// A client that is connected.
#[derive(Default)]
pub(super) struct Session {
    subscribed: Arc<Mutex<BTreeSet<String>>>,
    telling: Mutex<Option<JoinHandle<()>>>,
}

impl Session {
    /// Tells the client of every change from now on, until the session ends.
    pub(super) fn tell(&self, peer: Peer<RoleServer>, watch: &Watch) {
        let (mut changes, subscribed) = (watch.changes(), self.subscribed.clone());
        let telling = tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                if peer.notify_resource_list_changed().await.is_err() {
                    return;
                }
                let subscribed = subscribed.lock().unwrap_or_else(PoisonError::into_inner).clone();
                for uri in subscribed {
                    if peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await.is_err() {
                        return;
                    }
                }
            }
        });
        let before = self.telling.lock().unwrap_or_else(PoisonError::into_inner).replace(telling);
        before.iter().for_each(JoinHandle::abort);
    }

    /// Tells of that resource too. Whether it is one, and there is room for it.
    pub(super) fn subscribe(&self, uri: &str) -> bool {
        let mut subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        let room = subscribed.len() < MOST_SUBSCRIBED || subscribed.contains(uri);
        let is_one = room && resources::Uri::parse(uri).is_some();
        if is_one {
            subscribed.insert(uri.to_owned());
        }
        is_one
    }

    /// Tells of it no longer.
    pub(super) fn unsubscribe(&self, uri: &str) {
        self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let telling = self.telling.get_mut().unwrap_or_else(PoisonError::into_inner);
        telling.iter().for_each(JoinHandle::abort);
    }
}
