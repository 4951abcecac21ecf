//! Programs (E8).

use std::path::Path;

use mcp_registry_spec::Environment;

use crate::file::told;

/// Whether there is a program at a path.
///
/// # Errors
/// Why there is none.
pub(crate) fn at(path: &str, environment: &dyn Environment) -> Result<(), String> {
    match Path::new(path).metadata() {
        Err(cause) => Err(told(&cause)),
        Ok(about) if about.is_dir() => Err("it is a folder".to_owned()),
        Ok(about) if !about.is_file() => Err("it is no regular file".to_owned()),
        Ok(_) if !environment.finds_command(path) => Err("it may not be executed".to_owned()),
        Ok(_) => Ok(()),
    }
}

/// Whether a program is on `PATH`.
///
/// # Errors
/// That it is not.
pub(crate) fn on_path(name: &str, environment: &dyn Environment) -> Result<(), String> {
    if environment.finds_command(name) { Ok(()) } else { Err("no folder of PATH has it as a program".to_owned()) }
}
