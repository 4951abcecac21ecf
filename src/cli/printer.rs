//! The only place that prints: data to standard output, everything else to standard error.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Stderr, Write};
use std::process::ExitCode;

use mcp_registry_spec::text::escape;
use mcp_registry_spec::{Error, ErrorKind};
use serde::Serialize;

use super::failure::{Failure, Outcome};
use super::json;
use super::reader::Reader;
use super::style::{BOLD, Paint, RED, Style, YELLOW};
use super::table::{self, Column};
use super::usage;
use super::yaml::BlockYaml;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs: one line
    Json,
    /// For people and programs
    Yaml,
    // A form of one command's own, which alone takes the word for it and writes it.
    #[cfg(feature = "conformance")]
    #[value(skip)]
    Junit,
}

/// When colors are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    fn paint(self, stream: &impl IsTerminal) -> Paint {
        Paint(match self {
            Self::Auto => stream.is_terminal(),
            Self::Always => true,
            Self::Never => false,
        })
    }
}

/// Prints what a command has to say. Neither stream is kept locked: a backend may log from another
/// thread.
pub(crate) struct Printer {
    format: Format,
    out: Text,
    err: Stderr,
    paint: Paint,
}

/// One of the two streams, for people.
pub(crate) struct Text {
    out: BufWriter<Reader>,
    paint: Paint,
    limit: Option<usize>,
}

/// What a command line that was not understood is told, in JSON; as an error is.
#[derive(Serialize)]
struct Misused {
    kind: ErrorKind,
    message: String,
    retryable: bool,
}

