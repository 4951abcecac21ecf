//! Which processes of a test are left.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A variable that only the processes of one test have.
#[derive(Debug, Clone)]
pub struct Mark(String);

impl Mark {
    /// A mark that nobody else has; `test` says whose it is.
    #[must_use]
    pub fn new(test: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Of words, lest it look like a secret.
        Self(format!("MARK_{test}_of_{}_at_{count}", std::process::id()))
    }

    /// The variable's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The processes that have the mark in their environment and still run, as `PID COMMAND`. What was killed the moment
/// before may be gone a moment later, and is waited for.
#[must_use]
pub fn survivors(mark: &Mark) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let left = look(mark);
        if left.is_empty() || Instant::now() >= deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The same, without waiting.
#[must_use]
pub fn look(mark: &Mark) -> Vec<String> {
    let wanted = format!("{}=", mark.0);
    let has =
        |environment: Vec<u8>| environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(wanted.as_bytes()));
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten().map(|folder| folder.path());
    let marked = folders.filter(|folder| fs::read(folder.join("environ")).is_ok_and(has));
    let told = marked.map(|folder| {
        let command = fs::read_to_string(folder.join("cmdline")).unwrap_or_default().replace('\0', " ");
        format!("{} {command}", folder.file_name().unwrap_or_default().to_string_lossy())
    });
    told.collect()
}
