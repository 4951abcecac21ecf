//! Rule C28: what is answered from memory is what is stored.

use std::time::Duration;

use mcp_registry::WriteContext;
use mcp_registry::catalog::Options;

use crate::service::{Ask, SCOUT, Service, entry, reply};

fn names(listing: &serde_json::Value) -> Vec<&str> {
    listing["servers"].as_array().unwrap().iter().map(|server| server["name"].as_str().unwrap()).collect()
}

async fn hits(service: &Service) -> u64 {
    let metrics = service.ask(Ask::new("GET", "/metrics")).await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("mcp_registry_cache_hits_total ")).unwrap();
    line.parse().unwrap()
}

#[tokio::test]
async fn rule_c28_the_second_read_comes_from_memory() {
    for service in [Service::new().await, Service::on_folders(Options::default()).await] {
        service.install(&entry("a")).await;
        for path in [SCOUT.to_owned(), format!("{SCOUT}&expand=spec"), "/mcp-servers/a?agent_scope=scout".to_owned()] {
            let before = hits(&service).await;
            let (first, second) = (service.get(&path).await, service.get(&path).await);
            assert_eq!((first.text, hits(&service).await), (second.text, before + 1), "{path}");
        }
    }
}

#[tokio::test]
async fn rule_c28_a_write_through_the_service_is_seen_at_once() {
    for service in [Service::new().await, Service::on_folders(Options::default()).await] {
        for n in 0..20 {
            let name = format!("s{n}");
            service.get(SCOUT).await;
            assert_eq!(service.install(&entry(&name)).await.status, 201);
            assert!(names(&service.get(SCOUT).await.json()).contains(&&*name), "{name}");
            let path = format!("/mcp-servers/{name}?agent_scope=scout");
            assert_eq!(service.get(&path).await.status, 200);
            assert_eq!(service.ask(Ask::new("DELETE", &path).token(&service.writer)).await.status, 204);
            assert_eq!(service.get(&path).await.status, 404);
            assert!(names(&service.get(SCOUT).await.json()).is_empty());
        }
    }
}

#[tokio::test]
async fn rule_c28_a_write_of_another_is_seen_within_a_second() {
    for service in [Service::new().await, Service::on_folders(Options::default()).await] {
        let replica = Service::router(&service.locator, &service.tokens, &service.governance, Options::default()).await;
        let on_replica = || reply(&replica, Ask::new("GET", SCOUT).token(&service.reader));
        assert!(names(&on_replica().await.json()).is_empty());
        service.install(&entry("a")).await;
        let spec = serde_json::from_str(&entry("b")).unwrap();
        service.storage("scout").install(&spec, &WriteContext::new()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(names(&on_replica().await.json()), ["a", "b"]);
        assert_eq!(names(&service.get(SCOUT).await.json()), ["a", "b"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rule_c28_who_writes_reads_it_among_many_who_read() {
    let service = Service::new().await;
    let done = std::sync::atomic::AtomicBool::new(false);
    let reading = async {
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            assert_eq!(service.get(SCOUT).await.status, 200);
            tokio::task::yield_now().await;
        }
    };
    let writing = async {
        for n in 0..50 {
            let name = format!("s{n:02}");
            service.install(&entry(&name)).await;
            assert_eq!(names(&service.get(SCOUT).await.json()).len(), n + 1);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    tokio::join!(reading, writing);
}
