//! The service behind TLS.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::running::{Running, World};

/// A service with a certificate of its own, and what trusts it.
fn served(world: &World) -> (Running, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(world.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(world.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    (world.serve(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]), roots)
}

async fn connect(service: &Running, roots: &RootCertStore, protocol: &str) -> TlsStream<TcpStream> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(service.address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap()
}

#[tokio::test]
async fn rule_c26_tls_speaks_both_versions() {
    let world = World::new();
    let token = world.done(&["token", "create", "--scope", "scout", "--role", "reader"]);
    let (service, roots) = served(&world);
    let ask = || {
        let ask = hyper::Request::get("https://localhost/mcp-servers?agent_scope=scout");
        ask.header("authorization", format!("Bearer {token}")).header("host", "localhost").body(Empty::<Bytes>::new())
    };

    let stream = connect(&service, &roots, "h2").await;
    let (mut second, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let answer = second.send_request(ask().unwrap()).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, hyper::Version::HTTP_2));
        assert_eq!(answer.collect().await.unwrap().to_bytes(), r#"{"servers":[],"broken":[]}"#);
    }

    let stream = connect(&service, &roots, "http/1.1").await;
    let (mut first, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(first.send_request(ask().unwrap()).await.unwrap().status(), 200);
    drop((first, second));

    // What does not finish its handshake, and what is no handshake, hold up nobody.
    let _silent = service.connect();
    std::io::Write::write_all(&mut service.connect(), b"GET / HTTP/1.1\r\n\r\n").unwrap();
    connect(&service, &roots, "h2").await;
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
