//! What is decided, and by which rule.

use mcp_registry_governance::{Decision, Launch, Policy, Request, Tool};
use mcp_registry_spec::{ErrorKind, Scope, ServerName};
use serde_json::json;

use super::{policy, spec, stdio};

fn decide(policy: &Policy, tool: Tool, scope: &str, server: &str) -> Decision {
    let scope = Some(scope).filter(|s| !s.is_empty()).map(|s| Scope::parse(s).unwrap());
    let server = Some(server).filter(|s| !s.is_empty()).map(|s| ServerName::parse(s).unwrap());
    policy.decide(&Request::new(tool).scope(scope.as_ref()).server(server.as_ref()))
}

fn number(decision: &Decision) -> (bool, &'static str) {
    (decision.allowed, decision.rule.number)
}

#[test]
fn p7_the_first_denial_stands() {
    let all = "[tools.change_request]\nenabled = false\nallowed_scopes = [\"scout\"]\nserver_patterns = [\"git*\"]\n[servers]\n";
    let evil = stdio(&["evil"]);
    let launch = Launch::from(&evil);
    let (scope, other) = (Scope::parse("scout").unwrap(), Scope::parse("other").unwrap());
    let (name, stranger) = (ServerName::parse("github").unwrap(), ServerName::parse("x").unwrap());
    let decide = |text: &str, scope, name| {
        let request = Request::new(Tool::ChangeRequest).scope(Some(scope)).server(Some(name)).launch(&launch, None);
        number(&policy(text).decide(&request))
    };
    assert_eq!(decide(all, &other, &stranger), (false, "P8"));
    let enabled = all.replace("false", "true");
    assert_eq!(decide(&enabled, &other, &stranger), (false, "P9"));
    assert_eq!(decide(&enabled, &scope, &stranger), (false, "P10"));
    assert_eq!(decide(&enabled, &scope, &name), (false, "P14"));
    let listed = format!("{enabled}commands = [\"evil\"]\n");
    assert_eq!(decide(&listed, &scope, &name), (true, "P14"));
    let broken = Policy::parse(all, std::path::Path::new("p"));
    let request = Request::new(Tool::ChangeRequest).scope(Some(&scope)).server(Some(&name)).launch(&launch, None);
    assert_eq!(number(&broken.decide(&request)), (false, "P5"));
}

#[test]
fn p7_the_form_of_a_decision() {
    let decision = decide(&policy("[tools.registry_show]\nenabled = false"), Tool::RegistryShow, "", "");
    assert_eq!(
        serde_json::to_value(&decision).unwrap(),
        json!({"allowed": false, "needs_confirmation": false, "reason": "registry_show is not enabled"})
    );
    assert_eq!(decision.rule.to_string(), "P8, [tools.registry_show] enabled, /p/policy.toml:3");
    let error = decision.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(
        error.to_string(),
        "/p/policy.toml:3: the policy denies this (rule P8, [tools.registry_show] enabled): registry_show is not enabled"
    );
    let broken = Policy::parse("version = 2", std::path::Path::new("p")).decide(&Request::new(Tool::RegistryShow));
    assert_eq!(broken.check().unwrap_err().kind(), ErrorKind::ConfigInvalid);
}

#[test]
fn p8_a_tool_that_is_not_enabled_is_denied_and_no_other() {
    for tool in Tool::ALL {
        let policy = policy(&format!("[tools.{tool}]\nenabled = false"));
        for other in Tool::ALL {
            assert_eq!(decide(&policy, *other, "", "").allowed, other != tool, "{tool} {other}");
        }
        assert!(decide(&super::policy(&format!("[tools.{tool}]\nenabled = true")), *tool, "", "").allowed);
    }
}

#[test]
fn p9_scopes_are_exact() {
    let policy = policy("[tools.registry_list]\nallowed_scopes = [\"scout\", \"Ranger\"]");
    for (scope, allowed) in
        [("scout", true), ("Ranger", true), ("ranger", false), ("scout2", false), ("scou", false), ("", false)]
    {
        let decision = decide(&policy, Tool::RegistryList, scope, "");
        assert_eq!(number(&decision), (allowed, if allowed { "P11" } else { "P9" }), "{scope}");
        assert!(decide(&policy, Tool::RegistryShow, scope, "").allowed);
    }
    assert!(!decide(&super::policy("[tools.doctor]\nallowed_scopes = []"), Tool::Doctor, "scout", "").allowed);
}

#[test]
fn p10_names_fit_patterns() {
    let policy = policy("[tools.registry_show]\nserver_patterns = [\"git*\", \"?\"]");
    for (server, allowed) in
        [("github", true), ("a", true), ("Github", false), ("ab", false), ("xgit", false), ("", false)]
    {
        assert_eq!(number(&decide(&policy, Tool::RegistryShow, "", server)).0, allowed, "{server}");
    }
    assert!(!decide(&super::policy("[tools.doctor]\nserver_patterns = []"), Tool::Doctor, "", "a").allowed);
}

#[test]
fn p11_what_changes_needs_confirmation_whatever_is_said() {
    for tool in Tool::ALL {
        assert_eq!(decide(&policy(""), *tool, "", "").needs_confirmation, tool.changes(), "{tool}");
        if tool.changes() {
            for said in ["true", "false"] {
                let policy = policy(&format!("[tools.{tool}]\nrequire_confirmation = {said}"));
                let decision = decide(&policy, *tool, "", "");
                assert!(decision.allowed && decision.needs_confirmation, "{tool} {said}");
            }
        }
    }
}

#[test]
fn p13_a_server_is_judged_where_it_is_asked_for() {
    let policy = policy("[servers]\ncommands = [\"npx\"]\npackages = [\"npm:good\"]");
    for (package, allowed) in [("good", true), ("evil", false)] {
        let entry = spec(json!({"name": "good", "command": "npx", "args": [package]}));
        let launch = Launch::from(&entry);
        for tool in [Tool::ChangeRequest, Tool::ApprovalApprove] {
            let decision = policy.decide(&Request::new(tool).launch(&launch, None));
            assert_eq!(number(&decision), (allowed, "P16"), "{package}");
            assert_eq!(decision.needs_confirmation, allowed);
        }
        assert!(policy.decide(&Request::new(Tool::ChangeCancel)).allowed);
    }
    let entry = stdio(&["evil"]);
    assert_eq!(number(&Policy::safe_default().judge(&(&entry).into(), None)), (true, "P13"));
}
