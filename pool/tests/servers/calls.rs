use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_registry_pool::{Call, CallError, Options, Pool};
use mcp_registry_spec::LaunchSpec;
use mcp_registry_test_server::{Mark, survivors};
use serde_json::{Map, Value, json};

use crate::support::{SECRET, gate, server, wait, with_env};

async fn pool_of(launch: LaunchSpec, options: Options) -> Pool {
    let pool = Pool::connect(vec![launch], &gate(), options).await.unwrap();
    assert_eq!(pool.servers().len(), 1, "{:?}", pool.failures());
    pool
}

fn arguments(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

pub(crate) fn s12_a_tool_is_called_and_answers() {
    let mark = Mark::new("call");
    wait(async {
        let pool = pool_of(server("a", &mark, &["usual"]), Options::default()).await;
        let info = pool.servers()[0].info();
        assert_eq!(info.server_info.as_ref().map(|own| own.version.as_str()), Some("1.2.3"));
        let given = json!({"text": "hi", "deep": [1, {"a": null}]});
        let done = pool.call("a__echo", Call::new(arguments(given.clone()))).await.unwrap();
        assert_eq!((done.structured_content, done.is_error), (Some(given), None));
        let failed = pool.call("a__fail", Call::default()).await.unwrap();
        assert_eq!(failed.is_error, Some(true));
        let refused = pool.call("a__refuse", Call::default()).await.unwrap_err();
        assert_eq!(refused, CallError::Refused { code: -32000, said: "no such thing, ***".into() });
        let none = pool.call("echo", Call::default()).await.unwrap_err();
        assert_eq!(none, CallError::NoSuchTool("echo".into()));
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
}

pub(crate) fn s12_progress_is_told_and_a_call_can_be_given_up() {
    let mark = Mark::new("progress");
    wait(async {
        let pool = pool_of(server("a", &mark, &["usual"]), Options::default()).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let (heard, enough) = (told.clone(), Arc::new(tokio::sync::Notify::new()));
        let all = enough.clone();
        let call = Call::default()
            .on_progress(move |now| {
                heard.lock().unwrap().push(now.progress);
                assert_eq!((now.total, now.message.as_deref()), (Some(9.0), Some("working")));
                if heard.lock().unwrap().len() == 3 {
                    all.notify_one();
                }
            })
            .cancelled_by(async move { enough.notified().await });
        assert_eq!(pool.call("a__slow", call).await.unwrap_err(), CallError::Cancelled);
        assert_eq!(told.lock().unwrap().len(), 3);
        let time = Duration::from_millis(50);
        let late = pool.call("a__slow", Call::default().within(time)).await.unwrap_err();
        assert_eq!(late, CallError::TimedOut(time));
        assert!(pool.call("a__echo", Call::default()).await.is_ok(), "the server goes on");
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
}

pub(crate) fn s12_a_lost_connection_says_why() {
    let mark = Mark::new("lost");
    wait(async {
        let pool = pool_of(server("a", &mark, &["usual"]), Options::default()).await;
        let lost = pool.call("a__die", Call::default()).await.unwrap_err();
        assert_eq!(lost.to_string(), "the server gave no result: it ended with exit code 7");
        assert!(matches!(lost, CallError::Lost { stderr, .. } if stderr == "gone with ***"));
        drop(pool);
        let pool = pool_of(server("a", &mark, &["usual"]), Options::default()).await;
        let lost = pool.call("a__garbage", Call::default()).await.unwrap_err();
        assert!(lost.to_string().contains("what is no message: \"no message\""), "{lost}");
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
}

pub(crate) fn s12_a_call_that_nobody_waits_for_is_cancelled() {
    let mark = Mark::new("dropped");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cancelled");
    wait(async {
        let launch = with_env("a", &mark, &["usual"], json!({"CANCELLED_FILE": file.to_str().unwrap()}));
        let pool = pool_of(launch, Options::default()).await;
        let call = pool.call("a__slow", Call::default());
        assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
        let told = async {
            while !file.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), told).await.expect("the server was told");
        pool.close().await.unwrap();
    });
}

pub(crate) fn s12_a_server_that_does_not_read_keeps_nobody() {
    let mark = Mark::new("unread");
    wait(async {
        let mut options = Options::default();
        options.timeouts.stop = Duration::from_millis(200);
        let pool = pool_of(server("a", &mark, &["usual"]), options).await;
        let time = Duration::from_millis(100);
        let all = async {
            let late = pool.call("a__stop-reading", Call::default().within(time)).await;
            assert_eq!(late, Err(CallError::TimedOut(time)));
            // More than the pipe holds.
            let much = || Call::new(arguments(json!({"text": "x".repeat(300_000)})));
            for _ in 0..3 {
                assert_eq!(pool.call("a__echo", much().within(time)).await, Err(CallError::TimedOut(time)));
                let given_up = much().cancelled_by(tokio::time::sleep(time));
                assert_eq!(pool.call("a__echo", given_up).await, Err(CallError::Cancelled));
            }
            pool.close().await.unwrap();
        };
        tokio::time::timeout(Duration::from_secs(30), all).await.expect("no call waits for the server to read");
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
}

/// What the server has of the process that runs this: set for it by the variable below.
pub(crate) fn s6_a_server_gets_the_environment_less_what_is_this_programs() {
    let mark = Mark::new("environment");
    let environment = |inherit: Option<Vec<String>>| {
        wait(async {
            let mut options = Options::default();
            options.inherit_env = inherit;
            let pool = pool_of(with_env("a", &mark, &["usual"], json!({"OWN": "own"})), options).await;
            let done = pool.call("a__environment", Call::default()).await.unwrap();
            pool.close().await.unwrap();
            done.structured_content.unwrap()
        })
    };
    let all = environment(None);
    // Cargo gives these to every test; the second is set by `main` and belongs to this program alone.
    assert!(all.get("CARGO_MANIFEST_DIR").is_some() && all.get("PATH").is_some());
    assert_eq!((&all["OWN"], &all["TOKEN"]), (&json!("own"), &json!(SECRET)));
    assert!(!all.as_object().unwrap().keys().any(|name| name.starts_with("MCP_REGISTRY_")), "{all}");
    let few = environment(Some(vec!["PATH".into(), "MCP_REGISTRY_AUTH_TOKEN".into()]));
    assert!(few.get("PATH").is_some() && few.get("CARGO_MANIFEST_DIR").is_none());
    assert!(!few.as_object().unwrap().keys().any(|name| name.starts_with("MCP_REGISTRY_")), "{few}");
    assert_eq!(few["OWN"], "own");
    assert_eq!(survivors(&mark), Vec::<String>::new());
}
