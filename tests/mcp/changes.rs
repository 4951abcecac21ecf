//! Asking for changes, and deciding on them.

use serde_json::{Value, json};

use crate::agent::{Agent, Client, OPEN};

fn change() -> Value {
    json!({"action": "install", "name": "time", "entry": {"command": "uvx", "args": ["mcp-server-time"]}})
}

/// What a request says, all of it.
fn form(identity: &Value) -> Value {
    let mut form = change();
    let said = json!({
        "confirm": true, "actor_role": "ops", "requested_by": "agent", "approval_reason": "what time is it?",
        "identity": identity,
    });
    form.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    form
}

fn identity(client: &mut Client) -> Value {
    client.done("change_preview", change())["identity"].clone()
}

/// Asks for the change; its id.
fn asked(client: &mut Client) -> Value {
    let identity = identity(client);
    client.done("change_request", form(&identity))["approval"]["id"].clone()
}

#[test]
fn m3_from_preview_to_the_document() {
    let agent = Agent::with_policy(OPEN);
    let mut client = agent.client(&["--operator"]);
    let preview = client.done("change_preview", change());
    assert_eq!((&preview["validation"], &preview["can_apply"]), (&json!("fail-closed"), &json!(true)), "{preview}");
    assert!(!agent.document().contains("mcp-server-time"));
    let requested = client.done("change_request", form(&preview["identity"]));
    assert_eq!((&requested["approval"]["state"], &requested["is_new"]), (&json!("pending"), &json!(true)));
    assert_eq!(requested["approval"]["actor_role"], "OPS");
    assert_eq!(
        (&requested["approval"]["source"], &requested["approval"]["mode"]),
        (&json!("mcp-stdio"), &json!("claimed"))
    );
    let again = client.done("change_request", form(&preview["identity"]));
    assert_eq!((&again["approval"]["id"], &again["is_new"]), (&requested["approval"]["id"], &json!(false)));
    let id = json!({"id": requested["approval"]["id"]});
    assert_eq!(client.done("approval_get", id.clone())["approval"]["state"], "pending");
    let listed = client.done("approval_list", json!({"status": "pending"}));
    assert_eq!((&listed["status_filter"], listed["approvals"].as_array().unwrap().len()), (&json!("pending"), 1));
    assert!(!agent.document().contains("mcp-server-time"));
    let done = client.done("approval_approve", id.clone());
    assert_eq!((&done["approval"]["state"], &done["execution"]["ok"]), (&json!("completed"), &json!(true)), "{done}");
    assert_ne!(done["approval"]["decided_by"], "nobody-says-so", "variables say whatever somebody set them to");
    assert!(agent.document().contains("mcp-server-time"), "{}", agent.document());
    assert_eq!(client.refused("approval_approve", id.clone()), "conflict");
    assert_eq!(client.refused("approval_reject", id), "conflict");
}

#[test]
fn m3_a_request_says_everything_in_its_order() {
    let agent = Agent::with_policy("version = 1\n[changes]\nenabled = false\n");
    let mut client = agent.client(&[]);
    let identity = identity(&mut client);
    let mut bare = change();
    bare["confirm"] = json!("true");
    bare["actor_role"] = json!(7);
    assert_eq!(client.refused("change_request", bare.clone()), "changes_disabled", "the gate is asked first");
    agent.write("policy.toml", OPEN);
    for (field, value, code) in [
        ("confirm", json!("true"), "confirm_required"),
        ("confirm", json!(1), "confirm_required"),
        ("confirm", Value::Null, "confirm_required"),
        ("actor_role", json!("guest"), "role_not_allowed"),
        ("actor_role", json!(7), "role_not_allowed"),
        ("requested_by", json!(" "), "requested_by_required"),
        ("approval_reason", json!(""), "approval_reason_required"),
        ("scheduled_at", json!("tomorrow"), "schedule_invalid"),
        ("scheduled_at", json!(7), "schedule_invalid"),
        ("identity", json!("sha256:0"), "identity_changed"),
    ] {
        let mut form = form(&identity);
        form[field] = value.clone();
        assert_eq!(client.refused("change_request", form), code, "{field} {value}");
        let mut form = self::form(&identity);
        form.as_object_mut().unwrap().remove(field);
        if field != "scheduled_at" {
            assert_eq!(client.refused("change_request", form), code, "{field} left out");
        }
    }
    assert_eq!(client.done("approval_list", json!({}))["approvals"], json!([]));
}

#[test]
fn m3_a_request_is_taken_back_by_who_asked() {
    let mut client = Agent::with_policy(OPEN).client(&[]);
    let id = asked(&mut client);
    assert_eq!(client.refused("change_cancel", json!({"id": id, "requested_by": "somebody"})), "not_requester");
    let taken = client.done("change_cancel", json!({"id": id, "requested_by": "agent", "reason": "never mind"}));
    assert_eq!(taken["approval"]["state"], "cancelled");
    assert_eq!(client.refused("change_cancel", json!({"id": id, "requested_by": "agent"})), "conflict");
}

