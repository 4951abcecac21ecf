//! The user's configuration file.
//!
//! It is looked for in the user's own configuration folder and nowhere else: a file that lies in
//! the folder one happens to work in could send credentials to whoever put it there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind as Io};
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use mcp_registry_spec::{Environment, Error, ErrorKind, Result, text, xdg};
use toml::Spanned;
use toml::de::DeValue;

use super::bounded::read_text;
use super::printer::{Color, Format};
use super::tokens::Tokens;

/// What the file says.
#[derive(Default)]
pub(crate) struct ConfigFile {
    pub(crate) agent_root: Option<String>,
    pub(crate) backend: Option<String>,
    pub(crate) backend_url: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) format: Option<Format>,
    pub(crate) color: Option<Color>,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) tokens: Tokens,
}

impl ConfigFile {
    /// Reads the user's file; one that does not exist says nothing.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`], naming the file and, where there is one, the line.
    pub(crate) fn load(environment: &dyn Environment) -> Result<Self> {
        let Some(path) = path(environment) else { return Ok(Self::default()) };
        match read(&path) {
            Ok(text) => Self::parse(&text, &path),
            Err(cause) if matches!(cause.kind(), Io::NotFound | Io::NotADirectory) => Ok(Self::default()),
            Err(cause) => Err(Error::new(ErrorKind::ConfigInvalid, "cannot read the configuration file")
                .at(&path, None)
                .caused_by(cause)),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        let file = Source { text, path };
        let table = mcp_registry_spec::toml::parse(text).map_err(|cause| {
            let message = format!("is no valid TOML: {}", cause.message);
            Error::new(ErrorKind::ConfigInvalid, message).at(path, cause.line)
        })?;
        let mut config = Self::default();
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "agent_root" => config.agent_root = Some(file.folder(key, value)?),
                "backend" => config.backend = Some(file.text(key, value)?.to_owned()),
                "backend_url" => config.backend_url = Some(file.text(key, value)?.to_owned()),
                "scope" => config.scope = Some(file.text(key, value)?.to_owned()),
                "format" => config.format = Some(file.choice(key, value)?),
                "color" => config.color = Some(file.choice(key, value)?),
                "options" => config.options = file.options(key, value)?,
                "tokens" => config.tokens = file.tokens(key, value)?,
                other => {
                    let message = format!("there is no setting {}", text::quote(other));
                    let hint = "there are agent_root, backend, backend_url, scope, format, color, options and tokens";
                    return Err(file.wrong(&key.span(), &message).hint(hint));
                }
            }
        }
        Ok(config)
    }
}

/// Reads the file, if that is what it is: opening a FIFO would wait for its writer.
fn read(path: &Path) -> io::Result<String> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(Io::InvalidInput, "it is no regular file"));
    }
    read_text(File::open(path)?)
}

type Key<'a> = Spanned<Cow<'a, str>>;
type Value<'a> = Spanned<DeValue<'a>>;

/// The file, for telling where in it something is wrong. A value may be a secret that stands at the
/// wrong place: it is never part of what is told.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn wrong(&self, at: &Range<usize>, message: &str) -> Error {
        let before = self.text.get(..at.start);
        let line = before.map(|before| before.matches('\n').count() + 1);
        Error::new(ErrorKind::ConfigInvalid, message).at(self.path, line)
    }

    fn expected(&self, key: &Key, what: &str) -> Error {
        self.wrong(&key.span(), &format!("the setting {} must be {what}", text::quote(key.get_ref())))
    }

    fn text<'v>(&self, key: &Key, value: &'v Value) -> Result<&'v str> {
        value.get_ref().as_str().ok_or_else(|| self.expected(key, "a text"))
    }

    fn folder(&self, key: &Key, value: &Value) -> Result<String> {
        let folder = self.text(key, value)?;
        if Path::new(folder).is_absolute() {
            return Ok(folder.to_owned());
        }
        let what = "a whole path, as a relative one would mean another folder wherever you are";
        Err(self.expected(key, what))
    }

    fn choice<T: ValueEnum>(&self, key: &Key, value: &Value) -> Result<T> {
        let chosen = value.get_ref().as_str().and_then(|text| T::from_str(text, false).ok());
        chosen.ok_or_else(|| {
            let names = T::value_variants().iter().filter_map(|choice| choice.to_possible_value());
            let names: Vec<_> = names.map(|choice| text::quote(choice.get_name())).collect();
            self.expected(key, &format!("one of {}", names.join(", ")))
        })
    }

    fn options(&self, key: &Key, value: &Value) -> Result<BTreeMap<String, String>> {
        let table = value.get_ref().as_table().ok_or_else(|| self.expected(key, "a table of options"))?;
        table.iter().map(|(key, value)| Ok((key.get_ref().to_string(), self.option(key, value)?))).collect()
    }

    fn tokens(&self, key: &Key, value: &Value) -> Result<Tokens> {
        let table = value.get_ref().as_table().ok_or_else(|| self.expected(key, "a table of tokens by origin"))?;
        let mut tokens = Tokens::default();
        for (origin, token) in table {
            tokens.add(origin.get_ref(), self.text(origin, token)?).map_err(|what| self.expected(origin, what))?;
        }
        Ok(tokens)
    }

    /// The value of a backend's option; they are all texts, but people write `30` for `"30"`.
    fn option(&self, key: &Key, value: &Value) -> Result<String> {
        let text = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
            }
            _ => None,
        };
        text.ok_or_else(|| self.expected(key, "a text, a whole number or a boolean"))
    }
}

