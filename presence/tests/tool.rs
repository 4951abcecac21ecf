//! The tool that proves a server (E13).

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::Room;
use mcp_registry_presence::{CannotProbe, Contract, Launch, Prober, Registries, Written};
use mcp_registry_spec::{
    Environment, Error, ErrorKind, FixedEnvironment, LaunchSpec, LaunchTransport, Listing, McpServerRegistry,
    McpServerRegistryBackend, McpServerSpec, Result, Scope, ServerName, async_trait,
};
use serde_json::{Value, json};

/// Lists these tools, and remembers what it was asked to start.
struct Lists {
    tools: Result<Vec<String>>,
    /// What the gate refuses all of it with.
    refuses: Option<Error>,
    /// How often it was asked.
    asked: Mutex<usize>,
    started: Mutex<Vec<(String, Option<Vec<String>>)>>,
}

impl Lists {
    fn new(tools: &[&str]) -> Self {
        let tools = Ok(tools.iter().map(ToString::to_string).collect());
        Self { tools, refuses: None, asked: Mutex::default(), started: Mutex::default() }
    }
}

#[async_trait]
impl Prober for Lists {
    async fn tools(&self, launches: Vec<Launch>) -> Result<Vec<Result<Vec<String>>>> {
        *self.asked.lock().unwrap() += 1;
        match &self.refuses {
            Some(error) => Err(error.clone()),
            None => Ok(launches.into_iter().map(|launch| self.start(&launch.spec, launch.allowed)).collect()),
        }
    }

    fn check_written(&self, _: &Written) -> Result<()> {
        self.refuses.clone().map_or(Ok(()), Err)
    }
}

impl Lists {
    fn start(&self, launch: &LaunchSpec, allowed: Option<Vec<String>>) -> Result<Vec<String>> {
        let shown = match &launch.transport {
            LaunchTransport::Stdio { command, args, .. } => {
                let args: Vec<_> = args.iter().map(|arg| arg.expose().as_str()).collect();
                [&[command.as_str()], &args[..]].concat().join(" ")
            }
            LaunchTransport::StreamableHttp(remote) => format!("http {}", remote.url.expose()),
            LaunchTransport::Sse(remote) => format!("sse {}", remote.url.expose()),
        };
        self.started.lock().unwrap().push((format!("{} {shown}", launch.name), allowed));
        self.tools.clone()
    }
}

