use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use mcp_registry_filesystem as _;
use mcp_registry_governance::{Event, Ledger, Place, Record};
use mcp_registry_spec::{
    AuditAction, Backends, Digest, ErrorKind, McpServerRegistry, McpServerSpec, OpenRequest, Scope, SpecFields,
    WriteContext,
};
use mcp_registry_sql as _;
use mcp_registry_test_trials::Tried;

use crate::bench::{Bench, name, note, on_both, operator, place, run};

/// An entry, told from others by its command.
fn entry(named: &str, command: &str) -> McpServerSpec {
    SpecFields { command: Some(command.into()), ..SpecFields::default() }.build(name(named)).unwrap()
}

fn digest(named: &str, command: &str) -> Digest {
    entry(named, command).digest().unwrap()
}

/// An agent's folder.
struct Agent {
    bench: Bench,
    registry: McpServerRegistry,
}

impl Agent {
    fn of(bench: Bench) -> Self {
        let folder = bench.path("agent");
        std::fs::create_dir(&folder).unwrap();
        let locator = format!("filesystem:{}", folder.display());
        let registry = Backends::linked().open(&OpenRequest::new(&locator)).unwrap();
        Self { bench, registry }
    }

    /// Writes what there is, by nobody the ledger knows: names and their commands.
    fn write(&self, entries: &[(&str, &str)]) {
        let text: String =
            entries.iter().map(|(name, command)| format!("## {name}\n\ncommand: {command}\n\n")).collect();
        std::fs::write(self.bench.path("agent/mcp.md"), text).unwrap();
    }

    async fn tell(&self, record: Record) {
        self.bench.ledger.record(vec![record]).await.unwrap();
    }

    async fn tell_at(&self, at: SystemTime, record: Record) {
        let mut transaction = self.bench.store.begin().await.unwrap();
        self.bench.ledger.append(&mut transaction, at, record).await.unwrap();
        transaction.commit().await.unwrap();
        self.bench.ledger.publish().await.unwrap();
    }

    /// What no row explains: names and how they are told of.
    async fn findings(&self) -> BTreeMap<String, String> {
        findings(&self.bench.ledger, &self.registry, &place()).await
    }

    async fn unexplained(&self) -> Vec<String> {
        self.findings().await.into_keys().collect()
    }
}

async fn findings(ledger: &Ledger, registry: &McpServerRegistry, place: &Place) -> BTreeMap<String, String> {
    let verified = ledger.verify(None, Some((registry, place))).await.unwrap();
    assert_eq!(verified.ok, verified.findings.is_empty());
    assert!(verified.findings.iter().all(|found| found.place == "registry" && found.seq.is_none()), "{verified:?}");
    verified.findings.into_iter().map(|found| (found.name.unwrap().to_string(), found.message)).collect()
}

/// A record of a write: of the commands before and after, where "" is nothing.
fn write(event: Event, named: &str, before: &str, after: &str) -> Record {
    let of = |command: &str| (!command.is_empty()).then(|| digest(named, command));
    let action = match (before, after) {
        ("", _) => AuditAction::Install,
        (_, "") => AuditAction::Uninstall,
        _ => AuditAction::Update,
    };
    Record {
        name: Some(name(named)),
        action: Some(action),
        identity: Some(Digest::of_bytes(format!("{named} {before} {after}").as_bytes())),
        before: of(before),
        after: of(after),
        ..Record::new(event, &place()).by(&operator())
    }
}

fn begun(named: &str, before: &str, after: &str) -> Record {
    write(Event::WriteBegun, named, before, after)
}

fn ended(named: &str, before: &str, after: &str) -> Record {
    write(Event::WriteEnded, named, before, after)
}

fn failed(named: &str, before: &str, after: &str, error: ErrorKind) -> Record {
    Record { after: None, error: Some(error), ..ended(named, before, after) }
}

fn change(to: &str, named: &str, before: &str, after: &str) -> Record {
    Record { change: Some("c1".into()), to: Some(to.into()), ..write(Event::Transition, named, before, after) }
}

