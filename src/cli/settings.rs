//! Which registry is meant, and how to print: flags, then the environment, then the user's
//! configuration file, then the current folder. All of it is decided here.

use std::collections::BTreeMap;
#[cfg(feature = "presence")]
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_registry_spec::redact::redact;
use mcp_registry_spec::{Backends, Environment, Error, ErrorKind, Locator, OpenRequest, Registration, Scope, text};

use super::args::CommonArgs;
use super::config_file::ConfigFile;
use super::failure::Failure;
use super::place::{self, FILESYSTEM, Layer, Source};
use super::printer::{Color, Format};
use super::tokens::{self, Tokens};

/// The option by which a backend takes what `MCP_REGISTRY_AUTH_TOKEN` holds.
const AUTH_TOKEN: &str = "auth_token";
const TOKEN_VARIABLE: &str = "MCP_REGISTRY_AUTH_TOKEN";
/// What names the presence contract where no flag does.
#[cfg(feature = "presence")]
const CONTRACT_VARIABLE: &str = "MCP_REGISTRY_CONTRACT";
/// Where secrets belong instead.
const SECRETS: &str =
    "set MCP_REGISTRY_AUTH_TOKEN, or bind it to its origin in the table [tokens] of the configuration file";

/// Where values with secrets in them belong instead.
const ELSEWHERE: &str = "arguments show in lists of processes: set it in the table [options] of the configuration \
                         file; for a proxy, also the variables HTTPS_PROXY and ALL_PROXY";

/// What was decided, and what is needed to open the registry.
pub(crate) struct Settings {
    /// How data is printed.
    pub(crate) format: Format,
    /// When colors are used.
    pub(crate) color: Color,
    /// The width that the environment asks for.
    pub(crate) columns: Option<usize>,
    /// The backends there are.
    pub(crate) backends: Backends,
    environment: Arc<dyn Environment>,
    layers: [Layer; 3],
    scope: Option<String>,
    options: Vec<String>,
    configured: Configured,
    tokens: Tokens,
}

/// The options of the configuration file, and the backend they are meant for.
struct Configured {
    backend: Locator,
    options: BTreeMap<String, String>,
}

impl Settings {
    /// Decides how to print, and gathers what says which registry is meant.
    pub(crate) fn resolve(
        common: CommonArgs,
        file: ConfigFile,
        environment: Arc<dyn Environment>,
        backends: Backends,
    ) -> Result<Self, Failure> {
        let variable = |name| variable(&*environment, name);
        let no_color = environment.read("NO_COLOR").filter(|value| !value.is_empty()).map(|_| Color::Never);
        let columns = variable("COLUMNS").ok().flatten().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
        Ok(Self {
            format: common.format.or(file.format).unwrap_or_default(),
            color: common.color.or(no_color).or(file.color).unwrap_or_default(),
            columns,
            scope: common.scope.or(variable("MCP_REGISTRY_SCOPE")?).or(file.scope),
            options: common.options,
            configured: Configured {
                backend: Locator::new(file.backend.as_deref().unwrap_or(FILESYSTEM)),
                options: file.options,
            },
            tokens: file.tokens,
            layers: [
                Layer {
                    source: Source::Flags,
                    backend: common.backend,
                    backend_url: None,
                    agent_root: common.agent_root,
                },
                Layer {
                    source: Source::Environment,
                    backend: variable("MCP_REGISTRY_BACKEND")?,
                    backend_url: variable("MCP_REGISTRY_BACKEND_URL")?,
                    agent_root: variable("MCP_REGISTRY_AGENT_ROOT")?,
                },
                Layer {
                    source: Source::File,
                    backend: file.backend,
                    backend_url: file.backend_url,
                    agent_root: file.agent_root,
                },
            ],
            backends,
            environment,
        })
    }

