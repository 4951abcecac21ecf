use mcp_registry_pool::{Cause, Phase, Pool};
use mcp_registry_test_server::{Mark, survivors};

use crate::support::{failure_of, gate, patient, server, wait};

pub(crate) fn s11_forged_names_are_refused() {
    for forged in ["", "other__tool", "../etc/passwd", "a/b", "a\\b", ".hidden", "a..b", "a\u{1b}[2J", "a\nb"] {
        let mark = Mark::new("forged");
        let failure = wait(failure_of(server("a", &mark, &["tools", "good", forged]), patient()));
        assert_eq!((failure.phase, failure.cause), (Phase::List, Cause::ToolName), "{forged:?} {failure}");
        assert!(failure.message.contains("the tool name"), "{failure}");
        assert_eq!(survivors(&mark), Vec::<String>::new());
    }
    let failure = wait(failure_of(server("a", &Mark::new("twice"), &["tools", "b", "b"]), patient()));
    assert_eq!((failure.phase, failure.cause), (Phase::List, Cause::ToolName), "{failure}");
}

pub(crate) fn s11_two_servers_cannot_have_one_qualified_name() {
    let mark = Mark::new("collision");
    wait(async {
        let launches = vec![server("a_", &mark, &["tools", "b"]), server("a", &mark, &["tools", "c", "_b"])];
        let pool = Pool::connect(launches, &gate(), patient()).await.unwrap();
        assert_eq!(pool.tools().map(|tool| tool.qualified()).collect::<Vec<_>>(), ["a___b"]);
        let failure = &pool.failures()[0];
        assert_eq!((failure.name.as_str(), failure.cause), ("a", Cause::ToolName));
        assert_eq!(failure.message, "\"a___b\" is also a tool of the server \"a_\"");
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
}