impl Printer {
    /// A printer; `columns` is the width that the environment asks for.
    pub(crate) fn new(format: Format, color: Color, columns: Option<usize>) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        // What is no terminal has no width, and text that goes elsewhere is not cut.
        let limit = columns.or_else(|| terminal_size::terminal_size_of(&out).map(|(columns, _)| columns.0.into()));
        let paint = color.paint(&out);
        let out = BufWriter::with_capacity(1 << 16, Reader::of_out(out));
        let text = Text { paint, out, limit };
        Self { format, out: text, paint: color.paint(&err), err }
    }

    /// A printer for what goes wrong before the settings are known.
    pub(crate) fn plain(format: Option<Format>) -> Self {
        Self::new(format.unwrap_or_default(), Color::Never, None)
    }

    /// A printer for arguments that could not be understood: only what they say of the format is.
    pub(crate) fn before_settings(args: &[OsString]) -> Self {
        let args: Vec<_> = args.iter().take_while(|arg| *arg != "--").collect();
        let json = args.iter().any(|arg| *arg == "--format=json")
            || args.windows(2).any(|pair| matches!(pair, [flag, value] if *flag == "--format" && *value == "json"));
        Self::plain(json.then_some(Format::Json))
    }

    /// Prints data: `value` for programs, what `people` writes for people.
    pub(crate) fn data(
        &mut self,
        value: &impl Serialize,
        people: impl FnOnce(&mut Text) -> io::Result<()>,
    ) -> io::Result<()> {
        self.data_by(value, |out| json::write(out, value), people)
    }

    /// The same of data of which there may be much: `json` writes it for programs.
    pub(crate) fn data_by(
        &mut self,
        value: &impl Serialize,
        json: impl FnOnce(&mut BufWriter<Reader>) -> io::Result<()>,
        people: impl FnOnce(&mut Text) -> io::Result<()>,
    ) -> io::Result<()> {
        let out = &mut self.out.out;
        match self.format {
            Format::Table => return people(&mut self.out),
            #[cfg(feature = "conformance")]
            Format::Junit => return people(&mut self.out),
            Format::Json => json(out)?,
            Format::Yaml => {
                value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, BlockYaml::default()))?;
            }
        }
        out.write_all(b"\n")
    }

    /// Standard output for data that has one form only.
    pub(crate) fn raw(&mut self) -> &mut impl Write {
        &mut self.out.out
    }

    /// Where a service's log goes.
    #[cfg(feature = "catalog")]
    pub(crate) fn log(&self) -> impl Write + Send + use<> {
        io::stderr()
    }

    /// Prints what is waiting to be, and says whether anybody still reads.
    ///
    /// # Errors
    /// When it is not taken.
    #[cfg(any(feature = "governance", all(feature = "presence", feature = "http")))]
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        self.out.out.flush()?;
        Ok(!self.out.out.get_ref().is_gone())
    }

    /// The form in which data is printed.
    #[cfg(any(feature = "governance", all(feature = "presence", feature = "http")))]
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Shows what `people` writes on standard error and asks the question; whether the answer is yes.
    /// `None` where there is nobody to ask: no terminal to show it on, or to be answered from.
    ///
    /// # Errors
    /// When it cannot be shown, or no answer be read.
    #[cfg(feature = "governance")]
    pub(crate) fn ask(
        &mut self,
        people: impl FnOnce(&mut Text) -> io::Result<()>,
        question: &str,
    ) -> io::Result<Option<bool>> {
        if !io::stdin().is_terminal() || !self.err.is_terminal() {
            return Ok(None);
        }
        let limit = terminal_size::terminal_size_of(&self.err).map(|(columns, _)| columns.0.into());
        let out = BufWriter::new(Reader::of_err(io::stderr()));
        let mut text = Text { paint: self.paint, out, limit };
        people(&mut text)?;
        text.out.flush()?;
        // What was typed before anything was shown answers nothing.
        #[cfg(unix)]
        rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush)?;
        text.styled(BOLD, question)?;
        text.plain(" [y/N] ")?;
        text.out.flush()?;
        let mut answer = String::new();
        if io::stdin().read_line(&mut answer)? == 0 {
            // Nobody ended the line of the question.
            text.end_line()?;
            text.out.flush()?;
        }
        Ok(Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")))
    }

    /// Says something that is no data.
    pub(crate) fn note(&mut self, text: &str) {
        self.say(None, text);
    }

    /// Says to people what programs see from the data.
    pub(crate) fn aside(&mut self, text: &str) {
        if self.format == Format::Table {
            self.note(text);
        }
    }

    /// Says something that somebody should look at.
    pub(crate) fn warning(&mut self, text: &str) {
        self.say(Some(("warning", YELLOW)), text);
    }

    /// Ends the command.
    pub(crate) fn end(mut self, result: Result<Outcome, Failure>) -> ExitCode {
        let result = result.and_then(|outcome| Ok(self.out.out.flush().map(|()| outcome)?));
        match result {
            Ok(outcome) => outcome.into(),
            Err(Failure::Output(cause)) => {
                let error = Error::new(ErrorKind::Unavailable, "cannot write to standard output").caused_by(cause);
                self.error(&error, ExitCode::FAILURE)
            }
            Err(Failure::Refused(error)) => self.error(&error, ExitCode::FAILURE),
            Err(Failure::Usage(error)) => self.error(&error, ExitCode::from(2)),
        }
    }

    /// Ends a command line that asked for help or was not understood.
    pub(crate) fn usage(mut self, error: clap::Error) -> ExitCode {
        if !error.use_stderr() {
            let written = self.out.out.write_all(error.to_string().as_bytes());
            return self.end(written.map(|()| Outcome::Good).map_err(Failure::Output));
        }
        let text = usage::message(error);
        let Some(wrong) = text.strip_prefix("error: ") else {
            text.lines().for_each(|line| self.say(None, line));
            return ExitCode::from(2);
        };
        if self.format == Format::Json {
            let said = wrong.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
            let said: Vec<_> =
                said.filter(|line| !line.is_empty() && !line.starts_with("For more information")).collect();
            // No Error, which would hide once more, and words of ours: what was typed is hidden already.
            let message = said.join("; ").replace(":; ", ": ");
            self.json_error(&Misused { kind: ErrorKind::ConfigInvalid, message, retryable: false });
            return ExitCode::from(2);
        }
        let mut kind = Some(("error", RED));
        wrong.lines().for_each(|line| self.say(kind.take(), line));
        ExitCode::from(2)
    }

    fn error(&mut self, error: &Error, code: ExitCode) -> ExitCode {
        if self.format == Format::Json {
            self.json_error(error);
        } else {
            self.say(Some(("error", RED)), &error.to_string());
        }
        code
    }

    fn json_error(&mut self, error: &impl Serialize) {
        #[derive(Serialize)]
        struct Envelope<'a, T> {
            error: &'a T,
        }
        // There is nobody left to tell that standard error is gone.
        let _ = json::write(&mut self.err, &Envelope { error }).and_then(|()| self.err.write_all(b"\n"));
    }

    fn say(&mut self, kind: Option<(&str, Style)>, text: &str) {
        // What was printed before comes before; were it not taken, the end will tell.
        let _ = self.out.out.flush();
        let mut line = Vec::new();
        if let Some((word, style)) = kind {
            let _ = self.paint.write(&mut line, style, word);
            line.extend_from_slice(b": ");
        }
        line.extend_from_slice(escape(text).as_bytes());
        line.push(b'\n');
        // There is nobody left to tell that standard error is gone.
        let _ = self.err.write_all(&line);
    }
}

impl Text {
    /// Writes a table; see [`table::write`].
    pub(crate) fn table<R, const N: usize>(
        &mut self,
        columns: [Column; N],
        rows: &[R],
        cells: impl for<'r> Fn(&'r R) -> [&'r str; N],
    ) -> io::Result<()> {
        table::write(&mut self.out, self.paint, self.limit, columns, rows, cells)
    }

    /// Writes a heading.
    pub(crate) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.styled(BOLD, text)?;
        self.end_line()
    }

    /// Writes text that stands in the program.
    pub(crate) fn plain(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Writes text that others wrote.
    pub(crate) fn untrusted(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(escape(text).as_bytes())
    }

    /// Writes what a server says, each line behind a bar.
    #[cfg(feature = "probe")]
    pub(crate) fn quoted(&mut self, indent: &str, said: &str) -> io::Result<()> {
        said.lines().try_for_each(|line| {
            self.plain(indent)?;
            self.plain("| ")?;
            self.untrusted(line)?;
            self.end_line()
        })
    }

    /// Writes text in a style.
    pub(crate) fn styled(&mut self, style: Style, text: &str) -> io::Result<()> {
        self.paint.write(&mut self.out, style, &escape(text))
    }

    /// Ends the line.
    pub(crate) fn end_line(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }
}
