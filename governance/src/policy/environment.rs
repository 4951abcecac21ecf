//! Variables by which an entry could change what a command is (P20).

/// What the loader, the launchers and the programs behind them take for orders; a star stands for any
/// beginning or end of a name.
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
    "RUBYOPT",
    "RUBYLIB",
    "PERL5*",
    "DOTNET_*",
    "CORECLR_*",
];

/// Keys of an entry by which some clients choose what is run, and where (P20).
const REFUSED_KEYS: &[&str] = &["cwd", "env_file", "envfile", "environment", "serverurl", "shell"];

/// Whether an entry may not have a key of its own by that name.
pub(super) fn is_refused_key(key: &str) -> bool {
    REFUSED_KEYS.iter().any(|refused| key.eq_ignore_ascii_case(refused))
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