pub(crate) fn l6_content_is_what_the_rows_tell() -> Tried {
    on_both(async |bench| {
        let agent = Agent::of(bench);
        assert!(agent.unexplained().await.is_empty(), "nothing is explained by nothing");
        agent.write(&[("a", "x"), ("b", "x")]);
        let found = agent.findings().await;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(found["a"].contains(&digest("a", "x").to_string()), "{found:?}");
        for record in [begun("a", "", "x"), ended("a", "", "x")] {
            agent.tell(record).await;
        }
        assert_eq!(agent.unexplained().await, ["b"]);
        // What was done elsewhere, or was asked for only, says nothing of this place.
        let elsewhere = Record { locator: Some("filesystem:/agents/other".into()), ..ended("b", "", "x") };
        let scoped = Record { scope: Some(Scope::parse("s").unwrap()), ..ended("b", "", "x") };
        let other = Record { backend_id: Some("sql".into()), ..ended("b", "", "x") };
        for record in [elsewhere, scoped, other, change("pending", "b", "", "x"), change("rejected", "b", "", "x")] {
            agent.tell(record).await;
        }
        assert_eq!(agent.unexplained().await, ["b"]);
        agent.tell(change("completed", "b", "", "x")).await;
        assert!(agent.unexplained().await.is_empty());
        // Another content, one that is broken, and none.
        agent.write(&[("a", "y"), ("b", "x")]);
        assert_eq!(agent.unexplained().await, ["a"]);
        std::fs::write(agent.bench.path("agent/mcp.md"), "## a\n\nargs: z\n\n## b\n\ncommand: x\n").unwrap();
        let found = agent.findings().await;
        assert!(found.len() == 1 && found["a"].contains("is broken"), "{found:?}");
        agent.write(&[("b", "x")]);
        let found = agent.findings().await;
        assert!(found.len() == 1 && found["a"].contains("should be there, and is not"), "{found:?}");
        // What was there once is no excuse.
        for record in [begun("b", "x", "y"), ended("b", "x", "y")] {
            agent.tell(record).await;
        }
        assert_eq!(agent.unexplained().await, ["a", "b"]);
        for record in [begun("a", "x", ""), ended("a", "x", ""), begun("b", "y", "x"), ended("b", "y", "x")] {
            agent.tell(record).await;
        }
        assert!(agent.unexplained().await.is_empty());
    })
}

pub(crate) fn l6_a_write_that_never_ended_explains_both() -> Tried {
    run(async {
        for never_ended in [
            vec![begun("a", "x", "y")],
            vec![begun("a", "x", "y"), failed("a", "x", "y", ErrorKind::Unavailable)],
            vec![change("executing", "a", "x", "y")],
            vec![change("executing", "a", "x", "y"), change("interrupted", "a", "x", "y")],
        ] {
            let agent = Agent::of(Bench::new());
            agent.tell(ended("a", "", "x")).await;
            for record in never_ended {
                agent.tell(record).await;
            }
            for (command, explained) in [("x", true), ("y", true), ("z", false)] {
                agent.write(&[("a", command)]);
                assert_eq!(agent.unexplained().await.is_empty(), explained, "{command}");
            }
        }
        // One that came to nothing explains what was.
        let settled = Record { from: Some("interrupted".into()), ..change("interrupted", "a", "x", "x") };
        let settled = Record { identity: change("", "a", "x", "y").identity, ..settled };
        for came_to_nothing in [
            [change("executing", "a", "x", "y"), settled],
            [begun("a", "x", "y"), failed("a", "x", "y", ErrorKind::Conflict)],
            [
                change("executing", "a", "x", "y"),
                Record { error: Some(ErrorKind::Conflict), ..change("failed", "a", "x", "y") },
            ],
        ] {
            let agent = Agent::of(Bench::new());
            agent.tell(ended("a", "", "x")).await;
            for record in came_to_nothing {
                agent.tell(record).await;
            }
            agent.write(&[("a", "x")]);
            assert!(agent.unexplained().await.is_empty());
            agent.write(&[("a", "y")]);
            assert_eq!(agent.unexplained().await, ["a"]);
        }
        Ok(())
    })
}

/// Two who write at once tell so in any order.
pub(crate) fn l6_what_overlaps_explains_either() -> Tried {
    run(async {
        let agent = Agent::of(Bench::new());
        let (x, y) = (("", "x"), ("x", "y"));
        let rows = [begun("a", x.0, x.1), begun("a", y.0, y.1), ended("a", y.0, y.1), ended("a", x.0, x.1)];
        for record in rows {
            agent.tell(record).await;
        }
        for (command, explained) in [("x", true), ("y", true), ("z", false)] {
            agent.write(&[("a", command)]);
            assert_eq!(agent.unexplained().await.is_empty(), explained, "{command}");
        }
        // From then on it is plain again.
        for record in [begun("a", "y", "z"), ended("a", "y", "z")] {
            agent.tell(record).await;
        }
        for (command, explained) in [("x", false), ("y", false), ("z", true)] {
            agent.write(&[("a", command)]);
            assert_eq!(agent.unexplained().await.is_empty(), explained, "{command}");
        }
        Ok(())
    })
}

