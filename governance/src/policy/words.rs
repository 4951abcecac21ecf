//! A launch as it is judged: the words of its command line, some of which are not known yet.

use std::borrow::Cow;
use std::fmt;

use mcp_registry_spec::template::Piece;
use mcp_registry_spec::{LaunchSpec, LaunchTransport, McpServerSpec, Secret, TextTemplate, Transport, text};

use super::judge::Refusal;

/// What is judged of a server: how it is started or reached. It is made of an entry, whose references
/// stand for what is not known yet, or of a resolved launch. No reason quotes what looks like a secret,
/// nor any value that was resolved (P22).
pub struct Launch<'a> {
    pub(super) what: What<'a>,
    /// The keys that the entry has of its own.
    pub(super) keys: Vec<&'a str>,
}

pub(super) enum What<'a> {
    Command { command: &'a str, words: Vec<Word<'a>>, env: Vec<&'a str> },
    Remote(Word<'a>),
}

/// One text of a launch.
pub(super) struct Word<'a> {
    /// It, or, of one that refers to variables, what stands before the first reference.
    pub(super) start: Cow<'a, str>,
    /// Whether it refers to variables.
    pub(super) refers: bool,
    /// Whether it may be shown.
    pub(super) shown: bool,
}

impl<'a> Word<'a> {
    /// The whole text, where all of it is known.
    pub(super) fn literal(&self) -> Option<&str> {
        (!self.refers).then_some(&*self.start)
    }

    fn value(secret: &'a Secret<String>) -> Self {
        Self { start: Cow::Borrowed(secret.expose()), refers: false, shown: false }
    }

    fn written(template: &'a TextTemplate, shown: bool) -> Self {
        let mut start = Cow::Borrowed("");
        for piece in template.pieces() {
            match piece {
                Piece::Reference { .. } => return Self { start, refers: true, shown },
                Piece::Text(text) if start.is_empty() => start = Cow::Borrowed(text),
                Piece::Text(text) => start.to_mut().push_str(text),
            }
        }
        Self { start, refers: false, shown }
    }
}

impl<'a> From<&'a McpServerSpec> for Launch<'a> {
    fn from(spec: &'a McpServerSpec) -> Self {
        let masked = spec.masked().masked;
        let shown = |field: &str| !masked.iter().any(|masked| masked == field);
        let what = match &spec.transport {
            Transport::Stdio(stdio) => What::Command {
                command: &stdio.command,
                words: stdio
                    .args
                    .iter()
                    .enumerate()
                    .map(|(i, arg)| Word::written(arg, shown(&format!("args[{i}]"))))
                    .collect(),
                env: stdio.env.keys().map(String::as_str).collect(),
            },
            Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
                What::Remote(Word::written(&remote.url, shown("url")))
            }
        };
        Self { what, keys: spec.extra.keys().map(String::as_str).collect() }
    }
}

impl<'a> From<&'a LaunchSpec> for Launch<'a> {
    fn from(launch: &'a LaunchSpec) -> Self {
        let what = match &launch.transport {
            LaunchTransport::Stdio { command, args, env } => What::Command {
                command,
                words: args.iter().map(Word::value).collect(),
                env: env.keys().map(String::as_str).collect(),
            },
            LaunchTransport::StreamableHttp(remote) | LaunchTransport::Sse(remote) => {
                What::Remote(Word::value(&remote.url))
            }
        };
        Self { what, keys: Vec::new() }
    }
}

impl fmt::Debug for Launch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Command { words, .. } => write!(f, "Launch(a command with {} arguments)", words.len()),
            What::Remote(_) => f.write_str("Launch(a remote server)"),
        }
    }
}

/// What an option of a launcher does.
pub(super) enum Meaning<'w> {
    /// Nothing that changes what is run.
    Harmless,
    /// It says what is run.
    Target(&'w str),
    /// Who knows.
    Unknown,
}

impl Meaning<'_> {
    pub(super) fn harmless_if(known: bool) -> Self {
        if known { Self::Harmless } else { Self::Unknown }
    }
}

/// The arguments of a launcher, read from the first to the last.
pub(super) struct Words<'w, 'a> {
    /// The launcher, as errors call it.
    pub(super) launcher: &'static str,
    words: &'w [Word<'a>],
    next: usize,
}

impl<'w, 'a> Words<'w, 'a> {
    pub(super) fn new(launcher: &'static str, words: &'w [Word<'a>]) -> Self {
        Self { launcher, words, next: 0 }
    }

    /// The next one, known or not; there must be one.
    pub(super) fn word(&mut self) -> Result<&'w Word<'a>, Refusal> {
        let word = self.words.get(self.next);
        self.next += 1;
        word.ok_or_else(|| Refusal::option(format!("{} is not told what to run", self.launcher)))
    }

    /// The next one, which must be known (P18).
    pub(super) fn literal(&mut self) -> Result<&'w str, Refusal> {
        self.word()?.literal().ok_or_else(|| {
            Refusal::reference(format!(
                "{} refers to a variable where {} is told what to run",
                self.place(),
                self.launcher
            ))
        })
    }

    /// What is to be run: the first word that is no option, unless an option says so before. `read`
    /// says what an option is, and takes the words that belong to it (P15).
    pub(super) fn target(
        &mut self,
        mut read: impl FnMut(&'w str, &mut Self) -> Result<Meaning<'w>, Refusal>,
    ) -> Result<&'w str, Refusal> {
        loop {
            let word = self.literal()?;
            match word {
                // Every one of these launchers takes this for the end of its options.
                "--" => return self.literal(),
                _ if !word.starts_with('-') => return Ok(word),
                option => {
                    let (place, shown) = (self.place(), self.is_shown());
                    match read(option, self)? {
                        Meaning::Harmless => {}
                        Meaning::Target(target) => return Ok(target),
                        Meaning::Unknown => {
                            let name = option.split('=').next().filter(|_| shown);
                            let name = name.map(|name| format!(", {},", text::quote(name))).unwrap_or_default();
                            let launcher = self.launcher;
                            let reason = format!("{place}{name} is no option of {launcher} that is understood here");
                            return Err(Refusal::option(reason));
                        }
                    }
                }
            }
        }
    }

    /// Where the word that was read last stands.
    pub(super) fn place(&self) -> String {
        format!("args[{}]", self.next.saturating_sub(1))
    }

    /// Whether the word that was read last may be shown.
    pub(super) fn is_shown(&self) -> bool {
        self.next.checked_sub(1).and_then(|last| self.words.get(last)).is_some_and(|word| word.shown)
    }
}
