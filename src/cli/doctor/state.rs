//! The state folder: whether what is kept in it is safe there (L8).

use std::fs::{DirEntry, Metadata};
use std::path::PathBuf;

use mcp_registry_governance::StateFolder;

use super::check::Check;
use super::modes::{is_open_to_others, writable};

const NAME: &str = "state";

/// The file that is the operator's own, and may be read by all.
const POLICY: &str = "policy.toml";

pub(super) fn check(folder: &StateFolder) -> Check {
    let shown = folder.path().display();
    if let Err(error) = folder.check() {
        return Check::failed(NAME, &error);
    }
    if let Some(check) = unwritable(folder) {
        return check;
    }
    match folder.path().metadata() {
        Err(_) => Check::pass(NAME, format!("{shown} is not there yet; nothing is kept")),
        Ok(about) if is_open_to_others(&about) => {
            Check::warn(NAME, format!("{shown} can be entered by others"), format!("chmod 700 {shown}"))
        }
        Ok(_) => match files(folder).into_iter().find(|(_, about)| is_open_to_others(about)) {
            Some((path, _)) => {
                let shown = path.display();
                Check::warn(NAME, format!("{shown} can be read by others"), format!("chmod 600 {shown}"))
            }
            None => Check::pass(NAME, format!("{shown} is yours alone")),
        },
    }
}

/// What is there and cannot be written, if anything: where nothing can be put on record, nothing is done.
fn unwritable(folder: &StateFolder) -> Option<Check> {
    let kept = [folder.path().to_owned(), folder.file(), folder.ledger()];
    let (path, cause) = kept.into_iter().filter(|path| path.exists()).find_map(|path| {
        let cause = writable(&path).err()?;
        Some((path, cause))
    })?;
    let shown = path.display();
    let message = format!("{shown} cannot be written, so nothing can be put on record: {cause}");
    Some(Check::fail(NAME, message, format!("chmod u+w {shown}, or see that its disk is not read-only")))
}

/// The files that this program keeps there, sorted.
pub(super) fn files(folder: &StateFolder) -> Vec<(PathBuf, Metadata)> {
    let of_ours = |entry: DirEntry| {
        let about = entry.metadata().ok().filter(Metadata::is_file)?;
        (entry.file_name() != POLICY).then(|| (entry.path(), about))
    };
    let mut files: Vec<_> = folder.path().read_dir().into_iter().flatten().flatten().filter_map(of_ours).collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}
