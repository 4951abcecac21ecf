//! `ledger`: what was asked, decided and done, and whether that is all.

mod book;

use std::io;
use std::num::NonZeroUsize;

use mcp_registry_governance::{Head, Ledger as Kept, Place, Row, Target, Verified};
use mcp_registry_spec::{Digest, Error, ErrorKind, OpenRequest, ServerName};
use serde::Serialize;
use tokio::runtime::Builder;

use super::absolute::place_of;
use super::app::{self, LocalCommand};
use super::args::With;
use super::failure::{Failure, Outcome};
use super::printer::{Printer, Text};
use super::settings::Settings;
use super::style::{GREEN, RED};
use super::table::Column;
use super::{governed, names};
use book::Book;

/// How many digits tell one digest from another well enough for people.
const DIGITS: usize = "sha256:".len() + 8;

/// Show what was asked, decided and done, and check that the record of it is whole.
#[derive(clap::Subcommand)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) enum Ledger {
    /// Check that no row of the ledger was removed, altered, reordered or cut off, and that the registry holds
    /// what the rows tell.
    ///
    /// The exit status is 1 when something is found. What is printed of the head is worth keeping elsewhere: given
    /// back as --anchor, it shows whether the ledger was cut since, or written anew.
    Verify(With<Verify>),
    /// Take note of what the registry holds and no row explains: from then on it is explained.
    ///
    /// Nothing is asked; that, and who did it, is a row of the ledger. What should be there and is not can be
    /// accepted, too.
    Accept(With<Accept>),
    /// Show rows of the ledger, oldest first.
    Show(With<Show>),
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mcp-registry ledger verify --agent-root agents/scout
  mcp-registry ledger verify --no-registry --anchor 42:sha256:…
  mcp-registry ledger verify --store sqlite:catalog.db --scope scout")]
pub(crate) struct Verify {
    #[command(flatten)]
    book: Book,
    /// A head that was printed before: its row must be there as it was
    #[arg(long, value_name = "NUMBER:HASH")]
    anchor: Option<String>,
    /// Look at the ledger alone
    #[arg(long)]
    no_registry: bool,
}

impl LocalCommand for Verify {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let anchor = self.anchor.as_deref().map(head).transpose()?;
        let ledger = self.book.ledger(settings)?;
        let request = if self.no_registry { None } else { self.book.request(settings)? };
        let found = match &request {
            Some(request) => {
                on_registry(settings, request, async |target| Ok(verify(&ledger, anchor, &target).await?))?
            }
            None => app::start(&mut Builder::new_current_thread())?.block_on(ledger.verify(anchor, None))?,
        };
        printer.data(&found, |text| report(text, &found))?;
        if request.is_none() && !self.no_registry {
            printer.aside("the catalog's content was not looked at; name a scope of it with --scope");
        }
        Ok(if found.ok { Outcome::Good } else { Outcome::Bad })
    }
}

/// Runs work on the registry that is asked for.
fn on_registry<T>(
    settings: &Settings,
    request: &OpenRequest,
    work: impl AsyncFnOnce(Target) -> Result<T, Failure>,
) -> Result<T, Failure> {
    app::drive(&settings.backends, request, true, async |registry| {
        let (locator, scope) = place_of(request, &settings.backends)?;
        let done = work(Target::new(registry.clone(), &locator, scope)).await?;
        registry.close().await?;
        Ok(done)
    })
}

async fn verify(ledger: &Kept, anchor: Option<Head>, target: &Target) -> Result<Verified, Error> {
    ledger.verify(anchor, Some((&target.registry, &target.place))).await
}

fn head(text: &str) -> Result<Head, Failure> {
    let head =
        text.split_once(':').and_then(|(seq, hash)| Some(Head { seq: seq.parse().ok()?, hash: hash.parse().ok()? }));
    head.ok_or_else(|| Failure::usage("--anchor is no head of a ledger", "give it as it was printed: NUMBER:sha256:…"))
}

