//! The person who decides on changes: what they are shown, and what becomes of what they say.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mcp_registry::{Backends, FixedEnvironment, Locator, McpServerSpec, OpenRequest, Scope};
use mcp_registry_governance::{
    Change, Form, Governance, Ledger, Party, Place, Proposal, Source, State, StateFolder, Surface, Target,
};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const OPEN: &str = "version = 1\n[changes]\nenabled = true\n";
const AGENT: &str = "agents/scout";

/// A sandbox with an agent, and a state folder in which changes may be asked for.
struct Office {
    sandbox: Sandbox,
    governance: Governance,
    runtime: tokio::runtime::Runtime,
}

impl Office {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("{AGENT}/mcp.md"), "# Scout\n\n## old\n\ncommand: npx\n");
        let state = sandbox.path("state").to_str().unwrap().to_owned();
        let environment = FixedEnvironment::new().with("MCP_REGISTRY_STATE_DIR", &state);
        let folder = StateFolder::find(&environment).unwrap();
        folder.prepare().unwrap();
        let ledger = Ledger::new(folder.database().unwrap(), Some(folder.ledger()));
        let source = Source::new(None, &environment);
        let governance = Governance::new(folder.database().unwrap(), ledger, source, Arc::new(environment));
        // Long enough ago that no second more or less shows.
        let governance = governance.with_clock(|| SystemTime::now() - Duration::from_secs(150 * 60));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let office = Self { sandbox: sandbox.variable("MCP_REGISTRY_STATE_DIR", &state), governance, runtime };
        office.policy(OPEN);
        office
    }

    fn policy(&self, text: &str) {
        self.sandbox.write("state/policy.toml", text);
        // Whatever the umask is.
        let owners = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.sandbox.path("state/policy.toml"), owners).unwrap();
    }

    /// The agent's registry, under the name that the command line has for it.
    fn target(&self) -> Target {
        let scope = Scope::parse("scout").unwrap();
        let agents = self.sandbox.path("agents").canonicalize().unwrap();
        let locator = format!("filesystem:{}", agents.display());
        let registry = Backends::linked().open(&OpenRequest::new(&locator).scope(scope.clone())).unwrap();
        Target::new(registry, &Locator::new(&locator), Some(scope))
    }

    /// Asks for a change as an agent does that says who it is.
    fn ask_as(&self, who: &str, target: &Target, proposal: &Proposal) -> Change {
        let party = Party::unknown(Surface::McpStdio);
        let form = |identity| Form {
            confirm: json!(true),
            actor_role: Some("ops".to_owned()),
            requested_by: Some(who.to_owned()),
            approval_reason: Some("needed for the tests".to_owned()),
            identity: Some(identity),
            ..Form::default()
        };
        self.runtime.block_on(async {
            let preview = self.governance.preview(target, proposal, &party).await.unwrap();
            let form = form(preview.identity.to_string());
            self.governance.request(target, proposal, &form, &party).await.unwrap().change
        })
    }

    fn ask(&self, name: &str) -> Change {
        self.ask_as("scout", &self.target(), &install(name))
    }

    fn run(&self, args: &[&str]) -> String {
        self.sandbox.run(&[&["changes"], args].concat())
    }

    fn output(&self, args: &[&str]) -> Output {
        self.sandbox.output(&[&["changes"], args].concat())
    }

    fn state(&self, change: &Change) -> State {
        self.runtime.block_on(self.governance.get(&change.id)).unwrap().state
    }

    fn document(&self) -> String {
        self.sandbox.read(&format!("{AGENT}/mcp.md"))
    }

    /// Runs `changes` on a terminal, answers its question, and gives what the terminal shows beside the output.
    fn on_terminal(&self, args: &[&str], answer: &str) -> (Output, String) {
        self.typing(args, "", answer)
    }

    /// The same, where something is typed `ahead` of the question.
    fn typing(&self, args: &[&str], ahead: &str, answer: &str) -> (Output, String) {
        let main = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&main).unwrap();
        unlockpt(&main).unwrap();
        let terminal = || {
            let path = ptsname(&main, Vec::new()).unwrap().into_string().unwrap();
            Stdio::from(File::options().read(true).write(true).open(path).unwrap())
        };
        let mut command = self.sandbox.command(&[&["changes"], args].concat());
        let mut child = command.stdin(terminal()).stderr(terminal()).stdout(Stdio::piped()).spawn().unwrap();
        // Else the terminal would not end with the child.
        drop(command);
        let mut main = File::from(main);
        main.write_all(ahead.as_bytes()).unwrap();
        let mut reading = main.try_clone().unwrap();
        let mut answer = Some(answer.to_owned());
        let shown = std::thread::spawn(move || {
            let (mut shown, mut part) = (Vec::new(), [0; 4096]);
            // A terminal whose other end is closed gives an error.
            while let Ok(read @ 1..) = reading.read(&mut part) {
                shown.extend_from_slice(&part[..read]);
                if shown.ends_with(b"[y/N] ")
                    && let Some(answer) = answer.take()
                {
                    main.write_all(answer.as_bytes()).unwrap();
                }
            }
            String::from_utf8(shown).unwrap()
        });
        let mut stdout = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        let status = child.wait().unwrap();
        (Output { status, stdout, stderr: Vec::new() }, shown.join().unwrap())
    }
}

