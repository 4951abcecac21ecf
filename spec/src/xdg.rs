//! The user's own folders, as the XDG specification has them.

use std::path::PathBuf;

use crate::Environment;

/// Our folder in the one that `variable` names, or else in `below` of the home. What is no absolute
/// path says nothing.
#[must_use]
pub fn folder(environment: &dyn Environment, variable: &str, below: &str) -> Option<PathBuf> {
    let absolute = |name| environment.read(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below)))?;
    Some(base.join("mcp-registry"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FixedEnvironment;

    #[test]
    fn only_the_users_own_folder_is_looked_in() {
        let of = |home: &str, xdg: &str| {
            let environment = FixedEnvironment::new().with("HOME", home).with("XDG_CONFIG_HOME", xdg);
            folder(&environment, "XDG_CONFIG_HOME", ".config")
        };
        assert_eq!(of("/h", ""), Some("/h/.config/mcp-registry".into()));
        assert_eq!(of("/h", "/x"), Some("/x/mcp-registry".into()));
        assert_eq!(of("/h", "."), Some("/h/.config/mcp-registry".into()));
        assert_eq!(of("/h", "relative"), Some("/h/.config/mcp-registry".into()));
        assert_eq!(of("", "relative"), None);
        assert_eq!(of("", ""), None);
    }
}
