//! Changing the fields of one section: the lines that differ, and no others.

use std::collections::BTreeMap;
use std::ops::Range;

use mcp_registry_spec::{McpServerSpec, Transport, TransportKind, text as shown};
use serde_json::Value;

use super::blocks::line_end;
use super::fields::{FieldLine, Key};
use super::interpret::{self, Fence, Fields};
use super::{Problem, Section, render, yaml_lines};

/// The changes to one section.
pub(crate) struct Edits<'a> {
    text: &'a str,
    newline: &'static str,
    section: &'a Section<'a>,
    fields: &'a Fields<'a>,
    /// Extents and what replaces them.
    list: Vec<(Range<usize>, String)>,
    /// Lines to add to the section's fields.
    added: Vec<(Key, String)>,
    fence_at: FenceAt,
}

/// Where a fence goes that a section did not have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FenceAt {
    /// At the section's end, but before the blank lines there.
    End,
    /// Behind its last field line: what stands at the end may be open still, as a fence without its end.
    Fields,
}

impl<'a> Edits<'a> {
    pub(crate) fn new(text: &'a str, newline: &'static str, section: &'a Section<'a>, fields: &'a Fields<'a>) -> Self {
        Self { text, newline, section, fields, list: Vec::new(), added: Vec::new(), fence_at: FenceAt::End }
    }

    pub(crate) fn fence_at(mut self, place: FenceAt) -> Self {
        self.fence_at = place;
        self
    }

    /// The text with the section, which says `old`, saying `new`.
    pub(crate) fn plan(mut self, old: &McpServerSpec, new: &McpServerSpec) -> Result<String, Problem> {
        let (was, is) = (Parts::of(old), Parts::of(new));
        if was.description != is.description {
            self.text_field(Key::Description, Some(is.description).filter(|d| !d.is_empty()))?;
        }
        let is_explicit = self.lines(Key::Transport).next().is_some() || self.in_fence(Key::Transport).is_some();
        let kind = new.transport.kind();
        if old.transport.kind() != kind {
            let needed = kind == TransportKind::Sse || is_explicit;
            self.text_field(Key::Transport, needed.then_some(kind.as_str()))?;
        }
        if was.command != is.command {
            self.text_field(Key::Command, is.command)?;
        }
        if was.url != is.url {
            self.text_field(Key::Url, is.url)?;
        }
        if was.args != is.args {
            self.args(&is.args)?;
        }
        if was.env != is.env {
            self.pairs(Key::Env, &is.env)?;
        }
        if was.headers != is.headers {
            self.pairs(Key::Header, &is.headers)?;
        }
        self.extra(&old.extra, &new.extra)?;
        Ok(self.apply())
    }

