//! What can lie where the document should, and what becomes of it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use mcp_registry_filesystem::{Config, FilesystemBackend};
use mcp_registry_spec::{
    Error, ErrorKind, Listing, McpServerRegistryBackend, McpServerSpec, Result, ServerName, WriteContext,
};
use pollster::block_on;

const LOCK: &str = ".mcp_registry.lock";
const DOCUMENT: &str = "# Mine\n\n## old\n\ncommand: npx\n";

/// An agent's folder, and the backend on it.
struct Agent {
    dir: tempfile::TempDir,
    backend: FilesystemBackend,
}

impl Agent {
    /// A folder with nothing in it.
    fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backend = FilesystemBackend::new(Config::new(dir.path()));
        Self { dir, backend }
    }

    fn with(text: impl AsRef<[u8]>) -> Self {
        let agent = Self::empty();
        std::fs::write(agent.document(), text).unwrap();
        agent
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn document(&self) -> PathBuf {
        self.path("mcp.md")
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.document()).unwrap()
    }

    fn list(&self) -> Result<Listing> {
        in_time(self.backend.clone(), |b| block_on(b.list()))
    }

    fn install(&self) -> Result<()> {
        in_time(self.backend.clone(), |b| block_on(b.install(&spec("new"), &WriteContext::new())).map(drop))
    }

    fn uninstall(&self) -> Result<()> {
        in_time(self.backend.clone(), |b| block_on(b.uninstall(&name("new"), None, &WriteContext::new())))
    }

    fn files(&self) -> Vec<String> {
        names_in(self.dir.path())
    }

    /// Sees that reading and writing are refused alike, and that nothing in the folder changed but
    /// the lock's being there.
    fn refuses(&self, kind: ErrorKind) -> Error {
        let before = self.files();
        let (read, write) = (self.list().unwrap_err(), self.install().unwrap_err());
        for error in [&read, &write] {
            assert_eq!((error.kind(), error.is_retryable()), (kind, false), "{error}");
            assert!(error.to_string().contains("mcp.md"), "{error}");
        }
        let after: Vec<_> = self.files().into_iter().filter(|f| f != LOCK).collect();
        assert_eq!(after, before);
        read
    }

    /// Sees that an install works, and that removing it again gives back the very bytes.
    fn works(&self) {
        let before = std::fs::read(self.document()).unwrap_or_default();
        self.install().unwrap();
        assert!(self.list().unwrap().servers.iter().any(|s| s.name.as_str() == "new"));
        self.uninstall().unwrap();
        assert_eq!(self.bytes(), before);
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn name(text: &str) -> ServerName {
    ServerName::parse(text).unwrap()
}

fn spec(text: &str) -> McpServerSpec {
    McpServerSpec::stdio(name(text), "npx")
}

/// What would hang (a FIFO, a device) fails instead.
fn in_time<T: Send + 'static>(
    backend: FilesystemBackend,
    work: impl FnOnce(FilesystemBackend) -> T + Send + 'static,
) -> T {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || done.send(work(backend)));
    wait.recv_timeout(Duration::from_secs(30)).expect("no answer in time")
}

#[test]
fn nothing_there_lists_as_empty_and_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let backend = FilesystemBackend::new(Config::new(dir.path().join("agent")));
    assert_eq!(block_on(backend.list()).unwrap(), Listing::default());
    block_on(backend.uninstall(&name("new"), None, &WriteContext::new())).unwrap();
    assert!(names_in(dir.path()).is_empty(), "neither reading nor removing nothing makes anything");
    block_on(backend.install(&spec("new"), &WriteContext::new())).unwrap();
    assert_eq!(names_in(&dir.path().join("agent")), [LOCK, "mcp.md"]);
    block_on(backend.uninstall(&name("new"), None, &WriteContext::new())).unwrap();
    assert_eq!(std::fs::read(dir.path().join("agent/mcp.md")).unwrap(), b"", "a file that install made stays, empty");
}

#[test]
fn a_folder_whose_parent_is_missing_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let backend = FilesystemBackend::new(Config::new(dir.path().join("no/agent")));
    assert_eq!(block_on(backend.list()).unwrap(), Listing::default());
    let error = block_on(backend.install(&spec("new"), &WriteContext::new())).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false));
    assert!(names_in(dir.path()).is_empty());
}

#[test]
fn a_folder_that_is_a_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("agent"), "x").unwrap();
    let backend = FilesystemBackend::new(Config::new(dir.path().join("agent")));
    for error in [
        block_on(backend.list()).unwrap_err(),
        block_on(backend.install(&spec("new"), &WriteContext::new())).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
    }
    assert_eq!(std::fs::read(dir.path().join("agent")).unwrap(), b"x");
}

#[test]
fn a_directory() {
    let agent = Agent::empty();
    std::fs::create_dir(agent.document()).unwrap();
    agent.refuses(ErrorKind::Unavailable);
}

