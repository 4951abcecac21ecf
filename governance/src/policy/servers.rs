//! `[servers]`: which servers may be mounted at all (P13 to P22).

use super::glob::Glob;
use super::host::HostPattern;
use super::package::PackagePattern;
use super::reader::At;

/// What the table says. A list that is absent is empty, and what is empty allows nothing (P13).
#[derive(Debug, Clone, Default)]
pub(super) struct Servers {
    /// Commands, as they stand in entries (P14).
    pub(super) commands: Vec<At<String>>,
    /// What launchers may run (P16).
    pub(super) packages: Vec<At<PackagePattern>>,
    /// Whole command lines, word for word (P17).
    pub(super) launches: Vec<At<Vec<String>>>,
    /// Where remote servers may answer (P19).
    pub(super) hosts: Vec<At<HostPattern>>,
    /// Variables that entries may set although they are refused else (P20).
    pub(super) env: Vec<At<Glob>>,
    /// Keys that entries may have of their own (P20).
    pub(super) keys: Vec<At<Glob>>,
    /// Where the table begins.
    pub(super) line: usize,
}