fn install(name: &str) -> Proposal {
    let spec = json!({"name": name, "command": "npx", "args": ["-y", "server"], "env": {"TOKEN": "$TOKEN"}});
    Proposal::Install(McpServerSpec::from_json(spec).unwrap())
}

/// A text in which what differs from run to run has a name.
fn settled(text: &str, changes: &[(&str, &Change)], person: &str) -> String {
    let mut text = text.replace(&format!("decided by   {person}"), "decided by   PERSON");
    for (name, change) in changes {
        let padding = " ".repeat(change.id.as_str().len().saturating_sub(name.len()));
        text = text.replace(&format!("{}  ", change.id), &format!("{name}  "));
        text = text.replace(change.id.as_str(), name).replace(&format!("ID{padding}  "), "ID  ");
        text = text.replace(&change.identity.to_string(), &format!("sha256:IDENTITY-{name}"));
    }
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("20").filter(|_| rest.len() > 20) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let is_time = from.get(..20).is_some_and(|t| t.ends_with('Z') && humantime::parse_rfc3339(t).is_ok());
        let (shown, after) = if is_time { ("TIME", 20) } else { ("20", 2) };
        out.push_str(shown);
        rest = from.get(after..).unwrap_or_default();
    }
    out + rest
}

/// Whoever runs the tests.
fn person(office: &Office) -> String {
    let change = office.ask("who-am-i");
    assert!(office.output(&["reject", change.id.as_str()]).status.success());
    office.runtime.block_on(office.governance.get(&change.id)).unwrap().decided_by.unwrap()
}

#[test]
fn a_change_is_listed_shown_and_approved() {
    let office = Office::new();
    let empty = office.run(&["list"]);
    let change = office.ask("new");
    let id = change.id.as_str();
    let yes = format!("{id}:{}", change.identity);
    let other = format!("{id}:sha256:{}", "0".repeat(64));
    let before = [
        empty,
        office.run(&["list"]),
        office.run(&["show", id]),
        office.run(&["approve", id]),
        office.run(&["approve"]),
        office.run(&["approve", "--yes", &other]),
        office.run(&["approve", "--yes", id]),
        office.run(&["approve", id, "--yes", &yes]),
    ];
    assert_eq!(office.state(&change), State::Pending);
    let after = [
        office.run(&["approve", "--yes", &yes]),
        office.run(&["approve", "--yes", &yes]),
        office.run(&["list"]),
        office.run(&["list", "--all"]),
        office.run(&["list", "--status", "completed"]),
        office.run(&["list", "--status", "done"]),
        office.run(&["show", id]),
        office.run(&["show", "nothing"]),
        office.run(&["show", "../x"]),
    ];
    let text = [before.join("\n"), after.join("\n"), office.document()].join("\n");
    let person = person(&office);
    assert_snapshot!(settled(&text, &[("CHANGE", &change)], &person));
}

