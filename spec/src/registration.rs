//! Registration: how a backend is found by its locator.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{
    Environment, Error, ErrorKind, Locator, McpServerRegistry, McpServerRegistryBackend, ProcessEnvironment, Result,
    Scope, Secret, text,
};

/// A backend as it is registered: submitted once by [`register_backend!`](crate::register_backend).
#[derive(Debug)]
pub struct Registration {
    /// The stable id (rule 6); it also serves as a scheme.
    pub id: &'static str,
    /// Further schemes of locators it opens, in lower case.
    pub schemes: &'static [&'static str],
    /// One line on what it is.
    pub summary: &'static str,
    /// What a locator looks like.
    pub usage: &'static str,
    /// The options it knows; any other is refused before it is asked.
    pub options: &'static [OptionHelp],
    /// Whether its futures need a Tokio runtime around them. The command line starts one only then.
    pub tokio: bool,
    /// Makes the backend. No file, socket or process is touched (rule 2).
    pub open: fn(&OpenRequest) -> Result<Arc<dyn McpServerRegistryBackend>>,
}

/// An option a backend knows.
#[derive(Debug, Clone, Copy)]
pub struct OptionHelp {
    /// Its name.
    pub name: &'static str,
    /// What it does, with its unit and default.
    pub help: &'static str,
    /// Whether its value is a credential. Such a value is not taken from a command line, where others
    /// see it, nor from a setting that would hand it to whatever the locator happens to name.
    pub secret: bool,
}

impl OptionHelp {
    /// An option whose value may be seen.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, secret: false }
    }

    /// An option whose value is a credential.
    #[must_use]
    pub const fn secret(name: &'static str, help: &'static str) -> Self {
        Self { name, help, secret: true }
    }
}

/// What a backend is opened with.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// The string it was asked for by.
    pub locator: Locator,
    /// Whose entries; `None` leaves the choice to the locator.
    pub scope: Option<Scope>,
    /// Its options. They may hold secrets.
    pub options: BTreeMap<String, Secret<String>>,
    /// Whether the caller drives futures on a thread that may wait for a disk, as a command line
    /// does. A backend over files then needs no threads of its own.
    pub may_block: bool,
    /// Where it may look for settings, and where references resolve.
    pub environment: Arc<dyn Environment>,
}

impl OpenRequest {
    /// Asks for `locator`, with no scope, no options and the environment of the process.
    #[must_use]
    pub fn new(locator: &str) -> Self {
        Self {
            locator: Locator::new(locator),
            scope: None,
            options: BTreeMap::new(),
            may_block: false,
            environment: Arc::new(ProcessEnvironment),
        }
    }

    /// Lets the backend's futures block the thread they are driven on.
    #[must_use]
    pub fn may_block(mut self) -> Self {
        self.may_block = true;
        self
    }

    /// Sets the scope.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Sets an option.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), Secret::new(value.into()));
        self
    }

    /// Sets the environment.
    #[must_use]
    pub fn environment(mut self, environment: Arc<dyn Environment>) -> Self {
        self.environment = environment;
        self
    }

    /// The value of an option.
    #[must_use]
    pub fn get(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(|value| value.expose().as_str())
    }

    /// The error that an option has a value it cannot have. The value is not shown.
    #[must_use]
    pub fn bad_option(&self, option: &str, hint: &str) -> Error {
        Error::new(ErrorKind::ConfigInvalid, format!("the option {} of {} is wrong", text::quote(option), self.locator))
            .hint(hint)
    }
}

