//! Echo, broadcast and feed; and the injected delay, loss and stall.

use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;
use uproar::codec::CodecKind::{Binary, Json};
use uproar::protocol::ProtocolKind;
use uproar::server::ServerConfig;

use super::support::Server;

fn mode(mode: ProtocolKind) -> ServerConfig {
    ServerConfig { mode, ..ServerConfig::default() }
}

#[tokio::test]
async fn echo_returns_every_frame_to_its_sender_only() {
    let server = Server::start(mode(ProtocolKind::Echo)).await;
    let mut one = server.client(Json).await;
    let mut other = server.client(Binary).await;
    for frame in [Message::text("any"), Message::binary(&b"\xff"[..]), Message::text("")] {
        one.send(frame.clone()).await;
        assert_eq!(one.frame().await, frame);
    }
    other.send(Message::text("own")).await;
    assert_eq!(other.frame().await, Message::text("own"));
}

#[tokio::test]
async fn broadcast_reaches_everyone_the_sender_too() {
    let server = Server::start(mode(ProtocolKind::Broadcast)).await;
    let mut one = server.client(Json).await;
    let mut other = server.client(Binary).await;
    // An upgrade is answered before the connection is on the list: heard, it is.
    other.send(Message::text("here")).await;
    assert_eq!(other.frame().await, Message::text("here"));
    loop {
        one.send(Message::text("any")).await;
        if one.frame().await == Message::text("any") {
            break;
        }
    }
    assert_eq!(other.frame().await, Message::text("any"));
}

#[tokio::test]
async fn a_feed_has_one_sequence_without_gaps_in_every_codec() {
    let config =
        ServerConfig { feed_interval: Duration::from_millis(2), ..mode(ProtocolKind::Feed) };
    let server = Server::start(config).await;
    let mut json = server.client(Json).await;
    let mut binary = server.client(Binary).await;
    let (mut seq, _) = json.event().await;
    let (start, start_value) = binary.event().await;
    let mut common = None;
    for _ in 0..50 {
        let (next, value) = json.event().await;
        assert_eq!(next, seq + 1);
        seq = next;
        if seq == start {
            common = Some(value);
        }
    }
    if let Some(value) = common {
        assert_eq!(value, start_value);
    }
    for n in 1..50 {
        assert_eq!(binary.event().await.0, start + n);
    }
}

#[tokio::test]
async fn a_feed_only_takes_pings() {
    let config =
        ServerConfig { feed_interval: Duration::from_secs(3600), ..mode(ProtocolKind::Feed) };
    let server = Server::start(config).await;
    let mut client = server.client(Json).await;
    client.ping().await;
    client.ask_to_join("r", "c").await;
    assert_eq!(client.hear().await, "error: this server only sends its feed");
}

#[tokio::test]
async fn an_injected_delay_holds_every_message_back() {
    let delay = Duration::from_millis(60);
    let server = Server::start(ServerConfig { delay, ..ServerConfig::default() }).await;
    let mut client = server.client(Json).await;
    let start = Instant::now();
    client.join("r", "c").await;
    client.publish("r", "hi").await;
    assert_eq!(client.hear().await, "r c: hi");
    assert!(start.elapsed() >= 2 * delay);
}

#[tokio::test]
async fn an_injected_loss_is_counted_and_the_same_for_a_seed() {
    async fn lost(loss_seed: u64) -> Vec<bool> {
        let config = ServerConfig { loss: 0.5, loss_seed, ..ServerConfig::default() };
        let server = Server::start(config).await;
        let mut client = server.client(Json).await;
        client.join("r", "c").await;
        let mut lost = Vec::new();
        for _ in 0..64 {
            client.publish("r", "hi").await;
            client.say(&uproar::codec::ClientMessage::Ping).await;
            let heard = client.hear().await == "r c: hi";
            if heard {
                assert_eq!(client.hear().await, "pong");
            }
            lost.push(!heard);
        }
        let count = lost.iter().filter(|lost| **lost).count();
        assert_eq!(server.stop().await.injected_losses, count as u64);
        lost
    }
    let first = lost(1).await;
    assert_eq!(lost(1).await, first);
    assert_ne!(lost(2).await, first);
}

#[tokio::test]
async fn an_injected_stall_passes() {
    let config = ServerConfig {
        stall_every: Some(Duration::from_millis(50)),
        stall_for: Duration::from_millis(25),
        ..ServerConfig::default()
    };
    let server = Server::start(config).await;
    let mut client = server.client(Json).await;
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while start.elapsed() < Duration::from_millis(300) {
        let asked = Instant::now();
        client.ping().await;
        longest = longest.max(asked.elapsed());
    }
    // A ping that fell into a stall's first half waited for its second.
    assert!(longest >= Duration::from_millis(12), "{longest:?}");
}
