//! What dead writers left in the agent's folder.

use std::path::Path;

use mcp_registry_filesystem::Leftovers;

use super::check::Check;

const NAME: &str = "leftovers";

pub(super) fn check(folder: &Path) -> Check {
    // That it is no folder is told already.
    if !folder.is_dir() {
        return Check::pass(NAME, "there are none");
    }
    let found = match Leftovers::look(folder) {
        Ok(found) => found,
        Err(error) => return Check::failed(NAME, &error),
    };
    let (saved, temporary) = (found.saved.join(", "), found.temporary.join(", "));
    if !saved.is_empty() {
        let message = format!("an editor saved while a writer died, and its text was kept: {saved}");
        return Check::warn(NAME, message, "take from it what is yours, then remove it");
    }
    match (found.is_locked, temporary.is_empty()) {
        (true, _) => {
            let message = "somebody is writing, or was stopped while writing";
            Check::warn(NAME, message, "look again; a process that holds the lock for long is found by lsof")
        }
        (false, false) => {
            Check::warn(NAME, format!("a writer died, and left {temporary}"), "the next write removes it")
        }
        (false, true) => Check::pass(NAME, "there are none"),
    }
}
