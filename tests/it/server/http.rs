//! The HTTP before the WebSocket: pages, refusals, and handshakes in pieces.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uproar::server::ServerConfig;

use super::support::{Server, soon};

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn health_and_metrics_are_pages() {
    let server = Server::with_defaults().await;
    let health = server.exchange(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    assert!(health.ends_with("\r\n\r\nok\n"), "{health}");
    let metrics = server.exchange(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(metrics.contains("\nuproar_server_connections 0\n"), "{metrics}");
}

#[tokio::test]
async fn other_requests_are_refused_and_counted() {
    let server = Server::with_defaults().await;
    let refusals = [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "426"),
        ("GET /x HTTP/1.1\r\n\r\n".to_owned(), "404"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (format!("{UPGRADE}Sec-WebSocket-Version: 8\r\n\r\n"), "426"),
        (format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(9_000)), "431"),
    ];
    for (request, status) in &refusals {
        let answer = server.exchange(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    assert_eq!(server.metric("handshakes_failed_total").await, 5);
}

#[tokio::test]
async fn a_handshake_may_come_byte_by_byte_with_the_first_frame_behind_it() {
    let server = Server::with_defaults().await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    // A masked binary frame of one byte, 0x04: a Ping of the binary codec.
    let request = [
        UPGRADE.as_bytes(),
        b"Sec-WebSocket-Version: 13\r\n",
        b"Sec-WebSocket-Protocol: unknown, uproar.binary\r\n\r\n",
        b"\x82\x81\0\0\0\0\x04",
    ]
    .concat();
    let mut answer = Vec::new();
    let exchange = async {
        for byte in request {
            stream.write_all(&[byte]).await.unwrap();
        }
        while !answer.ends_with(b"\x82\x01\x84") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{answer:?}");
        }
    };
    soon("the pong", exchange).await;
    let head = String::from_utf8_lossy(&answer);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert!(head.contains("Sec-WebSocket-Protocol: uproar.binary\r\n"), "{head}");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_ended() {
    let config =
        ServerConfig { handshake_timeout: Duration::from_millis(20), ..ServerConfig::default() };
    let server = Server::start(config).await;
    assert_eq!(server.exchange(b"GET / HTTP/1.1\r\n").await, "");
    assert_eq!(server.stop().await.handshakes_failed, 1);
}
