//! Pins: what a server showed when somebody looked at it, so that it is noticed when it shows something else.
//!
//! A server's tools tell a model what to do, and whoever publishes the server may change them at any time. `mcp.lock`
//! holds, for each server, the digest of its entry, its version, and hashes of its instructions and of every part of
//! every tool (S17). It holds no text of theirs, and so nothing secret.

mod difference;
mod file;
mod pin;
mod pinned;

pub use difference::Difference;
pub use file::{FILE, Held, Pins};
pub use pin::{Part, Pin, ToolPin};
pub use pinned::Pinned;

#[cfg(test)]
mod tests;
