//! Where a policy is, and whose it must be.

use std::path::{Path, PathBuf};

use mcp_registry_governance::{Policy, Request, Source, Tool};
use mcp_registry_spec::FixedEnvironment;
use tempfile::TempDir;

/// A machine: its folder of the whole machine, a home, and what is set.
struct Machine {
    folder: TempDir,
    environment: FixedEnvironment,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let environment = FixedEnvironment::new().with("HOME", folder.path().join("home"));
        let machine = Self { folder, environment };
        // Whoever writes a file here settles the modes of the folders above it.
        machine.write("file", "");
        machine
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment = self.environment.with(name, value);
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Whatever the umask is.
            let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(self.folder.path()));
            for (path, mode) in folders.map(|folder| (folder, 0o755)).chain([(&*path, 0o644)]) {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        path
    }

    fn source(&self, flag: Option<&Path>) -> Source {
        Source::new(flag, &self.environment).with_system(self.path("etc/policy.toml"))
    }

    fn load(&self, flag: Option<&Path>) -> Policy {
        self.source(flag).load()
    }
}

/// A policy that is known by the tool it denies.
fn denying(tool: &str) -> String {
    format!("version = 1\n[tools.{tool}]\nenabled = false\n")
}

fn denies(policy: &Policy, tool: Tool) -> bool {
    policy.problems().is_empty() && !policy.decide(&Request::new(tool)).allowed
}

fn refusal(policy: &Policy) -> String {
    let Some(problem) = policy.problems().first() else { panic!("it is fine") };
    assert!(!policy.decide(&Request::new(Tool::RegistryList)).allowed);
    problem.to_string()
}

#[test]
fn p2_the_first_place_that_has_one() {
    let machine = Machine::new();
    let state = "home/.local/state/mcp-registry/policy.toml";
    assert!(machine.load(None).is_default());
    assert_eq!(machine.load(None).path(), Some(&*machine.path(state)));
    machine.write(state, denying("registry_list"));
    assert!(denies(&machine.load(None), Tool::RegistryList));

    machine.write("xdg/mcp-registry/policy.toml", denying("registry_show"));
    let machine = machine.with("XDG_STATE_HOME", "relative");
    assert!(denies(&machine.load(None), Tool::RegistryList));
    let xdg = machine.path("xdg");
    let machine = machine.with("XDG_STATE_HOME", xdg.to_str().unwrap());
    assert!(denies(&machine.load(None), Tool::RegistryShow));

    machine.write("state/policy.toml", denying("registry_validate"));
    let own = machine.path("state");
    let machine = machine.with("MCP_REGISTRY_STATE_DIR", own.to_str().unwrap());
    assert!(denies(&machine.load(None), Tool::RegistryValidate));

    let named = machine.write("named.toml", denying("doctor"));
    let machine = machine.with("MCP_REGISTRY_POLICY", named.to_str().unwrap());
    assert!(denies(&machine.load(None), Tool::Doctor));

    let flag = machine.write("flag.toml", denying("approval_list"));
    assert!(denies(&machine.load(Some(&flag)), Tool::ApprovalList));

    machine.write("etc/policy.toml", denying("approval_get"));
    assert!(denies(&machine.load(Some(&flag)), Tool::ApprovalGet));
    // It wins also where it cannot be used.
    machine.write("etc/policy.toml", "nonsense");
    assert!(refusal(&machine.load(Some(&flag))).contains("etc/policy.toml"));
    std::fs::remove_file(machine.path("etc/policy.toml")).unwrap();
    std::fs::create_dir(machine.path("etc/policy.toml")).unwrap();
    assert!(refusal(&machine.load(Some(&flag))).contains("etc/policy.toml"));
    #[cfg(unix)]
    {
        std::fs::remove_dir(machine.path("etc/policy.toml")).unwrap();
        std::os::unix::fs::symlink("nowhere", machine.path("etc/policy.toml")).unwrap();
        assert!(refusal(&machine.load(Some(&flag))).contains("etc/policy.toml"));
    }
}

