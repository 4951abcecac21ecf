//! No secret of the environment in any answer, log or ledger (rule M6).

use serde_json::json;

use crate::agent::{Agent, OPEN, SECRET};
use crate::http::Service;

#[test]
fn m6_no_secret_of_the_environment_is_anywhere() {
    let agent = Agent::with_policy(OPEN);
    let mut said = String::new();
    let mut client = agent.client(&["--operator"]);
    let entry = json!({"command": "npx", "args": ["${GITHUB_PAT}"], "env": {"A": "$GITHUB_PAT"}});
    let change = json!({"action": "install", "name": "leaky", "entry": entry});
    let literal =
        json!({"action": "install", "name": "leaky", "entry": {"command": "npx", "env": {"API_KEY": SECRET}}});
    for (tool, arguments) in [
        ("registry_list", json!({})),
        ("registry_show", json!({"name": "github"})),
        ("registry_show", json!({"name": "search"})),
        ("registry_show", json!({"name": SECRET})),
        ("registry_validate", json!({})),
        ("registry_capabilities", json!({})),
        ("doctor", json!({})),
        ("change_preview", literal.clone()),
        ("change_preview", change.clone()),
    ] {
        let (content, _) = client.call(tool, arguments.clone());
        // A name that is asked for is no secret, and told of as it was given.
        said += &if arguments["name"] == SECRET { String::new() } else { content.to_string() };
    }
    let identity = client.done("change_preview", change.clone())["identity"].clone();
    let mut form = change;
    let rest = json!({"confirm": true, "actor_role": "OPS", "requested_by": "a", "approval_reason": "b", "identity": identity});
    form.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let asked = client.done("change_request", form);
    said += &asked.to_string();
    said += &client.done("approval_approve", json!({"id": asked["approval"]["id"]})).to_string();
    said += &client.done("approval_list", json!({})).to_string();
    for uri in ["registry://servers", "registry://servers/leaky"] {
        said += &client.request("resources/read", json!({"uri": uri})).unwrap().to_string();
    }
    said += &format!("{:?}", client.close());
    let token = agent.token("reader", "reader", "*");
    let service = Service::start(&agent, &[]);
    let bearing = format!("Bearer {token}");
    let session = service.begin(&[("Authorization", &bearing)]).unwrap();
    said += &service
        .ask(&[("Authorization", &bearing)], &session, "tools/call", json!({"name": "registry_list"}))
        .to_string();
    said += &service.stop();
    said += &std::fs::read_to_string(agent.path("state/ledger.jsonl")).unwrap();
    assert!(said.contains("$GITHUB_PAT") && said.contains("transition"), "{said}");
    for secret in [SECRET, "hunter2", &token] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}
