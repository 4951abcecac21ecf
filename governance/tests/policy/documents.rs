//! What a policy's text is, and what it is not.

use std::path::Path;

use mcp_registry_governance::{Gate, Policy, Request, Tool};
use mcp_registry_spec::FixedEnvironment;
use proptest::prelude::*;

use super::policy;

fn problem(text: &str) -> String {
    let policy = Policy::parse(text, Path::new("/p/policy.toml"));
    let Some(problem) = policy.problems().first() else { panic!("{text} is fine") };
    problem.to_string()
}

/// What a broken policy must deny, and what it must not.
fn denies_as_p5_says(policy: &Policy) {
    let allowed = [Tool::Doctor, Tool::ApprovalList, Tool::ApprovalGet, Tool::ApprovalReject, Tool::ChangeCancel];
    for tool in Tool::ALL {
        let decision = policy.decide(&Request::new(*tool));
        assert_eq!(decision.allowed, allowed.contains(tool), "{tool}");
        assert_eq!(decision.rule.number, "P5");
        assert!(decision.allowed || !decision.needs_confirmation, "{tool}");
    }
    assert!(!policy.judge(&(&super::stdio(&["npx", "a"])).into(), None).allowed);
    assert_eq!(policy.gate(&FixedEnvironment::new().with("MCP_REGISTRY_ENABLE_CHANGES", "1")), Gate::DefaultOff);
}

#[test]
fn p1_what_a_policy_may_say() {
    for text in [
        "version = 1",
        "version = 0x1",
        "\u{feff}version = 1\r\n[tools.doctor]\r\nenabled = true\r\n",
        "version = 1\ntools = {}\nchanges = {}\nservers = {}",
        "version = 1\ntools.registry_list.enabled = true",
        "servers.commands = []\nversion = 1",
    ] {
        assert!(Policy::parse(text, Path::new("p")).problems().is_empty(), "{text}");
    }
}

#[test]
fn p5_whatever_is_wrong_denies_and_says_where() {
    let deep = format!("version = 1\nx = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (text, said) in [
        ("", ":1: says no version (begin it with version = 1)"),
        ("# nothing\n", "says no version"),
        ("version = true", ":1: version must be the number 1, and is true"),
        ("version = 2", ":1: version must be the number 1, and is the number 2"),
        ("version = 1.0", "is a number with a point"),
        ("version = \"1\"", "is \"1\""),
        ("version = 99999999999999999999", "must be the number 1"),
        ("version = 1\nversion = 1", ":2: is no valid TOML"),
        ("version = 1\n[servers]\n[servers]", ":3: is no valid TOML"),
        ("version = 1\n[servers]\ncommands = []\ncommands = []", ":4: is no valid TOML"),
        ("version = 1\nnonsense", ":2: is no valid TOML"),
        ("version = 1\n\u{0}", ":2: is no valid TOML"),
        (&deep, ":2: is no valid TOML"),
        ("version = 1\n[server]", ":2: there is no key \"server\" (did you mean \"servers\"?)"),
        ("version = 1\n\n[tool.doctor]", ":3: there is no key \"tool\" (did you mean \"tools\"?)"),
        ("version = 1\nx = 1", "there is no key \"x\" (there are version, tools, changes, servers)"),
        (
            "version = 1\n[tools.registry_shwo]",
            ":2: there is no tool \"registry_shwo\" (did you mean \"registry_show\"?)",
        ),
        (
            "version = 1\n[tools.doctor]\nenabeld = false",
            ":3: there is no key \"enabeld\" in [tools.doctor] (did you mean \"enabled\"?)",
        ),
        ("version = 1\n[changes]\nallow_roles = []", "in [changes] (did you mean \"allowed_roles\"?)"),
        (
            "version = 1\n[servers]\n\ncomands = []",
            ":4: there is no key \"comands\" in [servers] (did you mean \"commands\"?)",
        ),
        ("version = 1\ntools = true", ":2: tools must be a table, and is true"),
        ("version = 1\n[tools]\ndoctor = []", ":3: [tools.doctor] must be a table, and is a list"),
        (
            "version = 1\n[tools.doctor]\nenabled = 1",
            ":3: [tools.doctor] enabled must be true or false, and is the number 1",
        ),
        ("version = 1\n[tools.doctor]\nenabled = \"no\"", "must be true or false, and is \"no\""),
        (
            "version = 1\n[tools.registry_list]\nrequire_confirmation = true",
            ":3: [tools.registry_list] require_confirmation is set",
        ),
        ("version = 1\n[tools.change_preview]\nrequire_confirmation = false", "only reads"),
        ("version = 1\n[tools.doctor]\nallowed_scopes = \"scout\"", "must be a list"),
        (
            "version = 1\n[tools.doctor]\nallowed_scopes = [\"a\",\n\"*\"]",
            ":4: an item of [tools.doctor] allowed_scopes must be the exact name",
        ),
        ("version = 1\n[tools.doctor]\nserver_patterns = [\"[ab]\"]", "must be a pattern of server names"),
        ("version = 1\n[tools.doctor]\nserver_patterns = [\"\"]", "must be a pattern"),
        ("version = 1\n[tools.doctor]\nserver_patterns = [1]", "must be a pattern"),
        ("version = 1\nchanges = 1", "[changes] must be a table"),
        ("version = 1\n[changes]\nenabled = \"true\"", ":3: [changes] enabled must be true or false"),
        ("version = 1\n[changes]\nallowed_roles = [\"a b\"]", "the name of a role"),
        ("version = 1\n[changes]\nexpires_after = 24", "a span of time"),
        ("version = 1\n[changes]\nexpires_after = \"0s\"", "a span of time"),
        ("version = 1\n[changes]\nexpires_after = \"9999y\"", "366 days at most"),
        ("version = 1\n[changes]\napprove_over_mcp = 1", "true or false"),
        ("version = 1\n[changes]\nforbid_self_approval = \"no\"", "true or false"),
        ("version = 1\nservers = []", "[servers] must be a table"),
        ("version = 1\n[servers]\ncommands = [\"npx -y\"]", "a bare name, or the whole path"),
        ("version = 1\n[servers]\ncommands = [\"./npx\"]", "a bare name, or the whole path"),
        ("version = 1\n[servers]\ncommands = [\"${X}\"]", "a bare name, or the whole path"),
        ("version = 1\n[servers]\ncommands = [\"\"]", "a bare name, or the whole path"),
        ("version = 1\n[servers]\npackages = [\"mcp-server-time\"]", "npm:NAME"),
        ("version = 1\n[servers]\npackages = [\"gem:a\"]", "npm:NAME"),
        ("version = 1\n[servers]\nhosts = [\"https://a.org\"]", "HOST, HOST:PORT or *.DOMAIN"),
        ("version = 1\n[servers]\nhosts = [\"*\"]", "HOST, HOST:PORT or *.DOMAIN"),
        ("version = 1\n[servers]\nenv = [\"A=B\"]", "the name of a variable"),
        ("version = 1\n[servers]\nlaunches = [\"npx -y a\"]", "a command and its arguments, word for word"),
        ("version = 1\n[servers]\nlaunches = [[]]", "word for word"),
    ] {
        let problem = problem(text);
        let shown = text.get(..text.len().min(80)).unwrap();
        assert!(problem.starts_with("/p/policy.toml:") && problem.contains(said), "{shown}: {problem}");
        denies_as_p5_says(&Policy::parse(text, Path::new("/p/policy.toml")));
    }
}

