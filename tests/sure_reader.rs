//! Readers take no lock and always see a whole file: what was there before a write or after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod sure_support;

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};

use mcp_registry::{Backends, OpenRequest};
use sure_support::{Agent, DOCUMENT};

const WRITERS: usize = 4;
const INSTALLS: usize = 20;

#[test]
fn a_reader_sees_the_old_or_the_new_whole() {
    let agent = Agent::with(DOCUMENT);
    let locator = format!("filesystem:{}", agent.root().display());
    let registry = Backends::linked().open(&OpenRequest::new(&locator)).unwrap();
    let done = AtomicBool::new(false);
    let (looks, states) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut looks, mut states, mut seen, mut text) = (0u32, 0u32, BTreeSet::new(), DOCUMENT.to_owned());
            while !done.load(Ordering::Relaxed) {
                let listing = pollster::block_on(registry.list()).unwrap();
                assert_eq!(listing.broken.len(), 1, "only the section that is broken by its owner");
                let names: BTreeSet<String> = listing.servers.iter().map(|s| s.name.to_string()).collect();
                // Only installs happen: each look sees all that the last one saw, and perhaps more.
                assert!(names.is_superset(&seen), "lost: {:?}", seen.difference(&names));
                let now = agent.text();
                assert!(now.starts_with(&text), "a text that was never there");
                states += u32::from(names != seen);
                looks += 1;
                (seen, text) = (names, now);
            }
            (looks, states)
        });
        for round in 0..INSTALLS {
            let install = |w| agent.command(&format!("install s{round}-{w} --command c")).spawn().unwrap();
            let writers: Vec<Child> = (0..WRITERS).map(install).collect();
            for writer in writers {
                assert!(writer.wait_with_output().unwrap().status.success());
            }
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    eprintln!("{looks} looks saw {states} states");
    assert!(states > 5, "the reader hardly looked while others wrote: {looks} looks, {states} states");
}
