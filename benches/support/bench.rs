//! What the benchmarks share: how often to measure, and what counts.

use std::time::Duration;

/// How thoroughly to measure.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Only whether it works: `-- --quick`, or when run by `cargo test`, which passes no `--bench`.
    pub(crate) quick: bool,
}

impl Plan {
    /// The plan that the command line asks for; says where it is carried out.
    pub(crate) fn announced(title: &str) -> Self {
        let asks = |flag: &str| std::env::args().any(|arg| arg == flag);
        let quick = asks("--quick") || !asks("--bench");
        println!("### {title}\n");
        println!("{}{}\n", machine(), if quick { ". Quick: these figures mean nothing" } else { "" });
        Self { quick }
    }

    /// How often to repeat what took `first` the first time: about three seconds long.
    pub(crate) fn repeats(self, first: Duration) -> usize {
        let fitting = 3.0 / first.as_secs_f64().max(1e-6);
        if self.quick { 1 } else { (fitting as usize).clamp(3, 200) }
    }
}

/// The processor and the system.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("Medians on {model}, {cores} cores, {}", std::env::consts::OS)
}

/// The middle one.
pub(crate) fn median<T: Ord + Copy>(mut samples: Vec<T>) -> T {
    samples.sort();
    samples[samples.len() / 2]
}
