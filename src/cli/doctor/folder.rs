//! The agent's folder: who may mount servers by writing into it.

use std::path::Path;

use mcp_registry_filesystem::DOCUMENT;

use super::check::Check;
use super::modes::{is_read_only, others_may_write};

const NAME: &str = "folder";

pub(super) fn check(folder: &Path) -> Check {
    let shown = folder.display();
    let Ok(about) = folder.metadata() else {
        let hint = "make it with mcp-registry init, or name another with --agent-root";
        return Check::warn(NAME, format!("there is no folder {shown}"), hint);
    };
    if !about.is_dir() {
        return Check::fail(NAME, format!("{shown} is no folder"), "name an agent's folder with --agent-root");
    }
    let document = folder.join(DOCUMENT);
    let found = document.metadata().ok();
    for (path, about) in [(folder, Some(&about)), (&*document, found.as_ref())] {
        if about.is_some_and(others_may_write) {
            let shown = path.display();
            let message = format!("others than its owner may write {shown}, and so mount any server");
            return Check::warn(NAME, message, format!("chmod go-w {shown}"));
        }
    }
    match found {
        None => Check::pass(NAME, format!("{shown} has no {DOCUMENT} yet")).hint("write one with mcp-registry init"),
        Some(about) if is_read_only(&about) => {
            let hint = "its owner does not want it changed; chmod u+w lifts that";
            Check::warn(NAME, format!("{} is read-only, so every write is refused", document.display()), hint)
        }
        Some(_) => Check::pass(NAME, format!("{shown} is written by its owner alone")),
    }
}
