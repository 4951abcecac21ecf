//! The last lines of standard error (S9).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_registry_spec::text;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::mask::Mask;

/// How much of it is shown, in bytes.
const SHOWN: usize = 4 << 10;
/// How much more is kept, so that what begins before what is shown is still recognised, in bytes.
const BEFORE: usize = 4 << 10;
/// How much is not shown of a beginning that was cut, in bytes: more than what is told by its shape is long.
const LEAST_CUT: usize = 256;

/// What a server wrote last, within bounds.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    most: usize,
}

impl Tail {
    /// `longest` is the length of the longest secret that may be in it.
    pub(super) fn new(longest: usize) -> Self {
        Self { kept: Arc::default(), most: SHOWN + BEFORE + longest }
    }

    /// Reads to the end, and keeps what came last.
    pub(super) async fn fill(self, mut from: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 4 << 10];
        while let Ok(read) = from.read(&mut buffer).await {
            let Some(new) = buffer.get(..read).filter(|new| !new.is_empty()) else { return };
            let mut kept = self.kept();
            kept.extend(new);
            let excess = kept.len().saturating_sub(self.most);
            kept.drain(..excess);
        }
    }

    /// What is shown of it: masked, control characters escaped, in lines.
    pub(super) fn shown(&self, mask: &Mask) -> String {
        let (bytes, is_whole) = {
            let kept = self.kept();
            (kept.iter().copied().collect::<Vec<_>>(), kept.len() < self.most)
        };
        let safe = mask.hide(&String::from_utf8_lossy(&bytes));
        let safe = safe.trim_end();
        let from = if is_whole && safe.len() <= SHOWN {
            0
        } else {
            // What was cut off in front may have left the end of a secret.
            let cut = if is_whole { 0 } else { (self.most - SHOWN - BEFORE).max(LEAST_CUT) };
            let least = safe.len().saturating_sub(SHOWN).max(cut).min(safe.len());
            let least = (least..=safe.len()).find(|at| safe.is_char_boundary(*at)).unwrap_or(safe.len());
            // Half a line is not shown, unless there is no whole one.
            let rest = safe.get(least..).unwrap_or_default();
            rest.find('\n').map_or(least, |line| least + line + 1)
        };
        let lines = safe.get(from..).unwrap_or_default().lines();
        lines.map(|line| text::escape(line.trim_end())).collect::<Vec<_>>().join("\n")
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::{FixedEnvironment, McpServerSpec};
    use serde_json::json;

    fn shown(said: &[u8], mask: &Mask) -> String {
        let tail = Tail::new(mask.longest());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(tail.clone().fill(said));
        tail.shown(mask)
    }

    #[test]
    fn s9_the_tail_is_bounded_masked_and_escaped() {
        let spec = McpServerSpec::from_json(json!({"name": "a", "command": "x", "env": {"K": "$K"}})).unwrap();
        let mask = Mask::of_own(&spec.resolve(&FixedEnvironment::new().with("K", "plainword")).unwrap());
        assert_eq!(shown(b"", &mask), "");
        assert_eq!(shown(b"one\r\n\x1b[2Jtwo plainword\n\n", &mask), "one\n\\u{1b}[2Jtwo ***");
        let long = "x plainword y\n".repeat(100_000);
        let end = shown(long.as_bytes(), &mask);
        assert!(end.len() <= SHOWN && end.len() > SHOWN / 2 && !end.contains("plain"), "{end}");
        assert!(end.lines().all(|line| line == "x *** y"), "{end}");
        let one_line = shown("plainword".repeat(10_000).as_bytes(), &mask);
        assert!(one_line.len() <= SHOWN && !one_line.contains("plain"), "{one_line}");
        let wide = shown("é".repeat(10_000).as_bytes(), &mask);
        assert!(wide.len() <= SHOWN && wide.chars().all(|c| c == 'é'), "{wide}");
    }
}