#[test]
fn h10_a_document_exchanged_for_a_link_leads_no_write_elsewhere() {
    const OTHERS: &str = "# Another's\n\n## theirs\n\ncommand: nobody-may-see-this\n";
    let office = Office::new();
    let change = office.ask("new");
    office.sandbox.write("others.md", OTHERS);
    let document = office.sandbox.path(&format!("{AGENT}/mcp.md"));
    std::fs::remove_file(&document).unwrap();
    std::os::unix::fs::symlink(office.sandbox.path("others.md"), &document).unwrap();
    let yes = format!("{}:{}", change.id, change.identity);
    let said = format!("{:?}", office.output(&["approve", "--yes", &yes]));
    assert!(!said.contains("nobody-may-see-this"), "{said}");
    assert_ne!(office.state(&change), State::Completed);
    assert_eq!(office.sandbox.read("others.md"), OTHERS);
    assert!(document.is_symlink());
}

#[test]
fn h13_what_is_rejected_or_taken_back_changes_nothing() {
    let office = Office::new();
    let person = person(&office);
    let before = office.document();
    let (theirs, own) = (office.ask("a"), office.ask_as(&person, &office.target(), &install("b")));
    let rejected = office.output(&["reject", theirs.id.as_str(), "--reason", "not this one", "--format", "json"]);
    let rejected: Value = serde_json::from_slice(&rejected.stdout).unwrap();
    assert_eq!((&rejected["state"], &rejected["decision_reason"]), (&json!("rejected"), &json!("not this one")));
    assert_eq!((&rejected["decided_by"], &rejected["name"]), (&json!(person), &json!("a")));
    let yes = format!("{}:{}", own.id, own.identity);
    for refused in [&["reject", own.id.as_str()][..], &["approve", "--yes", &yes]] {
        let said = office.run(refused);
        assert!(said.contains("[exit 1]") && said.contains("who asked for"), "{said}");
    }
    let foreign = office.ask("c");
    let said = office.run(&["cancel", foreign.id.as_str()]);
    assert!(said.contains("[exit 1]") && said.contains("only who asked"), "{said}");
    let said = office.run(&["cancel", own.id.as_str()]);
    assert!(said.contains("[exit 0]") && said.contains("took back install of b"), "{said}");
    assert_eq!(
        [&theirs, &own, &foreign].map(|change| office.state(change)),
        [State::Rejected, State::Cancelled, State::Pending]
    );
    assert_eq!(office.document(), before);
}

#[test]
fn h9_on_a_terminal_the_change_is_shown_and_a_question_asked() {
    let office = Office::new();
    let change = office.ask("new");
    let id = change.id.as_str();
    // The last one is the end of the input.
    for answer in ["n\n", "\n", "approve\n", "\u{4}"] {
        let (output, shown) = office.on_terminal(&["approve", id], answer);
        assert_eq!(output.status.code(), Some(1), "{shown}");
        assert!(shown.contains("Approve install of new?") && shown.contains("not approved"), "{shown}");
        assert!(shown.contains(&change.identity.to_string()) && shown.contains("needed for the tests"), "{shown}");
        assert_eq!(office.state(&change), State::Pending);
    }
    let (output, shown) = office.typing(&["approve", id], "y\ny\n", "\n");
    assert_eq!(output.status.code(), Some(1), "what is typed before the question answers it: {shown}");
    let (output, shown) = office.on_terminal(&["approve", id, "--format", "json"], "Yes\n");
    assert!(output.status.success() && shown.contains("\u{1b}[32m+"), "what is added has a color: {shown}");
    let approval: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&approval["execution"]["ok"], &approval["approval"]["id"]), (&json!(true), &json!(id)));
    assert!(office.document().contains("## new"));
}

#[test]
fn h10_what_fails_ends_with_an_error_that_says_why() {
    let office = Office::new();
    let change = office.ask("new");
    let root = office.sandbox.path(AGENT);
    let taken = ["install", "new", "--agent-root", root.to_str().unwrap(), "--", "uvx", "else"];
    assert!(office.sandbox.output(&taken).status.success());
    let before = office.document();
    let yes = format!("{}:{}", change.id, change.identity);
    let said = office.run(&["approve", "--yes", &yes]);
    assert!(said.contains("[exit 1]") && said.contains("was approved, and is failed"), "{said}");
    assert!(said.contains("already installed"), "{said}");
    assert_eq!((office.state(&change), office.document()), (State::Failed, before));
    let failed = office.output(&["approve", "--yes", &yes, "--format", "json"]);
    let error: Value = serde_json::from_slice(&failed.stderr).unwrap();
    assert_eq!((failed.status.code(), &error["error"]["kind"]), (Some(1), &json!("conflict")));
}