#[test]
fn a_fifo_is_not_waited_for() {
    let agent = Agent::empty();
    let made = std::process::Command::new("mkfifo").arg(agent.document()).status().unwrap();
    assert!(made.success());
    agent.refuses(ErrorKind::DescriptorInvalid);
}

#[test]
fn a_socket() {
    let agent = Agent::empty();
    let _socket = UnixListener::bind(agent.document()).unwrap();
    agent.refuses(ErrorKind::DescriptorInvalid);
}

#[test]
fn a_device_without_end() {
    let agent = Agent::empty();
    symlink("/dev/zero", agent.document()).unwrap();
    assert_eq!(agent.list().unwrap_err().kind(), ErrorKind::DescriptorInvalid);
}

#[test]
fn text_that_is_not_utf_8_names_the_line() {
    let agent = Agent::with(b"# Mine\n\n## a\ncommand: caf\xe9\n");
    let error = agent.refuses(ErrorKind::DescriptorInvalid);
    assert_eq!(error.line(), Some(4));
    assert_eq!(agent.bytes(), b"# Mine\n\n## a\ncommand: caf\xe9\n");
}

#[test]
fn no_more_than_16_mib_are_read() {
    let agent = Agent::empty();
    File::create(agent.document()).unwrap().set_len((16 << 20) + 1).unwrap();
    agent.refuses(ErrorKind::DescriptorInvalid);
}

/// What a write makes must not be more than what is read.
#[test]
fn no_document_grows_beyond_16_mib() {
    let text = format!("{}\n", "x".repeat(1023)).repeat(16 << 10);
    let agent = Agent::with(&text);
    assert!(agent.list().unwrap().servers.is_empty(), "16 MiB are read");
    let error = agent.install().unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(agent.bytes(), text.as_bytes());
    assert_eq!(agent.files(), [LOCK, "mcp.md"]);
}

#[test]
fn every_form_of_text_is_kept() {
    for text in [
        "",
        "\u{feff}",
        "\u{feff}# Mine",
        "\u{feff}# Mine\r\n\r\n## old\r\ncommand: x\r\n",
        "no line end",
        "no line end\r\n  ",
        "\n\n\n",
        "\r",
        "\0",
        "## old\ncommand: x",
        DOCUMENT,
    ] {
        Agent::with(text).works();
    }
}

#[test]
fn the_mode_is_kept() {
    let agent = Agent::with(DOCUMENT);
    for mode in [0o600, 0o640, 0o664, 0o755] {
        std::fs::set_permissions(agent.document(), Permissions::from_mode(mode)).unwrap();
        agent.works();
        assert_eq!(agent.document().metadata().unwrap().mode() & 0o7777, mode);
    }
}

#[test]
fn a_read_only_file_is_not_replaced() {
    let agent = Agent::with(DOCUMENT);
    std::fs::set_permissions(agent.document(), Permissions::from_mode(0o444)).unwrap();
    let error = agent.install().unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
    assert_eq!(agent.bytes(), DOCUMENT.as_bytes());
    assert_eq!(agent.files(), [LOCK, "mcp.md"]);
    assert_eq!(agent.list().unwrap().servers.len(), 1);
}

#[test]
fn links_are_written_through() {
    let agent = Agent::empty();
    let away = tempfile::tempdir().unwrap();
    std::fs::write(away.path().join("real.md"), DOCUMENT).unwrap();
    symlink(away.path().join("real.md"), away.path().join("hop")).unwrap();
    symlink("hop", away.path().join("relative")).unwrap();
    symlink(away.path().join("relative"), agent.document()).unwrap();
    agent.works();
    agent.install().unwrap();
    assert!(agent.document().is_symlink());
    assert_eq!(agent.files(), ["mcp.md"], "the lock is beside what the link leads to");
    assert_eq!(names_in(away.path()), [LOCK, "hop", "real.md", "relative"]);
    assert!(std::fs::read_to_string(away.path().join("real.md")).unwrap().starts_with(DOCUMENT));
}

#[test]
fn a_link_to_nothing_makes_what_it_leads_to() {
    let agent = Agent::empty();
    let away = tempfile::tempdir().unwrap();
    symlink(away.path().join("real.md"), agent.document()).unwrap();
    assert_eq!(agent.list().unwrap(), Listing::default());
    agent.works();
    assert_eq!(names_in(away.path()), [LOCK, "real.md"]);
    assert!(agent.document().is_symlink());
}

#[test]
fn a_link_into_nowhere_is_refused() {
    let agent = Agent::empty();
    symlink("/nonexistent/folder/real.md", agent.document()).unwrap();
    let error = agent.install().unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
    assert_eq!(agent.files(), ["mcp.md"]);
}

#[test]
fn links_in_a_circle() {
    let agent = Agent::empty();
    symlink("other", agent.document()).unwrap();
    symlink("mcp.md", agent.path("other")).unwrap();
    agent.refuses(ErrorKind::Unavailable);
}

