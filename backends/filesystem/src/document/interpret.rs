//! What a section's fields say: one entry, or what is wrong with them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use mcp_registry_spec::{
    EnvTemplate, McpServerSpec, ServerName, SpecFields, TextTemplate, TransportKind, text as shown,
};
use serde_json::Value;

use super::blocks::{Block, line_end, line_start};
use super::fields::{self, Doubt, FieldLine, Key, Line, trim};
use super::flow;
use super::{Problem, Section};

/// The fields of a section as they stand in it.
#[derive(Default)]
pub(crate) struct Fields<'a> {
    pub(crate) lines: Vec<FieldLine<'a>>,
    pub(crate) fences: Vec<Fence>,
}

/// A `yaml` fence.
pub(crate) struct Fence {
    /// What stands between the fence's first and last line.
    pub(crate) inner: Range<usize>,
    /// Its keys and values, in order.
    pub(crate) entries: Vec<(String, Value)>,
}

/// Collects the fields of a section, and remarks on lines that look like fields and are none.
pub(crate) fn gather<'a>(
    section: &Section<'_>,
    text: &'a str,
    warnings: &mut Vec<String>,
) -> Result<Fields<'a>, Problem> {
    let mut fields = Fields { lines: Vec::with_capacity(4), fences: Vec::new() };
    let mut lines = section.lines(text);
    for block in section.blocks() {
        match block {
            Block::Paragraph { span, comments } => fields::lines(text, span.clone(), comments, |line| match line {
                Line::Field(field) => fields.lines.push(field),
                Line::Doubtful { at, key, why } => warnings.push(remark(lines.line_of(at), key, why)),
            }),
            Block::Yaml { span } => {
                let first_line = lines.line_of(span.start) + 1;
                let fence = fence(text, span, first_line)?;
                for (key, _) in fence.entries.iter().filter(|(key, _)| Key::parse(key).is_none()) {
                    warnings.push(remark(first_line, key, Doubt::Unknown));
                }
                fields.fences.push(fence);
            }
            // A field below a quote or list item without an empty line between is part of it.
            Block::Other { span, what } => fields::lines(text, span.clone(), &[], |line| {
                if let Line::Field(field) = line {
                    let line = lines.line_of(field.span.start);
                    let key = field.key.as_str();
                    warnings.push(format!("line {line}: {key:?} is read as prose; it stands in a {what}"));
                }
            }),
            Block::Heading { .. } => {}
        }
    }
    Ok(fields)
}

fn remark(line: usize, key: &str, why: Doubt) -> String {
    let key = shown::quote(key);
    match why {
        Doubt::Unknown => format!("line {line}: the field {key} is unknown; it is kept and not used"),
        Doubt::Case => format!("line {line}: {key} is read as prose; the names of fields are lower case"),
        Doubt::Indented => format!("line {line}: {key} is read as prose; a field begins in the first column"),
    }
}

/// Reads the fence at `span`, whose first line inside is `first_line`.
fn fence(text: &str, span: &Range<usize>, first_line: usize) -> Result<Fence, Problem> {
    let start = line_end(text, span.start).min(span.end);
    let source = text.get(span.clone()).unwrap_or_default();
    let mark = source.bytes().take_while(|b| matches!(b, b'`' | b'~')).count();
    // The last line closes the fence when it is nothing but the mark, at least as long.
    let last = line_start(text, span.start + source.trim_end_matches(['\n', '\r']).len());
    let closing = text.get(last..span.end).unwrap_or_default().trim();
    let is_closed = last >= start
        && closing.len() >= mark
        && source.bytes().next().is_some_and(|m| closing.bytes().all(|b| b == m));
    let inner = start..if is_closed { last } else { span.end };
    let value = flow::read_yaml(text.get(inner.clone()).unwrap_or_default())
        .map_err(|e| Problem::new(first_line + e.line, format!("the yaml block {}", e.message)))?;
    let entries = match value {
        Value::Null => Vec::new(),
        Value::Object(map) => map.into_iter().collect(),
        _ => {
            return Err(Problem::new(first_line, "the yaml block is not a mapping of fields")
                .hint("write one \"field: value\" a line"));
        }
    };
    Ok(Fence { inner, entries })
}

/// The entry that the fields of `section` make.
pub(crate) fn spec(
    section: &Section<'_>,
    text: &str,
    name: ServerName,
    warnings: &mut Vec<String>,
) -> Result<McpServerSpec, Problem> {
    let gathered = gather(section, text, warnings)?;
    let mut builder = Builder::default();
    let at = |problem: Complaint, offset: usize| {
        let mut out = Problem::new(section.line_at(text, offset), problem.0);
        out.hint = problem.1;
        out
    };
    for line in &gathered.lines {
        builder.line(line).map_err(|p| at(p, line.span.start))?;
    }
    for fence in gathered.fences {
        for (key, value) in fence.entries {
            builder.yaml(&key, value).map_err(|p| at(p, key_offset(text, &fence.inner, &key)))?;
        }
    }
    builder.fields.build(name).map_err(|error| Problem::new(section.line(), error.to_string()))
}

