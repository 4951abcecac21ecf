//! The catalog by another hand, `catalog.py`, as the tests use it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Debug;
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mcp_registry_http::{Builder, HttpBackend};
use mcp_registry_spec::{
    Error, ErrorKind, FixedEnvironment, McpServerRegistryBackend, McpServerSpec, Result, Scope, Secret, ServerName,
};
use mcp_registry_test_trials::Missing;
use serde_json::{Value, json};

/// The token the backends are given; it must show nowhere.
pub(crate) const TOKEN: &str = "hunter2-plain-word";
/// The longest that an error may be: it quotes a catalog's words, and not at length.
const MOST_MESSAGE: usize = 1500;
/// A call that takes longer hangs.
const HANGS: Duration = Duration::from_secs(30);

/// The running program. It ends with its standard input, so with this process.
pub(crate) struct Catalogs {
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    /// The certificate of the port with TLS.
    pub(crate) certificate: PathBuf,
    _child: Child,
    _input: ChildStdin,
    _folder: tempfile::TempDir,
}

static CATALOGS: LazyLock<std::result::Result<Catalogs, String>> = LazyLock::new(Catalogs::start);

/// The program, started when it is first needed.
pub(crate) fn catalogs() -> std::result::Result<&'static Catalogs, Missing> {
    CATALOGS.as_ref().map_err(Missing::new)
}

impl Catalogs {
    fn start() -> std::result::Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|cause| cause.to_string())?;
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalog.py");
        let mut command = Command::new("python3");
        command.arg(program).arg(&certificate).arg(&key).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|cause| format!("python3 cannot be started: {cause}"))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Vec<u16> = line.split_whitespace().map(|port| port.parse().unwrap()).collect();
        let [port, tls_port] = ports[..] else { return Err(format!("python3 did not start the catalog: {line:?}")) };
        let input = child.stdin.take().unwrap();
        Ok(Self { port, tls_port, certificate, _child: child, _input: input, _folder: folder })
    }

    /// A catalog of its own, of that kind.
    pub(crate) fn session(&'static self, kind: &str) -> Session {
        self.scripted(kind, json!({}))
    }

    /// The same, with a script of what it answers instead.
    pub(crate) fn scripted(&'static self, kind: &str, script: Value) -> Session {
        let asked = json!({"kind": kind, "script": script});
        let made = request(self.port, "POST", "/_sessions", &asked.to_string());
        Session { name: made["session"].as_str().unwrap().to_owned(), port: self.port }
    }
}

/// One catalog.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl Session {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{}/", self.port, self.name)
    }

    /// A backend for it with small time limits, a token and no environment.
    pub(crate) fn builder(&self) -> Builder {
        builder(&self.url())
    }

    pub(crate) fn open(&self) -> HttpBackend {
        self.builder().build().unwrap()
    }

    /// Stores an entry behind the client's back.
    pub(crate) fn seed(&self, scope: &str, entry: &Value) {
        let path = format!("/_sessions/{}/entries?agent_scope={}", self.name, scope.replace('+', "%2B"));
        request(self.port, "POST", &path, &entry.to_string());
    }

    /// What it was asked, as `METHOD target`.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = self.requests();
        log.iter().map(|r| format!("{} {}", r["method"].as_str().unwrap(), r["target"].as_str().unwrap())).collect()
    }

    /// What it was asked, headers included.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let path = format!("/_sessions/{}/log", self.name);
        request(self.port, "GET", &path, "").as_array().unwrap().clone()
    }

    /// How often that method and path was asked for.
    pub(crate) fn count(&self, asked: &str) -> usize {
        let (method, path) = asked.split_once(' ').unwrap();
        let target = format!("{method} /{}{path}", self.name);
        self.log().iter().filter(|line| line.split('?').next() == Some(&target)).count()
    }
}

