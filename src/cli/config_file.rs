//! The user's configuration file.
//!
//! It is looked for in the user's own configuration folder and nowhere else: a file that lies in
//! the folder one happens to work in could send credentials to whoever put it there.

use std::collections::BTreeMap;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use mcp_registry_spec::{Environment, Error, ErrorKind, Result};
use serde::Deserialize;

use super::printer::{Color, Format};

/// What the file says.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigFile {
    pub(crate) agent_root: Option<String>,
    pub(crate) backend: Option<String>,
    pub(crate) backend_url: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) format: Option<Format>,
    pub(crate) color: Option<Color>,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, OptionValue>,
}

/// The value of a backend's option; they are all texts, but people write `30` for `"30"`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "an option is a text, a number or a boolean")]
pub(crate) enum OptionValue {
    Text(String),
    Whole(i64),
    Flag(bool),
}

impl OptionValue {
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Whole(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

impl ConfigFile {
    /// Reads the user's file; one that does not exist says nothing.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`], naming the file and, where there is one, the line.
    pub(crate) fn load(environment: &dyn Environment) -> Result<Self> {
        let Some(path) = path(environment) else { return Ok(Self::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path),
            Err(cause) if matches!(cause.kind(), Io::NotFound | Io::NotADirectory) => Ok(Self::default()),
            Err(cause) => Err(Error::new(ErrorKind::ConfigInvalid, "cannot read the configuration file")
                .at(&path, None)
                .caused_by(cause)),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        let config: Self = toml::from_str(text).map_err(|cause| {
            let before = cause.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| before.matches('\n').count() + 1);
            // The error's own Display would quote the line, which may hold a secret.
            Error::new(ErrorKind::ConfigInvalid, cause.message()).at(path, line)
        })?;
        match &config.agent_root {
            Some(root) if !Path::new(root).is_absolute() => Err(Error::new(
                ErrorKind::ConfigInvalid,
                "the key agent_root is a relative path, which would mean another folder wherever you are",
            )
            .at(path, None)
            .hint("write the whole path")),
            _ => Ok(config),
        }
    }
}

/// Where the file is. A relative path in the variables is ignored, as the XDG specification says.
fn path(environment: &dyn Environment) -> Option<PathBuf> {
    let folder = |name| environment.read(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))?;
    Some(config.join("mcp-registry").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::FixedEnvironment;

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
        for text in ["[options]\nauth_token = \"hunter2\" \"hunter2\"\n", "[options]\nauth_token = [\"hunter2\"]\n"] {
            let error = parse(text).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
            assert_eq!(error.line(), Some(2));
        }
    }

    #[test]
    fn options_are_texts_numbers_and_booleans() {
        let config = parse("[options]\nlock_timeout = 30\nx = true\ny = \"z\"\n").unwrap();
        let texts: Vec<_> = config.options.into_iter().map(|(k, v)| (k, v.to_text())).collect();
        let expected = [("lock_timeout", "30"), ("x", "true"), ("y", "z")];
        assert_eq!(texts, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_relative_agent_root_is_refused() {
        assert!(parse("agent_root = \"agents/scout\"").is_err());
        assert!(parse("agent_root = \"/agents/scout\"").is_ok());
    }

    #[test]
    fn only_the_users_own_folder_is_looked_in() {
        let of = |home: &str, xdg: &str| path(&FixedEnvironment::new().with("HOME", home).with("XDG_CONFIG_HOME", xdg));
        assert_eq!(of("/h", ""), Some("/h/.config/mcp-registry/config.toml".into()));
        assert_eq!(of("/h", "/x"), Some("/x/mcp-registry/config.toml".into()));
        assert_eq!(of("/h", "."), Some("/h/.config/mcp-registry/config.toml".into()));
        assert_eq!(of("", "relative"), None);
    }
}
