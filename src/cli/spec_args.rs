//! An entry as it is given on the command line: by `install` whole, by `update` in part.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use mcp_registry_spec::template::TemplateError;
use mcp_registry_spec::{
    EnvTemplate, Error, ErrorKind, Literals, McpServerSpec, ServerName, SpecFields, TextTemplate, Transport,
    TransportKind, WriteContext, text,
};

use super::failure::Failure;
use super::input;

// The fields of an entry (a doc comment would take the place of the command's own description).
#[derive(Args)]
#[command(next_help_heading = "Entry")]
pub(crate) struct SpecArgs {
    /// The program that is the server
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    #[command(flatten)]
    args: ArgList,
    /// A variable of the server's environment (repeatable); $NAME and ${NAME} refer to yours
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Where a remote server answers
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A header sent to a remote server (repeatable), as "Authorization: Bearer ${TOKEN}"
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// How the server is reached; told by --command or --url when left out
    #[arg(long, value_parser = transports())]
    transport: Option<String>,
    /// What the server is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Read the whole entry, as JSON or YAML, from a file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "command", "args", "arg", "env", "url", "headers", "transport", "description", "launch",
    ])]
    from: Option<String>,
    #[command(flatten)]
    literals: LiteralArgs,
    /// The server's command and its arguments, as they are
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["command", "args", "arg", "url"])]
    launch: Vec<String>,
}

// Which literals are stored (no doc comment, for the same reason).
#[derive(Args)]
pub(crate) struct LiteralArgs {
    /// Store literals even where they look like secrets, or refer to nothing in a catalog; with a field,
    /// such as env.LOG_LEVEL, only there (repeatable)
    #[arg(long, value_name = "FIELD", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    allow_literal: Vec<String>,
}

impl LiteralArgs {
    /// Who writes, and what they allow.
    pub(crate) fn context(&self) -> WriteContext {
        actor().literals(match self.allow_literal.as_slice() {
            [] => Literals::Refuse,
            fields if fields.iter().any(String::is_empty) => Literals::Allow,
            fields => Literals::AllowFields(fields.iter().cloned().collect()),
        })
    }
}

fn transports() -> PossibleValuesParser {
    PossibleValuesParser::new(TransportKind::ALL.iter().map(|kind| kind.as_str()))
}

/// What `--args` and `--arg` give, in the order of the command line.
#[derive(Default)]
struct ArgList(Option<Vec<String>>);

