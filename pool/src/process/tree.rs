//! All processes of one launch, however they went about it (S7, S8).

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod others;

#[cfg(target_os = "linux")]
pub(crate) use linux::{Alone, let_go_of_ended};
#[cfg(target_os = "linux")]
pub(super) use linux::{Tree, adopt_orphans, kill_marked};
#[cfg(not(target_os = "linux"))]
pub(crate) use others::{Alone, let_go_of_ended};
#[cfg(not(target_os = "linux"))]
pub(super) use others::{Tree, adopt_orphans, kill_marked};
