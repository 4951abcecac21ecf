//! Rules C32 to C36: what may not be written is asked for, and decided on by somebody else.

mod answers;
mod asking;
mod policy;

use serde_json::{Value, json};

use crate::service::{Ask, Reply, Service, entry};

const OPEN: &str = "[changes]\nenabled = true\n";
const CHANGES: &str = "/changes?agent_scope=scout";
const PREVIEW: &str = "/changes/preview?agent_scope=scout";

fn install(name: &str) -> Value {
    json!({"action": "install", "name": name, "entry": serde_json::from_str::<Value>(&entry(name)).unwrap()})
}

fn uninstall(name: &str) -> Value {
    json!({"action": "uninstall", "name": name})
}

impl Service {
    /// A service at which changes may be asked for.
    async fn open() -> Self {
        let service = Self::new().await;
        service.policy(OPEN);
        service
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.ask(Ask::new("POST", path).token(token).json(body.to_string())).await
    }

    async fn preview(&self, proposal: &Value) -> Value {
        let reply = self.post(&self.requester, PREVIEW, proposal).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// What is asked for, as a request that lacks nothing.
    async fn form(&self, proposal: &Value) -> Value {
        let mut form = proposal.clone();
        form["identity"] = self.preview(proposal).await["identity"].clone();
        form["confirm"] = json!(true);
        form["approval_reason"] = json!("needed for the tests");
        form
    }

    /// Asks for a change, and gives its id.
    async fn request(&self, proposal: &Value) -> String {
        let form = self.form(proposal).await;
        let reply = self.post(&self.requester, CHANGES, &form).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(reply.header("location"), format!("changes/{id}"));
        id
    }

    async fn decide(&self, token: &str, id: &str, how: &str) -> Reply {
        self.ask(Ask::new("POST", &format!("/changes/{id}/{how}")).token(token).json("")).await
    }

    async fn change(&self, id: &str) -> Value {
        self.get(&format!("/changes/{id}")).await.json()
    }
}

/// The status and the code of a refusal, once it is sure that it is one as rule C34 has it.
fn refusal(reply: &Reply) -> (u16, String) {
    let body = reply.json();
    let error = body["error"].as_object().unwrap_or_else(|| panic!("no error: {reply:?}"));
    assert!(error["message"].is_string() && error["retryable"].is_boolean() && error.len() == 3, "{reply:?}");
    assert_eq!(body["code"] == "denied", body["policy"].is_object(), "{reply:?}");
    (reply.status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
