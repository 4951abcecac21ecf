//! The floor below every program: one that does nothing.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Compiles the floor: a program that does nothing, with the options of the release profile.
pub(crate) fn empty_program(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join("empty");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut compiler = Command::new(rustc)
        .args(["--edition=2024", "--crate-name=empty", "-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1"])
        .args(["-Cstrip=debuginfo", "-", "-o"])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut source) = compiler.stdin.take() {
        source.write_all(b"fn main() {}")?;
    }
    match compiler.wait()?.success() {
        true => Ok(path),
        false => Err(io::Error::other("rustc does not compile an empty program")),
    }
}
