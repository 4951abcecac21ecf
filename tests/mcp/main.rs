//! The MCP server, from outside: over both of its carriers, with clients of good and of ill will.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod agent;
mod changes;
mod hostile;
mod http;
mod in_process;
mod protocol;
mod reads;
mod schemas;
mod secrets;
mod wire;
