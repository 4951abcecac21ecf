//! The service held to its own description by schemathesis: whatever is sent, no answer is one of the
//! service's own failures, and none is other than described.

use std::process::Command;

use mcp_registry_test_trials::Tried;

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
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["run", &format!("{}openapi.json", service.url), "--url", &service.url])
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
    Ok(())
}
