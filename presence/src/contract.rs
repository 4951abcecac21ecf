//! The contract: which server must be there, and how it may be delivered.

use std::path::Path;

use mcp_registry_spec::json::Strict;
use mcp_registry_spec::{Result, ServerName, near, text};
use serde_json::Value;

use crate::delivery::Delivery;
use crate::fields::{Fields, wrong};
use crate::file;

/// The largest contract, in bytes.
const MOST: u64 = 256 << 10;
/// The most deliveries.
const MOST_DELIVERIES: usize = 64;

/// A contract that can be used (E3, E4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub(crate) server: ServerName,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) required_tool: Option<String>,
}

impl Contract {
    /// Reads the contract at a path.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`](mcp_registry_spec::ErrorKind::ConfigInvalid) for one that cannot be used,
    /// naming the file (E4).
    pub fn read(path: &Path) -> Result<Self> {
        let read = file::read(path, MOST).map_err(|why| wrong(format!("the contract cannot be used: {why}")));
        read.and_then(|text| Self::parse(&text)).map_err(|error| error.at(path, None))
    }

    /// Reads the text of a contract.
    ///
    /// # Errors
    /// As [`read`](Self::read), but for the file.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with(file::BYTE_ORDER_MARK) {
            return Err(wrong("the contract begins with a byte order mark"));
        }
        let Strict(value) =
            serde_json::from_str(text).map_err(|cause| wrong("the contract is no valid JSON").caused_by(cause))?;
        let mut fields = Fields::new(value, "the contract")?;
        fields.only(&["version", "server", "deliveries", "required_tool"])?;
        if fields.value("version")?.as_u64() != Some(1) {
            return Err(fields.bad("version", "is not 1, the only version there is"));
        }
        let server = fields.name("server")?;
        let required_tool = if fields.has("required_tool") { Some(fields.text("required_tool")?) } else { None };
        let deliveries = match fields.value("deliveries")? {
            Value::Array(items) if (1..=MOST_DELIVERIES).contains(&items.len()) => items,
            _ => return Err(fields.bad("deliveries", format!("is no list of 1 to {MOST_DELIVERIES}"))),
        };
        let numbered = deliveries.into_iter().enumerate();
        let deliveries = numbered.map(|(i, value)| Delivery::read(value, format!("deliveries[{i}]")));
        Ok(Self { server, required_tool, deliveries: deliveries.collect::<Result<_>>()? })
    }

    /// The server that must be there.
    #[must_use]
    pub fn server(&self) -> &ServerName {
        &self.server
    }

    /// How it may be delivered.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// The tool that proves it (E13).
    #[must_use]
    pub fn required_tool(&self) -> Option<&str> {
        self.required_tool.as_deref()
    }

    /// Refuses a contract of another server (E15).
    ///
    /// # Errors
    /// The refusal.
    pub fn must_be_of(&self, name: &ServerName) -> Result<()> {
        if *name == self.server {
            return Ok(());
        }
        let (own, asked) = (text::quote(self.server.as_str()), text::quote(name.as_str()));
        let error = wrong(format!("the contract is that of the server {own}, not of {asked}"));
        Err(match near::nearest(name.as_str(), [self.server.as_str()]) {
            Some(near) => error.hint(format!("did you mean \"{near}\"?")),
            None => error.hint("name another contract, or no server"),
        })
    }
}
