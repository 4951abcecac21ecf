//! Rules C37 to C43: agents report, and everybody sees in which state they are.

mod binary;
mod heartbeat;
mod listing;
mod reporters;
mod reports;
mod states;

use mcp_registry::{AgentId, Scope, ServerName};
use mcp_registry_store::{Requirement, Requirements};
use serde_json::{Value, json};

use crate::service::{Ask, Reply, Service};

/// An agent, and the token by which it reports.
struct Agent {
    scope: &'static str,
    id: &'static str,
    token: String,
}

impl Agent {
    async fn of(service: &Service, scope: &'static str, id: &'static str) -> Self {
        let (place, agent) = (Scope::parse(scope).unwrap(), AgentId::parse(id).unwrap());
        let name = format!("reporter-{scope}-{id}");
        let token = service.tokens.create_reporter(&name, &place, &agent, None).await.unwrap();
        Self { scope, id, token: token.expose().to_owned() }
    }

    /// What it says, with `more` in the place of what it says of that else.
    fn says(&self, more: &Value) -> Value {
        let mut body = json!({"id": self.id, "scope": self.scope, "runtime": "test", "mcp_server_present": true});
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        body
    }

    fn ask(&self, path: &str, body: &Value) -> Ask {
        Ask::new("POST", path).token(&self.token).json(body.to_string())
    }

    async fn register(&self, service: &Service, more: &Value) -> Reply {
        service.ask(self.ask("/agents/register", &self.says(more))).await
    }

    async fn heartbeat(&self, service: &Service, more: &Value) -> Reply {
        service.ask(self.ask(&format!("/agents/{}/heartbeat", self.id), &self.says(more))).await
    }
}

impl Service {
    async fn require(&self, scope: &str, server: &str, tool: Option<&str>) {
        let (scope, server) = (Scope::parse(scope).unwrap(), ServerName::parse(server).unwrap());
        let requirement = Requirement { scope, server, tool: tool.map(str::to_owned) };
        Requirements::new(self.tokens.store().clone()).require(&requirement).await.unwrap();
    }

    /// The agents of the scope `scout`, as its reader sees them.
    async fn agents(&self) -> Vec<Value> {
        let reply = self.get("/agents?agent_scope=scout").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["agents"].as_array().unwrap().clone()
    }
}

/// The status of an answer, and the reason it gives beside the error.
fn refused(reply: &Reply) -> (u16, String) {
    assert!(!reply.kind().is_empty());
    (reply.status.as_u16(), reply.json()["reason"].as_str().unwrap_or_default().to_owned())
}
