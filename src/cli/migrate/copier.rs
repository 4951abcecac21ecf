//! What the command `install` does, for many entries at once.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcp_registry_spec::{
    Digest, Error, ErrorKind, McpServerRegistry, McpServerSpec, OpenRequest, Scope, ServerName, WriteContext,
};

use super::{Migration, to_be_continued};
#[cfg(feature = "governance")]
use crate::cli::governed::{self, Governed, Proposal};
use crate::cli::spec_args::explain;

/// A scope that entries are copied to.
pub(super) struct Copier<'a> {
    to: &'a McpServerRegistry,
    context: &'a WriteContext,
    #[cfg(feature = "governance")]
    dry_run: bool,
    #[cfg(feature = "governance")]
    governed: Governed,
}

/// What came of one entry.
pub(super) type Done = (ServerName, Digest, Result<(), Error>);

impl<'a> Copier<'a> {
    /// Copies to what `request` opened.
    ///
    /// # Errors
    /// When its place cannot be told.
    #[cfg_attr(not(feature = "governance"), expect(unused_variables, reason = "only what is on record has a place"))]
    pub(super) fn new(
        to: &'a McpServerRegistry,
        request: &OpenRequest,
        migration: &'a Migration<'_>,
    ) -> Result<Self, Error> {
        Ok(Self {
            to,
            context: &migration.context,
            #[cfg(feature = "governance")]
            dry_run: migration.dry_run,
            #[cfg(feature = "governance")]
            governed: Governed::new(to, request, migration.backends)?,
        })
    }

    /// Refuses an entry that cannot be meant for this place.
    ///
    /// # Errors
    /// What [`is_refusal`] of the entry is; others stop it all.
    pub(super) async fn check(&self, spec: &McpServerSpec) -> Result<(), Error> {
        #[cfg(feature = "governance")]
        match self.dry_run {
            // Who only asks was denied nothing.
            true => governed::judge(self.to, spec).await?.check()?,
            false => self.governed.admit(spec, mcp_registry_spec::AuditAction::Install).await?,
        }
        self.to.check_entry(spec, self.context).map_err(explain)
    }

    /// Installs them, begun and ended on record together.
    ///
    /// # Errors
    /// What stops it all; what was copied stays.
    pub(super) async fn install_all(
        &self,
        entries: Vec<(McpServerSpec, Digest)>,
        scope: Option<&Scope>,
    ) -> Result<Vec<Done>, Error> {
        #[cfg(feature = "governance")]
        let mut begun = {
            let proposals: Vec<_> = entries.iter().map(|(spec, _)| Proposal::Install(spec.clone())).collect();
            self.governed.begin(proposals.iter().map(|proposal| (proposal, None))).await?.into_iter()
        };
        #[cfg(feature = "governance")]
        let mut ended = Vec::new();
        let bar = bar(entries.len(), scope);
        let mut all = Vec::with_capacity(entries.len());
        let mut stopped = None;
        for (spec, digest) in entries {
            bar.inc(1);
            let done = self.to.install(&spec, self.context).await.map(drop).map_err(explain);
            #[cfg(feature = "governance")]
            ended.extend(begun.next().map(|begun| begun.ended(done.as_ref().err())));
            if let Err(error) = &done
                && !error.kind().is_of_entry()
            {
                stopped = Some(to_be_continued(error.clone()));
                break;
            }
            all.push((spec.name, digest, done));
        }
        bar.finish_and_clear();
        #[cfg(feature = "governance")]
        let recorded = self.governed.end(ended).await;
        match stopped {
            Some(error) => Err(error),
            #[cfg(feature = "governance")]
            None => recorded.map(|()| all),
            #[cfg(not(feature = "governance"))]
            None => Ok(all),
        }
    }
}

/// Whether [`check`](Copier::check) refused one entry, which says nothing of the others.
pub(super) fn is_refusal(error: &Error) -> bool {
    error.kind().is_of_entry() || error.kind() == ErrorKind::Forbidden
}

/// A bar on standard error, where that is a terminal.
fn bar(entries: usize, scope: Option<&Scope>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(entries as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.with_message(scope.map(Scope::to_string).unwrap_or_default())
}