#[test]
fn p5_everything_wrong_is_told_in_the_order_of_lines() {
    let policy = Policy::parse("version = 2\n[tools.x]\n[servers]\nhosts = 1\na = 1", Path::new("p"));
    let lines: Vec<_> = policy.problems().iter().map(|problem| problem.line()).collect();
    assert_eq!(lines, [Some(1), Some(2), Some(4), Some(5)]);
    let reason = policy.decide(&Request::new(Tool::RegistryList)).reason;
    assert!(
        reason.starts_with("the policy cannot be used: p:1: version") && reason.ends_with("and 3 more"),
        "{reason}"
    );
    let error = policy.diagnostics().error.unwrap();
    assert!(error.contains("p:1: version"), "{error}");
    let many: String = (0..10_000).map(|i| format!("k{i} = {i}\n")).collect();
    assert!(Policy::parse(&many, Path::new("p")).problems().len() < 100);
}

#[test]
fn p12_changes_are_what_the_policy_says() {
    let defaults = policy("").changes().unwrap().clone();
    assert_eq!(defaults.enabled, None);
    assert_eq!(defaults.allowed_roles.iter().collect::<Vec<_>>(), ["ARCHITECT", "OPS", "OWNER", "TECH_LEAD"]);
    assert_eq!(defaults.expires_after.as_secs(), 24 * 3600);
    assert!(!defaults.approve_over_mcp && defaults.forbid_self_approval);
    let said = policy(
        "[changes]\nenabled = true\nallowed_roles = [\"ops\"]\nexpires_after = \"90m\"\n\
         approve_over_mcp = true\nforbid_self_approval = false",
    );
    let said = said.changes().unwrap();
    assert_eq!((said.enabled, said.expires_after.as_secs()), (Some(true), 5400));
    assert_eq!(said.allowed_roles.iter().collect::<Vec<_>>(), ["OPS"]);
    assert!(said.approve_over_mcp && !said.forbid_self_approval);
    assert!(policy("[changes]\nallowed_roles = []").changes().unwrap().allowed_roles.is_empty());
}

#[test]
fn p12_the_gate_is_the_policys_and_only_else_the_variables() {
    let gate = |text: &str, variable: &str| {
        policy(text).gate(&FixedEnvironment::new().with("MCP_REGISTRY_ENABLE_CHANGES", variable))
    };
    for on in ["1", "true", "TRUE", "Yes", "oN"] {
        assert_eq!(gate("", on), Gate::Open, "{on}");
        assert_eq!(gate("[changes]\nenabled = false", on), Gate::DefaultOff, "{on}");
    }
    for off in ["", "0", "false", "no", "off", "y", " 1", "11", "enabled"] {
        assert_eq!(gate("", off), Gate::DefaultOff, "{off}");
        assert_eq!(gate("[changes]\nenabled = true", off), Gate::Open, "{off}");
    }
    assert_eq!(Policy::safe_default().gate(&FixedEnvironment::new()), Gate::DefaultOff);
}

proptest! {
    #[test]
    fn p5_no_text_is_answered_by_a_panic_or_a_leak(text in "(version = 1\n)?([a-z\\[\\]{}.=\"'#,\n \u{0}ä\\\\]|servers|tools|commands|true|1){0,60}") {
        let policy = Policy::parse(&text, Path::new("p"));
        for tool in Tool::ALL {
            let decision = policy.decide(&Request::new(*tool));
            prop_assert!(policy.problems().is_empty() || decision.allowed == tool.survives_a_broken_policy());
        }
    }

    #[test]
    fn p5_no_bytes_are_answered_by_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let policy = Policy::parse(&String::from_utf8_lossy(&bytes), Path::new("p"));
        prop_assert!(!policy.problems().is_empty());
    }
}
