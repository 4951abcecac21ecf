//! What emptying a scope leaves of it where a scope is an agent's folder: an empty document and the
//! file of its lock. An agent may need both; nobody needs those of the suite.

use std::fs;
use std::io::ErrorKind as Io;
use std::path::Path;

use mcp_registry_filesystem::Config;
use mcp_registry_spec::{Error, ErrorKind, OpenRequest, Result};

/// Removes the folders of the scopes that begin with `prefix`, which are the suite's own: it is
/// random.
pub(super) fn remove(request: &OpenRequest, prefix: &str) -> Result<()> {
    let root = Config::from_request(&OpenRequest { scope: None, ..request.clone() })?.folder;
    let failed =
        |path: &Path, cause| Error::new(ErrorKind::Unavailable, "cannot be removed").at(path, None).caused_by(cause);
    let entries = match fs::read_dir(&root) {
        // Nothing was written into what is not there.
        Err(cause) if cause.kind() == Io::NotFound => return Ok(()),
        entries => entries.map_err(|cause| failed(&root, cause))?,
    };
    for entry in entries {
        let entry = entry.map_err(|cause| failed(&root, cause))?;
        let own = entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix));
        if own {
            fs::remove_dir_all(entry.path()).map_err(|cause| failed(&entry.path(), cause))?;
        }
    }
    Ok(())
}
