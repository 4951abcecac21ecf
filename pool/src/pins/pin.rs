//! What is kept of one server.

use std::collections::BTreeMap;

use mcp_registry_spec::{Digest, Error, ErrorKind, Result, named, text};
use rmcp::model::Tool;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Difference;
use crate::verifier::Seen;

/// The longest version that is kept, in bytes.
const LONGEST_VERSION: usize = 256;

named! {
    /// A part of a tool, named as in the file of the pins.
    pub enum Part {
        /// What it is for, in words that a model reads.
        Description = "description",
        /// Hints on how it behaves.
        Annotations = "annotations",
        /// What it takes.
        InputSchema = "input_schema",
        /// What it gives.
        OutputSchema = "output_schema",
        /// Whatever else it says of itself: its title, its icons.
        Rest = "rest",
    }
}

/// What a server showed, as hashes (S17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The digest of the entry it was started by.
    pub entry: Digest,
    /// The version that it said it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Digest>,
    /// Its tools by their names.
    pub tools: BTreeMap<String, ToolPin>,
}

/// What a tool says of itself, as hashes of canonical JSON; what it does not say has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolPin {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_schema: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<Digest>,
}

impl Pin {
    /// The pin of a server that was started by the entry of that digest.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] for a version that is longer than 256 bytes or cannot be shown, and for a tool that
    /// has no canonical JSON.
    pub(crate) fn of(entry: Digest, seen: &Seen<'_>) -> Result<Self> {
        let version = seen.info.server_info.as_ref().map(|server| server.version.clone());
        if version.as_ref().is_some_and(|version| version.len() > LONGEST_VERSION) {
            return Err(unfit(seen, &format!("has a version of more than {LONGEST_VERSION} bytes")));
        }
        if version.as_ref().is_some_and(|version| version.contains(text::is_unprintable)) {
            return Err(unfit(seen, "has a version with characters that cannot be shown"));
        }
        let instructions = seen.info.instructions.as_ref().map(Digest::of_json).transpose()?;
        let tools = seen.tools.iter().map(|tool| Ok((tool.name.to_string(), ToolPin::of(tool)?)));
        Ok(Self { entry, version, instructions, tools: tools.collect::<Result<_>>()? })
    }

    /// In what `now` differs from this; empty where it does not.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        if self.entry != now.entry {
            found.push(Difference::Entry);
        }
        if self.version != now.version {
            found.push(Difference::Version { was: self.version.clone(), is: now.version.clone() });
        }
        if self.instructions != now.instructions {
            found.push(Difference::Instructions);
        }
        let names: std::collections::BTreeSet<_> = self.tools.keys().chain(now.tools.keys()).collect();
        found.extend(names.into_iter().filter_map(|name| match (self.tools.get(name), now.tools.get(name)) {
            (Some(_), None) => Some(Difference::ToolRemoved { tool: name.clone() }),
            (None, Some(_)) => Some(Difference::ToolAdded { tool: name.clone() }),
            (Some(was), Some(is)) => {
                let parts = was.differing(is);
                (!parts.is_empty()).then(|| Difference::ToolChanged { tool: name.clone(), parts })
            }
            (None, None) => None,
        }));
        found
    }
}

fn unfit(seen: &Seen<'_>, why: &str) -> Error {
    Error::new(ErrorKind::InvalidSpec, format!("the server {:?} {why}", seen.name.as_str()))
}

impl ToolPin {
    fn of(tool: &Tool) -> Result<Self> {
        let cannot = |cause| Error::new(ErrorKind::InvalidSpec, "a tool has no JSON form").caused_by(cause);
        let Value::Object(mut said) = serde_json::to_value(tool).map_err(cannot)? else {
            return Err(Error::new(ErrorKind::InvalidSpec, "a tool is no JSON object"));
        };
        said.remove("name");
        let mut of = |key: &str| said.remove(key).as_ref().map(Digest::of_json).transpose();
        Ok(Self {
            description: of("description")?,
            annotations: of("annotations")?,
            input_schema: of("inputSchema")?,
            output_schema: of("outputSchema")?,
            // Whatever it is: nothing that it says changes unnoticed.
            rest: Some(said)
                .filter(|rest: &Map<_, _>| !rest.is_empty())
                .map(|rest| Digest::of_json(&rest))
                .transpose()?,
        })
    }

    fn part(&self, part: Part) -> Option<Digest> {
        match part {
            Part::Description => self.description,
            Part::Annotations => self.annotations,
            Part::InputSchema => self.input_schema,
            Part::OutputSchema => self.output_schema,
            Part::Rest => self.rest,
        }
    }

    fn differing(&self, other: &Self) -> Vec<Part> {
        Part::ALL.iter().copied().filter(|part| self.part(*part) != other.part(*part)).collect()
    }
}
