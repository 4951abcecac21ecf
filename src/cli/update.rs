//! `update`: an entry, changed in part or replaced.

use mcp_registry_spec::{Digest, Error, ErrorKind, SpecFields, text};

use super::app::WriteCommand;
use super::failure::{Failure, Outcome};
use super::list::refs;
use super::names::BeforeCommand;
use super::printer::Printer;
use super::spec_args::{SpecArgs, fields_of};
use super::writer::Writer;
use super::{names, spec_changes};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mcp-registry update github --env 'GITHUB_TOKEN=$OTHER_PAT' --clear env.OLD --description 'Issues and pull requests'
  mcp-registry update github -- uvx github-server

What follows -- is the server's command; a name that begins with a dash is given as --name=-x.")]
pub(crate) struct Update {
    #[command(flatten)]
    name: BeforeCommand,
    #[command(flatten)]
    spec: SpecArgs,
    /// Take a field away (repeatable): args, env, env.NAME, headers, headers.NAME, description, or a key of your own
    #[arg(long, value_name = "FIELD", conflicts_with = "from")]
    clear: Vec<String>,
    /// Change only the entry with this digest, which show prints; by default the one there now
    #[arg(long, value_name = "sha256:…")]
    digest: Option<String>,
}

impl WriteCommand for Update {
    async fn run(self, writer: &Writer, printer: &mut Printer) -> Result<Outcome, Failure> {
        let name = self.name.parse()?;
        if self.spec.is_empty() && self.clear.is_empty() {
            return Err(Failure::usage("nothing is given to change", "see mcp-registry update --help"));
        }
        let pinned = self.digest.as_deref().map(str::parse::<Digest>).transpose()?;
        let old = match writer.registry().load(&name).await {
            Ok(spec) => spec,
            Err(error) => return Err(names::suggest(error, &name, writer.registry()).await.into()),
        };
        let expected = pinned.map_or_else(|| old.digest(), Ok)?;
        let context = self.spec.context();
        let mut fields = fields_of(old.clone());
        self.clear.iter().try_for_each(|field| clear(&mut fields, field))?;
        let is_whole = self.spec.is_whole();
        let new =
            self.spec.apply(name, fields).map_err(|failure| if is_whole { failure } else { with_hint(failure) })?;
        let updated = writer.update(&new, &expected, &context).await?;
        printer.data(&updated, |text| refs(text, std::slice::from_ref(&updated)))?;
        let changes = spec_changes::between(&old, &new);
        printer.note(&match changes.len() {
            0 => format!("{} is as it was", updated.name),
            _ => format!("updated {}", updated.name),
        });
        changes.iter().for_each(|change| printer.note(&format!("  {change}")));
        Ok(Outcome::Good)
    }
}

/// An entry that changes from a command to a url, or back, may hold fields of what it was.
fn with_hint(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(error) if error.kind() == ErrorKind::InvalidSpec && error.hint_text().is_none() => {
            Failure::Refused(error.hint("take away what no longer belongs with --clear args, env or headers"))
        }
        other => other,
    }
}

/// Takes a field away.
fn clear(fields: &mut SpecFields, field: &str) -> Result<(), Error> {
    let there = match field.split_once('.') {
        // Taking away what is empty already leaves what was asked for.
        None if field == "args" => {
            fields.args.clear();
            true
        }
        None if field == "env" => {
            fields.env.clear();
            true
        }
        None if field == "headers" => {
            fields.headers.clear();
            true
        }
        None if field == "description" => {
            fields.description.clear();
            true
        }
        Some(("env", key)) if fields.env.remove(key).is_some() => true,
        Some(("headers", name)) => {
            let before = fields.headers.len();
            fields.headers.retain(|other, _| !other.eq_ignore_ascii_case(name));
            fields.headers.len() < before
        }
        _ => fields.extra.remove(field).is_some(),
    };
    if there {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidSpec, format!("there is no field {} to clear", text::quote(field)))
        .hint("fields are args, env, env.NAME, headers, headers.NAME, description and the entry's own keys"))
}
