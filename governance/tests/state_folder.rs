//! The state folder: where it is, and whose (L8).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
#![cfg(unix)]

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use mcp_registry_governance::StateFolder;
use mcp_registry_spec::{ErrorKind, FixedEnvironment};

fn find(variables: &[(&str, &str)]) -> Result<StateFolder, ErrorKind> {
    let environment = FixedEnvironment::new();
    let environment = variables.iter().fold(environment, |all, (name, value)| all.with(*name, *value));
    StateFolder::find(&environment).map_err(|error| error.kind())
}

fn at(path: &Path) -> StateFolder {
    find(&[("MCP_REGISTRY_STATE_DIR", path.to_str().unwrap())]).unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

#[test]
fn h1_l8_the_folder_is_the_one_that_is_named_else_the_users_own() {
    let path = |variables: &[(&str, &str)]| find(variables).map(|folder| folder.path().to_owned());
    assert_eq!(path(&[("MCP_REGISTRY_STATE_DIR", "/s"), ("HOME", "/h")]), Ok("/s".into()));
    assert_eq!(path(&[("MCP_REGISTRY_STATE_DIR", ""), ("HOME", "/h")]), Ok("/h/.local/state/mcp-registry".into()));
    assert_eq!(path(&[("XDG_STATE_HOME", "/x"), ("HOME", "/h")]), Ok("/x/mcp-registry".into()));
    assert_eq!(path(&[("MCP_REGISTRY_STATE_DIR", "relative"), ("HOME", "/h")]), Err(ErrorKind::ConfigInvalid));
    assert_eq!(path(&[]), Err(ErrorKind::ConfigInvalid));
    assert!(!StateFolder::find(&FixedEnvironment::new()).unwrap_err().to_string().is_empty());
    let folder = find(&[("HOME", "/h")]).unwrap();
    assert_eq!(folder.ledger(), Path::new("/h/.local/state/mcp-registry/ledger.jsonl"));
    assert_eq!(folder.database().unwrap().name(), "sqlite:governance.db");
}

#[test]
fn l8_it_is_made_for_its_owner_alone() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("a/b/state");
    at(&path).check().unwrap();
    assert!(!above.path().join("a").exists(), "whoever only looks makes nothing");
    at(&path).prepare().unwrap();
    assert_eq!(mode(&path), 0o700);
    at(&path).prepare().unwrap();
    // Others may read what its owner lets them.
    set_mode(&path, 0o755);
    at(&path).prepare().unwrap();
}

#[test]
fn l8_what_others_may_write_is_refused() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("state");
    at(&path).prepare().unwrap();
    let refused = |what: &str| {
        for error in [at(&path).prepare().unwrap_err(), at(&path).check().unwrap_err()] {
            let text = error.to_string();
            assert!(error.kind() == ErrorKind::ConfigInvalid && text.contains(what), "{text}");
        }
    };
    for bad in [0o770, 0o702, 0o1777] {
        set_mode(&path, bad);
        refused("chmod go-w");
    }
    set_mode(&path, 0o700);
    for file in ["governance.db", "governance.db-wal", "governance.db-shm", "ledger.jsonl"] {
        let file = path.join(file);
        std::fs::write(&file, "").unwrap();
        set_mode(&file, 0o644);
        at(&path).prepare().unwrap();
        set_mode(&file, 0o660);
        refused(file.to_str().unwrap());
        std::fs::remove_file(&file).unwrap();
        symlink("/dev/null", &file).unwrap();
        refused("no regular file");
        std::fs::remove_file(&file).unwrap();
    }
    set_mode(above.path(), 0o777);
    refused("everybody may write the folder");
    set_mode(above.path(), 0o700);
    at(&path).prepare().unwrap();
}

#[test]
fn l8_a_folder_that_cannot_be_made_names_the_variable() {
    let above = tempfile::tempdir().unwrap();
    std::fs::write(above.path().join("file"), "").unwrap();
    let error = at(&above.path().join("file/state")).prepare().unwrap_err();
    assert!(error.to_string().contains("MCP_REGISTRY_STATE_DIR"), "{error}");
}
