//! The service held to its own description by schemathesis: whatever is sent, no answer is one of the
//! service's own failures, and none is other than described.

use std::path::Path;
use std::process::Command;

use mcp_registry_test_trials::Tried;
use serde_json::json;

use crate::peer;
use crate::service::Service;

/// Fixed, so that a run can be repeated.
const SEED: &str = "20261121";

pub(crate) fn every_answer_is_as_described() -> Tried {
    let program = peer("schemathesis")?;
    let policy = tempfile::tempdir().unwrap();
    let policy = policy.path().join("policy.toml");
    // So that what is asked of changes is answered by more than that nobody may.
    std::fs::write(&policy, "version = 1\n[changes]\nenabled = true\n").unwrap();
    std::fs::set_permissions(&policy, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    // Its requests are many and quick.
    let service = Service::start(&["--rate", "0", "--policy", policy.to_str().unwrap()]);
    let token = service.token("scout", "admin", &["--actor-role", "ops"]);
    hold(&program, &service, &format!("{}openapi.json", service.url), &token);
    Ok(())
}

/// The same for those who report of an agent. Of all names there are they would hardly ever meet their own, so the
/// description names it.
pub(crate) fn every_answer_to_a_report_is_as_described() -> Tried {
    let program = peer("schemathesis")?;
    let service = Service::start(&["--rate", "0"]);
    let output = service.run(&["token", "create", "--scope", "scout", "--role", "reporter", "--agent", "scout-1"]);
    let token = String::from_utf8(output.stdout).unwrap();
    let required = service.run(&["agents", "require", "--scope", "scout", "memory", "--tool", "0"]);
    assert!(required.status.success(), "{required:?}");
    let mut described = serde_json::to_value(mcp_registry::catalog::openapi::document()).unwrap();
    described["paths"].as_object_mut().unwrap().retain(|path, _| path.starts_with("/agents/"));
    let only = |name: &str| json!({"type": "string", "enum": [name]});
    described["paths"]["/agents/{id}/heartbeat"]["post"]["parameters"][0]["schema"] = only("scout-1");
    // Which a heartbeat may leave out.
    let perhaps = json!({"type": ["string", "null"], "enum": ["scout-1", null]});
    for (said, id) in [("Registration", only("scout-1")), ("Heartbeat", perhaps)] {
        let properties = &mut described["components"]["schemas"][said]["properties"];
        (properties["id"], properties["scope"]) = (id, only("scout"));
    }
    let file = service.home().join("reports.json");
    std::fs::write(&file, described.to_string()).unwrap();
    hold(&program, &service, file.to_str().unwrap(), token.trim());
    let listed = service.run(&["agents", "--format", "json"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("scout-1"), "a report was taken: {listed:?}");
    Ok(())
}

/// Sends what fits the description and what does not, and looks whether the answers fit.
fn hold(program: &Path, service: &Service, description: &str, token: &str) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["run", description, "--url", &service.url])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"])
        .args(["--checks", "response_headers_conformance,response_schema_conformance,negative_data_rejection"])
        .args(["--max-examples", "40", "--seed", SEED, "--no-color"])
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
