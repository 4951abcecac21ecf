//! The client: all entries in one request, beside one request each.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::Stage;
use crate::support::bench::{Plan, median};
use crate::support::show::millis;

pub(crate) fn bulk(plan: Plan, runtime: &Runtime) {
    let count = if plan.quick { 10 } else { 1_000 };
    let stage = Stage::set(runtime, count);
    let client = stage.client();
    let at_once = async || {
        let start = Instant::now();
        let loaded = client.load_all().await.unwrap();
        assert!(loaded.len() == count && loaded.iter().all(|one| one.result.is_ok()));
        start.elapsed()
    };
    let one_by_one = async || {
        let start = Instant::now();
        let listing = client.list().await.unwrap();
        for server in &listing.servers {
            client.load(&server.name).await.unwrap();
        }
        assert_eq!(listing.servers.len(), count);
        start.elapsed()
    };
    let (first, _) = runtime.block_on(async { (one_by_one().await, at_once().await) });
    let mut samples: (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for _ in 0..plan.repeats(first) {
        runtime.block_on(async {
            samples.0.push(at_once().await);
            samples.1.push(one_by_one().await);
        });
    }
    let (bulk, single) = (median(samples.0), median(samples.1));
    println!("| loading {count} entries over loopback | median |\n|---|---:|");
    println!("| one listing and {count} loads | {} |", millis(single));
    println!("| `load_all` | {} |", millis(bulk));
    println!("| times as fast | {:.0} |\n", single.as_secs_f64() / bulk.as_secs_f64());
}