pub(crate) fn builder(url: &str) -> Builder {
    HttpBackend::builder(url).token(Secret::new(TOKEN.to_owned())).environment(Arc::new(FixedEnvironment::new()))
}

/// A request in the simplest form there is.
fn request(port: u16, method: &str, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// Runs a test, and fails it when it hangs.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(HANGS, test).await.expect("it hangs") });
    runtime.shutdown_background();
    done
}

/// Asserts that a call was refused so, and that what it says is fit to be read.
#[track_caller]
pub(crate) fn refused<T: Debug>(result: Result<T>, kind: ErrorKind, retryable: bool) -> String {
    let error = result.expect_err("it should be refused");
    assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{error:?}");
    fit(&error)
}

/// Asserts that an error is fit to be read, and gives its text.
#[track_caller]
pub(crate) fn fit(error: &Error) -> String {
    let text = error.to_string();
    let all = format!("{text} {error:?} {}", serde_json::to_string(error).unwrap());
    assert!(!all.contains("hunter2"), "{all}");
    assert!(!text.chars().any(mcp_registry_spec::text::is_unprintable), "{text:?}");
    assert!(!text.is_empty() && text.chars().count() < MOST_MESSAGE, "{text}");
    text
}

pub(crate) fn name(text: &str) -> ServerName {
    ServerName::parse(text).unwrap()
}

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(crate) fn spec(value: Value) -> McpServerSpec {
    McpServerSpec::from_json(value).unwrap()
}

/// An ordinary entry, all of its values references.
pub(crate) fn plain(name: &str) -> McpServerSpec {
    spec(entry(name))
}

/// The same as it goes over the wire.
pub(crate) fn entry(name: &str) -> Value {
    json!({"name": name, "transport": "stdio", "command": "npx", "args": ["-y"], "env": {"T": "$T"}, "description": "d"})
}

/// Calls every method that asks the catalog something, all at once, and gives what went wrong in each.
pub(crate) async fn every_call(backend: &dyn McpServerRegistryBackend) -> Vec<(&'static str, Option<Error>)> {
    let (spec, context) = (plain("a"), mcp_registry_spec::WriteContext::new());
    let digest = spec.digest().unwrap();
    let reads = async {
        tokio::join!(
            async { ("list", backend.list().await.err()) },
            async { ("load", backend.load(&spec.name).await.err()) },
            async { ("load_all", backend.load_all().await.err()) },
            async { ("validate", backend.validate(&spec.name).await.err()) },
            async { ("validate_all", backend.validate_all().await.err()) },
            async { ("revision", backend.revision().await.err()) },
            async { ("scopes", backend.scopes().await.err()) },
            async { ("audit", backend.audit(0, 1).await.err()) },
        )
    };
    let others = async {
        tokio::join!(
            async { ("install", backend.install(&spec, &context).await.err()) },
            async { ("update", backend.update(&spec, &digest, &context).await.err()) },
            async { ("uninstall", backend.uninstall(&spec.name, None, &context).await.err()) },
            async { ("capabilities", backend.capabilities().await.err()) },
            async { ("refresh_capabilities", backend.refresh_capabilities().await.err()) },
        )
    };
    let ((a, b, c, d, e, f, g, h), (i, j, k, l, m)) = tokio::join!(reads, others);
    vec![a, b, c, d, e, f, g, h, i, j, k, l, m]
}

/// A write context that allows nothing.
pub(crate) fn context() -> mcp_registry_spec::WriteContext {
    mcp_registry_spec::WriteContext::new()
}

/// A catalog that answers everything so.
pub(crate) fn always(answer: Value) -> std::result::Result<Session, Missing> {
    Ok(catalogs()?.scripted("tier2", json!({"*": [answer]})))
}

/// An answer that is an error of that kind.
pub(crate) fn with_body(status: u16, kind: &str, message: &str) -> Value {
    let body = json!({"error": {"kind": kind, "message": message, "retryable": true}});
    json!({"status": status, "body": body.to_string()})
}