#[test]
fn h9_a_policy_that_cannot_be_used_lets_changes_be_seen_and_ended_alone() {
    let office = Office::new();
    let change = office.ask("new");
    let (id, yes) = (change.id.as_str(), format!("{}:{}", change.id, change.identity));
    office.policy("version = 1\n[changes]\nenabeld = true\n");
    let said = office.run(&["approve", "--yes", &yes]);
    assert!(said.contains("[exit 1]") && said.contains("enabeld"), "{said}");
    assert!(office.output(&["list"]).status.success() && office.output(&["show", id]).status.success());
    // Nor does one that --policy names.
    office.sandbox.write("open.toml", OPEN);
    let named = office.sandbox.path("open.toml");
    std::fs::set_permissions(&named, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::set_permissions(office.sandbox.path(""), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert!(office.output(&["approve", "--yes", &yes, "--policy", "absent.toml"]).status.code() == Some(1));
    assert_eq!(office.state(&change), State::Pending);
    let approved = office.run(&["approve", "--yes", &yes, "--policy", named.to_str().unwrap()]);
    assert!(approved.contains("[exit 0]"), "{approved}");
}

#[test]
fn another_registry_is_named_where_it_cannot_be_opened_alike() {
    let office = Office::new();
    let target = Target {
        place: Place {
            backend_id: "http".to_owned(),
            locator: "https://catalog.example.org/".to_owned(),
            scope: Some(Scope::parse("scout").unwrap()),
        },
        ..office.target()
    };
    let change = office.ask_as("scout", &target, &install("new"));
    let yes = format!("{}:{}", change.id, change.identity);
    let said = office.run(&["approve", "--yes", &yes]);
    assert!(said.contains("[exit 1]"), "{said}");
    assert!(said.contains("give --backend 'https://catalog.example.org/' --scope scout"), "{said}");
    assert_eq!(office.state(&change), State::Pending);
}

#[test]
fn rule_4_nothing_that_is_shown_steers_the_terminal() {
    let office = Office::new();
    let spec =
        json!({"name": "new", "command": "npx", "description": "\u{1b}[2J\u{202e}evil\r\n+ x", "x\u{7}": "\u{9b}1m"});
    let proposal = Proposal::Install(McpServerSpec::from_json(spec).unwrap());
    let change = office.ask_as("scout", &office.target(), &proposal);
    let (_, asked) = office.on_terminal(&["approve", change.id.as_str()], "n\n");
    for args in [&["show", change.id.as_str()][..], &["list"], &["show", change.id.as_str(), "--format", "json"]] {
        let shown = String::from_utf8(office.output(&[args, &["--color", "always"]].concat()).stdout).unwrap();
        for shown in [shown, asked.clone()] {
            let own = ["\u{1b}[1m", "\u{1b}[32m", "\u{1b}[1;31m", "\u{1b}[1;33m", "\u{1b}[0m"];
            let plain = own.iter().fold(shown.replace("\r\n", "\n"), |text, style| text.replace(style, ""));
            assert!(!plain.contains(|c: char| c != '\n' && mcp_registry::text::is_unprintable(c)), "{plain:?}");
        }
    }
}

#[test]
fn what_is_watched_is_told_as_it_happens() {
    let office = Office::new();
    let first = office.ask("first");
    let ended = office.ask("ended");
    assert!(office.output(&["reject", ended.id.as_str()]).status.success());
    let mut command = office.sandbox.command(&["changes", "watch", "--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || {
        let change: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        (change["name"].as_str().unwrap().to_owned(), change["state"].as_str().unwrap().to_owned())
    };
    let told = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(next(), told("first", "pending"), "and not what has ended");
    office.ask("second");
    assert_eq!(next(), told("second", "pending"));
    assert!(office.output(&["reject", first.id.as_str()]).status.success());
    assert_eq!(next(), told("first", "rejected"));
    child.kill().unwrap();
    child.wait().unwrap();
    let said = office.run(&["watch", "--format", "yaml"]);
    assert!(said.contains("[exit 2]"), "{said}");
}
