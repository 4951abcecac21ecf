//! Templates: text that may refer to variables of the client's environment (rule 8).
//!
//! | written | meaning |
//! |---|---|
//! | `${NAME}` | the variable's value; an error when it is not set |
//! | `${NAME:-default}` | the value, or `default` when it is unset or empty |
//! | `$$` | a dollar |
//! | `$NAME` as a whole [`EnvTemplate`] | the variable's value |
//!
//! `NAME` is `[A-Za-z_][A-Za-z0-9_]*`. A `${` that begins none of these is an error, never text;
//! so is a leading `$` of an [`EnvTemplate`] that begins none of these. Any other `$` is text.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

/// Why a text is no template. Its message shows the right spelling, and never the text around it,
/// which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A value begins with `$NAME` and goes on.
    #[error("a reference followed by text is written ${{{0}}}; a plain dollar is written $$")]
    Braces(String),
    /// A leading `$` begins no reference.
    #[error("a leading \"$\" begins no reference; write $NAME or ${{NAME}}, or $$ for a plain dollar")]
    Dollar,
    /// `${` begins no reference.
    #[error("\"${{\" begins no reference; write ${{NAME}} or ${{NAME:-default}}, or $${{ for the plain characters")]
    Reference,
    /// A default holds a reference of its own.
    #[error("the default of ${{{0}:-…}} contains \"${{\"; references do not nest")]
    Nested(String),
    /// The text contains a NUL, which no environment or argument can hold.
    #[error("contains a NUL character")]
    Nul,
}

/// A piece of a template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// A reference to the variable `name`.
    Reference {
        /// The variable.
        name: &'a str,
        /// What stands in when the variable is unset or empty.
        default: Option<&'a str>,
    },
}

/// Text and defaults may be secrets (rule 4).
impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Reference { name, default: None } => write!(f, "${{{name}}}"),
            Self::Reference { name, default: Some(_) } => write!(f, "${{{name}:-…}}"),
        }
    }
}

/// What an error shows of a name: what is not written as variables are may be the start of a
/// secret that holds a dollar.
fn shown_name(name: &str) -> String {
    if name.bytes().any(|b| b.is_ascii_lowercase()) { "NAME".to_owned() } else { name.to_owned() }
}

/// Whether a text beside references under a secret's key is nothing but their frame: signs, the
/// scheme (`Bearer `), the name of a part (`sid=`).
fn is_frame(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, ';' | ',')).all(|word| {
        word.ends_with('=')
            || crate::redact::is_reference(word)
            || crate::redact::is_any_scheme(word)
            || word.bytes().all(|b| b.is_ascii_punctuation())
    })
}

/// Whether pieces under `key` hold a secret in the entry itself: under a secret-looking key
/// anything but references in their frame, and under any key the default of a variable whose own
/// name looks like a secret's (rule 4).
pub(crate) fn holds_secret<'a>(key: &str, pieces: impl Iterator<Item = Piece<'a>>) -> bool {
    let secret = crate::redact::is_secret_key(key);
    let (mut refers, mut text, mut url, mut placed) = (false, false, false, false);
    for piece in pieces {
        match piece {
            Piece::Reference { name, default } => {
                refers = true;
                if default.is_some_and(|d| !d.is_empty()) && (secret || crate::redact::is_secret_key(name)) {
                    return true;
                }
            }
            Piece::Text(piece) => {
                // In a URL the secret part has a place of its own: before the "@" (`postgres://u:${P}@h/x`) or,
                // where the whole URL is the secret, behind the host (`https://hooks.example.org/${P}`).
                placed |= url && piece.starts_with('@');
                if let Some((_, rest)) = piece.split_once("://") {
                    url = true;
                    placed |= (rest.is_empty() || rest.ends_with(':') || rest.contains('/'))
                        && crate::redact::is_key_of_url(key);
                }
                text |= !is_frame(piece);
            }
        }
    }
    secret && (!refers || (text && !placed))
}

/// Length of the variable name at the start of `text`.
fn name_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b) if b.is_ascii_alphabetic() || *b == b'_' => {
            bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
        }
        _ => 0,
    }
}

/// Whether `text` is a variable name, `[A-Za-z_][A-Za-z0-9_]*`.
#[must_use]
pub fn is_variable_name(text: &str) -> bool {
    !text.is_empty() && name_len(text) == text.len()
}

/// Takes the next piece off `rest`, which is not empty.
fn next_piece<'a>(rest: &mut &'a str) -> Result<Piece<'a>, TemplateError> {
    let all = *rest;
    let Some(dollar) = all.find('$') else {
        *rest = "";
        return Ok(Piece::Text(all));
    };
    let (before, from) = all.split_at(dollar);
    if !before.is_empty() {
        *rest = from;
        return Ok(Piece::Text(before));
    }
    if let Some(after) = from.strip_prefix("$$") {
        *rest = after;
        return Ok(Piece::Text("$"));
    }
    let Some(inner) = from.strip_prefix("${") else {
        let end = from.get(1..).and_then(|s| s.find('$')).map_or(from.len(), |i| i + 1);
        let (plain, after) = from.split_at(end);
        *rest = after;
        return Ok(Piece::Text(plain));
    };
    let (name, tail) = inner.split_at(name_len(inner));
    if name.is_empty() {
        return Err(TemplateError::Reference);
    }
    if let Some(after) = tail.strip_prefix('}') {
        *rest = after;
        return Ok(Piece::Reference { name, default: None });
    }
    let (default, after) =
        tail.strip_prefix(":-").and_then(|tail| tail.split_once('}')).ok_or(TemplateError::Reference)?;
    if default.contains("${") {
        return Err(TemplateError::Nested(shown_name(name)));
    }
    *rest = after;
    Ok(Piece::Reference { name, default: Some(default) })
}