#[test]
fn m14_methods_of_their_own_answer_the_same() {
    let mut client = Agent::with_policy(OPEN).client(&["--operator"]);
    let id = asked(&mut client);
    let listed = client.request("approvals/list", json!({"status": "pending", "_meta": {"x": 1}})).unwrap();
    assert_eq!(listed, client.done("approval_list", json!({"status": "pending"})));
    assert_eq!(
        client.request("approvals/list", json!({"limits": 1})).unwrap_err()["data"]["error"]["code"],
        "invalid_arguments"
    );
    let got = client.request("approvals/get", json!({"id": id})).unwrap();
    assert_eq!(got, client.done("approval_get", json!({"id": id})));
    let rejected = client.request("approvals/reject", json!({"id": id, "reason": "no"})).unwrap();
    assert_eq!(rejected["approval"]["state"], "rejected");
    let error = client.request("approvals/approve", json!({"id": id})).unwrap_err();
    assert_eq!((&error["code"], &error["data"]["error"]["code"]), (&json!(-32001), &json!("conflict")), "{error}");
    let id = asked(&mut client);
    let done = client.request("approvals/approve", json!({"id": id})).unwrap();
    assert_eq!(done["execution"]["ok"], true);
}

#[test]
fn m6_an_approval_whose_execution_failed_is_an_error() {
    let agent = Agent::with_policy(OPEN);
    let mut client = agent.client(&["--operator"]);
    let id = asked(&mut client);
    // Somebody else was quicker.
    agent.write("agent/mcp.md", "## time\n\ncommand: uvx\nargs: another\n");
    let (content, is_error) = client.call("approval_approve", json!({"id": id}));
    assert!(is_error, "{content}");
    assert_eq!((&content["execution"]["ok"], &content["approval"]["state"]), (&json!(false), &json!("failed")));
    assert!(agent.document().contains("another"));
    let id = json!({"id": id});
    assert_eq!(client.request("approvals/approve", id).unwrap_err()["data"]["error"]["code"], "conflict");
}

#[test]
fn h10_a_document_exchanged_for_a_link_leads_no_write_elsewhere() {
    const OTHERS: &str = "# Another's\n\n## theirs\n\ncommand: nobody-may-see-this\n";
    let agent = Agent::with_policy(OPEN);
    let mut client = agent.client(&["--operator"]);
    let id = asked(&mut client);
    agent.write("others.md", OTHERS);
    std::fs::remove_file(agent.path("agent/mcp.md")).unwrap();
    std::os::unix::fs::symlink(agent.path("others.md"), agent.path("agent/mcp.md")).unwrap();
    let (approval, is_error) = client.call("approval_approve", json!({"id": id}));
    assert!(is_error, "{approval}");
    let (preview, is_error) = client.call("change_preview", change());
    assert!(is_error, "{preview}");
    for answer in [approval, preview] {
        assert!(!answer.to_string().contains("nobody-may-see-this"), "{answer}");
    }
    assert_eq!(agent.document(), OTHERS);
}

#[test]
fn m8_a_server_knows_the_changes_of_its_own_registry_alone() {
    let agent = Agent::with_policy(OPEN);
    let mut own = agent.client(&["--operator"]);
    let id = json!({"id": asked(&mut own)});
    // The one is a scope of the same name, the other has a name that is none.
    for other in ["others/agent", "others/no scope"] {
        std::fs::create_dir_all(agent.path(other)).unwrap();
        let mut other = agent.client_of(other, &["--operator"]);
        assert_eq!(other.done("approval_list", json!({}))["approvals"], json!([]));
        for tool in ["approval_get", "approval_approve", "approval_reject"] {
            assert_eq!(other.refused(tool, id.clone()), "change_not_found", "{tool}");
        }
        let cancel = json!({"id": id["id"], "requested_by": "agent"});
        assert_eq!(other.refused("change_cancel", cancel), "change_not_found");
        // The other way round neither.
        let its = json!({"id": asked(&mut other)});
        assert_eq!(own.refused("approval_approve", its.clone()), "change_not_found");
        assert_eq!(own.refused("approval_get", its), "change_not_found");
    }
    assert_eq!(own.done("approval_get", id)["approval"]["state"], "pending");
}

#[test]
fn m8_what_the_policy_says_later_holds() {
    let agent = Agent::with_policy(OPEN);
    let mut client = agent.client(&["--operator"]);
    let id = asked(&mut client);
    agent.write("policy.toml", "version = 1\n[changes]\nenabled = true\n");
    assert_eq!(client.refused("approval_approve", json!({"id": id})), "forbidden");
    assert_eq!(client.refused("approval_reject", json!({"id": id})), "forbidden");
    agent.write("policy.toml", "version = true\n");
    assert_eq!(client.refused("approval_approve", json!({"id": id})), "denied");
    assert_eq!(client.done("approval_reject", json!({"id": id}))["approval"]["state"], "rejected", "rule P5");
}

#[test]
fn m12_a_client_that_vanishes_leaves_nothing_executing() {
    let agent = Agent::with_policy(OPEN);
    let mut client = agent.client(&["--operator"]);
    let id = asked(&mut client);
    let call = json!({"jsonrpc": "2.0", "id": "last", "method": "tools/call", "params": {"name": "approval_approve", "arguments": {"id": id}}});
    client.send(&call.to_string());
    client.send(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "last"}}).to_string(),
    );
    assert!(client.close().status.success());
    let state = agent.client(&[]).done("approval_get", json!({"id": id}))["approval"]["state"].clone();
    assert_eq!(state, "completed");
    assert!(agent.document().contains("mcp-server-time"));
}