    fn lines(&self, key: Key) -> impl Iterator<Item = &FieldLine<'_>> {
        self.fields.lines.iter().filter(move |l| l.key == key)
    }

    /// The fence that gives `key`, and the spelling it is given by.
    fn in_fence(&self, key: Key) -> Option<(&Fence, &str)> {
        self.fields.fences.iter().find_map(|fence| {
            let (name, _) = fence.entries.iter().find(|(name, _)| Key::parse(name) == Some(key))?;
            Some((fence, name.as_str()))
        })
    }

    /// Replaces what gives `key` in a fence, when that is where it is given.
    fn replaced_in_fence(&mut self, key: Key, value: Option<Value>) -> Result<bool, Problem> {
        let Some((fence, name)) = self.in_fence(key) else { return Ok(false) };
        let edit = self.fence_edit(fence, name, value.as_ref())?;
        self.list.push(edit);
        Ok(true)
    }

    fn text_field(&mut self, key: Key, value: Option<&str>) -> Result<(), Problem> {
        if self.replaced_in_fence(key, value.map(Value::from))? {
            return Ok(());
        }
        let line = self.lines(key).next().map(|l| (l.content.clone(), l.span.clone()));
        match (line, value) {
            (Some((content, _)), Some(value)) => self.list.push((content, render::line(key, &render::scalar(value)))),
            (Some((_, span)), None) => self.list.push((span, String::new())),
            (None, Some(value)) => self.added.push((key, render::line(key, &render::scalar(value)))),
            (None, None) => {}
        }
        Ok(())
    }

    /// Lines whose arguments the new ones begin with stay; the first of the others is replaced.
    fn args(&mut self, args: &[&str]) -> Result<(), Problem> {
        let value = (!args.is_empty()).then(|| args.iter().copied().map(Value::from).collect());
        if self.replaced_in_fence(Key::Args, value)? {
            return Ok(());
        }
        let mut rest = args;
        let mut changed = Vec::new();
        for line in self.lines(Key::Args) {
            let own = interpret::args_of(line.value).unwrap_or_default();
            match rest.split_at_checked(own.len()) {
                Some((head, tail))
                    if changed.is_empty()
                        && head.iter().eq(own.iter().map(|arg| &**arg).collect::<Vec<_>>().iter()) =>
                {
                    rest = tail
                }
                _ => changed.push((line.content.clone(), line.span.clone())),
            }
        }
        let text = render::line(Key::Args, &render::args(rest.iter().copied()));
        let mut changed = changed.into_iter();
        if !rest.is_empty() {
            match changed.next() {
                Some((content, _)) => self.list.push((content, text)),
                None => self.added.push((Key::Args, text)),
            }
        }
        self.list.extend(changed.map(|(_, span)| (span, String::new())));
        Ok(())
    }

    /// Lines whose pairs are all unchanged stay; of the others each keeps what is left of its own,
    /// and new pairs get lines of their own.
    fn pairs(&mut self, key: Key, pairs: &BTreeMap<&str, &str>) -> Result<(), Problem> {
        let map = pairs.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect();
        if self.replaced_in_fence(key, (!pairs.is_empty()).then_some(Value::Object(map)))? {
            return Ok(());
        }
        let mut left = pairs.clone();
        let mut edits = Vec::new();
        for line in self.lines(key) {
            let own = interpret::pairs_of(line.value, key).unwrap_or_default();
            let kept: Vec<(&str, &str)> = own.iter().filter_map(|(k, _)| left.remove_entry(&**k)).collect();
            if kept.len() == own.len() && kept.iter().zip(&own).all(|(k, o)| k.1 == o.1) {
                continue;
            }
            let mut lines = pair_lines(key, &kept).into_iter();
            match lines.next() {
                Some(first) => {
                    let rest: String = lines.map(|l| format!("{}{l}", self.newline)).collect();
                    edits.push((line.content.clone(), first + &rest));
                }
                None => edits.push((line.span.clone(), String::new())),
            }
        }
        self.list.extend(edits);
        let left: Vec<(&str, &str)> = left.into_iter().collect();
        self.added.extend(pair_lines(key, &left).into_iter().map(|line| (key, line)));
        Ok(())
    }

    fn extra(&mut self, old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Result<(), Problem> {
        let mut added: Vec<(&String, &Value)> = Vec::new();
        for key in old.keys().chain(new.keys().filter(|k| !old.contains_key(*k))) {
            if old.get(key) == new.get(key) {
                continue;
            }
            match self.fields.fences.iter().find(|f| f.entries.iter().any(|(k, _)| k == key)) {
                Some(fence) => {
                    let edit = self.fence_edit(fence, key, new.get(key))?;
                    self.list.push(edit);
                }
                None => added.extend(new.get_key_value(key)),
            }
        }
        if added.is_empty() {
            return Ok(());
        }
        let edit = match self.fields.fences.last() {
            Some(fence) => {
                let lines: String =
                    added.iter().map(|(k, v)| render::yaml_entry(k, v, self.newline) + self.newline).collect();
                yaml_lines::append(self.text, fence, &lines, self.newline)
            }
            None => self.new_fence(&added),
        };
        self.list.push(edit);
        Ok(())
    }

    /// A fence of its own.
    fn new_fence(&self, entries: &[(&String, &Value)]) -> (Range<usize>, String) {
        let at = match (self.fence_at, self.fields.lines.last()) {
            (FenceAt::Fields, Some(line)) => line.span.end,
            (FenceAt::Fields, None) => self.section.body(),
            (FenceAt::End, _) => {
                let span = self.section.span();
                let content = self.text.get(span.clone()).unwrap_or_default();
                line_end(self.text, span.start + content.trim_end().len())
            }
        };
        let fence = render::fence(entries.iter().copied(), self.newline);
        let unended = !self.text.get(..at).unwrap_or_default().ends_with(['\n', '\r']);
        (at..at, format!("{}{}{fence}", if unended { self.newline } else { "" }, self.newline))
    }

    /// Replaces or removes a key of a fence.
    fn fence_edit(&self, fence: &Fence, key: &str, value: Option<&Value>) -> Result<(Range<usize>, String), Problem> {
        yaml_lines::replace(self.text, fence, key, value, self.newline).map_err(|why| {
            let line = self.section.line_at(self.text, fence.inner.start);
            Problem::new(line, format!("the key {} stands in a yaml block that {why}", shown::quote(key)))
                .hint("write the block as one field a line, without comments among them, or change it by hand")
        })
    }

    /// Added lines follow the section's last field line; a section that has only fences gets them
    /// below its heading.
    fn place_added(&mut self) {
        if self.added.is_empty() {
            return;
        }
        self.added.sort_by_key(|(key, _)| *key as usize);
        let lines: Vec<String> = self.added.drain(..).map(|(_, line)| line).collect();
        let block: String = lines.iter().map(|l| format!("{l}{}", self.newline)).collect();
        let edit = match self.fields.lines.last() {
            Some(last) => {
                let at = last.span.end;
                let unended = !self.text.get(..at).unwrap_or_default().ends_with(['\n', '\r']);
                (at..at, if unended { format!("{}{block}", self.newline) } else { block })
            }
            None => (self.section.body()..self.section.body(), format!("{0}{block}{0}", self.newline)),
        };
        self.list.push(edit);
    }

    fn apply(mut self) -> String {
        self.place_added();
        // Stable: an insertion behind a removed line stays behind it.
        self.list.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(self.text.len() + 256);
        let mut at = 0;
        for (range, text) in &self.list {
            out.push_str(self.text.get(at..range.start).unwrap_or_default());
            out.push_str(text);
            at = range.end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        out
    }
}

/// Field lines for pairs: one `env` line for all, one `header` line for each.
fn pair_lines(key: Key, pairs: &[(&str, &str)]) -> Vec<String> {
    if pairs.is_empty() {
        return Vec::new();
    }
    match key {
        Key::Header => pairs.iter().map(|(k, v)| render::line(key, &render::header(k, v))).collect(),
        _ => vec![render::line(key, &render::env(pairs.iter().copied()))],
    }
}

/// The parts of an entry as texts, whatever its transport.
struct Parts<'a> {
    description: &'a str,
    command: Option<&'a str>,
    url: Option<&'a str>,
    args: Vec<&'a str>,
    env: BTreeMap<&'a str, &'a str>,
    headers: BTreeMap<&'a str, &'a str>,
}

impl<'a> Parts<'a> {
    fn of(spec: &'a McpServerSpec) -> Self {
        let mut parts = Self {
            description: &spec.description,
            command: None,
            url: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            headers: BTreeMap::new(),
        };
        match &spec.transport {
            Transport::Stdio(stdio) => {
                parts.command = Some(&stdio.command);
                parts.args = stdio.args.iter().map(|a| a.as_str()).collect();
                parts.env = stdio.env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            }
            Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
                parts.url = Some(remote.url.as_str());
                parts.headers = remote.headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            }
        }
        parts
    }
}