/// Iterates over the pieces of a source that has been checked.
#[derive(Clone)]
pub struct Pieces<'a> {
    rest: &'a str,
    whole: Option<&'a str>,
}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if let Some(name) = self.whole.take() {
            return Some(Piece::Reference { name, default: None });
        }
        if self.rest.is_empty() {
            return None;
        }
        // The source was checked when the template was made; were it not, nothing is made up.
        next_piece(&mut self.rest).ok()
    }
}

/// The variable that the whole of `source` names, as `$NAME`.
fn whole_reference(source: &str) -> Option<&str> {
    source.strip_prefix('$').filter(|name| is_variable_name(name))
}

/// Checks what both kinds of template have in common.
fn check_pieces(source: &str) -> Result<(), TemplateError> {
    // Most texts hold neither: one pass settles them.
    if !source.bytes().any(|b| matches!(b, b'$' | 0)) {
        return Ok(());
    }
    if source.contains('\0') {
        return Err(TemplateError::Nul);
    }
    let mut rest = source;
    while !rest.is_empty() {
        next_piece(&mut rest)?;
    }
    Ok(())
}

macro_rules! template_type {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Box<str>);

        impl $type {
            /// The template as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The names of the variables it refers to.
            pub fn references(&self) -> impl Iterator<Item = &str> {
                self.pieces().filter_map(|piece| match piece {
                    Piece::Reference { name, .. } => Some(name),
                    Piece::Text(_) => None,
                })
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&text::escape(&crate::redact::redact(&self.0)))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{self}\"")
            }
        }

        impl std::str::FromStr for $type {
            type Err = TemplateError;
            fn from_str(source: &str) -> Result<Self, TemplateError> {
                Self::parse(source)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let source = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&source).map_err(serde::de::Error::custom)
            }
        }
    };
}

template_type!(
    /// The value of an environment variable or header: a whole `$NAME`, or text with `${NAME}`,
    /// `${NAME:-default}` and `$$` in it.
    ///
    /// ```
    /// use mcp_registry_spec::EnvTemplate;
    /// let token = EnvTemplate::parse("Bearer ${TOKEN}")?;
    /// assert_eq!(token.references().collect::<Vec<_>>(), ["TOKEN"]);
    /// assert!(EnvTemplate::parse("$HOME/x").unwrap_err().to_string().contains("${HOME}"));
    /// # Ok::<(), mcp_registry_spec::template::TemplateError>(())
    /// ```
    EnvTemplate
);

template_type!(
    /// An argument or a URL: text with `${NAME}`, `${NAME:-default}` and `$$` in it. A bare `$NAME`
    /// is text here, as arguments never went through a shell.
    TextTemplate
);

impl EnvTemplate {
    /// Parses the value of an environment variable or header.
    ///
    /// # Errors
    /// A [`TemplateError`] that shows the right spelling.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        Self::check(source)?;
        Ok(Self(source.into()))
    }

    /// Whether `source` [parses](Self::parse).
    ///
    /// # Errors
    /// As `parse`.
    pub fn check(source: &str) -> Result<(), TemplateError> {
        if whole_reference(source).is_some() {
            return Ok(());
        }
        check_pieces(source)?;
        let plain_start = source.starts_with("$$") || source.starts_with("${");
        if let Some(tail) = source.strip_prefix('$').filter(|_| !plain_start) {
            match name_len(tail) {
                0 => return Err(TemplateError::Dollar),
                n if n < tail.len() => {
                    return Err(TemplateError::Braces(shown_name(tail.split_at(n).0)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The template that stands for exactly `value`.
    ///
    /// # Errors
    /// [`TemplateError::Nul`].
    pub fn literal(value: &str) -> Result<Self, TemplateError> {
        Self::parse(&value.replace('$', "$$"))
    }

    /// The pieces it is made of.
    #[must_use]
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces { rest: if whole_reference(&self.0).is_some() { "" } else { &self.0 }, whole: whole_reference(&self.0) }
    }

    /// Whether the value under `key` is stored in the entry itself rather than referred to: it
    /// refers to nothing, or holds more than references and their frame where a secret belongs.
    #[must_use]
    pub fn is_literal(&self, key: &str) -> bool {
        holds_secret(key, self.pieces()) || self.references().next().is_none()
    }
}

impl TextTemplate {
    /// Parses an argument or a URL.
    ///
    /// # Errors
    /// A [`TemplateError`] that shows the right spelling.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        Self::check(source)?;
        Ok(Self(source.into()))
    }

    /// Whether `source` [parses](Self::parse).
    ///
    /// # Errors
    /// As `parse`.
    pub fn check(source: &str) -> Result<(), TemplateError> {
        check_pieces(source)
    }

    /// The template that stands for exactly `value`.
    ///
    /// # Errors
    /// [`TemplateError::Nul`].
    pub fn literal(value: &str) -> Result<Self, TemplateError> {
        Self::parse(&value.replace('$', "$$"))
    }

    /// The pieces it is made of.
    #[must_use]
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces { rest: &self.0, whole: None }
    }
}

#[cfg(test)]
mod tests;
