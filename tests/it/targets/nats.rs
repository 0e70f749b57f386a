//! NATS over WebSocket: a stream of lines and payloads in binary frames, joins that nobody confirms.

use super::load::{Speech, hears_everything_and_comes_back};
use super::peer::{Peer, relays_and_comes_back};
use super::target::Target;

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("nats") else { return };
    relays_and_comes_back(target, async |target| {
        let mut ann = enters(target, "room-1", 1).await;
        let mut bob = enters(target, "room-1", 17).await;
        ann.say_bytes(b"PUB room-1 2\r\nhi\r\n").await;
        bob.hears_bytes(b"MSG room-1 17 2\r\nhi\r\n").await;
        ann.hears_bytes(b"MSG room-1 1 2\r\nhi\r\n").await;

        // Two in one frame come back in one frame.
        bob.say_bytes(b"PUB room-1 1\r\na\r\nPUB room-1 1\r\nb\r\n").await;
        ann.hears_bytes(b"MSG room-1 1 1\r\na\r\nMSG room-1 1 1\r\nb\r\n").await;
        bob.hears_bytes(b"MSG room-1 17 1\r\na\r\nMSG room-1 17 1\r\nb\r\n").await;

        let mut stranger = enters(target, "room-2", 1).await;
        stranger.say("NONSENSE\r\n").await;
        stranger.hears_bytes(b"-ERR 'Unknown Protocol Operation'\r\n").await;
        stranger.is_closed_with(1002).await;
        [ann, bob]
    })
    .await;
}

async fn enters(target: &Target, room: &str, subscription: u32) -> Peer {
    let mut peer = Peer::connect(target, "/").await.ignoring("PING");
    let info = String::from_utf8(peer.next_bytes().await).unwrap();
    assert!(info.starts_with(r#"INFO {"server_id":"#), "{info}");
    assert!(info.ends_with("} \r\n"), "{info}");
    peer.say("CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n").await;
    peer.hears_bytes(b"PONG\r\n").await;
    // What was said before is done when this is answered.
    peer.say(&format!("SUB {room} {subscription}\r\nPING\r\n")).await;
    peer.hears_bytes(b"PONG\r\n").await;
    peer
}

#[tokio::test]
async fn clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start("nats") else { return };
    let speech = Speech::of("nats", target.url(""));
    hears_everything_and_comes_back(&mut target, &speech).await;
}
