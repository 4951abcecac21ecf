use std::time::{Duration, Instant};

use mcp_registry_pool::{Options, Pool};
use mcp_registry_test_server::{Mark, survivors};

use crate::support::{gate, patient, server, wait};

pub(crate) fn s5_fifty_in_parallel_and_a_slow_one_holds_nobody_up() {
    let mark = Mark::new("fifty");
    let mut launches: Vec<_> = (0..50).map(|i| server(&format!("s{i}"), &mark, &["late", "1000", "usual"])).collect();
    launches.insert(7, server("slow", &mark, &["hang"]));
    let mut options = Options::default();
    // The others are done while it is waited for: were they waited for one after the other, it would take far longer.
    options.timeouts.initialize = Duration::from_secs(20);
    options.timeouts.stop = Duration::from_millis(200);
    wait(async {
        let begun = Instant::now();
        let all_there = std::cell::Cell::new(Duration::MAX);
        let settled = std::cell::RefCell::new(Vec::new());
        let told = |name: &mcp_registry_spec::ServerName, _: Option<&_>| {
            settled.borrow_mut().push(name.to_string());
            if settled.borrow().len() == 50 {
                all_there.set(begun.elapsed());
            }
        };
        let pool = Pool::connect_with(launches, &gate(), options, told).await.unwrap();
        assert_eq!((pool.servers().len(), pool.failures().len()), (50, 1), "{:?}", pool.failures());
        assert_eq!(settled.borrow().last().map(String::as_str), Some("slow"), "{:?}", settled.borrow());
        // One after the other they would take fifty seconds at least.
        assert!(all_there.get() < Duration::from_secs(25), "{:?}", all_there.get());
        let names: Vec<_> = pool.servers().iter().map(|server| server.name().to_string()).collect();
        assert_eq!(names, (0..50).map(|i| format!("s{i}")).collect::<Vec<_>>(), "in the order they were given");
        assert_eq!(pool.tools().count(), 450);
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
}

pub(crate) fn s10_ten_thousand_tools_are_no_trouble() {
    let mark = Mark::new("ten_thousand");
    let options = patient();
    wait(async {
        let pool = Pool::connect(vec![server("a", &mark, &["many", "10000"])], &gate(), options).await.unwrap();
        assert_eq!(pool.tools().count(), 10_000, "{:?}", pool.failures());
        assert!(pool.tool("a__tool_9999").is_some() && pool.tool("a__tool_10000").is_none());
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
}
