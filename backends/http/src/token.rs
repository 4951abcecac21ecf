//! The token that a catalog is asked with.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_registry_spec::redact::hide_known;
use mcp_registry_spec::{Error, ErrorKind, Result, Secret};
use serde_json::Value;

use crate::blocking;

/// What marks a token that stands in a file.
const FILE: &str = "file:";
/// The most that a token's file may hold, in bytes; what a server takes is far less.
const MOST: u64 = 16 << 10;

/// Where a token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody gave one.
    None,
    /// It was given itself.
    Value(Secret<String>),
    /// It stands in a file.
    File(PathBuf),
}

impl Source {
    /// Reads a token as it is given in settings: itself, or `file:PATH`.
    pub(crate) fn parse(text: &str) -> Self {
        match text.strip_prefix(FILE) {
            Some(path) => Self::File(path.into()),
            None => Self::Value(Secret::new(text.to_owned())),
        }
    }
}

/// A token that is read when it is first needed, since opening a backend touches no file (rule 2),
/// and checked then.
#[derive(Debug)]
pub(crate) struct Token {
    source: Source,
    known: Mutex<Known>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Known {
    /// Every token that may have been sent, the one to send at the end: whoever was told one can say it.
    tokens: Vec<Secret<String>>,
    /// Whether the last one was refused.
    refused: bool,
}

impl Token {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, known: Mutex::default() }
    }

    /// Whether there is one.
    pub(crate) fn is_given(&self) -> bool {
        self.source != Source::None
    }

    /// The token to send, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when its file cannot be read, or it is one that cannot be sent.
    pub(crate) async fn current(&self) -> Result<Option<Secret<String>>> {
        if let Some(token) = self.usable() {
            return Ok(Some(token));
        }
        let token = match &self.source {
            Source::None => return Ok(None),
            Source::Value(token) => checked(token.expose()).map_err(wrong)?,
            Source::File(path) => {
                let from = path.clone();
                blocking::run(move || read(&from)).await?
            }
        };
        let mut known = self.known();
        known.refused = false;
        known.tokens.retain(|other| *other != token);
        known.tokens.push(token.clone());
        Ok(Some(token))
    }

    /// Reads the token's file again when it is next needed: it was refused, and who changes a token
    /// changes the file.
    pub(crate) fn forget(&self) {
        self.known().refused = true;
    }

    /// Hides the token in a text that came from elsewhere; its shape may be that of a plain word.
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let hide =
            |text: Cow<'t, str>, token: &Secret<String>| hide_known(&text, token.expose()).map_or(text, Cow::Owned);
        self.known().tokens.iter().fold(Cow::Borrowed(text), hide)
    }

    /// Whether what came from elsewhere has the token in any text of it.
    pub(crate) fn is_in(&self, value: &Value) -> bool {
        let known = self.known();
        known.tokens.iter().any(|token| any_text(value, &|text| hide_known(text, token.expose()).is_some()))
    }

    fn usable(&self) -> Option<Secret<String>> {
        let known = self.known();
        known.tokens.last().filter(|_| !known.refused).cloned()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn any_text(value: &Value, found: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, found)),
        Value::Object(map) => map.iter().any(|(key, value)| found(key) || any_text(value, found)),
        _ => false,
    }
}

fn wrong(why: &'static str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, format!("the token for the catalog {why}"))
}

/// A header carries it, so it is held to what a header can carry.
fn checked(text: &str) -> Result<Secret<String>, &'static str> {
    match text {
        "" => Err("is empty"),
        _ if !text.bytes().all(|b| b.is_ascii_graphic()) => Err("holds white space or a character that is not ASCII"),
        _ => Ok(Secret::new(text.to_owned())),
    }
}

fn read(path: &Path) -> Result<Secret<String>> {
    let failed = |cause: std::io::Error| wrong("cannot be read").at(path, None).caused_by(cause);
    // Opening a FIFO would wait for its writer.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(wrong("stands in what is no regular file").at(path, None));
    }
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text)).map_err(failed)?;
    if text.len() as u64 > MOST {
        return Err(wrong("stands in a file that is too large to be one").at(path, None));
    }
    checked(text.trim()).map_err(|why| wrong(why).at(path, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current(token: &Token) -> Result<Option<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(token.current()).map(|token| token.map(|token| token.expose().clone()))
    }

    #[test]
    fn a_value_or_a_file_read_late_and_again_after_it_was_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::new(Source::parse(&format!("file:{}", path.display())));
        assert!(token.is_given());
        let error = current(&token).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        std::fs::write(&path, "hunter2\n").unwrap();
        assert_eq!(current(&token).unwrap().as_deref(), Some("hunter2"));
        std::fs::write(&path, "hunter3").unwrap();
        assert_eq!(current(&token).unwrap().as_deref(), Some("hunter2"));
        token.forget();
        assert_eq!(current(&token).unwrap().as_deref(), Some("hunter3"));
        assert_eq!(token.hide("a hunter3 b hunter3"), "a *** b ***");
        token.forget();
        assert_eq!(token.hide("hunter2 hunter3"), "*** ***", "whoever was told one can say it later");

        assert_eq!(current(&Token::new(Source::parse("plain"))).unwrap().as_deref(), Some("plain"));
        assert_eq!(current(&Token::new(Source::None)).unwrap(), None);
        assert!(!Token::new(Source::None).is_given());
    }

    #[test]
    fn c19_a_token_is_hidden_however_a_url_spells_it() {
        let hide = |token: &str, text: &str| {
            let token = Token::new(Source::parse(token));
            current(&token).unwrap();
            assert_eq!(token.is_in(&serde_json::json!({"a": [{"b": text}]})), token.hide(text) != text);
            assert_eq!(token.is_in(&serde_json::json!({text: 1})), token.hide(text) != text);
            token.hide(text).into_owned()
        };
        for (text, shown) in [
            ("https://hunter-2.evil/", "https://***.evil/"),
            ("/a/%48unter%2d2/Hunter-2", "/a/***/***"),
            ("Hunter-2", "***"),
            ("\u{fc}HUNTER-2\u{fc}", "\u{fc}***\u{fc}"),
            ("HHunter-2%", "H***%"),
            ("hunter-3", "hunter-3"),
            ("%48unter%2d", "%48unter%2d"),
            ("%\u{fc}", "%\u{fc}"),
            ("", ""),
        ] {
            assert_eq!(hide("Hunter-2", text), shown);
        }
        for text in ["%2541b", "%252541b", "%2525%341%62"] {
            assert_eq!(hide("%2541b", text), "***", "{text}");
        }
    }

    #[test]
    fn rule_4_a_token_that_cannot_be_sent_is_refused_unshown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for text in ["", "hunter2 x", "hunter2\r\nX-Evil: 1", "hunter2\u{e9}", "\0hunter2"] {
            std::fs::write(&path, text).unwrap();
            for source in [Source::Value(Secret::new(text.to_owned())), Source::File(path.clone())] {
                let token = Token::new(source);
                let error = current(&token).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{text:?}");
                assert!(!format!("{error} {token:?}").contains("hunter2"), "{error} {token:?}");
            }
        }
        std::fs::write(&path, "x".repeat(20_000)).unwrap();
        assert!(current(&Token::new(Source::File(path))).is_err());
        assert!(current(&Token::new(Source::File(folder.path().to_owned()))).is_err());
    }
}
