//! What an entry refers to.

use crate::template::{Piece, Pieces};
use crate::{McpServerSpec, Transport};

/// A reference of an entry to a variable of the client's environment (rule 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The field that refers, as `env.TOKEN`, `args[2]`, `url`, `headers.Authorization`.
    pub field: String,
    /// The variable.
    pub variable: &'a str,
    /// Whether a default stands in when the variable is unset or empty.
    pub has_default: bool,
}

impl McpServerSpec {
    /// Every reference of the entry, field by field.
    ///
    /// ```
    /// let spec: mcp_registry_spec::McpServerSpec =
    ///     serde_json::from_str(r#"{"name":"a","command":"npx","env":{"TOKEN":"$PAT"}}"#)?;
    /// assert_eq!(spec.references()[0].variable, "PAT");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn references<'a>(&'a self) -> Vec<Reference<'a>> {
        let mut found = Vec::new();
        let mut look = |field: &dyn Fn() -> String, pieces: Pieces<'a>| {
            for piece in pieces {
                if let Piece::Reference { name, default } = piece {
                    found.push(Reference { field: field(), variable: name, has_default: default.is_some() });
                }
            }
        };
        match &self.transport {
            Transport::Stdio(stdio) => {
                stdio.args.iter().enumerate().for_each(|(i, arg)| look(&|| format!("args[{i}]"), arg.pieces()));
                stdio.env.iter().for_each(|(key, value)| look(&|| format!("env.{key}"), value.pieces()));
            }
            Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
                look(&|| "url".to_owned(), remote.url.pieces());
                remote.headers.iter().for_each(|(key, value)| look(&|| format!("headers.{key}"), value.pieces()));
            }
        }
        found
    }
}