    /// The scope that is named, if any.
    #[cfg(any(feature = "catalog", feature = "governance"))]
    pub(crate) fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Refuses the flags that name a place, for a command that calls its places otherwise.
    ///
    /// # Errors
    /// Where one is given, naming what to give `instead`.
    pub(crate) fn refuse_place(&self, instead: &str) -> Result<(), Failure> {
        let [flags, ..] = &self.layers;
        if flags.backend.is_none() && flags.agent_root.is_none() {
            return Ok(());
        }
        Err(Failure::usage("--backend and --agent-root are not for this command", format!("give {instead}")))
    }

    /// Where the presence contract is: where `flag` says, else the environment (E2).
    ///
    /// # Errors
    /// Where nobody says it: one that merely lies in a folder is whoever's who can write there.
    #[cfg(feature = "presence")]
    pub(crate) fn contract(&self, flag: Option<&Path>) -> Result<PathBuf, Failure> {
        let variable = || self.environment.read(CONTRACT_VARIABLE).filter(|path| !path.is_empty());
        flag.map(Path::to_owned).or_else(|| variable().map(PathBuf::from)).ok_or_else(|| {
            Failure::usage("no contract is named", "give --contract FILE, or set MCP_REGISTRY_CONTRACT to it")
        })
    }

    /// What the registry that is meant is opened by, for a command that can do without it.
    #[cfg(feature = "presence")]
    pub(crate) fn own_registry(&self) -> Option<Locator> {
        place::locator(&self.layers, &self.backends).ok().as_deref().map(Locator::new)
    }

    /// What the registry is opened with.
    ///
    /// # Errors
    /// Settings that contradict each other, no backend that answers, a scope that is none.
    pub(crate) fn request(&self) -> Result<OpenRequest, Failure> {
        self.request_for(&place::locator(&self.layers, &self.backends)?)
    }

    /// What the registry is opened with where the variable's token is for `owner`, and for no other origin.
    ///
    /// # Errors
    /// Those of [`request`](Self::request).
    #[cfg(all(feature = "presence", feature = "probe"))]
    pub(crate) fn own_request(&self, owner: Option<&Locator>) -> Result<OpenRequest, Failure> {
        self.request_beside(&place::locator(&self.layers, &self.backends)?, owner)
    }

    /// What two registries are opened with, to copy from the one to the other.
    ///
    /// # Errors
    /// Those of [`request_for`](Self::request_for), and a token that nobody bound to one of two origins.
    pub(crate) fn requests_for(&self, from: &str, to: &str) -> Result<[OpenRequest; 2], Failure> {
        let requests = [self.request_for(from)?, self.request_for(to)?];
        let [from, to] = &requests;
        let both_take_it = from.get(AUTH_TOKEN).is_some() && to.get(AUTH_TOKEN).is_some();
        // Sent to both, the token of the one would be known to the other.
        if both_take_it
            && variable(&*self.environment, TOKEN_VARIABLE)?.is_some()
            && !tokens::are_of_one_origin(&from.locator, &to.locator)
        {
            let message = format!("{TOKEN_VARIABLE} would be sent to two origins, and is of one at most");
            let hint = "unset it, and bind each token to its origin in the table [tokens] of the configuration file";
            return Err(Error::new(ErrorKind::ConfigInvalid, message).hint(hint).into());
        }
        Ok(requests)
    }

    /// What a registry elsewhere is opened with, by the same settings.
    ///
    /// # Errors
    /// No backend that answers, options that are none, a scope that is none.
    pub(crate) fn request_for(&self, locator: &str) -> Result<OpenRequest, Failure> {
        self.request_with(locator, true)
    }

    /// The same of a locator that others wrote: the variable's token is for `owner`, and goes to no other origin.
    ///
    /// # Errors
    /// Those of [`request_for`](Self::request_for).
    #[cfg(feature = "presence")]
    pub(crate) fn request_beside(&self, locator: &str, owner: Option<&Locator>) -> Result<OpenRequest, Failure> {
        let its_own = owner.is_some_and(|owner| tokens::are_of_one_origin(owner, &Locator::new(locator)));
        self.request_with(locator, its_own)
    }

