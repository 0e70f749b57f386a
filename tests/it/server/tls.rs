//! The server over TLS: its pages, its time limit, and what it counts.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use uproar::codec::CodecKind;
use uproar::server::{ServerConfig, ServerTls};

use super::support::{Server, soon};

struct Secured {
    server: Server,
    certificate: CertificateDer<'static>,
}

impl Secured {
    async fn start(handshake_timeout: Duration) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let tls = ServerTls::new(vec![cert.der().to_vec()], signing_key.serialize_der()).unwrap();
        let config = ServerConfig { tls: Some(tls), handshake_timeout, ..ServerConfig::default() };
        Self { server: Server::start(config).await, certificate: cert.der().clone() }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.server.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        soon("the TLS handshake", connecting).await.unwrap()
    }

    async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        soon("the answer's end", stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn pages_are_served_and_failed_handshakes_counted() {
    let secured = Secured::start(PATIENCE).await;
    let health = secured.exchange(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n") && health.ends_with("\r\n\r\nok\n"));
    // Plain HTTP is answered by an alert, and the connection's end.
    let mut stream = TcpStream::connect(secured.server.addr).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A reset may take the alert with it.
    let _ = soon("the end", stream.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let page = secured.exchange(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(page.contains("\nuproar_server_tls_handshakes_failed_total 1\n"), "{page}");
    assert_eq!(secured.server.stop().await.tls_handshakes_failed, 1);
}

#[tokio::test]
async fn a_handshake_that_never_goes_on_is_ended() {
    let secured = Secured::start(Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(secured.server.addr).await.unwrap();
    let read = soon("the end", stream.read(&mut [0])).await;
    assert!(matches!(read, Ok(0)), "{read:?}");
    // The limit is over both: TLS done, and no request.
    let mut stream = secured.connect().await;
    let _ = soon("the end", stream.read(&mut [0])).await;
    let stats = secured.server.stop().await;
    assert_eq!((stats.tls_handshakes_failed, stats.handshakes_failed), (1, 1));
}

#[tokio::test]
async fn clients_converse_and_are_told_when_the_server_goes() {
    let secured = Secured::start(PATIENCE).await;
    let stream = secured.connect().await;
    let mut client = super::support::upgrade(stream, CodecKind::Json).await.unwrap();
    client.join("r", "ann").await;
    // More than TLS and the kernel hold on the way.
    let large = "x".repeat(60_000);
    for _ in 0..20 {
        client.publish("r", &large).await;
    }
    for _ in 0..20 {
        assert_eq!(client.hear().await, format!("r ann: {large}"));
    }
    let stopping = secured.server.shut_down();
    assert_eq!(client.close_code().await, 1001);
    let stats = soon("the server's end", stopping).await.unwrap().unwrap();
    assert_eq!((stats.connections_opened, stats.messages_received), (1, 21));
}
