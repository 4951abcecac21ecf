//! Remote servers that misbehave: what they are sent, and where.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_registry_pool::{Cause, Failure, Gate, Options, Phase, Pool};
use mcp_registry_spec::{FixedEnvironment, LaunchSpec, McpServerSpec};
use serde_json::json;

use crate::support::{SECRET, hanging_in, patient, wait};

/// A server that answers every request the same, and keeps what it was asked.
struct Answering {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Answering {
    fn new(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (asked.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &kept, &*answer));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request.
fn serve(mut stream: TcpStream, kept: &Mutex<Vec<String>>, answer: &dyn Fn(&str) -> String) {
    let mut from = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap();
        }
        head.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).unwrap();
    let request = format!("{head}{}", String::from_utf8_lossy(&body));
    kept.lock().unwrap().push(request.clone());
    let _ = stream.write_all(answer(&request).as_bytes());
    // A stream of events stays open.
    if answer(&request).contains("event-stream") {
        std::thread::sleep(Duration::from_secs(30));
    }
}

fn launch(transport: &str, url: &str) -> LaunchSpec {
    let spec = McpServerSpec::from_json(json!({"name": "far", "transport": transport, "url": url,
        "headers": {"Authorization": "Bearer ${TOKEN}", "X-Team": "blue"}}));
    spec.unwrap().resolve(&FixedEnvironment::new().with("TOKEN", SECRET)).unwrap()
}

fn failure(transport: &str, url: &str) -> Failure {
    failure_in(transport, url, patient())
}

fn failure_in(transport: &str, url: &str, options: Options) -> Failure {
    let pool = wait(Pool::connect(vec![launch(transport, url)], &Gate::default(), options)).unwrap();
    let failure = pool.failures()[0].clone();
    assert!(!format!("{failure} {failure:?}").contains(SECRET), "{failure:?}");
    assert_eq!(failure.phase, Phase::Initialize, "{failure:?}");
    failure
}

fn head(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

fn events(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{body}")
}

pub(crate) fn s4_a_redirect_is_not_followed() {
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let other = Answering::new(|_| head("500 No", ""));
        for transport in ["streamable-http", "sse"] {
            let target = other.url.clone();
            let here = Answering::new(move |_| head(status, &format!("Location: {target}\r\n")));
            assert_eq!(failure(transport, &here.url).cause, Cause::Unreachable, "{status}");
            let asked = here.asked();
            assert!(!asked.is_empty(), "{transport}");
            for request in &asked {
                let request = request.to_ascii_lowercase();
                assert!(request.contains(&format!("authorization: bearer {SECRET}")), "{request}");
                assert!(request.contains("x-team: blue"), "{request}");
            }
        }
        assert_eq!(other.asked(), Vec::<String>::new(), "{status}: nothing goes elsewhere");
    }
}

pub(crate) fn s4_messages_go_to_the_origin_of_the_url_only() {
    let other = Answering::new(|_| head("202 Accepted", ""));
    for endpoint in
        [other.url.clone(), other.url.replace("http:", ""), "https://example.org/m".into(), "http://[".into()]
    {
        let here = Answering::new(move |_| events(&format!("event: endpoint\ndata: {endpoint}\n\n")));
        let failure = failure("sse", &here.url);
        assert_eq!(failure.cause, Cause::Unreachable, "{failure}");
        assert!(here.asked().iter().all(|request| request.starts_with("GET ")), "{:?}", here.asked());
    }
    assert_eq!(other.asked(), Vec::<String>::new());
}

pub(crate) fn s5_what_a_remote_server_lacks_is_told() {
    let hanging = || hanging_in(Phase::Initialize);
    for transport in ["streamable-http", "sse"] {
        for (status, cause) in [
            ("401 Unauthorized", Cause::Unauthorized),
            ("403 Forbidden", Cause::Unauthorized),
            ("404 Not Found", Cause::Unreachable),
            ("500 Oops", Cause::Unreachable),
            ("200 OK", Cause::Unreachable),
        ] {
            let here = Answering::new(move |_| head(status, "WWW-Authenticate: Bearer\r\n"));
            assert_eq!(failure(transport, &here.url).cause, cause, "{transport} {status}");
        }
        let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(failure(transport, &format!("http://{unused}/")).cause, Cause::Unreachable, "{transport}");
        // One that says nothing, and one that says nothing of use.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        assert_eq!(failure_in(transport, &url, hanging()).cause, Cause::TimedOut, "{transport}");
    }
    let here = Answering::new(|_| events(": nothing\n\n"));
    assert_eq!(failure_in("sse", &here.url, hanging()).cause, Cause::TimedOut);
    let here = Answering::new(|request| match request.starts_with("GET ") {
        true => events("event: endpoint\ndata: /m\n\ndata: no message\n\n"),
        false => head("202 Accepted", ""),
    });
    assert_eq!(failure("sse", &here.url).cause, Cause::Garbage);
    let told = format!("{{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{{\"code\":-1,\"message\":\"not {SECRET}\"}}}}");
    let here = Answering::new(move |_| {
        let length = told.len();
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{told}")
    });
    let failure = failure("streamable-http", &here.url);
    assert_eq!(failure.cause, Cause::Refused);
    assert!(failure.message.contains("error -1: not ***"), "{failure}");
}
