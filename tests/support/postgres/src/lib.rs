//! A Postgres of a test's own: started in a temporary folder, stopped at its end.
//!
//! The programs are those of the newest version under `/usr/lib/postgresql`, or those on `PATH`. Postgres
//! does not run as root, so there it runs as `postgres` or `nobody`. Where the variable
//! `MCP_REGISTRY_TEST_POSTGRES` names a database by its URL, that one is used, and nothing is started.

mod programs;

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mcp_registry_test_trials::Missing;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use programs::Programs;

/// The variable that names another database.
pub const VARIABLE: &str = "MCP_REGISTRY_TEST_POSTGRES";

/// The password of the user of what is started here: something that must never show.
pub const PASSWORD: &str = "hunter2-of-postgres";

/// How long the server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, or the one the environment names.
#[derive(Debug)]
pub struct Postgres(Kind);

#[derive(Debug)]
enum Kind {
    Named(String),
    Own(Box<Server>),
}

#[derive(Debug)]
struct Server {
    programs: Programs,
    folder: TempDir,
    port: u16,
    running: Option<Child>,
}

impl Postgres {
    /// The database the environment names; where it names none, a server of its own.
    ///
    /// # Errors
    /// When there is none to start.
    pub fn get() -> Result<Self, Missing> {
        match std::env::var(VARIABLE) {
            Ok(url) => Ok(Self(Kind::Named(url))),
            Err(_) => Self::start(),
        }
    }

    /// A server of its own, which may be killed.
    ///
    /// # Errors
    /// When there is none to start.
    pub fn start() -> Result<Self, Missing> {
        let programs = Programs::find()?;
        let folder = tempfile::tempdir().map_err(Missing::new)?;
        let mut server = Server { programs, folder, port: free_port()?, running: None };
        server.init()?;
        server.run()?;
        Ok(Self(Kind::Own(Box::new(server))))
    }

    /// How it is opened: a URL, with its password.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.0 {
            Kind::Named(url) => url.clone(),
            Kind::Own(server) => format!("postgres://tester:{PASSWORD}@127.0.0.1:{}/postgres", server.port),
        }
    }

    /// A database of its own on the server, made with these arguments of `createdb`; its URL.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self, arguments: &[&str]) -> Result<String, Missing> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let url = self.url();
        let mut create = match &self.0 {
            Kind::Own(server) => server.programs.command("createdb"),
            Kind::Named(_) => Command::new("createdb"),
        };
        create.arg("--maintenance-db").arg(&url).args(arguments).arg(&name);
        succeed(create)?;
        let (base, parameters) =
            url.split_once('?').map_or((url.as_str(), String::new()), |(b, p)| (b, format!("?{p}")));
        let server = base.rfind('/').filter(|slash| *slash > "postgres://".len()).map_or(base, |slash| &base[..slash]);
        Ok(format!("{server}/{name}{parameters}"))
    }

    /// The password within [`url`](Self::url), where this crate knows it.
    #[must_use]
    pub fn password(&self) -> Option<&'static str> {
        matches!(self.0, Kind::Own(_)).then_some(PASSWORD)
    }

    /// Ends the server at once, as a power cut would, with `kill -9` to each of its processes.
    ///
    /// # Panics
    /// When the server is not this crate's to kill.
    pub fn kill(&mut self) {
        self.own().kill();
    }

    /// Stops the server: whoever is connected is told so.
    ///
    /// # Panics
    /// When the server is not this crate's to stop.
    pub fn stop(&mut self) {
        self.own().stop();
    }

    /// Starts it again, at the same place.
    ///
    /// # Errors
    /// When it does not start.
    ///
    /// # Panics
    /// When the server is not this crate's to start.
    pub fn restart(&mut self) -> Result<(), Missing> {
        self.own().run()
    }

    #[allow(clippy::panic, reason = "a test that asks for it is wrong")]
    fn own(&mut self) -> &mut Server {
        match &mut self.0 {
            Kind::Own(server) => server,
            Kind::Named(_) => panic!("the server that {VARIABLE} names is not to be stopped: use Postgres::start"),
        }
    }
}

impl Server {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn init(&self) -> Result<(), Missing> {
        let password = self.folder.path().join("password");
        File::create(&password).and_then(|mut file| file.write_all(PASSWORD.as_bytes())).map_err(Missing::new)?;
        self.programs.give(self.folder.path())?;
        self.programs.give(&password)?;
        let mut init = self.programs.command("initdb");
        // Not SCRAM: without optimisation a client works on that for longer than on anything it then asks.
        init.args(["--auth=password", "--username=tester", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg("--pwfile")
            .arg(password)
            .arg("--pgdata")
            .arg(self.data());
        succeed(init)
    }

    fn run(&mut self) -> Result<(), Missing> {
        let deadline = Instant::now() + PATIENCE;
        self.start()?;
        while !self.is_ready() {
            let ended = self.running.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            // What was killed takes a moment to let go of its memory.
            let is_early = ended && log.contains("pre-existing shared memory block");
            if Instant::now() > deadline || (ended && !is_early) {
                return Err(Missing::new(format!("Postgres does not start: {log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
            if is_early {
                self.start()?;
            }
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), Missing> {
        let log = File::create(self.folder.path().join("log")).map_err(Missing::new)?;
        let mut command = self.programs.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200"])
            .args(["-p", &self.port.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(Missing::new)?)
            .stderr(log)
            // What a terminal sends to the test is not for the server, and all of it can be killed as one.
            .process_group(0);
        self.running = Some(command.spawn().map_err(Missing::new)?);
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let mut ready = self.programs.command("pg_isready");
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        ready.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn kill(&mut self) {
        let Some(mut child) = self.running.take() else { return };
        // Stopped, it starts no further processes while those there are looked for.
        signal(&child, Signal::STOP);
        let serving = children(&child);
        signal(&child, Signal::KILL);
        for pid in serving {
            // One that has ended by itself needs no killing.
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = child.wait();
    }

    fn stop(&mut self) {
        let Some(mut child) = self.running.take() else { return };
        // "Fast": it ends the sessions, then itself.
        signal(&child, Signal::INT);
        let deadline = Instant::now() + PATIENCE;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                signal(&child, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends a signal to a process that was started here.
fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = pid(child) {
        let _ = kill_process(pid, signal);
    }
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

/// The processes that a server has started, where the system tells. Elsewhere they end by themselves
/// soon after it.
fn children(child: &Child) -> Vec<Pid> {
    let parent = format!(" {} ", child.id());
    let is_child = |stat: &str| {
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.get(2..).is_some_and(|r| r.starts_with(&parent)))
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    processes
        .filter_map(|process| {
            let number = process.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
            is_child(&stat).then(|| Pid::from_raw(number)).flatten()
        })
        .collect()
}

/// A port that nobody uses.
fn free_port() -> Result<u16, Missing> {
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(Missing::new)?;
    socket.local_addr().map(|address| address.port()).map_err(Missing::new)
}

fn succeed(mut command: Command) -> Result<(), Missing> {
    let output = command.stdin(Stdio::null()).output().map_err(Missing::new)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Missing::new(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Lets only the owner into a folder.
fn close(path: &Path) -> Result<(), Missing> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(Missing::new)
}
