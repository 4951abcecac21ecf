//! Paths as contracts write them: templates that lead to one file, or to none (E5).

use std::fmt;

use mcp_registry_spec::template::Piece;
use mcp_registry_spec::{Environment, Locator, TextTemplate};

/// What the folder that `HOME` names is written as.
const HOME: &str = "~/";

/// A path of a contract: whole once its variables stand for their values, or of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Whether it lies below the home.
    below_home: bool,
    /// The path, from its first `/` on where it lies below the home.
    path: TextTemplate,
}

impl Place {
    /// Reads a path.
    ///
    /// # Errors
    /// Why it is none: what can follow the name of its key.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let below_home = text.starts_with(HOME);
        let path = if below_home { text.trim_start_matches('~') } else { text };
        if !path.starts_with('/') && !path.starts_with("${") {
            return Err("is no whole path: begin it with /, ~/ or ${NAME}".to_owned());
        }
        if path.replace("$$", "").replace("${", "").contains('$') {
            return Err("has a $ that begins no reference: write ${NAME}, or $$ for a plain dollar".to_owned());
        }
        let path = TextTemplate::parse(path).map_err(|cause| format!("is no template: {cause}"))?;
        Ok(Self { below_home, path })
    }

    /// The path, with the values of its variables.
    ///
    /// # Errors
    /// Why there is none now. No value is shown.
    pub(crate) fn resolve(&self, environment: &dyn Environment) -> Result<String, String> {
        let mut path = String::new();
        if self.below_home {
            path.push_str(&read("HOME", None, environment)?);
        }
        for piece in self.path.pieces() {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Reference { name, default } => path.push_str(&read(name, default, environment)?),
            }
        }
        if path.starts_with('/') {
            Ok(path)
        } else {
            Err("it is no whole path with the values of its variables".into())
        }
    }
}

fn read(name: &str, default: Option<&str>, environment: &dyn Environment) -> Result<String, String> {
    match environment.read(name).filter(|value| !value.is_empty()) {
        Some(value) => value.into_string().map_err(|_| format!("the variable {name} is not UTF-8")),
        None => default.map(str::to_owned).ok_or_else(|| format!("the variable {name} is not set")),
    }
}

/// As the contract has it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below_home { "~" } else { "" }, self.path)
    }
}

/// A locator of a contract: a scheme, and behind it a [`Place`] where there is anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocatorTemplate {
    scheme: String,
    argument: Option<Place>,
}

impl LocatorTemplate {
    /// Reads a locator.
    ///
    /// # Errors
    /// Why it is none: what can follow the name of its key.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // What it shows is what it was given, but for credentials.
        if Locator::new(text).to_string() != text {
            return Err("holds a credential or what cannot be shown: refer to a variable instead, ${NAME}".to_owned());
        }
        let (scheme, argument) = text.split_once(':').map_or((text, None), |(scheme, rest)| (scheme, Some(rest)));
        if scheme.contains('$') {
            return Err("has a variable for a scheme, which is written out".to_owned());
        }
        let argument = argument.map(Place::parse).transpose().map_err(|why| format!("{why}, behind {scheme}:"))?;
        Ok(Self { scheme: scheme.to_owned(), argument })
    }

    /// The locator, with the values of its variables. It may hold credentials then.
    ///
    /// # Errors
    /// Why there is none now.
    pub(crate) fn resolve(&self, environment: &dyn Environment) -> Result<String, String> {
        Ok(match &self.argument {
            Some(argument) => format!("{}:{}", self.scheme, argument.resolve(environment)?),
            None => self.scheme.clone(),
        })
    }

    /// The scheme, by which the backend is known.
    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }
}

/// As the contract has it.
impl fmt::Display for LocatorTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        self.argument.as_ref().map_or(Ok(()), |argument| write!(f, ":{argument}"))
    }
}

#[cfg(test)]
mod tests {
    use mcp_registry_spec::FixedEnvironment;

    use super::*;

    #[test]
    fn e5_a_path_is_whole_or_refused() {
        let environment = FixedEnvironment::new()
            .with("HOME", "/home/a")
            .with("ROOT", "/srv")
            .with("EMPTY", "")
            .with("RELATIVE", "here");
        for (text, path) in [
            ("/etc/x", Ok("/etc/x")),
            ("~/.x/y", Ok("/home/a/.x/y")),
            ("${ROOT}/x", Ok("/srv/x")),
            ("/a/${RELATIVE}/${EMPTY:-d}", Ok("/a/here/d")),
            ("${GONE:-/d}/x", Ok("/d/x")),
            ("/a$$b/~/c", Ok("/a$b/~/c")),
            ("${EMPTY}/etc/passwd", Err("the variable EMPTY is not set")),
            ("${GONE}/x", Err("the variable GONE is not set")),
            ("${RELATIVE}/x", Err("it is no whole path with the values of its variables")),
        ] {
            let place = Place::parse(text).unwrap();
            assert_eq!(place.to_string(), text);
            assert_eq!(place.resolve(&environment).as_deref().map_err(String::as_str), path, "{text}");
        }
        for wrong in
            ["x", "./x", "../x", "~", "~root/x", "~~/x", "$HOME/x", "/a/$USER/x", "/a/$", "/a/${", "/a/${x", ""]
        {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
        let no_home = Place::parse("~/x").unwrap();
        assert!(no_home.resolve(&FixedEnvironment::new()).is_err());
        assert!(no_home.resolve(&FixedEnvironment::new().with("HOME", "here")).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn e5_a_value_that_is_no_text_leads_nowhere() {
        use std::os::unix::ffi::OsStringExt;
        let bad = std::ffi::OsString::from_vec(vec![b'/', 0xff]);
        let found = Place::parse("${ROOT}/x").unwrap().resolve(&FixedEnvironment::new().with("ROOT", bad));
        assert_eq!(found.unwrap_err(), "the variable ROOT is not UTF-8");
    }

    #[test]
    fn e12_a_locator_is_whole_and_holds_no_credential() {
        let environment = FixedEnvironment::new().with("HOME", "/home/a").with("AT", "me:pw@h");
        for (text, resolved) in [
            ("filesystem:~/agent", "filesystem:/home/a/agent"),
            ("https://h/?agent_scope=a", "https://h/?agent_scope=a"),
            ("postgres://${AT}/x", "postgres://me:pw@h/x"),
            ("nowhere", "nowhere"),
        ] {
            let locator = LocatorTemplate::parse(text).unwrap();
            assert_eq!(locator.to_string(), text);
            assert_eq!(locator.resolve(&environment).as_deref(), Ok(resolved));
        }
        for wrong in
            ["filesystem:agents", "filesystem:", "${X}:/y", "postgres://me:hunter2@h/", "https://h/?token=hunter2"]
        {
            let why = LocatorTemplate::parse(wrong).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
