//! The programs of Postgres, and as whom they run.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcp_registry_test_trials::Missing;
use rustix::fs::{Gid, Uid};

/// Where Debian keeps them, a folder a version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Where the programs are, and as whom they run where that is not oneself.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: Option<PathBuf>,
    user: Option<(Uid, Gid)>,
}

impl Programs {
    pub(crate) fn find() -> Result<Self, Missing> {
        let folder = newest();
        if folder.is_none() && !is_on_path("initdb") {
            return Err(Missing::new("no Postgres is installed (Debian: postgresql), and none is named"));
        }
        let user = match rustix::process::geteuid().is_root() {
            false => None,
            true => Some(unprivileged().ok_or_else(|| Missing::new("there is no user to run Postgres as"))?),
        };
        Ok(Self { folder, user })
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let path = self.folder.as_ref().map_or_else(|| program.into(), |folder| folder.join(program));
        let mut command = Command::new(path);
        if let Some((uid, gid)) = self.user {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        // Neither is to depend on what this user has set up for other servers.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir("/");
        command
    }

    /// Makes a file or folder theirs, and theirs alone.
    pub(crate) fn give(&self, path: &Path) -> Result<(), Missing> {
        if let Some((uid, gid)) = self.user {
            rustix::fs::chown(path, Some(uid), Some(gid)).map_err(Missing::new)?;
        }
        super::close(path)
    }
}

fn newest() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.filter_map(Result::ok).map(|entry| entry.path().join("bin"));
    let number = |bin: &PathBuf| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    versions.filter(|bin| bin.join("postgres").exists()).max_by_key(number)
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}

/// The user of Debian's package, or nobody.
fn unprivileged() -> Option<(Uid, Gid)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|wanted| {
        let mut fields = users.lines().map(|line| line.split(':')).find(|f| f.clone().next() == Some(wanted))?;
        let (uid, gid) = (fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some((Uid::from_raw(uid), Gid::from_raw(gid)))
    })
}
