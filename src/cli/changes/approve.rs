//! `changes approve`.

use std::str::FromStr;
use std::sync::Arc;

use mcp_registry_governance::{Approval, Change, ChangeId};
use mcp_registry_spec::{Digest, Error, ErrorKind};

use super::{Desk, card, list};
use crate::cli::app::LocalCommand;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::policy::Where;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;

#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry changes approve ID
          mcp-registry changes approve --yes ID:sha256:…")]
pub(crate) struct Approve {
    #[command(flatten)]
    policy: Where,
    /// The change's id, which list prints
    #[arg(value_parser = |id: &str| id.parse::<ChangeId>(), required_unless_present = "yes", conflicts_with = "yes")]
    id: Option<ChangeId>,
    /// Approve, unasked, the change of this id if its identity is DIGEST
    #[arg(long, value_name = "ID:DIGEST")]
    yes: Option<Looked>,
}

/// A change that somebody has looked at.
#[derive(Debug, Clone, PartialEq)]
struct Looked {
    id: ChangeId,
    identity: Digest,
}

impl FromStr for Looked {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (id, identity) = text.split_once(':').ok_or_else(|| {
            Error::new(ErrorKind::ConfigInvalid, "the identity is missing")
                .hint("write ID:DIGEST, as in --yes ID:sha256:…; changes show prints both")
        })?;
        Ok(Self { id: id.parse()?, identity: identity.parse()? })
    }
}

impl LocalCommand for Approve {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let approval = Desk::open(&self.policy, settings, async |desk| {
            let change = match (self.yes, self.id) {
                (Some(looked), _) => looked.find(desk).await?,
                (None, Some(id)) => match ask(printer, desk.find(&id).await?)? {
                    Some(change) => change,
                    None => return Ok(None),
                },
                (None, None) => return Err(Failure::usage("no change is named", "give its id, which list prints")),
            };
            let target = desk.places.target(&change.place)?;
            Ok(Some(desk.governance.approve(&change.id, &desk.person, Arc::new(target)).await?))
        })?;
        match approval {
            Some(approval) => tell(printer, &approval),
            None => {
                printer.note("not approved; it waits as before");
                Ok(Outcome::Bad)
            }
        }
    }
}

impl Looked {
    /// The change, if it is the one that was looked at.
    async fn find(&self, desk: &Desk<'_>) -> Result<Change, Failure> {
        let change = desk.find(&self.id).await?;
        if change.identity == self.identity {
            return Ok(change);
        }
        let message = format!("the identity of {} is another, {}", change.id, change.identity);
        Err(Error::new(ErrorKind::Conflict, message).hint("look at it with changes show").into())
    }
}

/// Shows the change and asks; gives it back if the answer is yes.
fn ask(printer: &mut Printer, change: Change) -> Result<Option<Change>, Failure> {
    let question = format!("Approve {} of {}?", change.action, change.name);
    let show = |text: &mut _| {
        card::write(text, &change)?;
        text.end_line()
    };
    match printer.ask(show, &question)? {
        Some(answer) => Ok(answer.then_some(change)),
        None => {
            let hint = format!("look at it with changes show; then give --yes {}:{}", change.id, change.identity);
            Err(Error::new(ErrorKind::ConfigInvalid, "there is no terminal to ask on").hint(hint).into())
        }
    }
}

fn tell(printer: &mut Printer, approval: &Approval) -> Result<Outcome, Failure> {
    let Approval { approval: change, execution, .. } = approval;
    printer.data(approval, |text| list::table(text, std::slice::from_ref(change)))?;
    if let Some(note) = &execution.outcome.note {
        printer.note(note);
    }
    if execution.ok {
        printer.note(&format!("approved and carried out: {} of {}", change.action, change.name));
        return Ok(Outcome::Good);
    }
    let told = format!("{} of {} was approved, and is {}", change.action, change.name, execution.state);
    Err(match &execution.outcome.error {
        Some(error) => Error::new(error.kind, told).caused_by(&error.message),
        None => Error::new(ErrorKind::Unavailable, told),
    }
    .hint("what became of it is on record: see changes show")
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_named_whole() {
        let digest = Digest::of_bytes(b"x");
        let looked: Looked = format!("c1:{digest}").parse().unwrap();
        assert_eq!((looked.id.as_str(), looked.identity), ("c1", digest));
        let hex = digest.to_string().replace("sha256:", "");
        for wrong in
            ["", "c1", "c1:", &format!("c1:{hex}"), &format!(":{digest}"), &format!("c1:{digest}0"), "c1:sha256:"]
        {
            assert!(wrong.parse::<Looked>().is_err(), "{wrong}");
        }
    }
}
