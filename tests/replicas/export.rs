//! Rule C35: where entries are in Postgres, the ledger's export is in the state folder, and is looked at there.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mcp_registry::{Backends, ErrorKind, OpenRequest};
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::Tried;
use tokio::runtime::Runtime;

use crate::service::Service;
use crate::{SCOPE, install, spec};

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A service that has put something on record, and the export of that.
fn recorded(place: &[&str]) -> (Service, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "version = 1\n[servers]\ncommands = [\"uvx\"]\n").unwrap();
    let service = Service::start(&[place, &["--policy", policy.to_str().unwrap()]].concat());
    let token = service.token(SCOPE, "writer", place);
    let request = OpenRequest::new(&format!("{}?agent_scope={SCOPE}", service.url)).option("auth_token", &token);
    let denied = Runtime::new().unwrap().block_on(async {
        let client = Backends::linked().open(&request).unwrap();
        install(client, spec("denied", 0)).await.unwrap_err()
    });
    assert_eq!(denied.kind(), ErrorKind::Forbidden, "{denied}");
    let state = service.home().join(".local/state/mcp-registry");
    let mut files = state.read_dir().unwrap().map(|file| file.unwrap().path());
    let export = files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("ledger-")).unwrap();
    (service, export)
}

pub(crate) fn rule_c35_an_export_that_others_may_write_is_not_served() -> Tried {
    let postgres = Postgres::start()?;
    let url = postgres.url();
    let place = ["--store", url.as_str()];
    let (service, export) = recorded(&place);
    let verify = [&["ledger", "verify"], &place[..]].concat();
    let serve = [&["serve", "--listen", "127.0.0.1:0"], &place[..]].concat();
    let state = export.parent().unwrap().to_owned();
    for (path, good, bad) in [(&export, 0o600, 0o666), (&state, 0o700, 0o777)] {
        set_mode(path, bad);
        for arguments in [&verify, &serve] {
            let output = service.run(arguments);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), said.contains("chmod go-w")), (Some(1), true), "{arguments:?}: {said}");
        }
        set_mode(path, good);
    }
    // What a command line of the same user kept there is no part of it.
    std::fs::write(state.join("governance.db"), "").unwrap();
    set_mode(&state.join("governance.db"), 0o666);
    let output = service.run(&verify);
    assert!(output.status.success(), "{output:?}");
    Ok(())
}
