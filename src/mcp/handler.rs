//! The protocol's requests, each led to what answers it (rules M1 to M4).

use hyper::http::request::Parts;
use mcp_registry_governance::Tool;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, CustomRequest, CustomResult,
    ErrorCode, Extensions, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities,
    ServerConfig, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value};

use super::answer::Answer;
use super::caller::Caller;
use super::session::Session;
use super::{Server, messages, resources, tools};

/// What a client is told to do here.
const INSTRUCTIONS: &str = "\
This server says which MCP servers an agent has mounted. Look with registry_list, registry_show and \
registry_validate. You cannot change anything by yourself: to install, update or uninstall a server, call \
change_preview first, read the difference and the policy's decision, then change_request with the identity that the \
preview gave, confirm: true, your role, your name and the reason. The request waits until a person approves it; \
approval_get tells how it stands, change_cancel takes it back. Never write a secret into an entry: refer to an \
environment variable, as in \"$GITHUB_PAT\". A refused call says what to mend. doctor shows the operator's policy.";

/// A client's side of the server.
pub(super) struct Handler {
    server: Server,
    /// Who calls, where no request says it.
    caller: Option<Caller>,
    session: Session,
}

impl Handler {
    /// The side of the one process that `caller` is.
    pub(super) fn of(server: Server, caller: Caller) -> Self {
        Self { server, caller: Some(caller), session: Session::default() }
    }

    /// The side of a client whose every request says who calls.
    pub(super) fn over_http(server: Server) -> Self {
        Self { server, caller: None, session: Session::default() }
    }

    /// Who sent a request.
    ///
    /// # Errors
    /// When nobody says so; whoever came in by the front was told of.
    fn caller(&self, extensions: &Extensions) -> Result<Caller, ErrorData> {
        let told = || extensions.get::<Parts>()?.extensions.get::<Caller>().cloned();
        let nobody = || ErrorData::internal_error("it is not known who sent this request", None);
        self.caller.clone().or_else(told).ok_or_else(nobody)
    }

    async fn call(&self, tool: Tool, arguments: Option<Map<String, Value>>, caller: &Caller) -> Answer {
        self.server.call(tool, arguments.unwrap_or_default(), caller).await
    }
}

/// What is not offered.
fn not_found(method: impl Into<String>) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method.into(), None)
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .build();
        let implementation = Implementation::new("mcp-registry", env!("CARGO_PKG_VERSION"))
            .with_title("mcp-registry")
            .with_description("Says which MCP servers an agent has mounted, and takes requests to change that");
        ServerConfig::new(capabilities).with_server_info(implementation).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        // They are few, and all on the first page.
        if request.is_some_and(|request| request.cursor.is_some()) {
            return Err(ErrorData::invalid_params("the cursor is none that was given", None));
        }
        let offered = self.server.offered().filter_map(tools::described).cloned().collect();
        Ok(ListToolsResult::with_all_items(offered))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.server.tool(&request.name) else {
            let name = mcp_registry_spec::text::quote(&request.name);
            return Err(ErrorData::invalid_params(format!("there is no tool {name}"), None));
        };
        let caller = self.caller(&context.extensions)?;
        Ok(self.call(tool, request.arguments, &caller).await.into_result().into())
    }

    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        tools::described(self.server.tool(name)?).cloned()
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        resources::list(&self.server, cursor.as_deref(), &self.caller(&context.extensions)?).await
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller(&context.extensions)?;
        Ok(resources::read(&self.server, &request.uri, &caller).await?.into())
    }

    async fn subscribe(&self, request: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        if self.session.subscribe(&request.uri) {
            return Ok(());
        }
        Err(ErrorData::resource_not_found("there is no such resource, or too many are subscribed to", None))
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.session.unsubscribe(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let uris = requested.resource_subscriptions.iter().flatten();
        let known = uris.filter(|uri| resources::Uri::parse(uri).is_some()).cloned();
        Some(SubscriptionFilter::builder().resources_list_changed().resource_subscriptions(known).build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let Some(_stream) = self.server.stream() else {
            return Err(ErrorData::internal_error("too many listen already", None));
        };
        let mut changes = self.server.watch().changes();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
            }
            let (sink, accepted) = (context.sink(), context.accepted());
            if accepted.resources_list_changed == Some(true) && sink.notify_resource_list_changed().await.is_err() {
                return Ok(());
            }
            for uri in accepted.resource_subscriptions.iter().flatten() {
                if sink.notify_resource_updated(uri).await.is_err() {
                    return Ok(());
                }
            }
        }
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.session.tell(context.peer, self.server.watch());
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(not_found("prompts/list"))
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(not_found("completion/complete"))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        let Some(tool) = messages::tool_of(&method).and_then(|tool| self.server.tool(tool.as_str())) else {
            // A request that is known, and whose parameters are not what it takes, comes here as well.
            return Err(if messages::is_offered(&method) {
                ErrorData::invalid_params(format!("the parameters are not those of {method}"), None)
            } else {
                not_found(method)
            });
        };
        let arguments = match request.params {
            None | Some(Value::Null) => None,
            Some(Value::Object(arguments)) => Some(arguments),
            Some(_) => return Err(ErrorData::invalid_params("the parameters are no object", None)),
        };
        let answer = self.call(tool, arguments, &self.caller(&context.extensions)?).await;
        if answer.is_error() { Err(resources::error_of(answer)) } else { Ok(CustomResult::new(answer.into_content())) }
    }
}
