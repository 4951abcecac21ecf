//! Telling at a glance that an entry can be used, without making it.
//!
//! A listing shows next to nothing of an entry, yet must know whether it is broken. Most entries are
//! a command, plain arguments and plain variables, one line each; here these are seen to be in order
//! where they stand. Whatever is anything else is left to be read in earnest. That a glance never
//! says other than reading does is a property test.

use std::borrow::Cow;

use mcp_registry_spec::redact::redact;
use mcp_registry_spec::template::is_variable_name;
use mcp_registry_spec::{EnvTemplate, TextTemplate, TransportKind};

use super::Summary;
use super::blocks::Block;
use super::fields::{self, FieldLine, Key, Line};
use super::interpret::{is_flow, pair_of, pieces};
use super::section::Section;

/// The most variables that a glance takes in.
const MOST_VARIABLES: usize = 8;

/// The summary of the entry that `section` makes; `None` when a glance cannot tell that it makes one.
/// The text holds no NUL.
pub(crate) fn summary<'a>(section: &Section<'_>, text: &'a str) -> Option<Summary<'a>> {
    let mut seen = Seen::default();
    let mut is_plain = section.is_whole();
    for block in section.blocks() {
        match block {
            Block::Paragraph { span, comments } => fields::lines(text, span.clone(), comments, |line| {
                if let Line::Field(field) = line {
                    is_plain = is_plain && seen.is_sound(&field);
                }
            }),
            Block::Yaml { .. } => return None,
            Block::Other { .. } | Block::Heading { .. } => {}
        }
    }
    let description = seen.description.unwrap_or_default().into();
    (is_plain && seen.command).then_some(Summary { transport: TransportKind::Stdio, description })
}

/// What was seen of a section.
#[derive(Default)]
struct Seen<'a> {
    command: bool,
    transport: bool,
    env: bool,
    description: Option<&'a str>,
}

impl<'a> Seen<'a> {
    /// Whether a field is one that is in order, whatever else its section holds.
    fn is_sound(&mut self, field: &FieldLine<'a>) -> bool {
        let value = field.value;
        if is_flow(value) {
            return false;
        }
        match field.key {
            Key::Command => !std::mem::replace(&mut self.command, true) && !value.trim().is_empty(),
            Key::Description => self.description.replace(value).is_none(),
            Key::Transport => !std::mem::replace(&mut self.transport, true) && value == TransportKind::Stdio.as_str(),
            // Without a dollar there is nothing in a template that could be wrong.
            Key::Args => memchr::memchr(b'$', value.as_bytes()).is_none() || pieces(value).all(is_template),
            Key::Env => !std::mem::replace(&mut self.env, true) && are_variables(value),
            Key::Url | Key::Header => false,
        }
    }
}

/// Whether a value sets variables, each once.
fn are_variables(value: &str) -> bool {
    let mut names = [""; MOST_VARIABLES];
    let mut slots = 0..MOST_VARIABLES;
    pieces(value).all(|piece| {
        let Ok((name, value)) = pair_of(piece, Key::Env) else { return false };
        let is_new = !names.contains(&name);
        let Some(slot) = slots.next().and_then(|i| names.get_mut(i)) else { return false };
        *slot = name;
        is_new && is_variable_name(name) && is_shown(name) && EnvTemplate::check(value).is_ok()
    })
}

fn is_template(arg: &str) -> bool {
    TextTemplate::check(arg).is_ok()
}

/// Whether a name looks like no credential.
fn is_shown(name: &str) -> bool {
    matches!(redact(name), Cow::Borrowed(_))
}
