//! A folder of its own for every test, and contracts on it.

#![allow(dead_code, clippy::unwrap_used, reason = "each test takes what it needs; one that cannot go on fails")]

use std::path::PathBuf;
use std::sync::Arc;

use mcp_registry_filesystem as _;
use mcp_registry_presence::{CannotProbe, Contract, Presence, Prober};
use mcp_registry_spec::{Backends, Environment, FixedEnvironment, Result};
use serde_json::{Value, json};

pub(crate) struct Room {
    folder: tempfile::TempDir,
    pub(crate) environment: FixedEnvironment,
}

impl Room {
    /// An empty folder, which `ROOM` names.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let environment = FixedEnvironment::new().with("ROOM", folder.path());
        Self { folder, environment }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        std::fs::write(self.path(file), bytes).unwrap();
    }

    /// What is found of a contract with this one delivery.
    pub(crate) fn look(&self, delivery: &Value) -> Presence {
        self.check(&json!({"version": 1, "server": "tickets", "deliveries": [delivery]}), &CannotProbe)
    }

    /// Why this delivery does not hold; `None` where it does.
    pub(crate) fn reason(&self, delivery: &Value) -> Option<String> {
        let presence = self.look(delivery);
        let found = &presence.deliveries[0];
        assert_eq!((found.holds, presence.is_present()), (found.reason.is_none(), found.holds));
        found.reason.clone()
    }

    pub(crate) fn check(&self, contract: &Value, prober: &dyn Prober) -> Presence {
        self.try_check(contract, prober).unwrap()
    }

    pub(crate) fn try_check(&self, contract: &Value, prober: &dyn Prober) -> Result<Presence> {
        let contract = Contract::parse(&contract.to_string()).unwrap();
        let environment: Arc<dyn Environment> = Arc::new(self.environment.clone());
        pollster::block_on(contract.check(&environment, &Backends::linked(), prober))
    }
}

/// The delivery by an entry in a settings file of the room.
pub(crate) fn settings(kind: &str) -> Value {
    json!({"kind": kind, "file": "${ROOM}/settings", "table": ["servers"], "key": "tickets"})
}
