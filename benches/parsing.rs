//! Reading documents, beside bare pulldown-cmark iteration over the same bytes.
//!
//! `cargo bench --bench parsing`
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support {
    pub(crate) mod bench;
    pub(crate) mod documents;
}

use std::hint::black_box;
use std::time::{Duration, Instant};

use mcp_registry_filesystem::document::Document;
use pulldown_cmark::{Options, Parser};
use support::bench::{Plan, median};
use support::documents;

fn main() {
    let plan = Plan::announced("Parsing");
    let entries = if plan.quick { 100 } else { 10_000 };
    println!("| document | size | pulldown-cmark alone | sections | entries | entries / alone |");
    println!("|---|---:|---:|---:|---:|---:|");
    let (plain, prose) = (plain(entries), prose(entries / 4));
    for (label, text) in [
        ("fields alone", &plain),
        ("fields alone, CRLF", &crlf(&plain)),
        ("rich in prose", &prose),
        ("rich in prose, CRLF", &crlf(&prose)),
    ] {
        row(plan, label, text);
    }
    println!();
}

fn row(plan: Plan, label: &str, text: &str) {
    let works: [fn(&str); 3] = [
        |text| Parser::new_ext(text, Options::empty()).into_offset_iter().for_each(|event| drop(black_box(event))),
        |text| drop(black_box(Document::parse(text))),
        |text| Document::parse(text).entries().for_each(|entry| drop(black_box(entry.spec.unwrap()))),
    ];
    let repeats = plan.repeats(works.map(|work| time(work, text)).iter().sum());
    let mut samples = [const { Vec::new() }; 3];
    for _ in 0..repeats {
        for (work, samples) in works.iter().zip(&mut samples) {
            samples.push(time(*work, text));
        }
    }
    let [alone, sections, entries] = samples.map(|samples| text.len() as f64 / median(samples).as_secs_f64() / 1e6);
    println!(
        "| {label} | {:.1} MB | {alone:.0} MB/s | {sections:.0} MB/s | {entries:.0} MB/s | {:.2} |",
        text.len() as f64 / 1e6,
        entries / alone,
    );
}

fn time(work: fn(&str), text: &str) -> Duration {
    let start = Instant::now();
    work(black_box(text));
    start.elapsed()
}

fn plain(entries: usize) -> String {
    let mut out = Vec::new();
    documents::write(&mut out, entries).unwrap();
    String::from_utf8(out).unwrap()
}

/// Sections in which the owner says much, in every kind of block.
fn prose(entries: usize) -> String {
    let mut out = String::from("# What this agent may use\n\n");
    for name in documents::names(entries) {
        out.push_str(&format!(
            "## {name}\n\n\
             Owned by *Ada*; ask her **before** you change anything, or read `docs/{name}.md` first. The\n\
             limits are [here](https://example.org/{name}), and they are there for a reason.\n\n\
             - reading is free\n- writing costs, see below\n  - and deleting is not for agents\n\n\
             > It was down on Tuesday, and nobody noticed & that says something.\n\n\
             command: npx\n\
             args: -y, @acme/{name}\n\
             env: API_TOKEN=$ACME_TOKEN\n\
             description: What {name} knows, for reading and writing\n\n\
             ```json\n{{\"ask\": \"{name}\", \"limit\": [1, 2, 3]}}\n```\n\n\
             1. Look whether it answers.\n2. Then ask.\n\n<!-- to be reviewed in spring -->\n\n"
        ));
    }
    out
}

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}
