//! Variables by which an entry could change what a command is (P20).

/// What the loader, the launchers and the programs behind them take for orders; a star stands for any
/// beginning or end of a name.
const REFUSED: &[&str] = &[
    // Which program a name means, and what is loaded into it.
    "PATH",
    "PATHEXT",
    "LD_*",
    "DYLD_*",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    // What a runtime runs first, or takes packages from.
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "NPM_CONFIG_*",
    "COREPACK_*",
    "YARN_*",
    "BUN_*",
    "PYTHON*",
    "UV_*",
    "PIP_*",
    "DOCKER_*",
    "CONTAINER_HOST",
    // What a shell that stands in between runs first.
    "BASH_*",
    "ENV",
    "SHELLOPTS",
    "COMSPEC",
    "ZDOTDIR",
    // Where all these look for their configuration.
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_*",
    // What libraries and other runtimes load, or trust, by a variable.
    "OPENSSL_*",
    "GIT_*",
    "*_PROXY",
    "SSL_CERT_*",
    "NODE_EXTRA_CA_CERTS",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LUA_INIT*",
    "RUBYOPT",
    "RUBYLIB",
    "PERL5*",
    "DOTNET_*",
    "CORECLR_*",
];

/// Keys that an entry may have of its own: no client chooses by them what is run or reached, or what it may do (P20).
const HARMLESS_KEYS: &[&str] = &[
    "comment",
    "disabled",
    "displayName",
    "display_name",
    "documentation",
    "enabled",
    "homepage",
    "icon",
    "license",
    "note",
    "notes",
    "repository",
    "startup_timeout_ms",
    "startup_timeout_sec",
    "tags",
    "timeout",
    "title",
    "tool_timeout_sec",
    "version",
];

/// Whether an entry may have a key of its own by that name, whatever the policy lists.
pub(super) fn is_harmless_key(key: &str) -> bool {
    HARMLESS_KEYS.contains(&key)
}

/// Whether a variable of this name is refused unless the policy lists it. The case of letters makes no
/// difference: npm reads its own in any case, Windows all of them, and an entry that is written here
/// may be started there.
pub(super) fn is_refused(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    REFUSED.iter().any(|refused| match (refused.strip_prefix('*'), refused.strip_suffix('*')) {
        (Some(ending), _) => name.ends_with(ending),
        (None, Some(beginning)) => name.starts_with(beginning),
        (None, None) => name == *refused,
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
            "XDG_DATA_HOME",
            "OPENSSL_CONF",
            "GIT_EXTERNAL_DIFF",
            "https_proxy",
            "PERL5OPT",
        ] {
            assert!(is_refused(name), "{name}");
        }
        for name in ["GITHUB_TOKEN", "API_PATH", "PATHS", "NODE_ENV", "LDAP_URL", "UVX", "PIPE", "ENVIRONMENT", ""] {
            assert!(!is_refused(name), "{name}");
        }
    }
}
