//! A peer that doesn't read: bounded, counted, and nobody else's problem.

use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::Message;
use uproar::codec::CodecKind::Json;
use uproar::server::{ServerConfig, SlowConsumer};

use super::support::{Client, Server, soon};

const MESSAGES: usize = 200;

/// More in all than the kernel's buffers and the queue hold together.
const PADDING_BYTES: usize = 16 * 1024;

async fn start(slow_consumer: SlowConsumer) -> (Server, Client, Client) {
    let config = ServerConfig { slow_consumer, queue_messages: 4, ..ServerConfig::default() };
    let server = Server::start(config).await;
    let mut slow = server.small_client(Json).await;
    slow.join("r", "slow").await;
    let mut talker = server.client(Json).await;
    let padding = "x".repeat(PADDING_BYTES);
    for n in 0..MESSAGES {
        talker.publish("r", &format!("{n} {padding}")).await;
        // The talker goes at the server's pace and is never held up by the other.
        talker.ping().await;
    }
    (server, slow, talker)
}

/// The numbers of the messages that arrive up to a reply to our own ping.
async fn heard(slow: &mut Client) -> Vec<usize> {
    slow.say(&uproar::codec::ClientMessage::Ping).await;
    let mut numbers = Vec::new();
    loop {
        let text = slow.hear().await;
        match text.strip_prefix("r : ") {
            Some(text) => numbers.push(text.split_once(' ').unwrap().0.parse().unwrap()),
            None => {
                assert_eq!(text, "pong");
                return numbers;
            }
        }
    }
}

#[tokio::test]
async fn dropping_the_oldest_keeps_the_newest() {
    let (server, mut slow, _talker) = start(SlowConsumer::DropOldest).await;
    let numbers = heard(&mut slow).await;
    assert!(numbers.is_sorted());
    assert!(numbers.ends_with(&[MESSAGES - 4, MESSAGES - 3, MESSAGES - 2, MESSAGES - 1]));
    let stats = server.stop().await;
    assert_eq!(stats.dropped_oldest as usize, MESSAGES - numbers.len());
    assert_eq!(stats.deliveries as usize, MESSAGES);
    assert_eq!((stats.dropped_newest, stats.dropped_disconnect), (0, 0));
}

#[tokio::test]
async fn dropping_the_newest_keeps_the_oldest() {
    let (server, mut slow, _talker) = start(SlowConsumer::DropNewest).await;
    let numbers = heard(&mut slow).await;
    assert!(numbers.is_sorted());
    assert!(numbers.starts_with(&[0, 1, 2, 3, 4]));
    assert!(!numbers.contains(&(MESSAGES - 1)));
    let stats = server.stop().await;
    assert_eq!(stats.dropped_newest as usize, MESSAGES - numbers.len());
    assert_eq!(stats.deliveries as usize, numbers.len());
}

#[tokio::test]
async fn a_disconnect_is_told_and_counted_once() {
    let (server, mut slow, mut talker) = start(SlowConsumer::Disconnect).await;
    server.metric_becomes("connections", 1).await;
    assert_eq!(server.metric("rooms").await, 0);
    talker.ping().await;
    // Left after a second, the peer may find a reset instead of the close frame.
    let end = async {
        loop {
            match slow.socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return Some(u16::from(frame.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    };
    let code = soon("the end", end).await;
    assert!(matches!(code, Some(1008) | None), "{code:?}");
    let stats = server.stop().await;
    assert_eq!((stats.dropped_disconnect, stats.closed_slow), (1, 1));
}

#[tokio::test]
async fn echoes_to_a_peer_that_does_not_read_hold_up_that_peer_alone() {
    let config = ServerConfig {
        mode: uproar::protocol::ProtocolKind::Echo,
        queue_bytes: 64 * 1024,
        ..ServerConfig::default()
    };
    let server = Server::start(config).await;
    let mut slow = server.small_client(Json).await;
    let mut other = server.client(Json).await;
    use futures_util::{FutureExt, SinkExt};
    let frame = Message::binary(vec![7; PADDING_BYTES]);
    // Until the server has stopped reading and our own kernel is full.
    let mut sent = 0_usize;
    while let Some(result) = slow.socket.feed(frame.clone()).now_or_never() {
        result.unwrap();
        sent += 1;
        other.send(Message::text("there?")).await;
        assert_eq!(other.frame().await, Message::text("there?"));
    }
    // Nothing is lost: the one whose feeding was cut short has not been taken.
    let (mut writing, mut reading) = slow.socket.split();
    let all = async {
        writing.flush().await.unwrap();
        sent
    };
    let echoes = async {
        for _ in 0..sent {
            assert_eq!(soon("an echo", reading.next()).await.unwrap().unwrap(), frame);
        }
    };
    let ((), flushed) = tokio::join!(echoes, all);
    assert_eq!(flushed, sent);
}