/// A write whose end nobody told is over once another began long after it, and was done.
pub(crate) fn l6_who_died_long_ago_is_no_excuse() -> Tried {
    run(async {
        let transition = |to: &str| change(to, "a", "x", "y");
        for (died, done, minutes, explained) in [
            (begun("a", "x", "y"), vec![(begun("a", "x", "z"), 0), (ended("a", "x", "z"), 1)], 9, true),
            (begun("a", "x", "y"), vec![(begun("a", "x", "z"), 0), (ended("a", "x", "z"), 1)], 11, false),
            // It was begun soon, and took long.
            (begun("a", "x", "y"), vec![(begun("a", "x", "z"), 0), (ended("a", "x", "z"), 60)], 1, true),
            (begun("a", "x", "y"), vec![(begun("a", "x", "z"), 0)], 60, true),
            (
                begun("a", "x", "y"),
                vec![(begun("a", "x", "z"), 0), (failed("a", "x", "z", ErrorKind::Conflict), 1)],
                60,
                true,
            ),
            (begun("a", "x", "y"), vec![(Record { after: None, ..write(Event::Accepted, "a", "", "") }, 0)], 11, false),
            (transition("executing"), vec![(begun("a", "x", "z"), 0), (ended("a", "x", "z"), 1)], 60, true),
        ] {
            let agent = Agent::of(Bench::new());
            let first = SystemTime::UNIX_EPOCH;
            agent.tell_at(first, died).await;
            for (record, later) in done {
                agent.tell_at(first + Duration::from_secs(60 * (minutes + later)), record).await;
            }
            agent.write(&[("a", "y")]);
            assert_eq!(agent.unexplained().await.is_empty(), explained, "{minutes}");
        }
        Ok(())
    })
}

pub(crate) fn l6_what_is_accepted_is_explained() -> Tried {
    on_both(async |bench| {
        let agent = Agent::of(bench);
        let accept = async |names: &[&str]| {
            let names = names.iter().map(|named| name(named));
            agent.bench.ledger.accept(&agent.registry, &place(), names, &operator()).await.unwrap();
        };
        agent.tell(ended("gone", "", "x")).await;
        std::fs::write(agent.bench.path("agent/mcp.md"), "## a\n\ncommand: x\n\n## b\n\nargs: y\n").unwrap();
        assert_eq!(agent.unexplained().await, ["a", "b", "gone"]);
        accept(&["a"]).await;
        assert_eq!(agent.unexplained().await, ["b", "gone"]);
        accept(&["b", "gone"]).await;
        assert!(agent.unexplained().await.is_empty());
        let rows = agent.bench.ledger.rows(1, 10).await.unwrap();
        assert!(rows.iter().all(|row| row.record.event == Some(Event::Accepted)));
        assert!(rows.iter().all(|row| row.record.who.as_deref() == Some("tester")));
        // Who died before the export was written is made good for also by who has nothing to accept (L3).
        let exported = agent.bench.exported();
        std::fs::remove_file(agent.bench.export()).unwrap();
        accept(&[]).await;
        assert_eq!(agent.bench.exported(), exported);
        // It holds of what was accepted alone.
        agent.write(&[("a", "y"), ("b", "x"), ("gone", "x")]);
        assert_eq!(agent.unexplained().await, ["a", "b", "gone"]);
    })
}

pub(crate) fn l6_the_storages_own_audit_explains() -> Tried {
    run(async {
        let bench = Bench::new();
        let locator = format!("sqlite:{}", bench.path("catalog.db").display());
        let registry = Backends::linked().open(&OpenRequest::new(&locator)).unwrap();
        let place = Place { backend_id: "sql".into(), locator, scope: None };
        let context = WriteContext::new();
        assert!(findings(&bench.ledger, &registry, &place).await.is_empty());
        for named in ["a", "b", "c"] {
            registry.install(&entry(named, "x"), &context).await.unwrap();
        }
        registry.uninstall(&name("c"), None, &context).await.unwrap();
        registry.update(&entry("b", "y"), &digest("b", "x"), &context).await.unwrap();
        assert!(registry.install(&entry("b", "z"), &context).await.is_err());
        bench.ledger.record(vec![note("something else")]).await.unwrap();
        assert!(findings(&bench.ledger, &registry, &place).await.is_empty());
        // By hand there is no audit.
        let store =
            mcp_registry_store::Store::new(&mcp_registry_spec::Locator::new(&place.locator), Default::default());
        let store = store.unwrap();
        for sql in ["DELETE FROM mcp_entries WHERE name = 'a'", "UPDATE mcp_entries SET spec = '{}' WHERE name = 'b'"] {
            let mut transaction = store.begin().await.unwrap();
            transaction.execute(mcp_registry_store::sqlx::query(sql)).await.unwrap();
            transaction.commit().await.unwrap();
        }
        let found = findings(&bench.ledger, &registry, &place).await;
        assert!(
            found.len() == 2 && found["a"].contains("should be there") && found["b"].contains("is broken"),
            "{found:?}"
        );
        Ok(())
    })
}