#[test]
fn p2_a_relative_state_folder_names_no_place() {
    let policy = Machine::new().with("MCP_REGISTRY_STATE_DIR", "state").load(None);
    assert!(refusal(&policy).contains("MCP_REGISTRY_STATE_DIR is no whole path"));
    assert!(Machine::new().with("MCP_REGISTRY_STATE_DIR", "").load(None).is_default());
    let nowhere = Source::new(None, &FixedEnvironment::new()).with_system("/nonexistent/policy.toml").load();
    assert!(nowhere.is_default() && nowhere.path().is_none());
}

#[test]
fn p4_without_a_file_reads_are_allowed_and_writes_gated() {
    let policy = Machine::new().load(None);
    for tool in Tool::ALL {
        let decision = policy.decide(&Request::new(*tool));
        assert_eq!((decision.allowed, decision.needs_confirmation), (true, tool.changes()), "{tool}");
        assert_eq!(decision.rule.number, "P4");
    }
    let diagnostics = policy.diagnostics();
    assert!(diagnostics.ok && diagnostics.using_default && !diagnostics.exists && diagnostics.version.is_none());
}

#[test]
fn p5_one_that_was_named_and_is_not_there_denies() {
    let machine = Machine::new();
    let said = refusal(&machine.load(Some(&machine.path("absent.toml"))));
    assert!(said.contains("absent.toml: is named as the policy, and is not there"), "{said}");
    let absent = machine.path("no/folder/policy.toml");
    let machine = machine.with("MCP_REGISTRY_POLICY", absent.to_str().unwrap());
    assert!(refusal(&machine.load(None)).contains("unset MCP_REGISTRY_POLICY"));
    let machine = machine.with("MCP_REGISTRY_POLICY", "");
    assert!(machine.load(None).is_default(), "an empty variable says nothing");
}

#[test]
fn p5_one_that_cannot_be_read_denies() {
    let machine = Machine::new();
    // Whoever runs this: root reads what its mode forbids.
    assert!(refusal(&machine.load(Some(&machine.path(&"x".repeat(4000))))).contains("cannot be read"));
}

#[test]
fn p1_what_is_no_text_of_a_bounded_size_denies() {
    let machine = Machine::new();
    let of = |bytes: &[u8]| refusal(&machine.load(Some(&machine.write("p.toml", bytes))));
    assert!(of(&[b'#'; (256 << 10) + 1]).contains("larger than 256 KiB"));
    assert!(of(b"version = 1\n\xff").contains("is not UTF-8 in line 2"));
    assert!(of(b"\x7fELF\0\0").contains("is no valid TOML"));
    assert!(of(b"").contains("says no version"));
    assert!(of(&[b'['; 256 << 10]).contains("is no valid TOML"));
    // Short, and thousands of levels deep: what lets go of them must not outgrow the stack.
    let long = |table: usize| (0..70).map(|i| format!("k{table}_{i}")).collect::<Vec<_>>().join(".");
    let nested = (0..70).rev().fold("1".to_owned(), |inner, table| format!("{{ {} = {inner} }}", long(table)));
    assert!(of(format!("a = {nested}").as_bytes()).contains("deeper than 128"));
    machine.write("p.toml", [b"version = 1\n".as_slice(), &vec![b'\n'; (256 << 10) - 12]].concat());
    assert!(machine.load(Some(&machine.path("p.toml"))).problems().is_empty());
}

