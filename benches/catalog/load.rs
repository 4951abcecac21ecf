//! Pressing a service with wrk, and reading what it measured.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Stage;
use crate::support::show::millis;

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

/// What wrk saw.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Requests a second.
    pub(crate) rate: f64,
    half: Duration,
    most: Duration,
}

impl Load {
    /// The run whose rate is the middle one.
    pub(crate) fn median(mut runs: Vec<Self>) -> Self {
        runs.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        runs[runs.len() / 2]
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}/s, p50 {}, p99 {}", self.rate, millis(self.half), millis(self.most))
    }
}

/// Has 32 connections ask for some seconds.
pub(crate) fn press(target: &Target, seconds: u64) -> Load {
    let mut command = Command::new("wrk");
    command.args(["-t2", "-c32", &format!("-d{seconds}s"), "--latency"]);
    for header in &target.headers {
        command.args(["-H", header]);
    }
    let output = command.arg(&target.url).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    let after = |label: &str| {
        let line = text.lines().map(str::trim).find_map(|line| line.strip_prefix(label));
        line.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
    };
    let time = |label: &str| {
        let shown = after(label);
        let at = shown.find(char::is_alphabetic).unwrap();
        let unit = match &shown[at..] {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            unit => panic!("{unit}: {text}"),
        };
        Duration::from_secs_f64(shown[..at].parse::<f64>().unwrap() * unit)
    };
    Load { rate: after("Requests/sec:").parse().unwrap(), half: time("50%"), most: time("99%") }
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
