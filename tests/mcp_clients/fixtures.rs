//! The tools, resources and prompts that the generic scenarios of the conformance tool call, behind the same
//! HTTP as ours: what passes here shows that it carries all that the protocol has.
#![expect(deprecated, reason = "the scenarios are of the revision that still has logging and sampling")]

use std::sync::Arc;
use std::time::Duration;

use mcp_registry::catalog::Log;
use mcp_registry::mcp::http::{self, Door, PATH};
use mcp_registry_store::{Options, Store, Tokens};
use rmcp::handler::server::ServerHandler;
use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::Agent;

/// One red point, as PNG.
const IMAGE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// No sound at all, as WAV.
const AUDIO: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

/// Serves the fixtures, as long as the runtime is there.
pub(crate) fn listening(agent: &Agent) -> (Runtime, String) {
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let place = mcp_registry::Locator::new(&format!("sqlite:{}", agent.path("tokens.db").display()));
    let tokens = Tokens::new(Store::new(&place, Options::default()).unwrap());
    let door = Door::new(address, false, false, false, tokens).unwrap();
    let log = Log::to(std::io::sink()).unwrap();
    let never = std::future::pending();
    runtime.spawn(http::serve(listener, None, door, || Fixtures, log, never, Duration::from_secs(1)));
    (runtime, format!("http://{address}{PATH}"))
}

struct Fixtures;

const TOOLS: &[&str] = &[
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_error_handling",
    "test_tool_with_progress",
    "test_sampling",
];

fn object(value: Value) -> Arc<JsonObject> {
    Arc::new(value.as_object().unwrap().clone())
}

fn embedded() -> ContentBlock {
    ContentBlock::embedded_text("test://embedded-resource", "This is an embedded resource content.")
}

impl Fixtures {
    async fn log(&self, context: &RequestContext<RoleServer>) {
        for said in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
            let param = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(said));
            context.peer.notify_logging_message(param).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn progress(&self, context: &RequestContext<RoleServer>) {
        let Some(token) = context.meta.get_progress_token() else { return };
        for progress in [0.0, 50.0, 100.0] {
            let param = ProgressNotificationParam::new(token.clone(), progress).with_total(100.0);
            context.peer.notify_progress(param).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn sample(&self, prompt: &str, context: &RequestContext<RoleServer>) -> ContentBlock {
        let message = SamplingMessage::user_text(prompt);
        let answer = context.peer.create_message(CreateMessageRequestParams::new(vec![message], 100)).await.unwrap();
        ContentBlock::text(format!("LLM response: {:?}", answer.message.content))
    }
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_logging()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_tools()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("fixtures", "0"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = object(json!({"type": "object", "properties": {"prompt": {"type": "string"}}}));
        let mut tools: Vec<_> = TOOLS.iter().map(|name| Tool::new(*name, "A fixture", schema.clone())).collect();
        let schema = object(json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {"address": {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
            "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
            "additionalProperties": false,
        }));
        tools.push(Tool::new("json_schema_2020_12_tool", "A fixture", schema));
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let image = || ContentBlock::image(IMAGE, "image/png");
        let content = match &*request.name {
            "test_simple_text" => vec![ContentBlock::text("This is a simple text response for testing.")],
            "test_image_content" => vec![image()],
            "test_audio_content" => vec![ContentBlock::audio(AUDIO, "audio/wav")],
            "test_embedded_resource" => vec![embedded()],
            "test_multiple_content_types" => {
                vec![ContentBlock::text("Multiple content types test:"), image(), embedded()]
            }
            "test_tool_with_logging" => {
                self.log(&context).await;
                vec![ContentBlock::text("logged")]
            }
            "test_tool_with_progress" => {
                self.progress(&context).await;
                vec![ContentBlock::text("done")]
            }
            "test_sampling" => {
                let prompt = request.arguments.as_ref().and_then(|all| all.get("prompt")?.as_str()).unwrap_or_default();
                vec![self.sample(prompt, &context).await]
            }
            "test_error_handling" => {
                let text = ContentBlock::text("This tool intentionally returns an error for testing");
                return Ok(CallToolResult::error(vec![text]).into());
            }
            _ => return Err(ErrorData::invalid_params("there is no such tool", None)),
        };
        Ok(CallToolResult::success(content).into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = |name: &str| Resource::new(format!("test://{name}"), name).with_description("A fixture");
        Ok(ListResourcesResult::with_all_items(
            ["static-text", "static-binary", "watched-resource"].map(resource).into(),
        ))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = ResourceTemplate::new("test://template/{id}/data", "template");
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let contents = match uri.strip_prefix("test://").unwrap_or_default() {
            "static-text" => ResourceContents::text("This is the content of the static text resource.", &uri),
            "static-binary" => ResourceContents::blob(IMAGE, &uri).with_mime_type("image/png"),
            rest => match rest.strip_prefix("template/").and_then(|rest| rest.strip_suffix("/data")) {
                Some(id) => {
                    let text = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
                    ResourceContents::text(text.to_string(), &uri).with_mime_type("application/json")
                }
                None => return Err(ErrorData::resource_not_found("there is no such resource", None)),
            },
        };
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let with = |names: &[&str]| {
            let argument = |name: &&str| PromptArgument::new(*name).with_description("A fixture").with_required(true);
            (!names.is_empty()).then(|| names.iter().map(argument).collect())
        };
        let prompt = |name: &str, arguments: &[&str]| Prompt::new(name, Some("A fixture"), with(arguments));
        Ok(ListPromptsResult::with_all_items(vec![
            prompt("test_simple_prompt", &[]),
            prompt("test_prompt_with_arguments", &["arg1", "arg2"]),
            prompt("test_prompt_with_embedded_resource", &["resourceUri"]),
            prompt("test_prompt_with_image", &[]),
        ]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let given = request.arguments.unwrap_or_default();
        let argument = |name: &str| given.get(name).map(ToString::to_string).unwrap_or_default().replace('"', "");
        let content = match &*request.name {
            "test_simple_prompt" => ContentBlock::text("This is a simple prompt for testing."),
            "test_prompt_with_arguments" => {
                let (one, two) = (argument("arg1"), argument("arg2"));
                ContentBlock::text(format!("Prompt with arguments: arg1='{one}', arg2='{two}'"))
            }
            "test_prompt_with_embedded_resource" => ContentBlock::embedded_text(argument("resourceUri"), "Embedded"),
            "test_prompt_with_image" => ContentBlock::image(IMAGE, "image/png"),
            _ => return Err(ErrorData::invalid_params("there is no such prompt", None)),
        };
        Ok(GetPromptResult::new(vec![PromptMessage::new(Role::User, content)]).into())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Ok(CompleteResult::new(CompletionInfo::new(vec!["paris".to_owned()]).unwrap()))
    }
}