#[test]
fn p6_what_it_says_counts_and_not_when_it_was_written() {
    let machine = Machine::new();
    let path = machine.write("p.toml", denying("registry_list"));
    let written = path.metadata().unwrap().modified().unwrap();
    let source = machine.source(Some(&path));
    assert!(denies(&source.load(), Tool::RegistryList));
    std::fs::write(&path, denying("registry_show")).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    assert!(denies(&source.load(), Tool::RegistryShow));
    std::fs::remove_file(&path).unwrap();
    assert!(!source.load().problems().is_empty());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn p3_what_others_may_write_is_refused() {
        let machine = Machine::new();
        let path = machine.write("state/policy.toml", denying("registry_list"));
        for (bits, fine) in
            [(0o600, true), (0o644, true), (0o444, true), (0o620, false), (0o602, false), (0o666, false)]
        {
            mode(&path, bits);
            let policy = machine.load(Some(&path));
            assert_eq!(policy.problems().is_empty(), fine, "{bits:o}");
            assert!(fine || refusal(&policy).contains("others than its owner may write it"));
        }
        mode(&path, 0o600);
        for bits in [0o770, 0o707, 0o1777] {
            mode(&machine.path("state"), bits);
            assert!(refusal(&machine.load(Some(&path))).contains("may write the folder"), "{bits:o}");
        }
        // One that is missing there may have been taken away by others.
        std::fs::remove_file(&path).unwrap();
        let folder = machine.path("state");
        let machine = machine.with("MCP_REGISTRY_STATE_DIR", folder.to_str().unwrap());
        assert!(refusal(&machine.load(None)).contains("may write the folder"));
        mode(&folder, 0o700);
        assert!(machine.load(None).is_default());
        // So may the machine's own: then no other holds.
        machine.write("etc/other", "");
        mode(&machine.path("etc"), 0o777);
        assert!(refusal(&machine.load(None)).contains("may write the folder"));
    }

    #[test]
    fn p3_a_folder_above_that_others_may_write_is_refused_but_where_each_has_their_own() {
        let machine = Machine::new();
        let path = machine.write("above/state/policy.toml", denying("registry_list"));
        mode(&machine.path("above"), 0o777);
        assert!(refusal(&machine.load(Some(&path))).contains("above\""));
        mode(&machine.path("above"), 0o1777);
        assert!(denies(&machine.load(Some(&path)), Tool::RegistryList));
        if !rustix::process::geteuid().is_root() {
            // Only root can give a folder to somebody else.
            return;
        }
        mode(&machine.path("above"), 0o755);
        std::os::unix::fs::chown(machine.path("above"), Some(65_533), None).unwrap();
        assert!(refusal(&machine.load(Some(&path))).contains("number 65533"));
    }

    #[test]
    fn p3_a_link_is_only_as_good_as_its_folder() {
        let machine = Machine::new();
        let path = machine.write("real/policy.toml", denying("registry_list"));
        std::fs::create_dir(machine.path("links")).unwrap();
        mode(&machine.path("links"), 0o755);
        let link = machine.path("links/policy.toml");
        symlink(&path, &link).unwrap();
        assert!(denies(&machine.load(Some(&link)), Tool::RegistryList));
        mode(&machine.path("links"), 0o777);
        assert!(refusal(&machine.load(Some(&link))).contains("links\""));
        mode(&machine.path("links"), 0o755);
        mode(&machine.path("real"), 0o777);
        assert!(refusal(&machine.load(Some(&link))).contains("real\""));
    }

    #[test]
    fn p3_what_is_no_file_is_refused_at_once() {
        let machine = Machine::new();
        let fifo = machine.path("fifo.toml");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(refusal(&machine.load(Some(&fifo))).contains("is no regular file"));
        let folder = machine.path("folder.toml");
        std::fs::create_dir(&folder).unwrap();
        assert!(refusal(&machine.load(Some(&folder))).contains("is no regular file"));
        symlink("loop.toml", machine.path("loop.toml")).unwrap();
        assert!(refusal(&machine.load(Some(&machine.path("loop.toml")))).contains("cannot be read"));
        assert!(refusal(&machine.load(Some(Path::new("/dev/zero")))).contains("/dev/zero"));
    }
}
