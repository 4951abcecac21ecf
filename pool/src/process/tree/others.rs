//! Where the system does not tell of processes as Linux does, the process group is all that can be reached.

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::process::marker::Marker;

/// Nothing to be done: orphans go to the system's first process.
pub(in crate::process) fn adopt_orphans() {}

/// Nothing to be known: no orphan is adopted, and none is swept.
#[derive(Debug)]
pub(crate) struct Alone(());

impl Alone {
    pub(crate) fn look() -> Option<Self> {
        None
    }

    /// Nothing to be done.
    pub(crate) fn sweep(&self) {}
}

/// Nothing to be done: no orphan is given to this process.
pub(crate) fn let_go_of_ended() {}

/// Nothing to be found: a process whose number is not known is told from no other.
pub(in crate::process) fn kill_marked(_marker: &Marker) {}

/// The process group of a launch.
#[derive(Debug)]
pub(in crate::process) struct Tree(Pid);

impl Tree {
    pub(in crate::process) fn new(root: Pid, _marker: Marker) -> Self {
        Self(root)
    }

    /// Nothing to be noted: the group is all there is.
    pub(in crate::process) fn note(&mut self) {}

    /// The same.
    pub(in crate::process) fn note_if_ended(&mut self) {}

    pub(in crate::process) fn is_gone(&mut self) -> bool {
        test_kill_process_group(self.0).is_err()
    }

    pub(in crate::process) fn signal_all(&mut self, signal: Signal) {
        let _ = kill_process_group(self.0, signal);
    }

    pub(in crate::process) fn kill(&mut self) {
        self.signal_all(Signal::KILL);
    }
}