#[test]
fn a_lock_that_is_a_link_is_refused() {
    let agent = Agent::with(DOCUMENT);
    for target in ["missing", "there"] {
        std::fs::write(agent.path("there"), "x").unwrap();
        symlink(target, agent.path(LOCK)).unwrap();
        let error = agent.install().unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
        assert!(error.to_string().contains(LOCK), "{error}");
        assert!(!agent.path("missing").exists() && agent.path(LOCK).is_symlink());
        std::fs::remove_file(agent.path(LOCK)).unwrap();
    }
    assert_eq!(agent.bytes(), DOCUMENT.as_bytes());
}

#[test]
fn the_lock_is_private_and_stays() {
    let agent = Agent::with(DOCUMENT);
    agent.install().unwrap();
    let first = agent.path(LOCK).metadata().unwrap();
    agent.uninstall().unwrap();
    let second = agent.path(LOCK).metadata().unwrap();
    assert_eq!((first.mode() & 0o7777, first.ino()), (0o600, second.ino()));
}

#[test]
fn a_lock_held_by_another_is_waited_for_and_named() {
    let agent = Agent::with(DOCUMENT);
    let mut config = Config::new(agent.dir.path());
    config.lock_timeout = Duration::from_millis(100);
    let backend = FilesystemBackend::new(config);
    let lock = File::create(agent.path(LOCK)).unwrap();
    lock.lock().unwrap();
    let error = block_on(backend.install(&spec("new"), &WriteContext::new())).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
    let text = error.to_string();
    assert!(text.contains(LOCK) && text.contains("lock_timeout"), "{text}");
    assert_eq!(agent.bytes(), DOCUMENT.as_bytes());
    assert_eq!(block_on(backend.list()).unwrap().servers.len(), 1, "readers take no lock");
    drop(lock);
    block_on(backend.install(&spec("new"), &WriteContext::new())).unwrap();
}

#[test]
fn what_dead_writers_left_is_cleaned_and_nothing_else() {
    let agent = Agent::with(DOCUMENT);
    std::fs::write(agent.path(".mcp.md.4711.part"), "half").unwrap();
    for others in [".mcp.md.swp", "mcp.md~", "mcp.md.part", ".mcp.md.swap", "x.part"] {
        std::fs::write(agent.path(others), "not ours").unwrap();
    }
    agent.install().unwrap();
    let expected = [".mcp.md.swap", ".mcp.md.swp", LOCK, "mcp.md", "mcp.md.part", "mcp.md~", "x.part"];
    assert_eq!(agent.files(), expected);
}

/// A writer died with somebody else's text in its hands: that is kept where its owner sees it.
#[test]
fn a_text_that_a_dead_writer_had_swapped_out_is_saved() {
    let agent = Agent::with(DOCUMENT);
    let (old, new) = ("0".repeat(32), "1".repeat(32));
    std::fs::write(agent.path(&format!(".mcp.md.{old}-{new}.swap")), "an editor's text").unwrap();
    agent.install().unwrap();
    let saved: Vec<_> = agent.files().into_iter().filter(|f| f.starts_with("mcp.md.saved")).collect();
    assert_eq!(saved.len(), 1, "{:?}", agent.files());
    assert_eq!(std::fs::read_to_string(agent.path(&saved[0])).unwrap(), "an editor's text");
}

/// Only what a dead writer of ours left is removed.
#[test]
fn files_of_others_are_left_alone() {
    let agent = Agent::with("# Mine\n");
    let folder = agent.document().parent().unwrap().to_owned();
    std::fs::write(folder.join(".mcp.md.notes.part"), "mine").unwrap();
    std::fs::create_dir(folder.join(".mcp.md.1.part")).unwrap();
    agent.install().unwrap();
    assert_eq!(std::fs::read(folder.join(".mcp.md.notes.part")).unwrap(), b"mine");
    assert!(folder.join(".mcp.md.1.part").is_dir());
}

/// M6: what looks like a field and is none is remarked on.
#[test]
fn m6_fields_that_are_prose_are_remarked_on() {
    let text = "## a\n\ncommand: npx\n\n> note\nenv: A=$B\n\n- item\nargs: x\n\n```yml\nurl: x\n```\n\n<!--\nheader: A: b\n-->\n\n Args: y\n";
    let agent = Agent::with(text);
    let warnings = block_on(agent.backend.validate(&ServerName::parse("a").unwrap())).unwrap().warnings;
    for (line, key) in [(6, "env"), (9, "args"), (12, "url"), (19, "Args")] {
        assert!(
            warnings.iter().any(|w| w.starts_with(&format!("line {line}: \"{key}\" is read as prose"))),
            "{warnings:?}"
        );
    }
    assert!(!warnings.iter().any(|w| w.contains("header")), "what is commented out is meant to be");
}