    fn request_with(&self, locator: &str, takes_variable: bool) -> Result<OpenRequest, Failure> {
        let mut request = OpenRequest::new(locator);
        request.environment = self.environment.clone();
        request.scope = self.scope.as_deref().map(Scope::parse).transpose()?;
        let registration = self.backends.find(&request.locator)?;
        for option in &self.options {
            let Some((key, value)) = option.split_once('=') else {
                // What has no "=" may be a value alone, and that a secret.
                return Err(Failure::usage("an --option has no \"=\"", "write --option NAME=VALUE"));
            };
            if is_secret(registration, key) {
                return Err(Failure::usage(format!("the option {} is a secret", text::quote(key)), SECRETS));
            }
            if redact(value) != value {
                let message = format!("the value of the option {} holds a credential", text::quote(key));
                return Err(Failure::usage(message, ELSEWHERE));
            }
            if request.get(key).is_some() {
                return Err(Failure::usage(format!("the option {} is given twice", text::quote(key)), "give it once"));
            }
            request = request.option(key, value);
        }
        if registration.options.iter().any(|option| option.name == AUTH_TOKEN) {
            let configured = self.tokens.of(&request.locator).map(str::to_owned);
            let named = if takes_variable { variable(&*self.environment, TOKEN_VARIABLE)? } else { None };
            if let Some(token) = named.or(configured) {
                request = request.option(AUTH_TOKEN, token);
            }
        }
        // The file's options are those of the file's backend; another one was never meant to have them.
        if self.backends.find(&self.configured.backend).is_ok_and(|own| own.id == registration.id) {
            for (key, value) in &self.configured.options {
                if is_secret(registration, key) {
                    // It would go to whatever place the locator names today.
                    let message = format!("the configured option {} is a secret", text::quote(key));
                    return Err(Error::new(ErrorKind::ConfigInvalid, message).hint(SECRETS).into());
                }
                if request.get(key).is_none() {
                    request = request.option(key, value);
                }
            }
        }
        Ok(request)
    }
}

fn is_secret(registration: &Registration, option: &str) -> bool {
    registration.options.iter().any(|known| known.secret && known.name == option)
}

