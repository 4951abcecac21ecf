//! TLS, by rustls and ring.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use mcp_registry_spec::{Error, ErrorKind, Result};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

/// What makes connections private: a certificate and its key.
#[derive(Clone)]
pub struct Tls(pub(crate) TlsAcceptor);

impl Tls {
    /// Reads a chain of certificates, the server's own first, and the key of the first, both as PEM.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`], naming the file.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect::<std::result::Result<_, _>>)
            .map_err(|cause| unreadable("the certificates cannot be read", certificates, &cause))?;
        let own =
            PrivateKeyDer::from_pem_file(key).map_err(|cause| unreadable("the key cannot be read", key, &cause))?;
        let unusable = |cause: tokio_rustls::rustls::Error| {
            Error::new(ErrorKind::ConfigInvalid, "the certificate and its key cannot be used")
                .at(certificates, None)
                .caused_by(cause)
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, own)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// Whether anybody on this machine may read a key.
#[must_use]
pub fn is_open(key: &Path) -> bool {
    key.metadata().is_ok_and(|found| found.mode() & 0o004 != 0)
}

fn unreadable(what: &str, path: &Path, cause: &pem::Error) -> Error {
    Error::new(ErrorKind::ConfigInvalid, what).at(path, None).caused_by(cause).hint("give a file in PEM format")
}
