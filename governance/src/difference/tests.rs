use std::fs;
use std::sync::Arc;

use mcp_registry_filesystem::{Config, FilesystemBackend};
use mcp_registry_spec::redact::redact;
use mcp_registry_spec::text::escape;
use mcp_registry_spec::{ErrorKind, McpServerSpec, OpenRequest, Scope, ServerName};
use serde_json::json;

use super::*;

/// An agent's folder with a document.
struct Agent {
    folder: tempfile::TempDir,
    registry: McpServerRegistry,
}

impl Agent {
    fn with(document: &str) -> Self {
        let agent = Self::new();
        fs::write(agent.document(), document).unwrap();
        agent
    }

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = FilesystemBackend::new(Config::new(folder.path()));
        Self { registry: McpServerRegistry::new(Arc::new(backend)), folder }
    }

    fn document(&self) -> std::path::PathBuf {
        self.folder.path().join("mcp.md")
    }

    async fn of(&self, proposal: &Proposal) -> Result<String> {
        let old = self.registry.load(proposal.name()).await.ok();
        let seen = old.as_ref().map(|spec| spec.digest().unwrap());
        difference(&self.registry, proposal, old.as_ref(), seen.as_ref()).await
    }

    async fn install(&self, entry: serde_json::Value) -> String {
        self.of(&Proposal::Install(spec(entry))).await.unwrap()
    }

    async fn uninstall(&self, name: &str) -> String {
        self.of(&Proposal::Uninstall(ServerName::parse(name).unwrap())).await.unwrap()
    }
}

fn spec(entry: serde_json::Value) -> McpServerSpec {
    McpServerSpec::from_json(entry).unwrap()
}

const TIME: &str = "## time\ncommand: uvx\nargs: mcp-server-time\n";

#[tokio::test]
async fn h7_an_install_shows_the_section_as_it_will_stand_there() {
    let shown = Agent::with(&format!("# Mine\n\nprose\n\n{TIME}"))
        .install(json!({"name": "b", "command": "npx", "env": {"T": "$T"}}))
        .await;
    assert_eq!(
        shown,
        "--- a/mcp.md\n+++ b/mcp.md\n@@ -5,3 +5,8 @@\n ## time\n command: uvx\n args: mcp-server-time\n+ \n+## b\n+\n+command: npx\n+env: T=$T\n"
    );
    let first = Agent::new().install(json!({"name": "b", "command": "npx"})).await;
    assert_eq!(first, "--- a/mcp.md\n+++ b/mcp.md\n@@ -0,0 +1,3 @@\n+## b\n+\n+command: npx\n");
}

#[tokio::test]
async fn h7_an_update_shows_the_lines_that_differ_and_three_around_them() {
    let agent = Agent::with(&format!("# Mine\n\n1\n2\n3\n\n{TIME}\nprose\n\n## z\ncommand: npx\n"));
    let mut new = agent.registry.load(&ServerName::parse("time").unwrap()).await.unwrap();
    new.description = "What time is it?".to_owned();
    let shown = agent.of(&Proposal::Update(new.clone())).await.unwrap();
    assert_eq!(
        shown,
        "--- a/mcp.md\n+++ b/mcp.md\n@@ -7,6 +7,7 @@\n ## time\n command: uvx\n args: mcp-server-time\n+description: What time is it?\n \n prose\n \n"
    );
    new.description = String::new();
    assert_eq!(agent.of(&Proposal::Update(new)).await.unwrap(), "", "it changes nothing");
}

#[tokio::test]
async fn h7_an_uninstall_shows_what_goes() {
    let agent = Agent::with(&format!("# Mine\n\n{TIME}\n## z\ncommand: npx\n"));
    assert_eq!(
        agent.uninstall("time").await,
        "--- a/mcp.md\n+++ b/mcp.md\n@@ -1,8 +1,4 @@\n # Mine\n \n-## time\n-command: uvx\n-args: mcp-server-time\n-\n ## z\n command: npx\n"
    );
    assert_eq!(agent.uninstall("absent").await, "");
}

