use mcp_registry_pool::Pool;
use mcp_registry_test_server::{Mark, survivors};

use crate::support::{gate, patient, server, wait};

pub(crate) fn s5_a_slow_one_of_many_holds_nobody_up() {
    let mark = Mark::new("fifty");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settled");
    let mut launches: Vec<_> = (0..50).map(|i| server(&format!("s{i}"), &mark, &["usual"])).collect();
    // It waits for all the others: who waits for it waits for ever.
    launches.insert(7, server("slow", &mark, &["once-there-is", file.to_str().unwrap(), "usual"]));
    let given: Vec<_> = launches.iter().map(|launch| launch.name.to_string()).collect();
    wait(async {
        let settled = std::cell::RefCell::new(Vec::new());
        let told = |name: &mcp_registry_spec::ServerName, _: Option<&_>| {
            settled.borrow_mut().push(name.to_string());
            if settled.borrow().len() == 50 {
                std::fs::write(&file, "").unwrap();
            }
        };
        let pool = Pool::connect_with(launches, &gate(), patient(), told).await.unwrap();
        assert_eq!((pool.servers().len(), pool.failures().len()), (51, 0), "{:?}", pool.failures());
        assert_eq!(settled.borrow().last().map(String::as_str), Some("slow"), "{:?}", settled.borrow());
        let names: Vec<_> = pool.servers().iter().map(|server| server.name().to_string()).collect();
        assert_eq!(names, given, "in the order they were given");
        assert_eq!(pool.tools().count(), 51 * 9);
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