/// The value of a variable; one that is empty says nothing.
fn variable(environment: &dyn Environment, name: &str) -> Result<Option<String>, Error> {
    match environment.read(name).map(std::ffi::OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value).filter(|value| !value.is_empty())),
        Some(Err(_)) => {
            Err(Error::new(ErrorKind::ConfigInvalid, format!("the variable {name} is not UTF-8"))
                .hint("set it to text"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::{FixedEnvironment, OptionHelp};

    static HTTP: Registration = Registration {
        id: "http",
        schemes: &["https"],
        summary: "",
        usage: "https://HOST/",
        options: &[OptionHelp::secret(AUTH_TOKEN, ""), OptionHelp::new("timeout", "")],
        tokio: true,
        open: |_| Err(Error::unsupported("", "")),
    };
    static FOLDER: Registration =
        Registration { id: FILESYSTEM, schemes: &[], usage: "filesystem:DIR", options: &[], tokio: false, ..HTTP };

    fn settings(common: CommonArgs, environment: FixedEnvironment) -> Result<Settings, Failure> {
        Settings::resolve(
            common,
            ConfigFile::load(&environment)?,
            Arc::new(environment),
            Backends::new([&HTTP, &FOLDER]),
        )
    }

    fn with_file(text: &str) -> (tempfile::TempDir, FixedEnvironment) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("mcp-registry")).unwrap();
        std::fs::write(folder.path().join("mcp-registry/config.toml"), text).unwrap();
        let environment = FixedEnvironment::new().with("XDG_CONFIG_HOME", folder.path());
        (folder, environment)
    }

    #[test]
    fn flag_then_variable_then_file() {
        let (_folder, environment) = with_file("scope = \"file\"\nformat = \"yaml\"\ncolor = \"always\"");
        let flags = || CommonArgs { scope: Some("flag".into()), format: Some(Format::Json), ..CommonArgs::default() };
        let scope = |common, environment: &FixedEnvironment| {
            settings(common, environment.clone()).unwrap().request().unwrap().scope.unwrap().to_string()
        };
        let both = environment.clone().with("MCP_REGISTRY_SCOPE", "variable");
        assert_eq!(scope(flags(), &both), "flag");
        assert_eq!(scope(CommonArgs::default(), &both), "variable");
        assert_eq!(scope(CommonArgs::default(), &environment), "file");
        let empty = environment.clone().with("MCP_REGISTRY_SCOPE", "");
        assert_eq!(scope(CommonArgs::default(), &empty), "file", "an empty variable says nothing");
        assert_eq!(settings(flags(), environment.clone()).unwrap().format, Format::Json);
        let found = settings(CommonArgs::default(), environment.clone()).unwrap();
        assert_eq!((found.format, found.color), (Format::Yaml, Color::Always));
        let found = settings(CommonArgs::default(), environment.with("NO_COLOR", "1")).unwrap();
        assert_eq!(found.color, Color::Never);
    }

    #[test]
    fn the_token_goes_only_to_a_backend_that_takes_one() {
        let environment = FixedEnvironment::new().with("MCP_REGISTRY_AUTH_TOKEN", "hunter2");
        let token = |backend: &str| {
            let common = CommonArgs { backend: Some(backend.into()), ..CommonArgs::default() };
            let request = settings(common, environment.clone()).unwrap().request().unwrap();
            assert!(!format!("{request:?}").contains("hunter2"));
            request.get(AUTH_TOKEN).map(str::to_owned)
        };
        assert_eq!(token("https://h/").as_deref(), Some("hunter2"));
        assert_eq!(token("filesystem:a"), None);
    }

    #[test]
    fn a_configured_token_goes_only_to_its_origin_and_stands_below_the_variable() {
        let (_folder, environment) = with_file("backend = \"http\"\n[tokens]\n\"https://h\" = \"hunter2\"");
        let token = |backend: &str, environment: &FixedEnvironment| {
            let common = CommonArgs { backend: Some(backend.into()), ..CommonArgs::default() };
            let request = settings(common, environment.clone()).unwrap().request().unwrap();
            request.get(AUTH_TOKEN).map(str::to_owned)
        };
        assert_eq!(token("https://h/base/", &environment).as_deref(), Some("hunter2"));
        assert_eq!(token("https://evil/", &environment), None);
        assert_eq!(token("http://h/", &environment), None);
        let above = environment.with("MCP_REGISTRY_AUTH_TOKEN", "mine");
        assert_eq!(token("https://h/", &above).as_deref(), Some("mine"));
    }

    #[test]
    fn the_variables_token_goes_to_one_origin_only() {
        let (_folder, file) = with_file("[tokens]\n\"https://h\" = \"hunter2\"\n\"https://i\" = \"hunter3\"");
        let variable = FixedEnvironment::new().with("MCP_REGISTRY_AUTH_TOKEN", "hunter2");
        let tokens = |from: &str, to: &str, environment: &FixedEnvironment| {
            let requests = settings(CommonArgs::default(), environment.clone()).unwrap().requests_for(from, to)?;
            Ok::<_, Failure>(requests.map(|request| request.get(AUTH_TOKEN).map(str::to_owned)))
        };
        let both = || [Some("hunter2".to_owned()), Some("hunter2".to_owned())];
        assert_eq!(tokens("https://h/a/", "https://H:443/b/", &variable).unwrap(), both());
        assert_eq!(tokens("filesystem:a", "https://h/", &variable).unwrap(), [None, Some("hunter2".into())]);
        assert_eq!(
            tokens("https://h/", "https://i/", &file).unwrap(),
            [Some("hunter2".into()), Some("hunter3".into())]
        );
        let and_file = file.with("MCP_REGISTRY_AUTH_TOKEN", "hunter2");
        for (to, environment) in
            [("https://i/", &variable), ("https://i/", &and_file), ("https://h:444/", &variable), ("https:", &variable)]
        {
            match tokens("https://h/", to, environment) {
                Err(Failure::Refused(error)) => {
                    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{to}");
                    let text = error.to_string();
                    assert!(text.contains("[tokens]") && !text.contains("hunter2"), "{text}");
                }
                other => panic!("{to}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_secret_option_is_taken_neither_from_the_command_line_nor_from_unbound_configuration() {
        let flags = CommonArgs {
            backend: Some("https://h/".into()),
            options: vec!["auth_token=hunter2".into()],
            ..Default::default()
        };
        match settings(flags, FixedEnvironment::new()).unwrap().request() {
            Err(Failure::Usage(error)) => {
                assert!(error.to_string().contains("[tokens]") && !error.to_string().contains("hunter2"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        let (_folder, environment) = with_file("backend = \"https://h/\"\n[options]\nauth_token = \"hunter2\"");
        match settings(CommonArgs::default(), environment).unwrap().request() {
            Err(Failure::Refused(error)) => {
                assert!(error.to_string().contains("[tokens]") && !error.to_string().contains("hunter2"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rule_4_no_option_of_the_command_line_takes_a_credential() {
        for value in ["http://me:hunter2@p:3128/", "me:hunter2@p:3128", "socks5://:hunter2@p"] {
            let (backend, options) = (Some("https://h/".into()), vec![format!("timeout={value}")]);
            let flags = CommonArgs { backend, options, ..Default::default() };
            match settings(flags, FixedEnvironment::new()).unwrap().request() {
                Err(Failure::Usage(error)) => {
                    let text = error.to_string();
                    assert!(text.contains("HTTPS_PROXY") && !text.contains("hunter2"), "{text}");
                }
                other => panic!("{value}: {other:?}"),
            }
            let (_folder, environment) = with_file(&format!("backend='https://h/'\n[options]\ntimeout='{value}'"));
            let request = settings(CommonArgs::default(), environment).unwrap().request().unwrap();
            assert_eq!(request.get("timeout"), Some(value));
        }
    }

    #[test]
    fn configured_options_belong_to_the_configured_backend() {
        let (_folder, environment) = with_file("backend = \"https://h/\"\n[options]\ntimeout = 5");
        let timeout = |common| {
            let request = settings(common, environment.clone()).unwrap().request().unwrap();
            request.get("timeout").map(str::to_owned)
        };
        assert_eq!(timeout(CommonArgs::default()).as_deref(), Some("5"));
        assert_eq!(
            timeout(CommonArgs { options: vec!["timeout=6".into()], ..Default::default() }).as_deref(),
            Some("6")
        );
        assert_eq!(timeout(CommonArgs { agent_root: Some("a".into()), ..Default::default() }), None);
    }

    #[test]
    fn wrong_options_are_usage_errors_that_show_no_value() {
        for options in [vec!["hunter2"], vec!["a=hunter2", "a=hunter2"]] {
            let options = options.into_iter().map(str::to_owned).collect();
            let common = CommonArgs { options, ..CommonArgs::default() };
            match settings(common, FixedEnvironment::new()).unwrap().request() {
                Err(Failure::Usage(error)) => assert!(!error.to_string().contains("hunter2"), "{error}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_variable_that_is_no_text_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let bad = std::ffi::OsString::from_vec(vec![0xff]);
        let settings = settings(CommonArgs::default(), FixedEnvironment::new().with("MCP_REGISTRY_BACKEND", bad));
        assert!(format!("{:?}", settings.err()).contains("MCP_REGISTRY_BACKEND"));
    }
}
