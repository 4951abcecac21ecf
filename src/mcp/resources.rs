//! The registry as resources: `registry://servers`, and one for each server (rule M10).

use mcp_registry_governance::Tool;
use mcp_registry_spec::{McpServerRef, ServerName};
use rmcp::ErrorData;
use rmcp::model::{
    ErrorCode, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use serde_json::json;

use super::answer::{Answer, Refused};
use super::caller::Caller;
use super::{Server, reads};

/// All servers.
pub(super) const SERVERS: &str = "registry://servers";
const JSON: &str = "application/json";
/// How many resources one page lists.
const PAGE: usize = 500;
/// The code of a request that was refused by a rule and not for its form; its data says by which.
pub(super) const REFUSED: ErrorCode = ErrorCode(-32001);

/// A resource there may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Uri {
    Servers,
    Server(ServerName),
}

impl Uri {
    pub(super) fn parse(uri: &str) -> Option<Self> {
        match uri.strip_prefix(SERVERS)? {
            "" => Some(Self::Servers),
            rest => ServerName::parse(rest.strip_prefix('/')?).ok().map(Self::Server),
        }
    }
}

/// A page of what there is; `cursor` is the name before it.
pub(super) async fn list(
    server: &Server,
    cursor: Option<&str>,
    caller: &Caller,
) -> Result<ListResourcesResult, ErrorData> {
    let after = cursor.map(ServerName::parse).transpose();
    let after = after.map_err(|_| ErrorData::invalid_params("the cursor is none that was given", None))?;
    permit(server, Tool::RegistryList, None, caller).await?;
    let listing = server.target().registry.list().await.map_err(|error| refused(error.into()))?;
    let mut resources = Vec::new();
    if after.is_none() {
        let all = Resource::new(SERVERS, "servers").with_title("Mounted servers").with_mime_type(JSON);
        resources.push(all.with_description("Everything that is mounted, broken entries beside it"));
    }
    let from = listing.servers.partition_point(|server| after.as_ref().is_some_and(|after| server.name <= *after));
    let rest = listing.servers.get(from..).unwrap_or_default();
    let (page, more) = rest.split_at(PAGE.min(rest.len()));
    resources.extend(page.iter().map(resource));
    let mut result = ListResourcesResult::with_all_items(resources);
    result.next_cursor = page.last().filter(|_| !more.is_empty()).map(|last| last.name.to_string());
    Ok(result)
}

fn resource(server: &McpServerRef) -> Resource {
    let resource = Resource::new(format!("{SERVERS}/{}", server.name), server.name.as_str()).with_mime_type(JSON);
    if server.description.is_empty() { resource } else { resource.with_description(&server.description) }
}

/// How the names of resources are made.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let template = ResourceTemplate::new(format!("{SERVERS}/{{name}}"), "server")
        .with_title("A mounted server")
        .with_description("The entry of a server, holding references, and its digest")
        .with_mime_type(JSON);
    ListResourceTemplatesResult::with_all_items(vec![template])
}

/// What a resource holds: what the tool of the same answers.
pub(super) async fn read(server: &Server, uri: &str, caller: &Caller) -> Result<ReadResourceResult, ErrorData> {
    let unknown = || ErrorData::resource_not_found("there is no such resource", Some(json!({"uri": uri})));
    let answer = match Uri::parse(uri).ok_or_else(unknown)? {
        Uri::Servers => {
            permit(server, Tool::RegistryList, None, caller).await?;
            reads::list(server).await
        }
        Uri::Server(name) => {
            permit(server, Tool::RegistryShow, Some(&name), caller).await?;
            reads::entry(server, &name).await
        }
    };
    let text = answer.map_err(|refusal| if refusal.is_absence() { unknown() } else { refused(refusal) })?;
    let contents = ResourceContents::text(text.into_content().to_string(), uri).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]))
}

async fn permit(server: &Server, tool: Tool, name: Option<&ServerName>, caller: &Caller) -> Result<(), ErrorData> {
    caller.must_see(server.target().place.scope.as_ref()).map_err(|refusal| refused(refusal.into()))?;
    server.permit(tool, name, caller).await.map_err(refused)
}

/// A refusal where there is no tool's result to say it in.
pub(super) fn refused(refusal: Refused) -> ErrorData {
    let answer = Answer::from(refusal);
    error_of(answer)
}

/// The same, of an answer that is an error.
pub(super) fn error_of(answer: Answer) -> ErrorData {
    let content = answer.into_content();
    let said = ["/error/message", "/policy/reason", "/execution/error/message"];
    let message = said.iter().find_map(|path| content.pointer(path)?.as_str()).unwrap_or("refused").to_owned();
    ErrorData::new(REFUSED, message, Some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m10_uris() {
        assert_eq!(Uri::parse("registry://servers"), Some(Uri::Servers));
        assert_eq!(Uri::parse("registry://servers/a+b"), Some(Uri::Server(ServerName::parse("a+b").unwrap())));
        for none in
            ["", "registry://", "registry://servers/", "registry://servers/../x", "registry://serversx", "file:///x"]
        {
            assert_eq!(Uri::parse(none), None, "{none}");
        }
    }
}