fn report(text: &mut Text, found: &Verified) -> io::Result<()> {
    let (style, word) = if found.ok { (GREEN, "ok") } else { (RED, "failed") };
    text.styled(style, word)?;
    let rows = if found.rows == 1 { "row" } else { "rows" };
    text.plain(&format!("  {} {rows}, head {}:{}\n", found.rows, found.head.seq, found.head.hash))?;
    if found.findings.is_empty() {
        return Ok(());
    }
    text.end_line()?;
    let numbers: Vec<_> =
        found.findings.iter().map(|found| found.seq.map(|seq| seq.to_string()).unwrap_or_default()).collect();
    let rows: Vec<_> = found.findings.iter().zip(&numbers).collect();
    let columns = ["WHERE", "ROW", "WHAT"].map(|title| Column { title, shrinks: false });
    text.table(columns, &rows, |(found, number)| [found.place, number, &found.message])
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry ledger accept github --agent-root agents/scout")]
pub(crate) struct Accept {
    #[command(flatten)]
    book: Book,
    /// The servers' names
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,
    /// Everything that no row explains
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

#[derive(Serialize)]
struct Accepted {
    accepted: Vec<ServerName>,
}

impl LocalCommand for Accept {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let asked = self.names.iter().map(|name| ServerName::parse(name)).collect::<Result<Vec<_>, _>>()?;
        let Some(request) = self.book.request(settings)? else {
            return Err(Failure::usage("no scope is named", "say whose entries are accepted: --scope S"));
        };
        let ledger = self.book.prepared(settings)?;
        let accepted = on_registry(settings, &request, async |target| {
            let found = verify(&ledger, None, &target).await?;
            let mut unexplained: Vec<_> = found.findings.into_iter().filter_map(|finding| finding.name).collect();
            if !self.all {
                for name in &asked {
                    check_known(name, &unexplained, &target).await?;
                }
                unexplained.retain(|name| asked.contains(name));
            }
            let names = unexplained.iter().cloned();
            ledger.accept(&target.registry, &target.place, names, &governed::operator()).await?;
            Ok(unexplained)
        })?;
        let accepted = Accepted { accepted };
        printer
            .data(&accepted, |text| accepted.accepted.iter().try_for_each(|name| text.plain(&format!("{name}\n"))))?;
        printer.note(&match accepted.accepted.len() {
            0 => "everything was explained before".to_owned(),
            1 => "accepted 1 server".to_owned(),
            many => format!("accepted {many} servers"),
        });
        Ok(Outcome::Good)
    }
}

/// Refuses a name of which neither the registry nor the ledger has anything to say.
async fn check_known(name: &ServerName, unexplained: &[ServerName], target: &Target) -> Result<(), Error> {
    if unexplained.contains(name) {
        return Ok(());
    }
    match target.registry.load(name).await {
        Err(error) if error.kind() == ErrorKind::NotInRegistry => {
            Err(names::suggest(error, name, &target.registry).await)
        }
        // It is explained, as whatever else is there.
        _ => Ok(()),
    }
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry ledger show --after 120 --format json")]
pub(crate) struct Show {
    #[command(flatten)]
    book: Book,
    /// Show the rows that follow this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    /// Show at most so many
    #[arg(long, value_name = "NUMBER", default_value = "1000")]
    limit: NonZeroUsize,
}

#[derive(Serialize)]
struct Rows {
    rows: Vec<Row>,
}

impl LocalCommand for Show {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let ledger = self.book.ledger(settings)?;
        let rows =
            app::start(&mut Builder::new_current_thread())?.block_on(ledger.rows(self.after, self.limit.get()))?;
        let found = Rows { rows };
        printer.data(&found, |text| {
            if found.rows.is_empty() {
                return Ok(());
            }
            let rows: Vec<_> = found.rows.iter().map(cells).collect();
            let columns = ["NUMBER", "WHEN", "WHO", "EVENT", "ACTION", "WHERE", "NAME", "BEFORE", "AFTER"]
                .map(|title| Column { title, shrinks: matches!(title, "WHO" | "WHERE") });
            text.table(columns, &rows, |row| row.each_ref().map(String::as_str))
        })?;
        if found.rows.is_empty() {
            printer.aside(if self.after == 0 { "nothing is on record" } else { "nothing else is on record" });
        } else if found.rows.len() == self.limit.get()
            && let Some(last) = found.rows.last()
        {
            printer.aside(&format!("there may be more: --after {}", last.seq));
        }
        Ok(Outcome::Good)
    }
}

fn cells(row: &Row) -> [String; 9] {
    let record = &row.record;
    let digest = |digest: Option<Digest>| {
        let text = digest.map(|digest| digest.to_string()).unwrap_or_default();
        text.get(..DIGITS).unwrap_or_default().to_owned()
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    // What came of it says more than that something did.
    let event = match (record.event, &record.to, record.error) {
        (_, Some(to), None) => to.clone(),
        (_, Some(to), Some(error)) => format!("{to}: {error}"),
        (Some(event), None, None) => event.as_str().to_owned(),
        (Some(event), None, Some(error)) => format!("{}: {error}", event.as_str()),
        (None, None, _) => String::new(),
    };
    let place =
        Place { backend_id: text(&record.backend_id), locator: text(&record.locator), scope: record.scope.clone() };
    [
        row.seq.to_string(),
        mcp_registry_spec::time::shown(row.at).to_string(),
        text(&record.who),
        event,
        record.action.map(|action| action.to_string()).unwrap_or_default(),
        place.to_string(),
        record.name.as_ref().map(ServerName::to_string).unwrap_or_default(),
        digest(record.before),
        digest(record.after),
    ]
}