#[tokio::test]
async fn h7_line_ends_marks_and_hostile_characters_are_written_out() {
    let agent = Agent::with("\u{feff}# Mine\r\n\r\n\u{202e}evil\u{1b}[2J\rx\r\n## a\r\ncommand: npx");
    let shown = agent.install(json!({"name": "b", "command": "npx", "description": "a\u{200b}b\r\nc"})).await;
    assert_eq!(
        shown,
        "\
--- a/mcp.md
+++ b/mcp.md
@@ -2,4 +2,9 @@
 \\u{d}
 \\u{202e}evil\\u{1b}[2J\\u{d}x\\u{d}
 ## a\\u{d}
-command: npx
\\ No newline at end of file
+command: npx\\u{d}
+  \\u{d}
+## b\\u{d}
+\\u{d}
+description: \"a\\u200bb\\r\\nc\"\\u{d}
+command: npx\\u{d}
"
    );
    let marked = Agent::with("\u{feff}").install(json!({"name": "b", "command": "npx"})).await;
    assert!(marked.contains("\n+\\u{feff}## b\n"), "{marked}");
}

#[tokio::test]
async fn rule_29_what_the_write_would_refuse_is_refused() {
    let agent = Agent::with(TIME);
    let there = Proposal::Install(spec(json!({"name": "time", "command": "npx"})));
    assert_eq!(agent.of(&there).await.unwrap_err().kind(), ErrorKind::AlreadyInstalled);
    let absent = Proposal::Update(spec(json!({"name": "b", "command": "npx"})));
    assert_eq!(agent.of(&absent).await.unwrap_err().kind(), ErrorKind::NotInRegistry);
    let literal = Proposal::Install(spec(json!({"name": "b", "command": "npx", "env": {"API_KEY": "hunter2"}})));
    assert_eq!(agent.of(&literal).await.unwrap_err().kind(), ErrorKind::InvalidSpec);
    let name = ServerName::parse("time").unwrap();
    let (old, other) = (agent.registry.load(&name).await.unwrap(), spec(json!({"name": "b", "command": "npx"})));
    let stale = other.digest().unwrap();
    let changed = difference(&agent.registry, &Proposal::Uninstall(name), Some(&old), Some(&stale)).await;
    assert_eq!(changed.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(fs::read_to_string(agent.document()).unwrap(), TIME);
}

/// Every way in which the secret of a neighbour could show.
#[tokio::test]
async fn rule_4_no_secret_of_a_neighbour_shows() {
    for neighbour in [
        "## n\ncommand: x\nenv: API_KEY=hunter2-x\n",
        "## n\ncommand: x\nenv: {\"API_KEY\": \"hunter2\\u002dx\"}\n",
        "## n\ncommand: x\nargs: --token, hunter2-x\n",
        "## n\ncommand: x\nhunter2-x, you know\nenv: API_KEY=hunter2-x\n",
        "## n\nurl: https://me:hunter2-x@h/\n",
        "## n\ncommand: x\n```yaml\nenv:\n  API_KEY: >-\n    hunter2-x\n    and more\n```\n",
        "## n\ncommand: x\n```yaml\nnote:\n  password: hunter2-x\n```\n",
        // Broken, misspelt, or no entry at all.
        "## n\nenv: hunter2-x\n",
        "## n\ncommand: x\n```yaml\nenv: [hunter2-x\n```\n",
        "## no name\ncommand: x\nargs: hunter2-x\n",
        "## n\ncommand: x\n\nargs: hunter2-x\n===\n",
        "password: hunter2-x\n",
        "-----BEGIN PRIVATE KEY-----\nhunter2-x/a\nhunter2-x/b\nhunter2-x/c\n-----END PRIVATE KEY-----\n",
    ] {
        for (above, below) in [(neighbour, ""), ("", neighbour), (neighbour, neighbour)] {
            for newline in ["\n", "\r\n"] {
                let text = format!("# Mine\n{above}\n## gone\ncommand: x\n{below}").replace('\n', newline);
                let agent = Agent::with(&text);
                for shown in [agent.uninstall("gone").await, agent.install(json!({"name": "b", "command": "x"})).await]
                {
                    assert!(!shown.contains("hunter2"), "{text}\n{shown}");
                    assert!(shown.contains("\n-## gone") || shown.contains("\n+## b"), "{shown}");
                }
            }
        }
    }
}

#[tokio::test]
async fn rule_4_no_guess_is_told_right_from_wrong() {
    let agent = Agent::with("# Mine\n\n## n\ncommand: x\nargs: --token, right-guess\n");
    let seen = async |guess: &str, entry: serde_json::Value| {
        let shown = agent.install(entry).await;
        assert!(shown.contains("+command: x") && shown.contains(guess), "{shown}");
        assert!(shown.contains("\n args: ***\n"), "{shown}");
        shown.replace(guess, "GUESS")
    };
    let described = |guess: &str| json!({"name": "b", "command": "x", "description": format!("is it {guess}?")});
    assert_eq!(
        seen("right-guess", described("right-guess")).await,
        seen("wrong-guess", described("wrong-guess")).await
    );
    let named = |guess: &str| json!({"name": guess, "command": "x"});
    assert_eq!(seen("right-guess", named("right-guess")).await, seen("wrong-guess", named("wrong-guess")).await);
}

#[tokio::test]
async fn rule_4_no_secret_shows_in_a_line_that_gets_its_line_break() {
    for newline in ["\n", "\r\n"] {
        let text = "# Mine\n-----BEGIN PRIVATE KEY-----\nhunter2-x/a\nhunter2-x/b".replace('\n', newline);
        let shown = Agent::with(&text).install(json!({"name": "b", "command": "x"})).await;
        let ended = format!("\n-***\n\\ No newline at end of file\n+***{}\n+", escape(newline.trim_end_matches('\n')));
        assert!(!shown.contains("hunter2") && shown.contains(&ended), "{shown}");
    }
}

#[tokio::test]
async fn rule_4_no_secret_of_what_goes_shows() {
    let secrets =
        "## gone\ncommand: x\nargs: --api-key, hunter2-x\nenv: API_KEY=hunter2-x, REGION=eu\n\nIt was hunter2-x.\n";
    let key = "-----BEGIN PRIVATE KEY-----\nhunter2-x/a\n-----END PRIVATE KEY-----\n";
    let shown = Agent::with(&format!("{secrets}{key}")).uninstall("gone").await;
    assert_eq!(
        shown,
        "--- a/mcp.md\n+++ b/mcp.md\n@@ -1,9 +0,0 @@\n-## gone\n-command: x\n-args: ***\n-env: ***\n-\n-It was ***.\n-***\n-***\n-***\n"
    );
}

#[tokio::test]
async fn h7_a_difference_is_bounded_and_says_so() {
    for (line, bound) in [
        ("prose\n", "\n\\ Cut here: the difference is longer than 64 KiB\n"),
        ("x", "\n-*** (a line of 100001 bytes)\n"),
    ] {
        let shown = Agent::with(&format!("## gone\ncommand: x\n\n{}\n", line.repeat(100_000 / line.len())))
            .uninstall("gone")
            .await;
        assert!(shown.len() <= 64 * 1024 && shown.contains("\n-command: x\n"), "{}", shown.len());
        assert!(shown.ends_with(bound) || shown.contains(bound), "{line:?}");
    }
    // What is written out takes more room than it took before.
    let steering =
        Agent::with(&format!("## gone\ncommand: x\n\n{}\n", "\u{1b}".repeat(60_000))).uninstall("gone").await;
    assert!(steering.len() <= 64 * 1024 && steering.contains("\\u{1b}\\u{1b}"), "{}", steering.len());
}

#[tokio::test]
async fn h7_no_part_of_an_entry_hides_another() {
    let entry = json!({"name": "b", "command": "evil", "description": "the api_key:"});
    let shown = Agent::with("# Mine\n").install(entry).await;
    let lines = "\n+description: the api_key:\n+command: evil\n";
    assert!(shown.contains(lines), "{shown}");
    assert!(!redact(&shown).contains(lines), "together they would look like a secret");
}

#[tokio::test]
async fn h7_of_a_large_document_only_what_changes_is_compared() {
    let entries: String = (0..20_000).map(|i| format!("## n{i}\ncommand: npx\nargs: -y, package-{i}\n\n")).collect();
    let shown = Agent::with(&entries).uninstall("n10000").await;
    assert_eq!(
        shown,
        "--- a/mcp.md\n+++ b/mcp.md\n@@ -39998,10 +39998,6 @@\n command: npx\n args: -y, package-9999\n \n-## n10000\n-command: npx\n-args: -y, package-10000\n-\n ## n10001\n command: npx\n args: -y, package-10001\n"
    );
}

#[tokio::test]
async fn h7_where_no_text_stores_the_scope_the_entry_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let locator = format!("sqlite:{}", folder.path().join("registry.db").display());
    let scout = Scope::parse("scout").unwrap();
    let backend = (mcp_registry_sql::REGISTRATION.open)(&OpenRequest::new(&locator).scope(scout)).unwrap();
    let registry = McpServerRegistry::new(backend);
    let new = spec(json!({"name": "a", "command": "npx", "args": ["-y", "\u{202e}x"]}));
    let shown = difference(&registry, &Proposal::Install(new.clone()), None, None).await.unwrap();
    assert_eq!(
        shown,
        "--- a/a.json\n+++ b/a.json\n@@ -0,0 +1,11 @@\n+{\n+  \"name\": \"a\",\n+  \"transport\": \"stdio\",\n+  \"command\": \"npx\",\n+  \"args\": [\n+    \"-y\",\n+    \"\\u{202e}x\"\n+  ],\n+  \"env\": {},\n+  \"description\": \"\"\n+}\n"
    );
    // Secrets that differ are shown to differ, and not shown.
    let secretive = |secret: &str| spec(json!({"name": "a", "command": "npx", "env": {"API_KEY": secret, "B": "1"}}));
    let (old, new) = (secretive("hunter2"), secretive("${API_KEY}"));
    let seen = old.digest().unwrap();
    let shown = difference(&registry, &Proposal::Update(new), Some(&old), Some(&seen)).await.unwrap();
    assert_eq!(
        shown,
        "--- a/a.json\n+++ b/a.json\n@@ -4,7 +4,7 @@\n   \"command\": \"npx\",\n   \"args\": [],\n   \"env\": {\n-    \"API_KEY\": \"***\",\n+    \"API_KEY\": \"${API_KEY}\",\n     \"B\": \"1\"\n   },\n   \"description\": \"\"\n"
    );
}