fn room() -> (Room, Value) {
    let mut room = Room::new();
    room.environment = room.environment.with_command("tickets-mcp").with("TICKETS_URL", "https://h/");
    room.write("agent/mcp.md", "## other\n\ncommand: npx\nargs: -y, tickets\n\n## Allowed commands\n\nnpx\n");
    room.write("a.json", r#"{"s":{"t":{"type":"http","url":"${TICKETS_URL}","own":1}}}"#);
    room.write("b.json", r#"{"s":{"t":{"type":"sse","url":"https://h/sse"}}}"#);
    room.write("c.toml", "[s.t]\ncommand = 'uvx'\nargs = ['tickets']\nstartup_timeout_sec = 3\n");
    let settings =
        |kind: &str, file: &str| json!({"kind": kind, "file": format!("${{ROOM}}/{file}"), "table": ["s"], "key": "t"});
    let contract = json!({
        "version": 1, "server": "tickets", "required_tool": "list",
        "deliveries": [
            {"kind": "binary", "name": "tickets-mcp"},
            settings("json", "a.json"),
            settings("json", "b.json"),
            settings("toml", "c.toml"),
            {"kind": "registry", "locator": "filesystem:${ROOM}/agent", "name": "other"},
            {"kind": "binary", "name": "gone"},
        ],
    });
    (room, contract)
}

#[test]
fn e13_what_holds_is_started_and_must_list_the_tool() {
    let (room, contract) = room();
    let prober = Lists::new(&["add", "list"]);
    let presence = room.check(&contract, &prober);
    assert_eq!(presence.deliveries.iter().map(|d| d.holds).collect::<Vec<_>>(), [true, true, true, true, true, false]);
    assert_eq!(
        (presence.held_by, presence.tools.as_deref()),
        (Some(0), Some(&["add".to_owned(), "list".to_owned()][..]))
    );
    assert_eq!(*prober.asked.lock().unwrap(), 1, "all of it is found before any is started");
    let started = prober.started.into_inner().unwrap();
    let shown: Vec<_> = started.iter().map(|(launch, _)| launch.as_str()).collect();
    assert_eq!(
        shown,
        [
            "tickets tickets-mcp",
            "tickets http https://h/",
            "tickets sse https://h/sse",
            "tickets uvx tickets",
            "other npx -y tickets",
        ]
    );
    let allowed: Vec<_> = started.iter().map(|(_, allowed)| allowed.is_some()).collect();
    assert_eq!(allowed, [false, false, false, false, true], "of a registry that has a list");
}

#[test]
fn e13_without_the_tool_nothing_holds() {
    let (room, contract) = room();
    for tools in [&[][..], &["List"], &["list "], &["tickets__list"]] {
        let presence = room.check(&contract, &Lists::new(tools));
        assert!(!presence.is_present() && presence.tools.is_none());
        assert_eq!(presence.deliveries[0].reason.as_deref(), Some("the server runs, and has no tool \"list\""));
    }
    let failing = Lists { tools: Err(Error::new(ErrorKind::Unavailable, "it is gone")), ..Lists::new(&[]) };
    let presence = room.check(&contract, &failing);
    assert!(presence.deliveries.iter().all(|d| !d.holds));
    assert_eq!(presence.deliveries[0].reason.as_deref(), Some("it is gone"));
}

#[test]
fn e13_what_may_not_be_started_is_an_error_and_no_presence() {
    let (room, contract) = room();
    let refused = Error::new(ErrorKind::CommandNotAllowed, "the command is not allowed");
    let refusing = Lists { refuses: Some(refused.clone()), ..Lists::new(&["list"]) };
    assert_eq!(room.try_check(&contract, &refusing).unwrap_err(), refused);
    let error = room.try_check(&contract, &CannotProbe).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn e13_what_cannot_be_started_does_not_hold() {
    let (mut room, mut contract) = room();
    room.environment = FixedEnvironment::new().with("ROOM", room.path("").display().to_string());
    contract["deliveries"].as_array_mut().unwrap().truncate(2);
    let presence = room.check(&contract, &Lists::new(&["list"]));
    let reason = presence.deliveries[1].reason.as_deref().unwrap();
    assert!(!presence.is_present() && reason.contains("TICKETS_URL"), "{reason}");
    room.write("a.json", r#"{"s":{"t":{"type":"pigeon","url":"https://h/"}}}"#);
    let presence = room.check(&contract, &Lists::new(&["list"]));
    let reason = presence.deliveries[1].reason.as_deref().unwrap();
    assert!(!presence.is_present() && reason.contains("pigeon"), "{reason}");
}

#[test]
fn e13_a_program_at_a_path_is_started_by_it_and_nothing_without_need() {
    let mut room = Room::new();
    room.write("bin/t", "#!/bin/sh\n");
    std::fs::set_permissions(room.path("bin/t"), std::fs::Permissions::from_mode(0o755)).unwrap();
    // In the environment of tests, commands are listed.
    let path = room.path("bin/t").display().to_string();
    room.environment = room.environment.with_command(path.clone());
    let mut contract =
        json!({"version": 1, "server": "tickets", "deliveries": [{"kind": "binary", "path": "${ROOM}/bin/t"}]});
    let prober = Lists::new(&["list"]);
    assert!(room.check(&contract, &prober).is_present() && prober.started.lock().unwrap().is_empty());
    contract["required_tool"] = "list".into();
    assert!(room.check(&contract, &prober).is_present());
    assert_eq!(prober.started.into_inner().unwrap(), [(format!("tickets {path}"), None)]);
}

/// An entry that is another one each time that it is loaded.
#[derive(Debug, Default)]
struct Changing(AtomicUsize);

#[async_trait]
impl McpServerRegistryBackend for Changing {
    fn backend_id(&self) -> &'static str {
        "changing"
    }

    async fn list(&self) -> Result<Listing> {
        Ok(Listing::default())
    }

    async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        Ok(McpServerSpec::stdio(name.clone(), format!("loaded-{}", self.0.fetch_add(1, Ordering::Relaxed))))
    }
}

/// Opens that registry, whichever is asked for.
struct Always(Arc<Changing>);

impl Registries for Always {
    fn open(&self, _: &str, _: Option<&Scope>, _: &Arc<dyn Environment>) -> Result<McpServerRegistry> {
        Ok(McpServerRegistry::new(self.0.clone()))
    }
}

#[test]
fn e13_what_is_started_is_the_entry_that_was_found() {
    let contract = json!({"version": 1, "server": "tickets", "required_tool": "list",
        "deliveries": [{"kind": "registry", "locator": "changing:/x", "name": "tickets"}]});
    let contract = Contract::parse(&contract.to_string()).unwrap();
    let (registry, prober) = (Arc::new(Changing::default()), Lists::new(&["list"]));
    let environment: Arc<dyn Environment> = Arc::new(FixedEnvironment::new());
    let presence = pollster::block_on(contract.check(&environment, &Always(registry.clone()), &prober)).unwrap();
    assert!(presence.is_present());
    assert_eq!(prober.started.into_inner().unwrap(), [("tickets loaded-0".to_owned(), None)]);
    assert_eq!(registry.0.load(Ordering::Relaxed), 1);
}
