//! MCP servers that misbehave, each in its way, for tests.
//!
//! A test file with `harness = false` begins its `main` with [`serve_if_asked`]: called as `EXE serve MODE …` it is a
//! server then, and else it runs its tests. [`survivors`] says which processes of a test are left.

mod answers;
mod family;
mod survivors;

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use survivors::{Mark, look, survivors};

/// Longer than any test waits, and short enough that what a broken test leaves ends by itself.
const LONG: Duration = Duration::from_secs(120);

/// The word by which a server is asked for.
pub const SERVE: &str = "serve";

/// Whether the process was called as a server; it was one, then, until it ended.
#[must_use]
pub fn serve_if_asked() -> Option<ExitCode> {
    let mut args = std::env::args().skip(1);
    if args.next()? != SERVE {
        return None;
    }
    let args: Vec<_> = args.collect();
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    Some(ExitCode::from(serve(&words)))
}

/// Is the server of that kind; with which status it ends.
fn serve(words: &[&str]) -> u8 {
    match words {
        ["hang"] => sleep(LONG),
        ["hang-after"] => answers::speak(|method| method != "tools/list", &[]),
        ["garbage"] => {
            say("Listening on \u{1b}[1mstdio\u{1b}[0m, with hunter2plain");
            sleep(LONG);
        }
        ["flood"] => {
            let much = vec![b'x'; 1 << 20];
            while io::stdout().write_all(&much).is_ok() {}
        }
        ["pings"] => {
            // Asks, and reads no answer.
            let ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n".repeat(10_000);
            let ask = || while io::stdout().write_all(ping.as_bytes()).is_ok() {};
            answers::speak(
                |method| {
                    if method == "tools/list" {
                        ask();
                    }
                    true
                },
                &[],
            );
        }
        ["deaf"] => {
            // Reads nothing and says nothing more, but keeps talking to itself.
            while writeln!(io::stderr(), "still here").is_ok() {
                sleep(Duration::from_millis(1));
            }
        }
        ["die", code] => {
            let _ = writeln!(io::stderr(), "cannot open \u{1b}[31mthe door\u{1b}[0m with hunter2plain");
            return code.parse().unwrap_or(1);
        }
        ["die-after", code] => {
            let code = code.parse().unwrap_or(1);
            answers::speak(|method| if method == "tools/list" { std::process::exit(code) } else { true }, &[]);
        }
        ["late", millis, rest @ ..] => {
            sleep(Duration::from_millis(millis.parse().unwrap_or(0)));
            return serve(rest);
        }
        ["once-there-is", file, rest @ ..] => {
            let begun = Instant::now();
            while !Path::new(file).exists() && begun.elapsed() < LONG {
                sleep(Duration::from_millis(5));
            }
            return serve(rest);
        }
        ["refuse"] => answers::refuse("no, not with hunter2plain"),
        ["version", version] => answers::of_version(version),
        ["many", count] => answers::speak(|_| true, &answers::numbered(count.parse().unwrap_or(0))),
        ["circle"] => answers::circle(),
        ["from", file] => {
            let tools = std::fs::read(file).ok().and_then(|text| serde_json::from_slice::<Vec<_>>(&text).ok());
            let _ = std::fs::write(format!("{file}.read"), "");
            answers::speak(|_| true, &tools.unwrap_or_default());
        }
        ["tools", names @ ..] => answers::speak(|_| true, &answers::named(names)),
        ["family", rest @ ..] => {
            family::found();
            return serve(rest);
        }
        ["orphan", rest @ ..] => {
            family::forsake(false);
            return serve(rest);
        }
        ["bare-orphan", rest @ ..] => {
            family::forsake(true);
            return serve(rest);
        }
        ["stubborn", rest @ ..] => return family::stubborn(rest),
        // Parts of families.
        ["sleeper"] => sleep(LONG),
        ["leader", bare] => family::lead(*bare == "bare"),
        _ => answers::speak(|_| true, &answers::usual()),
    }
    0
}

/// Writes a line to standard output.
fn say(line: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

/// The lines of standard input, to its end.
fn heard() -> impl Iterator<Item = String> {
    io::stdin().lock().lines().map_while(Result::ok)
}
