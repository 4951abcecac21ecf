//! How far the connecting to servers has come.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcp_registry_spec::ServerName;

/// A bar on standard error, where that is a terminal: how many are done, and who is waited for.
pub(super) struct Progress {
    bar: ProgressBar,
    waiting: RefCell<BTreeSet<ServerName>>,
}

impl Progress {
    /// Shows that these are waited for.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n ServerName>) -> Self {
        let waiting: BTreeSet<_> = names.cloned().collect();
        let bar = ProgressBar::with_draw_target(Some(waiting.len() as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:20} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        let progress = Self { bar, waiting: RefCell::new(waiting) };
        progress.tell();
        progress.bar.enable_steady_tick(Duration::from_millis(100));
        progress
    }

    /// Notes that of this one it is known what came of it.
    pub(super) fn settled(&self, name: &ServerName) {
        self.waiting.borrow_mut().remove(name);
        self.bar.inc(1);
        self.tell();
    }

    /// Takes it away.
    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }

    fn tell(&self) {
        let waiting = self.waiting.borrow();
        let names: Vec<_> = waiting.iter().map(ServerName::as_str).collect();
        self.bar.set_message(names.join(" "));
    }
}
