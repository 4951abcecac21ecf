//! Pressing a service with wrk, and reading what it measured.
#![allow(dead_code, reason = "each benchmark uses some of it")]

use std::fmt;
use std::process::Command;
use std::time::Duration;

use super::show::millis;

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

/// Runs wrk on a command line that asks for latencies.
pub(crate) fn run(command: &mut Command) -> Load {
    let output = command.output().unwrap();
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
