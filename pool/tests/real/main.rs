//! The pool with servers that people use: those of npm and PyPI that the protocol's own project gives, in the folder
//! that `MCP_REGISTRY_TEST_SERVERS` names: an npm prefix, and in it a Python environment `venv`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod servers;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mcp_registry_pool::{Call, Cause, Phase};
use mcp_registry_test_server::{Mark, survivors};
use mcp_registry_test_trials::{Tried, trials};
use serde_json::json;

use servers::*;

fn everything_is_probed_and_called() -> Tried {
    let mark = Mark::new("everything");
    let launch = stdio("everything", &node()?, &[&script("mcp-server-everything")?, "stdio"], &mark);
    check_everything(launch);
    assert_eq!(survivors(&mark), Vec::<String>::new());
    Ok(())
}

/// What npx starts is its grandchild.
fn what_npx_starts_is_found_and_gone() -> Tried {
    let mark = Mark::new("npx");
    let prefix = folder()?;
    let args = ["--offline", "--prefix", prefix.to_str().unwrap(), "mcp-server-everything", "stdio"];
    check_everything(stdio("everything", "npx", &args, &mark));
    assert_eq!(survivors(&mark), Vec::<String>::new());
    Ok(())
}

fn everything_is_reached_over_http_both_ways() -> Tried {
    for (word, kind, path) in [("streamableHttp", "streamable-http", "mcp"), ("sse", "sse", "sse")] {
        let port = free_port();
        let _server = Started::new(
            Command::new(node()?).args([&script("mcp-server-everything")?, word]).env("PORT", port.to_string()),
            port,
        );
        check_everything(remote("everything", kind, &format!("http://localhost:{port}/{path}")));
    }
    Ok(())
}

/// A port that nobody listens at, of those that the system hands to nobody who asks for any.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..32_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn files_are_read_and_others_are_not() -> Tried {
    let mark = Mark::new("files");
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("note.txt");
    std::fs::write(&file, "so it is there").unwrap();
    let launch = stdio("files", &node()?, &[&script("mcp-server-filesystem")?, room.path().to_str().unwrap()], &mark);
    wait(async {
        let pool = pool_of(vec![launch]).await;
        let read = |path: &str| pool.call("files__read_text_file", Call::new(arguments(&json!({"path": path}))));
        let done = read(file.to_str().unwrap()).await.unwrap();
        assert!(json!(done.content).to_string().contains("so it is there"), "{done:?}");
        assert_eq!(read("/etc/passwd").await.unwrap().is_error, Some(true));
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
    Ok(())
}

fn the_time_is_told_and_a_page_fetched() -> Tried {
    let mark = Mark::new("python");
    let page = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/page", page.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in page.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let body = "<html><body><p>fetched indeed</p></body></html>";
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", body.len());
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
        }
    });
    let launches = vec![
        stdio("time", &python("mcp-server-time")?, &["--local-timezone=UTC"], &mark),
        stdio("fetch", &python("mcp-server-fetch")?, &["--ignore-robots-txt", "--allow-private-ips"], &mark),
    ];
    wait(async {
        let pool = pool_of(launches).await;
        let asked = arguments(&json!({"timezone": "Europe/Berlin"}));
        let done = pool.call("time__get_current_time", Call::new(asked)).await.unwrap();
        assert!(json!(done.content).to_string().contains("Europe/Berlin"), "{done:?}");
        let done = pool.call("fetch__fetch", Call::new(arguments(&json!({"url": url, "raw": true})))).await.unwrap();
        assert!(json!(done.content).to_string().contains("fetched indeed"), "{done:?}");
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
    Ok(())
}

/// What it says of a package that is not there is told, and nothing is left.
fn a_package_that_is_not_there_says_so() -> Tried {
    let mark = Mark::new("absent");
    folder()?;
    let launch = stdio("absent", "npx", &["--offline", "-y", "@modelcontextprotocol/no-such-server-of-all"], &mark);
    wait(async {
        let pool = connected(vec![launch]).await;
        let failure = &pool.failures()[0];
        assert_eq!((failure.phase, failure.cause), (Phase::Initialize, Cause::Exited), "{failure:?}");
        assert!(failure.exit.is_some() && failure.stderr.contains("npm"), "{failure:?}");
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
    Ok(())
}

/// Lists and calls the tools of server-everything.
fn check_everything(launch: mcp_registry_spec::LaunchSpec) {
    wait(async {
        let pool = pool_of(vec![launch]).await;
        let names: Vec<_> = pool.tools().map(|tool| tool.qualified()).collect();
        assert!(names.iter().any(|name| name == "everything__echo"), "{names:?}");
        let echoed = pool.call("everything__echo", Call::new(arguments(&json!({"message": "grüezi"})))).await.unwrap();
        assert!(json!(echoed.content).to_string().contains("grüezi"), "{echoed:?}");
        let place = arguments(&json!({"location": "Chicago"}));
        let weather = pool.call("everything__get-structured-content", Call::new(place)).await.unwrap();
        assert!(weather.structured_content.is_some_and(|told| told["temperature"].is_number()));
        let wrong = pool.call("everything__get-sum", Call::new(arguments(&json!({"a": "x"})))).await;
        assert!(wrong.map_or(true, |answer| answer.is_error == Some(true)), "wrong arguments are told");
        let steps = Arc::new(AtomicUsize::new(0));
        let heard = steps.clone();
        let long = Call::new(arguments(&json!({"duration": 0.5, "steps": 5})))
            .on_progress(move |_| {
                heard.fetch_add(1, Ordering::Relaxed);
            })
            .within(Duration::from_secs(20));
        pool.call("everything__trigger-long-running-operation", long).await.unwrap();
        assert!(steps.load(Ordering::Relaxed) > 0, "progress was told");
        pool.close().await.unwrap();
    });
}

trials!(
    everything_is_probed_and_called,
    what_npx_starts_is_found_and_gone,
    everything_is_reached_over_http_both_ways,
    files_are_read_and_others_are_not,
    the_time_is_told_and_a_page_fetched,
    a_package_that_is_not_there_says_so,
);

/// A server that was started beside, and listens.
struct Started(Child);

impl Started {
    fn new(command: &mut Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("localhost", port)).is_err() {
            assert!(Instant::now() < deadline, "it listens");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self(child)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
