//! Writing entries as the operator: what the policy allows, and nothing that is not on record.

use mcp_registry_spec::{
    Backends, Digest, McpServerRef, McpServerRegistry, McpServerSpec, OpenRequest, Result, ServerName, WriteContext,
};

#[cfg(feature = "governance")]
use super::governed::{Governed, Proposal};
use super::spec_args::explain;

/// A registry that the operator writes to.
pub(crate) struct Writer {
    registry: McpServerRegistry,
    #[cfg(feature = "governance")]
    governed: Governed,
}

impl Writer {
    /// Writes to what `request` opened.
    ///
    /// # Errors
    /// When its place cannot be told.
    #[cfg_attr(not(feature = "governance"), expect(unused_variables, reason = "only what is on record has a place"))]
    pub(crate) fn new(registry: McpServerRegistry, request: &OpenRequest, backends: &Backends) -> Result<Self> {
        Ok(Self {
            #[cfg(feature = "governance")]
            governed: Governed::new(&registry, request, backends)?,
            registry,
        })
    }

    /// The registry, for reading.
    pub(crate) fn registry(&self) -> &McpServerRegistry {
        &self.registry
    }

    /// Stores a new entry.
    ///
    /// # Errors
    /// As [`McpServerRegistry::install`]; the denial of the policy; when it cannot be put on record.
    pub(crate) async fn install(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<McpServerRef> {
        self.registry.check_entry(spec, context).map_err(explain)?;
        let write = async { self.registry.install(spec, context).await.map_err(explain) };
        #[cfg(feature = "governance")]
        let write = self.governed.write(Proposal::Install(spec.clone()), None, write);
        write.await
    }

    /// Replaces the entry with the digest `expected`.
    ///
    /// # Errors
    /// As [`McpServerRegistry::update`], and those of [`install`](Self::install).
    pub(crate) async fn update(
        &self,
        spec: &McpServerSpec,
        expected: &Digest,
        context: &WriteContext,
    ) -> Result<McpServerRef> {
        self.registry.check_entry(spec, context).map_err(explain)?;
        let write = async { self.registry.update(spec, expected, context).await.map_err(explain) };
        #[cfg(feature = "governance")]
        let write = self.governed.write(Proposal::Update(spec.clone()), Some(*expected), write);
        write.await
    }

    /// Removes an entry; `found` is the digest of the one that was seen there.
    ///
    /// # Errors
    /// As [`McpServerRegistry::uninstall`]; when it cannot be put on record.
    #[cfg_attr(not(feature = "governance"), expect(unused_variables, reason = "only what is on record tells of it"))]
    pub(crate) async fn uninstall(
        &self,
        name: &ServerName,
        expected: Option<&Digest>,
        found: Option<Digest>,
        context: &WriteContext,
    ) -> Result<()> {
        let write = self.registry.uninstall(name, expected, context);
        #[cfg(feature = "governance")]
        let write = self.governed.write(Proposal::Uninstall(name.clone()), found, write);
        write.await
    }
}