/// What [`register_backend!`](crate::register_backend) submits.
#[derive(Debug)]
pub struct Submission(pub &'static Registration);

inventory::collect!(Submission);

#[doc(hidden)]
pub use inventory as __inventory;

/// Registers a backend, so that [`Backends::linked`] finds it wherever the crate is linked.
///
/// A crate that nothing refers to is not linked: the binary says `use your_backend as _;`.
///
/// ```
/// use mcp_registry_spec::{Error, Registration, register_backend};
/// static NOWHERE: Registration = Registration {
///     id: "nowhere",
///     schemes: &[],
///     summary: "keeps nothing",
///     usage: "nowhere",
///     options: &[],
///     tokio: false,
///     open: |_| Err(Error::unsupported("nowhere", "anything")),
/// };
/// register_backend!(NOWHERE);
/// # assert!(mcp_registry_spec::Backends::linked().iter().any(|b| b.id == "nowhere"));
/// ```
#[macro_export]
macro_rules! register_backend {
    ($registration:path) => {
        $crate::registration::__inventory::submit! {
            $crate::registration::Submission(&$registration)
        }
    };
}

/// The backends there are.
#[derive(Debug, Clone)]
pub struct Backends(Vec<&'static Registration>);

impl Backends {
    /// Those linked into this binary, sorted by id.
    #[must_use]
    pub fn linked() -> Self {
        Self::new(inventory::iter::<Submission>.into_iter().map(|s| s.0))
    }

    /// These, sorted by id.
    #[must_use]
    pub fn new(registrations: impl IntoIterator<Item = &'static Registration>) -> Self {
        let mut all: Vec<_> = registrations.into_iter().collect();
        // The order in which a linker hands them out means nothing.
        all.sort_by_key(|r| r.id);
        Self(all)
    }

    /// Those there are, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &'static Registration> {
        self.0.iter().copied()
    }

    /// Finds the registration that answers to `locator`.
    ///
    /// # Errors
    /// [`ErrorKind::BackendNotRegistered`], listing those there are;
    /// [`ErrorKind::ConfigInvalid`] when two of them claim one id or scheme.
    pub fn find(&self, locator: &Locator) -> Result<&'static Registration> {
        self.check_unique()?;
        let scheme = locator.scheme();
        self.iter().find(|r| r.id == scheme || r.schemes.contains(&scheme)).ok_or_else(|| {
            let known: Vec<_> = self.iter().map(|r| r.usage).collect();
            Error::new(
                ErrorKind::BackendNotRegistered,
                format!("no backend answers to {}", text::quote(&locator.to_string())),
            )
            .hint(if known.is_empty() {
                "no backend is linked into this program".to_owned()
            } else {
                format!("the backends here are opened as {}", known.join(", "))
            })
        })
    }

    /// Two registrations of one id or scheme would make one of them win by chance.
    fn check_unique(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for registration in self.iter() {
            let names: BTreeSet<_> =
                std::iter::once(registration.id).chain(registration.schemes.iter().copied()).collect();
            for name in names {
                if !seen.insert(name) {
                    return Err(Error::new(
                        ErrorKind::ConfigInvalid,
                        format!("two backends are registered for {}", text::quote(name)),
                    )
                    .hint("link only one of them"));
                }
            }
        }
        Ok(())
    }

    /// Turns a bare id and its argument into a locator: `filesystem` and `agents/scout` into
    /// `filesystem:agents/scout`, `http` and `https://host/` into `https://host/`.
    #[must_use]
    pub fn locator(&self, id: &str, argument: Option<&str>) -> String {
        let Some(argument) = argument.filter(|_| !id.contains(':')) else { return id.to_owned() };
        let own = self.iter().find(|r| r.id == id).is_some_and(|r| {
            let scheme = Locator::new(argument);
            argument.contains(':') && (r.id == scheme.scheme() || r.schemes.contains(&scheme.scheme()))
        });
        if own { argument.to_owned() } else { format!("{id}:{argument}") }
    }

    /// Opens a backend. Nothing is touched until the first call (rule 2).
    ///
    /// # Errors
    /// As [`find`](Self::find); [`ErrorKind::ConfigInvalid`] for an option the backend does not
    /// know; what the backend says of the locator.
    pub fn open(&self, request: &OpenRequest) -> Result<McpServerRegistry> {
        let registration = self.find(&request.locator)?;
        if let Some(unknown) =
            request.options.keys().find(|o| !registration.options.iter().any(|k| k.name == o.as_str()))
        {
            let known: Vec<_> = registration.options.iter().map(|o| o.name).collect();
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                format!("the backend {} knows no option {}", registration.id, text::quote(unknown)),
            )
            .hint(if known.is_empty() {
                "it has no options".to_owned()
            } else {
                format!("it knows {}", known.join(", "))
            }));
        }
        let backend = (registration.open)(request)?;
        Ok(McpServerRegistry::new(backend).with_environment(request.environment.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static A: Registration = Registration {
        id: "a",
        schemes: &["a-one", "a-two"],
        summary: "",
        usage: "a:THING",
        options: &[OptionHelp::new("depth", "")],
        tokio: false,
        open: |_| Err(Error::unsupported("a", "opening")),
    };
    static TWIN: Registration = Registration {
        id: "twin",
        schemes: &["a-two"],
        summary: "",
        usage: "twin",
        options: &[],
        tokio: false,
        open: |_| Err(Error::unsupported("twin", "opening")),
    };

    #[test]
    fn an_unknown_scheme_lists_those_there_are_without_credentials() {
        let error = Backends::new([&A]).open(&OpenRequest::new("db://me:hunter2@host/x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BackendNotRegistered);
        assert!(error.to_string().contains("a:THING") && !error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn two_registrations_of_one_scheme_are_refused() {
        let error = Backends::new([&A, &TWIN]).open(&OpenRequest::new("a:x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains("a-two"));
    }

    #[test]
    fn options_nobody_knows_are_refused() {
        let error = Backends::new([&A]).open(&OpenRequest::new("A-ONE:x").option("dpeth", "3")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains("dpeth") && error.to_string().contains("depth"));
        let error = Backends::new([&A]).open(&OpenRequest::new("a:x").option("depth", "3")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "known options reach the backend");
    }

    #[test]
    fn a_bare_id_takes_its_argument() {
        let all = Backends::new([&A]);
        assert_eq!(all.locator("a", Some("dir")), "a:dir");
        assert_eq!(all.locator("a", Some("a-two:dir")), "a-two:dir");
        assert_eq!(all.locator("a", Some("C:dir")), "a:C:dir");
        assert_eq!(all.locator("a", None), "a");
        assert_eq!(all.locator("a:x", Some("y")), "a:x");
    }
}
