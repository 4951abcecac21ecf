//! The client's environment, behind a trait, so that it can be another one in tests and services.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where references are resolved (rule 8).
///
/// Asking whether a variable is set is one thing, reading it another: validation does only the
/// first.
pub trait Environment: Send + Sync + fmt::Debug {
    /// Whether the variable is set; its value is not read.
    fn is_set(&self, name: &str) -> bool;

    /// The value of the variable.
    fn read(&self, name: &str) -> Option<OsString>;

    /// Whether `command` would be found: in an absolute folder of `PATH`, or at its path when it has one.
    fn finds_command(&self, command: &str) -> bool;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn is_set(&self, name: &str) -> bool {
        std::env::var_os(name).is_some()
    }

    fn read(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn finds_command(&self, command: &str) -> bool {
        find_command(command).is_some()
    }
}

/// The file that this process would run for `command`: the first on its `PATH`, or the one at its path
/// when it has one.
///
/// Components of `PATH` that are not absolute are passed over: what they lead to changes with the working directory, and
/// an empty one leaves a bare name, which whoever starts it looks for elsewhere.
#[must_use]
pub fn find_command(command: &str) -> Option<PathBuf> {
    if command.contains('/') {
        return Some(PathBuf::from(command)).filter(|path| is_executable(path));
    }
    let path = std::env::var_os("PATH")?;
    find_on(&path, command)
}

fn find_on(path: &OsStr, command: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(command)).find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    // By this user: that some user may is not enough.
    path.metadata().is_ok_and(|m| m.is_file()) && accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// An environment made by hand: these variables, these commands and nothing else.
///
/// Its `Debug` shows names, never values.
#[derive(Clone, Default)]
pub struct FixedEnvironment {
    variables: BTreeMap<String, OsString>,
    commands: Vec<String>,
}

impl FixedEnvironment {
    /// An environment in which nothing is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Lets a command be found.
    #[must_use]
    pub fn with_command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

impl Environment for FixedEnvironment {
    fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    fn read(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).cloned()
    }

    fn finds_command(&self, command: &str) -> bool {
        self.commands.iter().any(|c| c == command)
    }
}

impl fmt::Debug for FixedEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedEnvironment")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("commands", &self.commands)
            .finish()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_in_absolute_folders_only() {
        let here = std::env::current_dir().unwrap();
        let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
        let relative = up.join("bin");
        assert!(is_executable(&relative.join("sh")), "it would be found there");
        assert_eq!(find_on(relative.as_os_str(), "sh"), None);
        let bare = up.join("bin/sh");
        assert_eq!(find_on(OsStr::new(":."), bare.to_str().unwrap()), None);
        let both = std::env::join_paths([Path::new(""), &relative, Path::new("/bin")]).unwrap();
        assert_eq!(find_on(&both, "sh"), Some(PathBuf::from("/bin/sh")));
    }
}
