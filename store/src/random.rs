//! What nobody can guess.

use mcp_registry_spec::{Error, ErrorKind, Result};

/// Bytes of the operating system's randomness.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when the system has none to give.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|cause| Error::new(ErrorKind::Unavailable, "the system gives no random bytes").caused_by(cause))?;
    Ok(bytes)
}