impl Args for ArgList {
    fn augment_args(command: Command) -> Command {
        let option = |name, value, help| {
            Arg::new(name).long(name).value_name(value).help(help).action(ArgAction::Append).allow_hyphen_values(true)
        };
        command.arg(option("args", "A,B", "Arguments of the command, separated by commas (repeatable)")).arg(option(
            "arg",
            "ARG",
            "One argument of the command, as it is (repeatable)",
        ))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ArgList {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name| {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            matches.indices_of(name).into_iter().flatten().zip(values)
        };
        let mut all: Vec<(usize, Vec<&str>)> = given("args")
            .map(|(at, list)| (at, if list.is_empty() { Vec::new() } else { list.split(',').collect() }))
            .chain(given("arg").map(|(at, arg)| (at, vec![arg.as_str()])))
            .collect();
        all.sort_by_key(|(at, _)| *at);
        // An empty list is a list: it takes the arguments away.
        let list = || all.iter().flat_map(|(_, args)| args).map(|arg| (*arg).to_owned()).collect();
        Ok(Self((!all.is_empty()).then(list)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl SpecArgs {
    /// Who writes, and what they allow.
    pub(crate) fn context(&self) -> WriteContext {
        self.literals.context()
    }

    /// Whether nothing of an entry is given.
    pub(crate) fn is_empty(&self) -> bool {
        let one = [&self.command, &self.url, &self.transport, &self.description, &self.from];
        let many = [&self.env, &self.headers, &self.launch];
        self.args.0.is_none() && one.into_iter().all(Option::is_none) && many.into_iter().all(Vec::is_empty)
    }

    /// Whether the entry is read whole from a file rather than changed field by field.
    pub(crate) fn is_whole(&self) -> bool {
        self.from.is_some()
    }

    /// The entry that comes of `fields` when what is given here is set in them.
    pub(crate) fn apply(self, name: ServerName, mut fields: SpecFields) -> Result<McpServerSpec, Failure> {
        if let Some(file) = self.from {
            return Ok(input::read(&file, &name)?);
        }
        let mut launch = self.launch.into_iter();
        let (command, args) = match launch.next() {
            Some(command) => (Some(command), Some(launch.collect())),
            None => (self.command, self.args.0),
        };
        // A command and a url are each other's alternative: one that is given takes the other's place.
        match (command, self.url) {
            (None, None) => {}
            (command, url) => {
                let url = url.map(|url| TextTemplate::parse(&url).map_err(|why| wrong("url", &why))).transpose()?;
                if command.is_some() != fields.command.is_some() {
                    fields.transport = None;
                }
                (fields.command, fields.url) = (command, url);
            }
        }
        if let Some(args) = args {
            let parse =
                |(i, arg): (usize, &String)| TextTemplate::parse(arg).map_err(|why| wrong(&format!("args[{i}]"), &why));
            fields.args = args.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        }
        for (key, value) in pairs(&self.env, "--env", "NAME=VALUE", '=')? {
            let value = EnvTemplate::parse(value).map_err(|why| wrong(&format!("env.{key}"), &why))?;
            fields.env.insert(key.to_owned(), value);
        }
        for (key, value) in pairs(&self.headers, "--header", "\"NAME: VALUE\"", ':')? {
            let value = EnvTemplate::parse(value.trim()).map_err(|why| wrong(&format!("headers.{key}"), &why))?;
            // The case of a header's name makes no difference: this one takes the other's place.
            fields.headers.retain(|other, _| !other.eq_ignore_ascii_case(key));
            fields.headers.insert(key.to_owned(), value);
        }
        if let Some(transport) = self.transport {
            fields.transport = Some(TransportKind::parse(&transport)?);
        }
        if let Some(description) = self.description {
            fields.description = description;
        }
        Ok(fields.build(name)?)
    }
}

/// Names the flag in the error that refuses a literal here. One that a catalog refuses is its own business.
pub(crate) fn explain(error: Error) -> Error {
    if error.hint_text() == Some(Literals::HINT) {
        return error.hint("refer to a variable, as $NAME or ${NAME}, or give --allow-literal if it is no secret");
    }
    error
}

/// A write by whoever runs this.
pub(crate) fn actor() -> WriteContext {
    let user =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    #[cfg(feature = "governance")]
    let user = user.or_else(|| Some(super::os_user::name()));
    user.into_iter().fold(WriteContext::new(), WriteContext::actor)
}

/// A value that is no template. What it holds may be a secret, so only its field is named; and not
/// as `FIELD: …`, behind which a secret would stand.
fn wrong(field: &str, why: &TemplateError) -> Error {
    Error::new(ErrorKind::InvalidSpec, format!("the value of {field} is refused: {why}"))
}

/// Splits each of `given` at its first `separator`.
fn pairs<'a>(given: &'a [String], flag: &str, form: &str, separator: char) -> Result<Vec<(&'a str, &'a str)>, Failure> {
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(given.len());
    for text in given {
        // Without the separator it may be a value alone, and that a secret: it is not shown.
        let pair = text.split_once(separator).ok_or_else(|| {
            Failure::usage(format!("a value of {flag} has no \"{separator}\""), format!("write {flag} {form}"))
        })?;
        if pairs.iter().any(|(key, _)| *key == pair.0) {
            return Err(Failure::usage(format!("{flag} gives {} twice", text::quote(pair.0)), "give it once"));
        }
        pairs.push(pair);
    }
    Ok(pairs)
}

/// The fields of an entry that is there.
pub(crate) fn fields_of(spec: McpServerSpec) -> SpecFields {
    let fields = SpecFields {
        transport: Some(spec.transport.kind()),
        description: spec.description,
        extra: spec.extra,
        ..SpecFields::default()
    };
    match spec.transport {
        Transport::Stdio(stdio) => {
            SpecFields { command: Some(stdio.command), args: stdio.args, env: stdio.env, ..fields }
        }
        Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
            SpecFields { url: Some(remote.url), headers: remote.headers, ..fields }
        }
    }
}
