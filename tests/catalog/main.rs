//! The catalog service, held to its rules: by its router, which needs no socket, and by the binary.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod access;
mod agents;
mod binary;
mod changes;
mod commands;
mod hostile;
mod memory;
mod openapi;
mod running;
mod service;
mod tls;
mod wire;
