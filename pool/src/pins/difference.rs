//! In what a server differs from what it was.

use std::fmt;

use mcp_registry_spec::text;
use serde::Serialize;

use super::Part;

/// One thing in which a server differs from its pin (S18). Its `Display` is fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// Nobody has pinned it.
    NotPinned,
    /// It is pinned, and no entry of that name is there any more.
    NoEntry,
    /// Its entry is another.
    Entry,
    /// It says that it is of another version.
    Version {
        /// What it was.
        was: Option<String>,
        /// What it is.
        is: Option<String>,
    },
    /// Its instructions are others.
    Instructions,
    /// There is a tool that was not there.
    ToolAdded {
        /// Its name.
        tool: String,
    },
    /// A tool that was there is not.
    ToolRemoved {
        /// Its name.
        tool: String,
    },
    /// A tool says something else of itself.
    ToolChanged {
        /// Its name.
        tool: String,
        /// Which of its parts are others.
        parts: Vec<Part>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |version: &Option<String>| version.as_deref().map_or("none".to_owned(), text::quote);
        match self {
            Self::NotPinned => f.write_str("it is not pinned"),
            Self::NoEntry => f.write_str("it is pinned, and no entry has its name any more"),
            Self::Entry => f.write_str("its entry changed"),
            Self::Version { was, is } => write!(f, "its version was {}, and is {}", version(was), version(is)),
            Self::Instructions => f.write_str("its instructions changed"),
            Self::ToolAdded { tool } => write!(f, "the tool {} was added", text::quote(tool)),
            Self::ToolRemoved { tool } => write!(f, "the tool {} was removed", text::quote(tool)),
            Self::ToolChanged { tool, parts } => {
                let parts: Vec<_> = parts.iter().map(|part| words(*part)).collect();
                write!(f, "the tool {} changed: {}", text::quote(tool), parts.join(", "))
            }
        }
    }
}

/// A part of a tool, for people.
fn words(part: Part) -> &'static str {
    match part {
        Part::Description => "description",
        Part::Annotations => "annotations",
        Part::InputSchema => "input schema",
        Part::OutputSchema => "output schema",
        Part::Rest => "title, icons or metadata",
    }
}
