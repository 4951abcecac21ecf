//! M9: what belongs to the document beside its content stays with it. Not everybody may give a file to
//! another owner, and not every file system keeps extended attributes.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;

use mcp_registry_filesystem::{Config, FilesystemBackend};
use mcp_registry_spec::{McpServerRegistryBackend, McpServerSpec, ServerName, WriteContext};
use mcp_registry_test_trials::{Missing, Tried, trials};
use pollster::block_on;
use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::io::Errno;

/// An agent's folder with a document in it.
struct Agent(tempfile::TempDir);

impl Agent {
    fn new() -> Self {
        let agent = Self(tempfile::tempdir().unwrap());
        std::fs::write(agent.document(), "# Mine\n").unwrap();
        agent
    }

    fn document(&self) -> PathBuf {
        self.0.path().join("mcp.md")
    }

    /// Puts another file in the document's place.
    fn install(&self) {
        let before = self.document().metadata().unwrap().ino();
        let spec = McpServerSpec::stdio(ServerName::parse("new").unwrap(), "npx");
        let backend = FilesystemBackend::new(Config::new(self.0.path()));
        block_on(backend.install(&spec, &WriteContext::new())).unwrap();
        assert_ne!(self.document().metadata().unwrap().ino(), before);
    }
}

fn m9_the_owner_stays() -> Tried {
    if !rustix::process::geteuid().is_root() {
        return Err(Missing::new("root, who alone gives files away"));
    }
    let agent = Agent::new();
    chown(agent.document(), Some(1234), Some(4321)).unwrap();
    // A change of owner takes these bits away.
    std::fs::set_permissions(agent.document(), PermissionsExt::from_mode(0o6755)).unwrap();
    agent.install();
    let metadata = agent.document().metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (1234, 4321, 0o6755));
    Ok(())
}

fn m9_extended_attributes_stay() -> Tried {
    let agent = Agent::new();
    match setxattr(agent.document(), "user.note", b"mine", XattrFlags::empty()) {
        Err(Errno::OPNOTSUPP) => return Err(Missing::new("a file system that keeps extended attributes")),
        set => set.unwrap(),
    }
    agent.install();
    let mut value = [0; 16];
    let size = getxattr(agent.document(), "user.note", &mut value).unwrap();
    assert_eq!(value.get(..size), Some(b"mine".as_slice()));
    Ok(())
}

trials!(m9_the_owner_stays, m9_extended_attributes_stay);
