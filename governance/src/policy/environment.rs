//! Variables by which an entry could change what a command is (P20).

/// What the loader, the launchers and the programs behind them take for orders; a star stands for the
/// rest of a name.
const REFUSED: &[&str] = &[
    // Which program a name means, and what is loaded into it.
    "PATH",
    "PATHEXT",
    "LD_*",
    "DYLD_*",
    "GCONV_PATH",
    // What a runtime runs first, or takes packages from.
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "NPM_CONFIG_*",
    "PYTHON*",
    "UV_*",
    "PIP_*",
    "DOCKER_*",
    // What a shell that stands in between runs first.
    "BASH_*",
    "ENV",
    "SHELLOPTS",
    "COMSPEC",
    // Where all these look for their configuration.
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "XDG_CONFIG_*",
];

/// Whether a variable of this name is refused unless the policy lists it. The case of letters makes no
/// difference: npm reads its own in any case, Windows all of them, and an entry that is written here
/// may be started there.
pub(super) fn is_refused(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    REFUSED.iter().any(|refused| match refused.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *refused,
    })
}

#[cfg(test)]
mod tests {
    use super::is_refused;

    #[test]
    fn p20_names() {
        for name in [
            "PATH",
            "Path",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "DYLD_INSERT_LIBRARIES",
            "NODE_OPTIONS",
            "NPM_CONFIG_REGISTRY",
            "npm_config_registry",
            "Npm_Config_Registry",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "UV_INDEX_URL",
            "PIP_INDEX_URL",
            "DOCKER_HOST",
            "BASH_ENV",
            "HOME",
        ] {
            assert!(is_refused(name), "{name}");
        }
        for name in ["GITHUB_TOKEN", "API_PATH", "PATHS", "NODE_ENV", "LDAP_URL", "UVX", "PIPE", "ENVIRONMENT", ""] {
            assert!(!is_refused(name), "{name}");
        }
    }
}
