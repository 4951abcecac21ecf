//! nginx, serving a file.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running nginx with a log of accesses; it is stopped when dropped.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Serves `body`; `None` where nginx, or what presses it, is not installed.
    pub(crate) fn serving(body: &[u8]) -> Option<Self> {
        let is_there = |program: &str| Command::new(program).arg("-v").output().is_ok();
        if !is_there("nginx") || !is_there("wrk") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        // Its workers may be somebody else.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("servers.json"), body).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {path}/{kind};"))
            .join(" ");
        let settings = format!(
            "daemon off; worker_processes auto; pid {path}/pid; error_log {path}/error.log;
             events {{ worker_connections 1024; }}
             http {{
                 {temporary} access_log {path}/access.log; default_type application/json; sendfile on;
                 keepalive_requests 100000000;
                 server {{ listen 127.0.0.1:{port}; root {path}; }}
             }}"
        );
        fs::write(folder.path().join("nginx.conf"), settings).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p", &path, "-c", "nginx.conf"]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { child, url: format!("http://127.0.0.1:{port}/servers.json"), _folder: folder })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}
