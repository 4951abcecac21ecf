//! The service behind TLS.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::running::{Running, World};

/// A service with a certificate of its own, and what trusts it.
fn served(world: &World, args: &[&str]) -> (Running, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(world.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(world.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    (world.serve(&[&["--tls-cert", "cert.pem", "--tls-key", "key.pem"], args].concat()), roots)
}

async fn connect(
    service: &Running,
    roots: &RootCertStore,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(service.address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

#[tokio::test]
async fn rule_c27_tls_speaks_the_version_of_http_that_has_bounds() {
    let world = World::new();
    let token = world.done(&["token", "create", "--scope", "scout", "--role", "reader"]);
    let (service, roots) = served(&world, &[]);
    // Whoever speaks the other one alone is told so.
    assert!(connect(&service, &roots, &["h2"]).await.is_err());
    let stream = connect(&service, &roots, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let ask = hyper::Request::get("/mcp-servers?agent_scope=scout").header("host", "localhost");
        let ask = ask.header("authorization", format!("Bearer {token}")).body(Empty::<Bytes>::new()).unwrap();
        let answer = client.send_request(ask).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.collect().await.unwrap().to_bytes(), r#"{"servers":[],"broken":[]}"#);
    }

    // What does not finish its handshake, and what is no handshake, hold up nobody.
    let _silent = service.connect();
    std::io::Write::write_all(&mut service.connect(), b"GET / HTTP/1.1\r\n\r\n").unwrap();
    connect(&service, &roots, &["http/1.1"]).await.unwrap();
}

#[tokio::test]
async fn rule_c29_whoever_is_silent_is_not_waited_for() {
    let world = World::new();
    // Less than what a handshake, or the headers of a request, may take.
    let (service, roots) = served(&world, &["--shutdown-timeout", "5s"]);
    let _before_the_handshake = service.connect();
    let _after_it = connect(&service, &roots, &["http/1.1"]).await.unwrap();
    service.terminate();
    let (status, log) = service.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_key_that_others_may_read_is_told_of() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    drop(served(&world, &[]));
    for (mode, told) in [(0o644, true), (0o640, false), (0o600, false)] {
        std::fs::set_permissions(world.path().join("key.pem"), PermissionsExt::from_mode(mode)).unwrap();
        let service = world.serve(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
        service.terminate();
        let (_, log) = service.wait();
        assert_eq!(log.contains("others on this machine may read the key"), told, "{mode:o}: {log}");
    }
}

#[test]
fn a_certificate_that_is_none_is_named() {
    let world = World::new();
    for (certificate, key) in [("", ""), ("nonsense", "nonsense")] {
        std::fs::write(world.path().join("cert.pem"), certificate).unwrap();
        std::fs::write(world.path().join("key.pem"), key).unwrap();
        let output = world.run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains(".pem")), (Some(1), true), "{said}");
    }
    let half = world.run(&["serve", "--tls-cert", "cert.pem"]);
    assert_eq!(half.status.code(), Some(2), "{half:?}");
}
