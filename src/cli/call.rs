//! `call`: calling a tool.

use std::io;
use std::time::Duration;

use mcp_registry_pool::rmcp::model::{CallToolResult, ContentBlock, JsonObject, ResourceContents};
use mcp_registry_pool::{Call as Request, CallError, Server, qualify};
use mcp_registry_spec::json::Strict;
use mcp_registry_spec::{Error, ErrorKind, McpServerRegistry};
use serde_json::Value;

use super::app::RegistryCommand;
use super::bounded::read_text;
use super::failure::{Failure, Outcome};
use super::printer::{Printer, Text};
use super::{json, launches};

#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry call time get_current_time '{\"timezone\": \"UTC\"}'
          mcp-registry call files read_text_file - < arguments.json")]
pub(crate) struct Call {
    /// The server's name
    name: String,
    /// The tool, by the server's own name for it
    tool: String,
    /// Its arguments, a JSON object; - for standard input
    #[arg(value_name = "JSON")]
    arguments: Option<String>,
    /// How long each phase may take, and then the call
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl RegistryCommand for Call {
    const TOKIO: bool = true;

    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let arguments = arguments(self.arguments.as_deref())?;
        launches::with_server(registry, &self.name, self.timeout, async |pool, server| {
            let qualified = qualify(server.name(), &self.tool)?;
            let request = Request::new(arguments).within(self.timeout);
            let answer = pool.call(&qualified, request).await.map_err(failed)?;
            let shown = server.without_secrets(&answer);
            printer.data(&shown, |text| write(text, &answer, server))?;
            Ok(if answer.is_error == Some(true) { Outcome::Bad } else { Outcome::Good })
        })
        .await
    }
}

/// Reads the arguments of a tool.
fn arguments(given: Option<&str>) -> Result<JsonObject, Failure> {
    let wrong = || Failure::usage("the arguments of a tool are a JSON object", "write '{\"NAME\": VALUE}'");
    let read;
    let given = match given {
        None => return Ok(JsonObject::new()),
        Some("-") => {
            read = read_text(io::stdin().lock()).map_err(|cause| {
                Error::new(ErrorKind::Unavailable, "the arguments cannot be read")
                    .at("standard input", None)
                    .caused_by(cause)
            })?;
            &read
        }
        Some(given) => given,
    };
    match serde_json::from_str(given) {
        Ok(Strict(Value::Object(arguments))) => Ok(arguments),
        _ => Err(wrong()),
    }
}

fn failed(error: CallError) -> Error {
    match &error {
        CallError::NoSuchTool(_) => {
            Error::new(ErrorKind::NotInRegistry, error.to_string()).hint("see mcp-registry tools NAME")
        }
        CallError::Lost { stderr, .. } if !stderr.is_empty() => {
            Error::new(ErrorKind::Unavailable, error.to_string()).caused_by(format!("it said: {stderr}"))
        }
        _ => Error::new(ErrorKind::Unavailable, error.to_string()),
    }
}

/// Writes an answer for people, without what the server was given (S9).
fn write(text: &mut Text, answer: &CallToolResult, server: &Server) -> io::Result<()> {
    if let Some(structured) = &answer.structured_content {
        let mut line = Vec::new();
        json::write(&mut line, &server.without_secrets(structured))?;
        text.plain(&String::from_utf8_lossy(&line))?;
        return text.end_line();
    }
    let mut lines = |said: &str| lines(text, said, server);
    for block in &answer.content {
        match block {
            ContentBlock::Text(said) => lines(&said.text)?,
            ContentBlock::Image(image) => lines(&format!("({}, in --format json)", image.mime_type))?,
            ContentBlock::Audio(audio) => lines(&format!("({}, in --format json)", audio.mime_type))?,
            ContentBlock::Resource(embedded) => match &embedded.resource {
                ResourceContents::TextResourceContents { text: said, .. } => lines(said)?,
                _ => lines("(a resource, in --format json)")?,
            },
            ContentBlock::ResourceLink(link) => lines(&link.uri)?,
            _ => lines("(something else, in --format json)")?,
        }
    }
    Ok(())
}

/// Writes the lines of a text that a server wrote.
fn lines(text: &mut Text, said: &str, server: &Server) -> io::Result<()> {
    server.shown_lines(said).lines().try_for_each(|line| {
        text.untrusted(line)?;
        text.end_line()
    })
}
