//! Opening a backend in a test, in an environment that is empty.

use std::sync::Arc;

use mcp_registry_spec::{FixedEnvironment, OpenRequest, Result};

use crate::{Builder, HttpBackend};

pub(crate) fn request(locator: &str) -> OpenRequest {
    OpenRequest::new(locator).environment(Arc::new(FixedEnvironment::new()))
}

pub(crate) fn open(request: OpenRequest) -> Result<HttpBackend> {
    Builder::from_request(&request)?.build()
}
