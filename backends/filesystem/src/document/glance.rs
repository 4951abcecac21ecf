//! Telling at a glance that an entry can be used, without making it.
//!
//! A listing shows next to nothing of an entry, yet must know whether it is broken. Most entries are
//! a command, plain arguments and plain variables, one line each; here these are seen to be in order
//! where they stand. Whatever is anything else is left to be read in earnest. That a glance never
//! says other than reading does is a property test.

use mcp_registry_spec::redact::is_secret_shaped;
use mcp_registry_spec::template::is_variable_name;
use mcp_registry_spec::{EnvTemplate, TextTemplate, TransportKind};

use super::blocks::Block;
use super::fields::{self, Key, Line};
use super::interpret::{is_flow, pair_of, pieces};
use super::section::Section;

/// The most variables that a glance takes in.
const MOST_VARIABLES: usize = 8;

/// The description of the entry that `section` makes; `None` when a glance cannot tell that it makes one.
/// The text holds no NUL.
pub(crate) fn description<'a>(section: &Section<'_>, text: &'a str) -> Option<&'a str> {
    let mut seen = Seen { is_other: !section.is_whole(), ..Seen::default() };
    for block in section.blocks() {
        match block {
            Block::Paragraph { span, comments } => fields::lines(text, span.clone(), comments, |line| {
                if let Line::Field(field) = line {
                    seen.field(field.key, field.value);
                }
            }),
            Block::Yaml { .. } => return None,
            Block::Other { .. } | Block::Heading { .. } => {}
        }
    }
    seen.description()
}

/// What was seen of a section.
#[derive(Default)]
pub(crate) struct Seen<'a> {
    command: bool,
    transport: bool,
    env: bool,
    description: Option<&'a str>,
    /// There is something else than a glance can tell to be in order.
    is_other: bool,
}

impl<'a> Seen<'a> {
    /// Looks at a line of a [plain](super::plain) section.
    pub(crate) fn line(&mut self, line: &'a str) {
        if let Some((key, value)) = Key::beginning(line) {
            self.field(key, fields::trim(value));
        }
    }

    fn field(&mut self, key: Key, value: &'a str) {
        self.is_other = self.is_other || !self.is_sound(key, value);
    }

    /// The description, when what was seen makes an entry that runs a command.
    pub(crate) fn description(self) -> Option<&'a str> {
        (self.command && !self.is_other).then(|| self.description.unwrap_or_default())
    }

    /// Whether a field is one that is in order, whatever else its section holds.
    fn is_sound(&mut self, key: Key, value: &'a str) -> bool {
        if is_flow(value) {
            return false;
        }
        match key {
            Key::Command => !std::mem::replace(&mut self.command, true) && !value.chars().all(char::is_whitespace),
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
    let mut count = 0;
    pieces(value).all(|piece| {
        let Ok((name, value)) = pair_of(piece, Key::Env) else { return false };
        let is_new = !names.iter().take(count).any(|other| *other == name);
        let Some(slot) = names.get_mut(count) else { return false };
        *slot = name;
        count += 1;
        is_new && is_variable_name(name) && !is_secret_shaped(name) && EnvTemplate::check(value).is_ok()
    })
}

fn is_template(arg: &str) -> bool {
    TextTemplate::check(arg).is_ok()
}
