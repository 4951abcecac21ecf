//! Documents as agents have them: every entry with a description, a command, arguments and a
//! reference to a variable, in no order.
#![allow(dead_code, reason = "each benchmark uses some of it")]

use std::io::{self, Write};

const KINDS: [&str; 8] = ["github", "postgres", "search", "files", "slack", "browser", "calendar", "metrics"];

/// The number of the server that stands at `place` of `count`: a walk through all of them. (7,919
/// is a prime, and divides no power of ten.)
fn number(place: usize, count: usize) -> usize {
    place * 7_919 % count
}

/// The name of a server; its number is told from the six digits behind the dash.
pub(crate) fn name(number: usize) -> String {
    format!("{}-{number:06}", KINDS[number % KINDS.len()])
}

/// The names of `count` servers, in the order of the document.
pub(crate) fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |place| name(number(place, count)))
}

/// Writes an `mcp.md` of `count` servers, bit by bit: it is never in memory whole.
pub(crate) fn write(out: &mut impl Write, count: usize) -> io::Result<()> {
    writeln!(out, "# What this agent may use\n")?;
    for name in names(count) {
        writeln!(out, "## {name}\n\ncommand: npx\nargs: -y, @acme/{name}\nenv: API_TOKEN=$ACME_TOKEN")?;
        writeln!(out, "description: What {name} knows, for reading and writing\n")?;
    }
    Ok(())
}