/// Where a key of a fence stands; its first line when that cannot be told.
fn key_offset(text: &str, inner: &Range<usize>, key: &str) -> usize {
    let source = text.get(inner.clone()).unwrap_or_default();
    let line = source.lines().position(|l| l.trim_start().trim_start_matches(['"', '\'']).starts_with(key));
    source.split_inclusive('\n').take(line.unwrap_or(0)).map(str::len).sum::<usize>() + inner.start
}

/// What is wrong, and what to do about it, before it is known where.
pub(crate) struct Complaint(String, Option<String>);

impl From<String> for Complaint {
    fn from(message: String) -> Self {
        Self(message, None)
    }
}

fn complaint(message: impl Into<String>, hint: impl Into<String>) -> Complaint {
    Complaint(message.into(), Some(hint.into()))
}

#[derive(Clone, Copy, PartialEq)]
enum GivenBy {
    Line,
    Yaml,
}

#[derive(Default)]
struct Builder {
    fields: SpecFields,
    given: [Option<GivenBy>; Key::ALL.len()],
}

impl Builder {
    /// Notes that `key` is given, and refuses a second time.
    fn note(&mut self, key: Key, by: GivenBy) -> Result<(), Complaint> {
        let Some(slot) = self.given.get_mut(key as usize) else { return Ok(()) };
        match (*slot, by) {
            (None, _) => *slot = Some(by),
            (Some(GivenBy::Line), GivenBy::Line) if key.is_repeatable() => {}
            (Some(GivenBy::Line), GivenBy::Line) | (Some(GivenBy::Yaml), GivenBy::Yaml) => {
                return Err(format!("the field {:?} is given twice", key.as_str()).into());
            }
            _ => return Err(format!("the field {:?} is given as a line and in a yaml block", key.as_str()).into()),
        }
        Ok(())
    }

    fn line(&mut self, line: &FieldLine<'_>) -> Result<(), Complaint> {
        self.note(line.key, GivenBy::Line)?;
        let value = line.value;
        match line.key {
            // Most lines are plain: no list of their pieces is needed.
            Key::Args if !is_flow(value) => pieces(value).try_for_each(|arg| self.arg(arg)),
            Key::Env if !is_flow(value) => pieces(value).try_for_each(|piece| {
                let (name, value) = pair_of(piece, Key::Env)?;
                self.env(name.to_owned(), value)
            }),
            Key::Args => args_of(value)?.into_iter().try_for_each(|arg| self.arg(&arg)),
            Key::Env => pairs_of(value, Key::Env)?.into_iter().try_for_each(|(k, v)| self.env(k.into(), &v)),
            Key::Header => pairs_of(value, Key::Header)?.into_iter().try_for_each(|(k, v)| self.header(k.into(), &v)),
            key => self.scalar(key, scalar_of(value, key)?),
        }
    }

    fn yaml(&mut self, key: &str, value: Value) -> Result<(), Complaint> {
        let Some(known) = Key::parse(key) else {
            if self.fields.extra.insert(key.to_owned(), value).is_some() {
                return Err(format!("the field {} is given twice", shown::quote(key)).into());
            }
            return Ok(());
        };
        self.note(known, GivenBy::Yaml)?;
        match known {
            Key::Args => strings(value, known)?.into_iter().try_for_each(|arg| self.arg(&arg)),
            Key::Env => mapping(value, known)?.into_iter().try_for_each(|(k, v)| self.env(k, &v)),
            Key::Header => mapping(value, known)?.into_iter().try_for_each(|(k, v)| self.header(k, &v)),
            _ => self.scalar(known, string(value, known)?),
        }
    }

    fn scalar(&mut self, key: Key, value: String) -> Result<(), Complaint> {
        match key {
            Key::Command => self.fields.command = Some(value),
            Key::Description => self.fields.description = value,
            Key::Transport => {
                let kind = TransportKind::parse(&value).map_err(|e| e.to_string())?;
                self.fields.transport = Some(kind);
            }
            Key::Url => {
                let url = TextTemplate::parse(&value).map_err(|e| format!("the url is refused: {e}"))?;
                self.fields.url = Some(url);
            }
            Key::Args | Key::Env | Key::Header => {}
        }
        Ok(())
    }

    fn arg(&mut self, value: &str) -> Result<(), Complaint> {
        let at = self.fields.args.len() + 1;
        let arg = TextTemplate::parse(value).map_err(|e| format!("the argument {at} is refused: {e}"))?;
        self.fields.args.push(arg);
        Ok(())
    }

    fn env(&mut self, key: String, value: &str) -> Result<(), Complaint> {
        insert(&mut self.fields.env, "variable", key, value)
    }

