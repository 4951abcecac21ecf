//! What a change would be made on: the entry that is there now.

use mcp_registry_spec::{
    AuditAction, Digest, Error, ErrorKind, MaskedSpec, McpServerSpec, Result, ServerName, WriteContext,
};

use super::proposal::{Proposal, Target};

/// The largest entry that a person is asked to judge, in bytes of its JSON (H2).
const LARGEST: usize = 64 << 10;

/// What a change would be made on.
pub(super) struct Basis {
    /// The entry that is there; none where one is to be installed.
    pub(super) old: Option<McpServerSpec>,
    /// The entry as it is to be; of one that is to go, as it is.
    pub(super) item: MaskedSpec,
    /// Its digest.
    pub(super) replaces: Option<Digest>,
    /// What the change is (H4).
    pub(super) identity: Digest,
}

impl Basis {
    /// Looks whether a proposal can be made of what is there now, and reads that.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) async fn read(target: &Target, proposal: &Proposal) -> Result<Self> {
        let registry = &target.registry;
        if let Some(entry) = proposal.entry() {
            registry.check_entry(entry, &WriteContext::new())?;
            if serde_json::to_vec(entry).is_ok_and(|json| json.len() > LARGEST) {
                return Err(Error::new(ErrorKind::InvalidSpec, "the entry has more than 64 KiB of JSON")
                    .hint("nobody could judge it; the operator may install it by the command line"));
            }
        }
        let can = registry.capabilities().await?;
        let (able, what) = match proposal.action() {
            AuditAction::Install => (can.supports_install, "install"),
            AuditAction::Update => (can.supports_update, "update"),
            _ => (can.supports_uninstall, "uninstall"),
        };
        if !able {
            return Err(Error::unsupported(registry.backend_id(), what));
        }
        let (old, item) = match proposal {
            Proposal::Install(entry) => {
                free(target, &entry.name).await?;
                (None, entry.masked())
            }
            Proposal::Update(entry) => (Some(there(target, &entry.name).await?), entry.masked()),
            Proposal::Uninstall(name) => {
                let old = there(target, name).await?;
                let item = old.masked();
                (Some(old), item)
            }
        };
        let replaces = old.as_ref().map(McpServerSpec::digest).transpose()?;
        let identity = target.place.identity(proposal, replaces.as_ref())?;
        Ok(Self { old, item, replaces, identity })
    }
}

/// Refuses a name that is taken; one that is broken is taken too.
async fn free(target: &Target, name: &ServerName) -> Result<()> {
    match target.registry.load(name).await {
        Ok(_) => Err(Error::already_installed(name)),
        Err(error) if error.kind() == ErrorKind::NotInRegistry => Ok(()),
        Err(error) if error.kind() == ErrorKind::DescriptorInvalid => {
            Err(Error::already_installed(name).caused_by(error))
        }
        Err(error) => Err(error),
    }
}

/// The entry that is there.
async fn there(target: &Target, name: &ServerName) -> Result<McpServerSpec> {
    target.registry.load(name).await.map_err(|error| match error.kind() {
        ErrorKind::DescriptorInvalid => {
            error.hint("what is broken is for the operator to mend, or to uninstall by the command line")
        }
        _ => error,
    })
}
