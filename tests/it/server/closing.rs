//! How connections end, by whose doing, and that nothing of them stays behind.

use std::time::Duration;

use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use uproar::codec::CodecKind::{Binary, Json};
use uproar::server::ServerConfig;

use super::support::{Server, soon};

#[tokio::test]
async fn a_shutdown_closes_everyone_with_1001() {
    let server = Server::with_defaults().await;
    let mut json = server.client(Json).await;
    let mut binary = server.client(Binary).await;
    json.join("r", "j").await;
    let ended = server.shut_down();
    assert_eq!(json.close_code().await, 1001);
    assert_eq!(binary.close_code().await, 1001);
    drop((json, binary));
    let stats = soon("the server's end", ended).await.unwrap().unwrap();
    assert_eq!((stats.closed_shutdown, stats.connections, stats.rooms), (2, 0, 0));
}

#[tokio::test]
async fn a_shutdown_waits_for_nobody_for_long() {
    let config =
        ServerConfig { drain_timeout: Duration::from_millis(20), ..ServerConfig::default() };
    let server = Server::start(config).await;
    // One never answers the close, the other never finishes its handshake.
    let silent = server.client(Json).await;
    let halfway = tokio::net::TcpStream::connect(server.addr).await.unwrap();
    let stats = server.stop().await;
    assert_eq!((stats.closed_shutdown, stats.connections), (1, 0));
    drop((silent, halfway));
}

#[tokio::test]
async fn what_was_taken_before_the_shutdown_is_delivered() {
    let server = Server::with_defaults().await;
    let mut client = server.client(Json).await;
    client.join("r", "c").await;
    for n in 0..100 {
        client.publish("r", &n.to_string()).await;
    }
    // The first copy back: the server is in the midst of the others.
    assert_eq!(client.hear().await, "r c: 0");
    let ended = server.shut_down();
    let mut heard = 1;
    loop {
        match client.frame().await {
            Message::Close(Some(CloseFrame { code, .. })) => {
                assert_eq!(code, CloseCode::Away);
                break;
            }
            _ => heard += 1,
        }
    }
    drop(client);
    let stats = soon("the server's end", ended).await.unwrap().unwrap();
    assert_eq!(stats.deliveries, heard);
}

#[tokio::test]
async fn a_reset_leaves_nothing_behind() {
    let server = Server::with_defaults().await;
    let mut client = server.client(Json).await;
    client.join("r1", "c").await;
    client.join("r2", "c").await;
    assert_eq!(server.metric("rooms").await, 2);
    client.reset();
    server.metric_becomes("rooms", 0).await;
    server.metric_becomes("connections", 0).await;
    assert_eq!(server.stop().await.closed_lost, 1);
}

#[tokio::test]
async fn a_close_is_answered_and_leaves_nothing_behind() {
    let server = Server::with_defaults().await;
    let mut client = server.client(Json).await;
    client.join("r", "c").await;
    let farewell = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    client.socket.close(Some(farewell)).await.unwrap();
    assert_eq!(client.close_code().await, 1000);
    assert!(soon("the end", client.socket.next()).await.is_none());
    server.metric_becomes("rooms", 0).await;
    assert_eq!(server.stop().await.closed_by_peer, 1);
}

#[tokio::test]
async fn an_answer_precedes_the_answer_to_a_close_right_behind_it() {
    use futures_util::SinkExt;
    let server = Server::with_defaults().await;
    let mut client = server.client(Json).await;
    client.socket.feed(Message::text(r#"{"type":"Ping"}"#)).await.unwrap();
    client.socket.feed(Message::Close(None)).await.unwrap();
    client.socket.flush().await.unwrap();
    assert_eq!(client.hear().await, "pong");
    assert_eq!(client.frame().await, Message::Close(None));
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let limit = Duration::from_millis(100);
    let config = ServerConfig { idle_timeout: Some(limit), ..ServerConfig::default() };
    let server = Server::start(config).await;
    let mut idle = server.client(Json).await;
    let mut busy = server.client(Json).await;
    let closed = async { assert_eq!(idle.close_code().await, 1008) };
    tokio::pin!(closed);
    loop {
        tokio::select! {
            biased;
            () = &mut closed => break,
            () = busy.ping() => {}
        }
    }
    assert_eq!(server.metric("connections").await, 1);
}

#[tokio::test]
async fn text_that_is_not_utf8_is_closed_with_1007_and_bad_frames_with_1002() {
    use tokio::io::AsyncWriteExt;
    let server = Server::with_defaults().await;
    // Masked by zeros: a text frame of one byte 0xff; a frame with a reserved bit.
    for (frame, code) in [(&b"\x81\x81\0\0\0\0\xff"[..], 1007), (b"\xc1\x80\0\0\0\0", 1002)] {
        let mut client = server.client(Json).await;
        client.socket.get_mut().write_all(frame).await.unwrap();
        assert_eq!(client.close_code().await, code);
    }
}