/// Where the file is.
fn path(environment: &dyn Environment) -> Option<PathBuf> {
    Some(xdg::folder(environment, "XDG_CONFIG_HOME", ".config")?.join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile> {
        ConfigFile::parse(text, Path::new("/c/config.toml"))
    }

    #[test]
    fn an_unknown_key_is_named_with_file_and_line() {
        let error = parse("format = \"json\"\nagent_rot = \"/x\"\n").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert_eq!((error.path(), error.line()), (Some(Path::new("/c/config.toml")), Some(2)));
        assert!(error.to_string().contains("agent_rot"), "{error}");
    }

    #[test]
    fn an_error_does_not_quote_the_line() {
        for (line, said) in [
            ("auth_token = \"hunter2\" \"hunter2\"", "TOML"),
            ("auth_token = hunter2", "TOML"),
            ("auth_token = \"hunter2", "TOML"),
            ("hunter2", "TOML"),
            ("options = \"hunter2\"", "\"options\" must be a table"),
            ("options = { auth_token = [\"hunter2\"] }", "\"auth_token\" must be a text, a whole number"),
            ("options = { auth_token = 99999999999999999999 }", "\"auth_token\" must be"),
            ("format = \"hunter2\"", "\"format\" must be one of \"table\", \"json\", \"yaml\""),
            ("format = [\"hunter2\"]", "\"format\" must be"),
            ("format = \"junit\"", "\"format\" must be"),
            ("color = \"hunter2\"", "\"color\" must be one of \"auto\""),
            ("scope = [\"hunter2\"]", "\"scope\" must be a text"),
            ("scope = { token = \"hunter2\" }", "\"scope\" must be a text"),
            ("agent_root = \"hunter2\"", "\"agent_root\" must be a whole path"),
            ("tokens = \"hunter2\"", "\"tokens\" must be a table of tokens by origin"),
            ("tokens = { \"https://h\" = [\"hunter2\"] }", "\"https://h\" must be a text"),
            ("tokens = { h = \"hunter2\" }", "\"h\" must be an origin"),
            ("tokens = { \"https://h\" = \"file:hunter2\" }", "\"https://h\" must be file: and a whole path"),
        ] {
            let error = parse(&format!("# One\n{line}\n")).err().unwrap();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2") && !shown.contains("9999") && shown.contains(said), "{line}: {error}");
            assert_eq!(error.line(), Some(2), "{line}");
        }
    }

    #[test]
    fn options_are_texts_numbers_and_booleans() {
        let config = parse("[options]\nlock_timeout = 3_0\nx = true\ny = \"z\"\nz = -0x1F\n");
        assert!(config.is_err(), "TOML's hexadecimal numbers have no sign");
        let config = parse("[options]\nlock_timeout = 3_0\nw = -3\nx = true\ny = \"z\"\nz = 0x1F\n").unwrap();
        let expected = [("lock_timeout", "30"), ("w", "-3"), ("x", "true"), ("y", "z"), ("z", "31")];
        assert_eq!(config.options, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn a_relative_agent_root_is_refused() {
        assert!(parse("agent_root = \"agents/scout\"").is_err());
        assert!(parse("agent_root = \"/agents/scout\"").is_ok());
    }
}
