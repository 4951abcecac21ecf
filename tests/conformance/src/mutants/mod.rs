//! Backends that are wrong on purpose: the suite's own test.
//!
//! Each [`Mutation`] is one mistake that backends make, and the rule it breaks. A suite that does
//! not catch it, by a case of that rule, is worth nothing:
//!
//! ```
//! use mcp_registry_conformance::{Outcome, Suite, cases, mutants::{Mutation, MutantFixture}};
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let suite = Suite::new(MutantFixture::new(Mutation::DropsExtraKeys), "conformance-mutant")?;
//! let mut failed = Vec::new();
//! for case in cases() {
//!     if let Outcome::Failed(_) = suite.run(case).await {
//!         failed.push(case.rule);
//!     }
//! }
//! assert!(failed.contains(&Mutation::DropsExtraKeys.rule()));
//! # Ok::<(), mcp_registry_spec::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod mistakes;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use mcp_registry_spec::{Capabilities, McpServerSpec, Result, Scope, ServerName};

use crate::fixture::{Backend, Fixture};
use crate::mock::{self, MockFixture};

pub use backend::Mutant;

macro_rules! mutations {
    ($($(#[$doc:meta])* $rule:literal $variant:ident,)+) => {
        /// A mistake, and the rule it breaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Mutation {
            $($(#[$doc])* $variant,)+
        }

        impl Mutation {
            /// Every mutation there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The rule that a case must cite to have caught it for the right reason.
            #[must_use]
            pub fn rule(self) -> u32 {
                match self { $(Self::$variant => $rule,)+ }
            }
        }
    };
}

mutations! {
    /// Names are looked up without regard to case.
    1 FoldsCase,
    /// A scope that does not exist is an error.
    2 NeedsTheScopeToExist,
    /// Opening creates the scope.
    2 CreatesTheScope,
    /// Says it can update, and cannot.
    3 ClaimsWhatItCannot,
    /// Says it can install, and refuses.
    3 RefusesWhatItClaims,
    /// Cannot update, and says so by another kind of error.
    3 RefusesByAnotherKind,
    /// Does not claim uninstall, and uninstalls.
    3 DoesWhatItDoesNotClaim,
    /// Declares more than the resource allows.
    3 DeclaresTooMuch,
    /// Quotes the entry in an error.
    4 LeaksInErrors,
    /// Shows where it is connected to, password and all.
    4 LeaksInSources,
    /// Derives a `Debug` that shows its password.
    4 LeaksInDebug,
    /// Lists the entries of every scope.
    5 ListsEveryScope,
    /// Keys entries by name alone.
    5 SharesNames,
    /// Matches scopes as a pattern, in which `_` is any character.
    5 MatchesScopesAsPatterns,
    /// Gives another id every time.
    6 ChangesItsId,
    /// The second close fails.
    6 ClosesOnce,
    /// Closing what was never used panics.
    6 PanicsOnEarlyClose,
    /// Closing never comes back.
    6 HangsOnClose,
    /// An absent entry is a failure of the storage.
    7 CallsAbsenceFailure,
    /// A failure of the storage is an absent entry, and an empty listing.
    7 CallsFailureAbsence,
    /// Every error is worth a retry.
    7 AlwaysRetryable,
    /// Puts values in place of references when an entry is stored.
    8 ResolvesWhenStoring,
    /// Puts values in place of references when an entry is loaded.
    8 ResolvesWhenLoading,
    /// Does not load an entry whose variables are unset.
    8 NeedsVariablesToLoad,
    /// Looks whether the name is free, then installs.
    9 RacesInInstall,
    /// Looks at the digest, then updates.
    9 RacesInUpdate,
    /// Removes the entry before it stores the new one.
    9 UpdatesInTwoSteps,
    /// Installs over what is there.
    9 InstallsOver,
    /// Updates whatever the digest.
    9 IgnoresTheDigest,
    /// Uninstalls whatever the digest.
    9 IgnoresTheDigestOfUninstall,
    /// Uninstall of what is absent fails.
    9 FailsUninstallOfAbsent,
    /// Update of what is absent installs it.
    9 UpdatesTheAbsent,
    /// One call for everything resolves what single calls do not.
    10 DiffersInBulk,
    /// One call for everything leaves broken entries out.
    10 DropsBrokenInBulk,
    /// Lists in the order of installation turned round.
    13 ListsUnsorted,
    /// Lists one page only.
    13 ListsOnePage,
    /// Knows one transport.
    13 ListsEveryTransportAsStdio,
    /// Forgets keys it does not know.
    14 DropsExtraKeys,
    /// Trims arguments.
    14 TrimsArguments,
    /// Splits arguments at commas.
    14 SplitsArguments,
    /// Loses empty values.
    14 DropsEmptyValues,
    /// Stores every remote server as streamable HTTP.
    14 ForgetsSse,
    /// Validating a missing entry fails.
    16 FailsValidationOfAbsent,
    /// Validation finds everything well.
    16 ValidatesBlindly,
    /// Broken entries are not listed.
    17 HidesBroken,
    /// One broken entry makes the whole listing fail.
    17 FailsOnBroken,
    /// Installs over broken entries.
    17 InstallsOverBroken,
    /// Broken entries cannot be uninstalled.
    17 KeepsBroken,
    /// Writes answer with another line than is listed.
    18 AnswersWithAnotherLine,
    /// Stores who wrote in the entry.
    19 StoresTheActor,
    /// The revision never changes.
    20 FreezesTheRevision,
    /// The revision changes at every look.
    20 ChangesTheRevisionAlways,
    /// Scopes are listed unsorted.
    21 ListsScopesUnsorted,
    /// Puts on record what was done, and not what was refused.
    27 AuditsWhatIsDoneAlone,
    /// Leaves numbers out.
    27 SkipsNumbers,
    /// Numbers writes in another order than they took effect in.
    27 NumbersOutOfOrder,
    /// Does not put on record who asked.
    27 ForgetsWhoAsked,
    /// Does not put on record what was there before.
    27 ForgetsWhatWasThere,
    /// Gives the newest records first.
    27 AuditsNewestFirst,
    /// Gives all records, whatever the limit.
    27 IgnoresTheLimit,
    /// Gives the record again that was read last.
    27 RepeatsARecord,
    /// Puts reads on record too.
    27 AuditsReads,
    /// Does not claim an audit, and has one.
    27 AuditsUnclaimed,
    /// Opens its own scope again in place of the other.
    28 KeepsItsScope,
    /// Closes the others with it.
    28 ClosesTheOthers,
    /// Does what it is to rehearse.
    29 WritesInRehearsals,
    /// Rehearses another text than it stores.
    29 RehearsesAnotherText,
    /// Rehearses what it would refuse.
    29 RehearsesWhatItRefuses,
    /// Rehearses what it does not claim.
    29 RehearsesUnclaimed,
    /// Hides nothing in what it rehearses.
    29 HidesNothing,
}

/// The password that some mutants show.
pub(crate) const PASSWORD: &str = "hunter2-of-the-mutant";

/// The fixture of a mutant: that of the mock, around it.
#[derive(Debug)]
pub struct MutantFixture {
    mock: MockFixture,
    mutation: Mutation,
    counter: Arc<AtomicUsize>,
}

impl MutantFixture {
    /// A mutant on storage of its own.
    #[must_use]
    pub fn new(mutation: Mutation) -> Self {
        let mut capabilities = mock::MockStorage::new().capabilities();
        match mutation {
            Mutation::RefusesByAnotherKind | Mutation::DeclaresTooMuch | Mutation::RehearsesUnclaimed => {
                capabilities.supports_update = false
            }
            Mutation::DoesWhatItDoesNotClaim => capabilities.supports_uninstall = false,
            Mutation::AuditsUnclaimed => capabilities.supports_audit = false,
            _ => {}
        }
        let storage = mock::MockStorage::with_capabilities(capabilities);
        Self { mock: MockFixture::on(storage), mutation, counter: Arc::default() }
    }

    fn wrap(&self, scope: &Scope) -> Backend {
        let storage = self.mock.storage();
        Arc::new(Mutant::new(self.mutation, storage.open(&self.mutation.scope(storage, scope)), self.counter.clone()))
    }
}

#[async_trait]
impl Fixture for MutantFixture {
    fn open(&self, scope: &Scope) -> Result<Backend> {
        Ok(self.wrap(scope))
    }

    fn backend_id(&self) -> &str {
        mock::ID
    }

    fn capabilities(&self) -> Capabilities {
        self.mock.capabilities()
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    async fn seed(&self, scope: &Scope, spec: &McpServerSpec) -> Option<Result<()>> {
        self.mock.seed(scope, spec).await
    }

    async fn break_entry(&self, scope: &Scope, name: &ServerName, secret: &str) -> Option<Result<()>> {
        self.mock.break_entry(scope, name, secret).await
    }

    async fn unavailable(&self, scope: &Scope) -> Option<Result<Backend>> {
        self.mock.storage().fail_next(scope, usize::MAX);
        Some(Ok(self.wrap(scope)))
    }
}
