//! `migrate`: the entries of one backend, copied to another.
//!
//! Nothing is replaced and nothing removed: what is there and equal was copied before, what is there
//! and differs is for a person to decide. So it may be stopped and begun again at any time.

mod copier;
mod report;

use std::collections::BTreeMap;

use mcp_registry_spec::{
    Backends, Digest, Error, ErrorKind, Loaded, McpServerRegistry, OpenRequest, Scope, ServerName, WriteContext,
};
use tokio::runtime::Builder;

use super::app::{self, LocalCommand};
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;
use super::spec_args::LiteralArgs;
use copier::{Copier, is_refusal};
use report::{Copied, Problem, Report};

#[derive(clap::Args)]
#[command(after_help = "\
Example: mcp-registry migrate --from filesystem:agents --to sqlite:catalog.db --dry-run")]
pub(crate) struct Migrate {
    /// Where entries are copied from
    #[arg(long, value_name = "LOCATOR")]
    from: String,
    /// Where they are copied to
    #[arg(long, value_name = "LOCATOR")]
    to: String,
    /// Only say what would be copied
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    literals: LiteralArgs,
}

impl LocalCommand for Migrate {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        settings.refuse_place("--from LOCATOR and --to LOCATOR")?;
        let [from, to] = settings.requests_for(&self.from, &self.to)?;
        let runtime = app::start(&mut Builder::new_current_thread())?;
        let (backends, context) = (&settings.backends, self.literals.context());
        let migration = Migration { backends, from, to, context, dry_run: self.dry_run };
        let (report, lists) = runtime.block_on(migration.run())?;
        for scope in lists {
            let of = scope.map(|scope| format!(" of the scope {scope}")).unwrap_or_default();
            printer.warning(&format!(
                "the list of allowed commands{of} is no entry and was not copied: the target's own list counts there, or \
                 the default one"
            ));
        }
        printer.data(&report, |text| report.write(text))?;
        Ok(if report.is_ok() { Outcome::Good } else { Outcome::Bad })
    }
}

struct Migration<'a> {
    backends: &'a Backends,
    from: OpenRequest,
    to: OpenRequest,
    context: WriteContext,
    dry_run: bool,
}

impl Migration<'_> {
    /// What was done, and whose lists of allowed commands are others in the target.
    async fn run(self) -> Result<(Report, Vec<Option<Scope>>), Failure> {
        let (mut report, mut lists) = (Report::new(self.dry_run), Vec::new());
        for scope in self.scopes().await? {
            let (from, to) = (self.open(&self.from, &scope)?, self.open(&self.to, &scope)?);
            report.scopes.push(self.copy(scope.clone(), &from, &to).await?);
            let own = from.allowed_commands().await?;
            if own.is_some() && own != to.allowed_commands().await? {
                lists.push(scope);
            }
            from.close().await?;
            to.close().await?;
        }
        Ok((report, lists))
    }

    /// Whose entries are copied; `None` is whosoever's the locators name.
    async fn scopes(&self) -> Result<Vec<Option<Scope>>, Error> {
        if let Some(scope) = &self.from.scope {
            return Ok(vec![Some(scope.clone())]);
        }
        // Which scope it is opened for does not matter to what scopes there are.
        let any = self.backends.open(&self.from.clone().scope(Scope::parse("default")?));
        let listed = match any {
            Ok(any) => any.scopes().await,
            // A locator that names a scope means that one.
            Err(error) if error.kind() == ErrorKind::ConfigInvalid => return Ok(vec![None]),
            Err(error) => Err(error),
        };
        match listed {
            Ok(scopes) => Ok(scopes.into_iter().map(Some).collect()),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(vec![None]),
            Err(error) => Err(error),
        }
    }

    fn open(&self, request: &OpenRequest, scope: &Option<Scope>) -> Result<McpServerRegistry, Error> {
        self.backends.open(&self.request(request, scope))
    }

    fn request(&self, request: &OpenRequest, scope: &Option<Scope>) -> OpenRequest {
        let mut request = request.clone();
        request.scope.clone_from(scope);
        request
    }

    async fn copy(
        &self,
        scope: Option<Scope>,
        from: &McpServerRegistry,
        to: &McpServerRegistry,
    ) -> Result<Copied, Error> {
        let mut copied = Copied::new(scope);
        let target = Copier::new(to, &self.request(&self.to, &copied.scope), self)?;
        let mut there = digests(to).await?;
        let (mut meant, mut missing) = (Vec::new(), Vec::new());
        for loaded in from.load_all().await? {
            let spec = match loaded.result {
                Ok(spec) => spec,
                // It went between the two looks of a source that is asked one by one.
                Err(error) if error.kind() == ErrorKind::NotInRegistry => continue,
                Err(error) if !error.kind().is_of_entry() => return Err(to_be_continued(error)),
                Err(error) => {
                    copied.problem(loaded.name, Problem::Broken, &error);
                    continue;
                }
            };
            let digest = spec.digest()?;
            match there.remove(&spec.name) {
                Some(Some(same)) if same == digest => {
                    copied.passed += 1;
                    meant.push((spec.name, digest));
                }
                Some(_) => {
                    copied.problem(spec.name, Problem::Differs, &"the target has another entry of that name");
                }
                None => match target.check(&spec).await {
                    Ok(()) => missing.push((spec, digest)),
                    Err(error) if is_refusal(&error) => copied.problem(spec.name, Problem::Refused, &error),
                    Err(error) => return Err(error),
                },
            }
        }
        if self.dry_run {
            copied.copied = missing.len();
            return Ok(copied);
        }
        for (name, digest, done) in target.install_all(missing, copied.scope.as_ref()).await? {
            match done {
                Ok(()) => {
                    copied.copied += 1;
                    meant.push((name, digest));
                }
                Err(error) => copied.problem(name, Problem::Refused, &error),
            }
        }
        let there = digests(to).await?;
        for (name, digest) in meant {
            if there.get(&name) != Some(&Some(digest)) {
                copied.problem(name, Problem::Lost, &"the target does not read as what was copied");
            }
        }
        Ok(copied)
    }
}

/// The entries of a scope by their digests; a broken one has none.
async fn digests(registry: &McpServerRegistry) -> Result<BTreeMap<ServerName, Option<Digest>>, Error> {
    let mut digests = BTreeMap::new();
    for Loaded { name, result } in registry.load_all().await? {
        match result.and_then(|spec| spec.digest()) {
            Ok(digest) => digests.insert(name, Some(digest)),
            Err(error) if error.kind() == ErrorKind::NotInRegistry => None,
            Err(error) if error.kind().is_of_entry() => digests.insert(name, None),
            // What could not be read is neither there nor broken: nobody knows.
            Err(error) => return Err(error),
        };
    }
    Ok(digests)
}

/// The error that ends a migration half way.
fn to_be_continued(error: Error) -> Error {
    let hint = "what was copied stays; run it again to go on";
    let whole = error.hint_text().map(|own| format!("{own}; {hint}"));
    error.hint(whole.as_deref().unwrap_or(hint))
}
