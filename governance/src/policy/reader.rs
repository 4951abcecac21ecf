//! Reading a policy's TOML: every value of the type it must have, every key one that there is, and
//! everything that is wrong told with its line.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use mcp_registry_spec::{Error, ErrorKind, near, text};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) type Key<'a> = Spanned<Cow<'a, str>>;
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// How many problems are told of a file; beyond, it is another kind of file.
const MOST_PROBLEMS: usize = 20;

/// Something that was read, and the line (1-based) where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// The file, and what was found wrong with it.
pub(super) struct Reader<'a> {
    path: &'a Path,
    /// Where lines end.
    ends: Vec<usize>,
    problems: Vec<(usize, Error)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &str, path: &'a Path) -> Self {
        Self { path, ends: text.match_indices('\n').map(|(at, _)| at).collect(), problems: Vec::new() }
    }

    /// What is wrong, in the order of lines.
    pub(super) fn problems(mut self) -> Vec<Error> {
        self.problems.sort_by_key(|(line, _)| *line);
        self.problems.into_iter().map(|(_, error)| error).collect()
    }

    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.ends.partition_point(|end| *end < span.start) + 1
    }

    pub(super) fn wrong(&mut self, line: usize, message: &str, hint: Option<&str>) {
        if self.problems.len() < MOST_PROBLEMS {
            let error = Error::new(ErrorKind::ConfigInvalid, message).at(self.path, Some(line));
            self.problems.push((line, hint.into_iter().fold(error, Error::hint)));
        }
    }

    /// A key that there is not among those `known` in `place`.
    pub(super) fn unknown(&mut self, key: &Key, what: &str, place: &str, known: &[&str]) {
        let message = format!("there is no {what} {}{place}", text::quote(key.get_ref()));
        self.wrong(self.line(&key.span()), &message, Some(&near::hint(key.get_ref(), known)));
    }

    /// What `found` makes of the value, which must be `what`.
    pub(super) fn read<'v, 't, T>(
        &mut self,
        key: &str,
        value: &'v Value<'t>,
        what: &str,
        found: impl FnOnce(&'v DeValue<'t>) -> Option<T>,
    ) -> Option<At<T>> {
        let line = self.line(&value.span());
        let read = found(value.get_ref());
        if read.is_none() {
            let message = format!("{key} must be {what}, and is {}", describe(value.get_ref()));
            self.wrong(line, &message, None);
        }
        read.map(|value| At { value, line })
    }

    pub(super) fn table<'v, 't>(&mut self, key: &str, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        self.read(key, value, "a table", DeValue::as_table).map(|table| table.value)
    }

    pub(super) fn boolean(&mut self, key: &str, value: &Value) -> Option<At<bool>> {
        self.read(key, value, "true or false", DeValue::as_bool)
    }

    /// A list, each item of which `parse` reads and must be `what`.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        value: &Value,
        what: &str,
        parse: impl Fn(&DeValue) -> Option<T>,
    ) -> Option<At<Vec<At<T>>>> {
        let list = self.read(key, value, &format!("a list, each item of it {what}"), DeValue::as_array)?;
        let item = format!("an item of {key}");
        let items = list.value.iter().filter_map(|value| self.read(&item, value, what, &parse)).collect();
        Some(At { value: items, line: list.line })
    }

    /// A list of texts, each of which `parse` reads and must be `what`.
    pub(super) fn texts<T>(
        &mut self,
        key: &str,
        value: &Value,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<At<Vec<At<T>>>> {
        self.list(key, value, what, |item| parse(item.as_str()?))
    }
}

fn describe(value: &DeValue) -> String {
    match value {
        DeValue::String(found) => text::quote(found),
        DeValue::Integer(number) => format!("the number {}", text::escape(number.as_str())),
        DeValue::Float(_) => "a number with a point".to_owned(),
        DeValue::Boolean(found) => found.to_string(),
        DeValue::Datetime(_) => "a time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
