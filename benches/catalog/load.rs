//! Pressing a service with listings.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Stage;
use crate::support::wrk::{self, Load};

/// What is asked for, again and again.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) headers: Vec<String>,
}

impl Target {
    /// The same, by somebody who has it already.
    pub(crate) fn known(&self, etag: &str) -> Self {
        let mut target = self.clone();
        target.headers.push(format!("If-None-Match: {etag}"));
        target
    }
}

/// The body and the entity tag.
pub(crate) fn fetch(target: &Target) -> (Vec<u8>, String) {
    let (host, path) = target.url.trim_start_matches("http://").split_once('/').unwrap();
    let headers: String = target.headers.iter().map(|header| format!("{header}\r\n")).collect();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{}: {head}", target.url);
    let etag =
        head.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("etag")));
    let etag = etag.unwrap().1.to_owned();
    (answer.split_off(end + 4), etag)
}

/// Has 32 connections ask for some seconds.
pub(crate) fn press(target: &Target, seconds: u64) -> Load {
    let mut command = Command::new("wrk");
    command.args(["-t2", "-c32", &format!("-d{seconds}s"), "--latency"]);
    for header in &target.headers {
        command.args(["-H", header]);
    }
    wrk::run(command.arg(&target.url))
}

/// Presses a service for long and says now and then how much memory it has.
pub(crate) fn soak(stage: &Stage, time: Duration) {
    println!("| after | memory of the service |\n|---:|---:|");
    let (target, began) = (stage.list(), Instant::now());
    loop {
        press(&target, 30);
        let status = std::fs::read_to_string(format!("/proc/{}/status", stage.service.id())).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim();
        println!("| {} s | {memory} |", began.elapsed().as_secs());
        if began.elapsed() >= time {
            return;
        }
    }
}
