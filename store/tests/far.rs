//! Another machine is not given the password in cleartext.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use mcp_registry_spec::{ErrorKind, Locator};
use mcp_registry_store::sqlx::query;
use mcp_registry_store::{Options, Store};

/// What a client asks for TLS with.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[test]
fn rule_11_a_server_without_tls_gets_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // This is not called a loopback address, and leads there.
    let url = format!("postgres://me:hunter2@0.0.0.0:{}/d", listener.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        (asked, rest)
    });
    let options = Options { timeout: Duration::from_secs(10), ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let store = Store::new(&Locator::new(&url), options).unwrap();
        store.fetch(|| query("SELECT 1")).await.map(drop).unwrap_err()
    });
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error:?}");
    assert!(error.to_string().contains("sslrootcert=") && !error.to_string().contains("hunter2"), "{error}");
    assert_eq!(server.join().unwrap(), (SSL_REQUEST, Vec::new()));
}
