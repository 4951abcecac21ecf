//! A registry that goes wrong.

use std::sync::Arc;

use async_trait::async_trait;
use mcp_registry_spec::{
    Capabilities, Error, ErrorKind, Listing, McpServerRef, McpServerRegistry, McpServerRegistryBackend, McpServerSpec,
    Result, ServerName, WriteContext,
};
use tokio::sync::Semaphore;

/// A registry that goes wrong in a way of its own when it is written.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) inner: McpServerRegistry,
    pub(crate) how: How,
}

#[derive(Debug, Clone)]
pub(crate) enum How {
    WaitsFor(Arc<Semaphore>),
    WaitsAfterTheWrite(Arc<Semaphore>),
    Panics,
    PanicsAfterTheWrite,
    FailsBefore,
    FailsAfterTheWrite,
}

#[async_trait]
impl McpServerRegistryBackend for Wrong {
    fn backend_id(&self) -> &str {
        "filesystem"
    }
    fn declared(&self) -> Capabilities {
        self.inner.declared()
    }
    async fn list(&self) -> Result<Listing> {
        self.inner.list().await
    }
    async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        self.inner.load(name).await
    }
    async fn install(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<McpServerRef> {
        match &self.how {
            How::WaitsFor(leave) => {
                leave.acquire().await.unwrap().forget();
                self.inner.install(spec, context).await
            }
            How::WaitsAfterTheWrite(leave) => {
                let written = self.inner.install(spec, context).await;
                leave.acquire().await.unwrap().forget();
                written
            }
            How::Panics => panic!("as the test wants it"),
            How::FailsBefore => Err(Error::new(ErrorKind::Unavailable, "as the test wants it")),
            How::PanicsAfterTheWrite => {
                self.inner.install(spec, context).await?;
                panic!("as the test wants it")
            }
            How::FailsAfterTheWrite => {
                self.inner.install(spec, context).await?;
                Err(Error::new(ErrorKind::Unavailable, "as the test wants it").retryable())
            }
        }
    }
}