    fn header(&mut self, name: String, value: &str) -> Result<(), Complaint> {
        insert(&mut self.fields.headers, "header", name, value)
    }
}

fn insert(map: &mut BTreeMap<String, EnvTemplate>, what: &str, key: String, value: &str) -> Result<(), Complaint> {
    let template = match EnvTemplate::parse(value) {
        Ok(template) => template,
        Err(why) => return Err(format!("the value of the {what} {} is refused, as {why}", shown::quote(&key)).into()),
    };
    match map.entry(key) {
        Entry::Vacant(slot) => {
            slot.insert(template);
            Ok(())
        }
        Entry::Occupied(slot) => Err(format!("the {what} {} is given twice", shown::quote(slot.key())).into()),
    }
}

/// Whether a value of a field line is YAML flow rather than plain text.
pub(crate) fn is_flow(value: &str) -> bool {
    matches!(value.as_bytes(), [b'[' | b'{' | b'"', ..])
}

fn flow_of(value: &str, key: Key) -> Result<Value, Complaint> {
    flow::read(value).map_err(|e| {
        complaint(
            format!("the value of {:?} begins like YAML flow and {}", key.as_str(), e.message),
            "quote the whole value as JSON would",
        )
    })
}

fn wrong_type(key: Key, expected: &str) -> Complaint {
    complaint(format!("the field {:?} must be {expected}", key.as_str()), "quote what is to be text")
}

fn string(value: Value, key: Key) -> Result<String, Complaint> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong_type(key, "a string")),
    }
}

fn strings(value: Value, key: Key) -> Result<Vec<String>, Complaint> {
    match value {
        Value::Array(items) => {
            items.into_iter().map(|item| string(item, key).map_err(|_| wrong_type(key, "a list of strings"))).collect()
        }
        _ => Err(wrong_type(key, "a list of strings")),
    }
}

fn mapping(value: Value, key: Key) -> Result<Vec<(String, String)>, Complaint> {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(k, v)| match v {
                Value::String(v) => Ok((k, v)),
                _ => Err(wrong_type(key, "a mapping of strings")),
            })
            .collect(),
        _ => Err(wrong_type(key, "a mapping of strings")),
    }
}

/// The value of a line that gives one text.
pub(crate) fn scalar_of(value: &str, key: Key) -> Result<String, Complaint> {
    if is_flow(value) { string(flow_of(value, key)?, key) } else { Ok(value.to_owned()) }
}

/// The pieces of a plain value, which commas part; empty ones count for nothing.
pub(crate) fn pieces(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let all = rest?;
        let (piece, after) = parted(all, b',').map_or((all, None), |(piece, after)| (piece, Some(after)));
        rest = after;
        Some(trim(piece))
    })
    .filter(|piece| !piece.is_empty())
}

/// What stands before and behind the first `sign`, an ASCII one: values are short, and
/// `str::split_once` is made for long texts.
fn parted(text: &str, sign: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == sign)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The arguments of an `args` line.
pub(crate) fn args_of(value: &str) -> Result<Vec<Cow<'_, str>>, Complaint> {
    if !is_flow(value) {
        return Ok(pieces(value).map(Cow::Borrowed).collect());
    }
    match flow_of(value, Key::Args)? {
        Value::String(one) => Ok(vec![one.into()]),
        list => Ok(strings(list, Key::Args)?.into_iter().map(Cow::Owned).collect()),
    }
}

/// A name and its value.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The pairs of an `env` or `header` line.
pub(crate) fn pairs_of(value: &str, key: Key) -> Result<Vec<Pair<'_>>, Complaint> {
    let borrowed = |piece| pair_of(piece, key).map(|(k, v)| (Cow::Borrowed(k), Cow::Borrowed(v)));
    if is_flow(value) {
        return match flow_of(value, key)? {
            Value::String(one) => {
                let (name, value) = pair_of(&one, key)?;
                Ok(vec![(name.to_owned().into(), value.to_owned().into())])
            }
            map => Ok(mapping(map, key)?.into_iter().map(|(k, v)| (k.into(), v.into())).collect()),
        };
    }
    match key {
        Key::Header => Ok(vec![borrowed(value)?]),
        _ => pieces(value).map(borrowed).collect(),
    }
}

pub(crate) fn pair_of(piece: &str, key: Key) -> Result<(&str, &str), Complaint> {
    let (sign, form) = if key == Key::Header { (b':', "Name: value") } else { (b'=', "NAME=value") };
    match parted(piece, sign) {
        Some((name, value)) if !trim(name).is_empty() => Ok((trim(name), trim(value))),
        // The piece may be a secret's second half ("A=b,c"): it is not shown.
        _ => Err(complaint(
            format!("a piece of {:?} is not of the form {form}", key.as_str()),
            "a value with a comma in it is written as YAML flow: env: {\"NAME\": \"a,b\"}",
        )),
    }
}
